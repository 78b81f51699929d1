//! The options that std has: of a stream and of a listener.

use std::io;

use std_net::net::TcpListener;
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    show(
        "ttl of a listener",
        listener.set_ttl(40).and_then(|()| listener.ttl()),
    );
    let (client, server) = pair(&listener)?;
    show("ttl of what it accepted", server.ttl());
    show("ttl", client.set_ttl(41).and_then(|()| client.ttl()));
    show(
        "nodelay",
        client.set_nodelay(true).and_then(|()| client.nodelay()),
    );
    show("pending error", client.take_error());
    Ok(())
}
