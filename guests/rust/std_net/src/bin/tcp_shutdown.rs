//! The halves of a connection: each is ended alone, twice, and by both ends.

use std::io::{self, Read, Write};

use std_net::net::{Shutdown, TcpListener, TcpStream};
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;

    let (mut client, mut server) = pair(&listener)?;
    client.write_all(b"before it")?;
    show("the end of writing", client.shutdown(Shutdown::Write));
    show("again", client.shutdown(Shutdown::Write));
    show("writing after it", client.write(b"x"));
    read(&mut server, "the other end reads");
    read(&mut server, "and then");
    server.write_all(b"the way back")?;
    read(&mut client, "the way back is open");
    show("the other end ends it too", server.shutdown(Shutdown::Write));
    read(&mut client, "nothing more");
    show("the addresses stay", client.local_addr().map(drop));

    let (mut client, mut server) = pair(&listener)?;
    show("the end of reading", client.shutdown(Shutdown::Read));
    read(&mut client, "reading after it");
    show("writing after it", client.write(b"still written"));
    read(&mut server, "the other end reads");

    let (mut client, mut server) = pair(&listener)?;
    server.write_all(b"these came before")?;
    // Until they are there.
    let mut first = [0; 1];
    client.read_exact(&mut first)?;
    show(
        "the end of reading, with bytes left",
        client.shutdown(Shutdown::Read),
    );
    show("the end of writing", client.shutdown(Shutdown::Write));
    read(&mut server, "the other end reads");

    let (mut client, mut server) = pair(&listener)?;
    show("the end of both", client.shutdown(Shutdown::Both));
    read(&mut client, "reading after it");
    show("writing after it", client.write(b"x"));
    read(&mut server, "the other end reads");
    Ok(())
}

fn read(stream: &mut TcpStream, what: &str) {
    let mut buffer = [0; 64];
    let read = stream.read(&mut buffer);
    show(
        what,
        read.map(|len| String::from_utf8_lossy(&buffer[..len]).into_owned()),
    );
}
