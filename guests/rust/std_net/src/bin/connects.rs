//! Connects to each of its arguments, and sends a datagram there. Not for a transcript: a policy says what comes of it.

use std_net::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std_net::show;

fn main() {
    for target in std::env::args().skip(1) {
        show(
            &format!("look up {target}"),
            target.to_socket_addrs().map(|found| found.count() > 0),
        );
        show(
            &format!("connect {target}"),
            TcpStream::connect(&target).map(drop),
        );
        show(
            &format!("send {target}"),
            UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", &target)),
        );
        show(&format!("listen {target}"), TcpListener::bind(&target).map(drop));
    }
}
