//! Datagrams of a socket that is connected: only its peer's come, and a port that is closed shows.

use std::io;

use std_net::net::UdpSocket;
use std_net::show;

fn main() -> io::Result<()> {
    let server = UdpSocket::bind("127.0.0.1:0")?;
    let other = UdpSocket::bind("127.0.0.1:0")?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    show("no peer yet", client.peer_addr());
    client.connect(server.local_addr()?)?;
    println!("the peer: {}", client.peer_addr()? == server.local_addr()?);
    other.send_to(b"after", client.local_addr()?)?;
    show("sent", client.send(b"hello"));
    let mut buffer = [0; 64];
    let (len, from) = server.recv_from(&mut buffer)?;
    println!(
        "{:?} from the client: {}",
        &buffer[..len],
        from == client.local_addr()?
    );
    server.send_to(b"welcome", from)?;
    let len = client.recv(&mut buffer)?;
    println!("received {:?}", String::from_utf8_lossy(&buffer[..len]));
    client.connect(other.local_addr()?)?;
    show("sent to another", client.send(b"hello"));
    show("received", other.recv_from(&mut buffer).map(|(len, _)| len));
    let closed = UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    client.connect(closed)?;
    show("sent to a closed port", client.send(b"hello"));
    show("what came of it", client.recv(&mut buffer));
    Ok(())
}
