//! A datagram that was queued before the socket was connected to another peer.

use std::io;

use std_net::net::UdpSocket;
use std_net::show;

fn main() -> io::Result<()> {
    let peer = UdpSocket::bind("127.0.0.1:0")?;
    let other = UdpSocket::bind("127.0.0.1:0")?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    other.send_to(b"of another", client.local_addr()?)?;
    client.connect(peer.local_addr()?)?;
    peer.send_to(b"of the peer", client.local_addr()?)?;
    let mut buffer = [0; 64];
    let len = client.recv(&mut buffer)?;
    println!("received {:?}", String::from_utf8_lossy(&buffer[..len]));
    show(
        "a limit for what comes",
        client.set_read_timeout(Some(std::time::Duration::from_secs(1))),
    );
    Ok(())
}
