//! The options that std has of a UDP socket.

use std::io;

use std_net::net::UdpSocket;
use std_net::show;

fn main() -> io::Result<()> {
    let four = UdpSocket::bind("127.0.0.1:0")?;
    show("broadcast", four.broadcast());
    show(
        "switched on",
        four.set_broadcast(true).and_then(|()| four.broadcast()),
    );
    show("ttl", four.ttl());
    show("another", four.set_ttl(9).and_then(|()| four.ttl()));
    show("256", four.set_ttl(256));
    show("0", four.set_ttl(0));
    show("pending error", four.take_error());
    show("no limit", four.read_timeout());
    show("no limit", four.write_timeout());
    show(
        "a limit of nothing",
        four.set_read_timeout(Some(std::time::Duration::ZERO)),
    );
    let six = UdpSocket::bind("[::1]:0")?;
    show("broadcast of IPv6", six.broadcast());
    show("pending error", six.take_error());
    Ok(())
}
