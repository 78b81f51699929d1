//! What becomes an address: every type that std takes for one.

use std::io;

use std_net::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};
use std_net::show;

fn all(addresses: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
    addresses.to_socket_addrs().map(Iterator::collect)
}

fn main() {
    let (four, six) = (
        Ipv4Addr::new(192, 0, 2, 1),
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    );
    show("an address of IPv4", all(SocketAddrV4::new(four, 1)));
    show("of IPv6", all(SocketAddrV6::new(six, 2, 0, 0)));
    show("of either", all(SocketAddr::from((four, 3))));
    show("an IPv4 address and a port", all((four, 4)));
    show("of IPv6", all((six, 5)));
    show("of either", all((IpAddr::from(six), 6)));
    show("text and a port", all(("192.0.2.1", 7)));
    show("a string and a port", all((String::from("2001:db8::1"), 8)));
    show("text", all("192.0.2.1:9"));
    show("a string", all(String::from("[2001:db8::1]:10")));
    show(
        "a list",
        all(&[SocketAddr::from((four, 11)), SocketAddr::from((six, 12))][..]),
    );
    let text = "192.0.2.1:13".to_owned();
    show("a reference", all(&text));
    show("the highest port", all("192.0.2.1:65535"));
    for wrong in [
        "192.0.2.1",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:-1",
        "192.0.2.1:x",
        "",
        ":",
        "[::1]",
    ] {
        show(&format!("{wrong:?}"), all(wrong));
    }
}
