//! Addresses that are in use or not there, what is no destination, and ports where nothing receives.

use std::io;

use std_net::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std_net::show;

fn main() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let none: &[SocketAddr] = &[];
    show("in use", UdpSocket::bind(socket.local_addr()?).map(drop));
    show(
        "an address that is not this machine's",
        UdpSocket::bind("192.0.2.1:0").map(drop),
    );
    show("no address to bind", UdpSocket::bind(none).map(drop));
    show("no address to send to", socket.send_to(b"x", none));
    show("no address to connect to", socket.connect(none));
    show("no peer", socket.peer_addr());
    show("port 0", socket.send_to(b"x", (Ipv4Addr::LOCALHOST, 0)));
    show("another family", socket.send_to(b"x", "[::1]:9"));
    show("a connect to another family", socket.connect("[::1]:9"));
    let closed = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    // Without a connection no one learns of it.
    show("to a closed port", socket.send_to(b"x", closed));
    show("again", socket.send_to(b"x", closed));
    let other = UdpSocket::bind("127.0.0.1:0")?;
    show(
        "the second of two",
        socket.connect(&[(SocketAddr::from(([0; 16], 0))), other.local_addr()?][..]),
    );
    println!("the peer: {}", socket.peer_addr()? == other.local_addr()?);
    show("to another when connected", socket.send_to(b"elsewhere", closed));
    show(
        "to the peer by its address",
        socket
            .send_to(b"by its address", other.local_addr()?)
            .and_then(|_| other.recv(&mut [0; 32])),
    );
    Ok(())
}
