//! Bytes that are looked at and stay.

use std::io::{self, Read, Write};

use std_net::net::TcpListener;
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut client, mut server) = pair(&listener)?;
    client.write_all(b"looked at")?;
    let mut buffer = [0; 16];
    show("a look", server.peek(&mut buffer));
    show("another", server.peek(&mut buffer));
    show("a short one", server.peek(&mut buffer[..3]));
    let len = server.read(&mut buffer)?;
    println!(
        "they are still there: {:?}",
        String::from_utf8_lossy(&buffer[..len])
    );
    drop(client);
    show("at the end", server.peek(&mut buffer));
    show("and a read", server.read(&mut buffer));
    Ok(())
}
