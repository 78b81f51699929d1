//! Look-ups by std: names of this machine, addresses, and what is neither.

use std_net::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std_net::show;

fn main() -> std::io::Result<()> {
    for name in ["localhost:80", "127.0.0.1:81", "[::1]:82", "10.0.0.1:83"] {
        let addresses = name.to_socket_addrs().map(|addresses| {
            let mut all: Vec<_> = addresses.collect();
            all.sort();
            all.dedup();
            all.retain(|address| name != "localhost:80" || address.is_ipv4());
            all
        });
        show(name, addresses);
    }
    for name in ["a..b:80", "two words:80", ":80"] {
        println!("{name:?}: {}", name.to_socket_addrs().is_err());
    }
    show("no port", "localhost".to_socket_addrs().map(drop));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    show(
        "connect by name",
        TcpStream::connect(("localhost", port)).map(drop),
    );
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let to = socket.local_addr()?.port();
    show(
        "send by address and port",
        UdpSocket::bind("127.0.0.1:0").and_then(|client| client.send_to(b"x", ("127.0.0.1", to))),
    );
    Ok(())
}
