//! Streams and listeners that do not wait.

use std::io::{self, Read, Write};

use std_net::net::{TcpListener, TcpStream};
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut client, mut server) = pair(&listener)?;
    // Each line waits for what the line before it has switched on.
    show(
        "no connection",
        listener
            .set_nonblocking(true)
            .and_then(|()| listener.accept())
            .map(drop),
    );
    let full = vec![7; 1 << 20];
    show(
        "nothing to read",
        client
            .set_nonblocking(true)
            .and_then(|()| client.read(&mut [0; 8])),
    );
    show(
        "no room",
        server
            .set_nonblocking(true)
            .and_then(|()| fill(&mut server, &full)),
    );
    show(
        "it waits again",
        client.set_nonblocking(true).and_then(|()| {
            client.set_nonblocking(false)?;
            client.read(&mut [0; 8])
        }),
    );
    show(
        "a connection that is there",
        listener.set_nonblocking(false).and_then(|()| {
            let other = TcpStream::connect(listener.local_addr()?)?;
            let (accepted, peer) = listener.accept()?;
            // It does not inherit the mode.
            listener.set_nonblocking(true)?;
            (&other).write_all(b"x")?;
            (&accepted).read_exact(&mut [0])?;
            Ok(peer == other.local_addr()?)
        }),
    );
    Ok(())
}

/// Writes until there is no room, and returns that error.
fn fill(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    while stream.write(bytes)? != 0 {}
    Ok(())
}
