//! An echo server of the standard library alone, on a listener that it was handed: descriptor 3, as the LISTEN_FDS
//! convention has it. Builds for Linux as well as for wasm32-wasip1.
//!
//! `std_preopened [N]` echoes N connections, one after the other (1), and exits.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::FromRawFd;

const FIRST_LISTEN_FD: i32 = 3;

fn main() -> std::io::Result<()> {
    let connections = std::env::args()
        .nth(1)
        .map_or(1, |n| n.parse().expect("N is a number"));
    let handed_over = std::env::var("LISTEN_FDS").unwrap_or_default();
    println!("LISTEN_FDS {handed_over:?}");
    if handed_over.is_empty() {
        eprintln!("FAIL: no listener was handed over");
        std::process::exit(1);
    }
    // SAFETY: LISTEN_FDS says that descriptor 3 is an open listener, and nothing else owns it.
    let listener = unsafe { TcpListener::from_raw_fd(FIRST_LISTEN_FD) };

    listener.set_nonblocking(true)?;
    match listener.accept() {
        Err(error) if error.kind() == ErrorKind::WouldBlock => println!("no connection is waiting"),
        other => println!("the first accept: {other:?}"),
    }
    listener.set_nonblocking(false)?;
    println!("serving");
    for _ in 0..connections {
        let (stream, _) = listener.accept()?;
        let bytes = echo(stream)?;
        println!("echoed {bytes} bytes");
    }
    Ok(())
}

/// Sends back what arrives until the peer has sent everything.
fn echo(mut stream: TcpStream) -> std::io::Result<usize> {
    let mut buf = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        let n = stream.read(&mut buf)?;
        if n == 0 {
            stream.shutdown(Shutdown::Write)?;
            return Ok(total);
        }
        stream.write_all(&buf[..n])?;
        total += n;
    }
}
