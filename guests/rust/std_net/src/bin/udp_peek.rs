//! Datagrams that are looked at and stay.

use std::io;

use std_net::net::UdpSocket;
use std_net::show;

fn main() -> io::Result<()> {
    let one = UdpSocket::bind("127.0.0.1:0")?;
    let other = UdpSocket::bind("127.0.0.1:0")?;
    let to = other.local_addr()?;
    one.send_to(b"a datagram", to)?;
    one.send_to(b"another", to)?;
    let mut buffer = [0; 32];
    let sender = one.local_addr()?;
    show(
        "a look",
        other
            .peek_from(&mut buffer)
            .map(|(len, from)| (len, from == sender)),
    );
    show("another", other.peek(&mut buffer));
    show("a short one", other.peek(&mut buffer[..3]));
    for _ in 0..2 {
        let len = other.recv(&mut buffer)?;
        println!(
            "they are still there: {:?}",
            String::from_utf8_lossy(&buffer[..len])
        );
    }
    Ok(())
}
