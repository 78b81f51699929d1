//! A write that no one reads, with a limit for its time; and limits of both kinds side by side.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use std_net::net::TcpListener;
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut client, mut server) = pair(&listener)?;
    show("no limit at first", client.write_timeout());
    show(
        "a limit of nothing",
        client.set_write_timeout(Some(Duration::ZERO)),
    );
    let limit = Duration::from_millis(100);
    show("a limit", client.set_write_timeout(Some(limit)));
    show("it is kept", client.write_timeout());
    show("that of reading is another", client.read_timeout());
    show(
        "a write that no one reads",
        client.write_timeout().and_then(|limit| match limit {
            None => Err(io::ErrorKind::Unsupported.into()),
            Some(limit) => {
                let (error, began) = fill(&mut client)?;
                Ok((error.kind(), began.elapsed() >= limit))
            }
        }),
    );
    let mut some = vec![0; 1 << 16];
    println!("what was written is there: {}", server.read(&mut some)? > 0);
    show("no limit", client.set_write_timeout(None));
    show("it is gone", client.write_timeout());
    Ok(())
}

/// Writes until it fails: the error, and when the last write began.
fn fill(stream: &mut impl Write) -> io::Result<(io::Error, Instant)> {
    let bytes = vec![7; 1 << 20];
    loop {
        let began = Instant::now();
        if let Err(error) = stream.write(&bytes) {
            return Ok((error, began));
        }
    }
}
