//! What a reader sees of a connection that was reset: its peer has closed with bytes unread.

use std::io::{self, Read, Write};

use std_net::net::TcpListener;
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut client, server) = pair(&listener)?;
    client.write_all(b"these are never read")?;
    drop(server);
    show("reading", client.read(&mut [0; 8]));
    show("reading again", client.read(&mut [0; 8]));
    show("a fresh connection", pair(&listener).map(drop));
    Ok(())
}
