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
    show(
        "and back",
        client.set_nodelay(false).and_then(|()| client.nodelay()),
    );
    show("256 hops", client.set_ttl(256));
    show("no hop", client.set_ttl(0));
    show("pending error", client.take_error());
    show("of a listener", listener.take_error());
    let listener = TcpListener::bind("[::1]:0")?;
    let (client, _server) = pair(&listener)?;
    show(
        "nodelay of IPv6",
        client.set_nodelay(true).and_then(|()| client.nodelay()),
    );
    Ok(())
}
