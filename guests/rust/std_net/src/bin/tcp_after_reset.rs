//! What is left of a connection that its peer has reset: every method of it.

use std::io::{self, Read, Write};

use std_net::net::{Shutdown, TcpListener};
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut client, server) = pair(&listener)?;
    let (local, peer) = (client.local_addr()?, client.peer_addr()?);
    client.write_all(b"these are never read")?;
    drop(server);
    // The first to learn of it.
    println!("a read fails: {}", client.read(&mut [0; 8]).is_err());
    show("a write", client.write(b"x"));
    show("a write again", client.write(b"x"));
    show("a read", client.read(&mut [0; 8]));
    show("the end of writing", client.shutdown(Shutdown::Write));
    show("the end of both", client.shutdown(Shutdown::Both));
    show(
        "its own address",
        client.local_addr().map(|address| address == local),
    );
    show("the peer's", client.peer_addr().map(|address| address == peer));
    show(
        "an error that is left",
        client.take_error().map(|error| error.is_none()),
    );
    show("an option", client.set_nodelay(true));

    let (mut client, server) = pair(&listener)?;
    client.write_all(b"these are never read")?;
    drop(server);
    // A write is the first to learn of it.
    let error = loop {
        if let Err(error) = client.write(b"x") {
            break error;
        }
        std::thread::yield_now();
    };
    let kinds = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    println!("a write as the first: {}", kinds.contains(&error.kind()));
    show("a read", client.read(&mut [0; 8]));
    Ok(())
}
