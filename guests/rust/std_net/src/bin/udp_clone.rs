//! Two owners of one socket.

use std::io;

use std_net::net::UdpSocket;
use std_net::show;

fn main() -> io::Result<()> {
    let server = UdpSocket::bind("127.0.0.1:0")?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    let address = client.local_addr()?;
    show(
        "a clone",
        client.try_clone().and_then(|clone| {
            let same = clone.local_addr()? == address;
            clone.connect(server.local_addr()?)?;
            // Both are connected.
            client.send(b"by the first")?;
            drop(client);
            clone.send(b"by the clone")?;
            let mut buffer = [0; 32];
            let mut received = Vec::new();
            for _ in 0..2 {
                let (len, from) = server.recv_from(&mut buffer)?;
                let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
                received.push((text, from == address));
            }
            Ok((same, received))
        }),
    );
    Ok(())
}
