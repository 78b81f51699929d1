//! Listeners on all addresses of this machine, of each family.

use std::io;

use std_net::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std_net::show;

fn main() -> io::Result<()> {
    let four = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let port = four.local_addr()?.port();
    println!("bound to {}", four.local_addr()?.ip());
    show(
        "by 127.0.0.1",
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(drop),
    );
    show("from", four.accept().map(|(_, peer)| peer.ip()));
    show(
        "by another address of loopback",
        TcpStream::connect((Ipv4Addr::new(127, 0, 0, 77), port)).map(drop),
    );
    show(
        "to",
        four.accept()
            .and_then(|(stream, _)| stream.local_addr())
            .map(|to| to.ip()),
    );
    show(
        "by 0.0.0.0",
        TcpStream::connect((Ipv4Addr::UNSPECIFIED, port))
            .and_then(|stream| stream.peer_addr())
            .map(|to| to.ip()),
    );

    let six = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0))?;
    let port = six.local_addr()?.port();
    println!("bound to {}", six.local_addr()?.ip());
    show(
        "by ::1",
        TcpStream::connect((Ipv6Addr::LOCALHOST, port)).map(drop),
    );
    show("from", six.accept().map(|(_, peer)| peer.ip()));
    show(
        "IPv4 to a listener of IPv6",
        TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .and_then(|_client| six.accept())
            .map(|(_, peer)| peer.ip()),
    );
    show("port 0", TcpStream::connect((Ipv4Addr::LOCALHOST, 0)).map(drop));
    Ok(())
}
