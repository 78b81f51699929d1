//! Datagrams to and from any address: bounds, lengths, the sender.

use std::io;

use std_net::net::UdpSocket;
use std_net::show;

fn main() -> io::Result<()> {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let server = UdpSocket::bind(address)?;
        let client = UdpSocket::bind(address)?;
        let to = server.local_addr()?;
        let mut buffer = [0; 2048];
        for message in ["one", "", "a longer one"] {
            show("sent", client.send_to(message.as_bytes(), to));
            let (len, from) = server.recv_from(&mut buffer)?;
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            println!("{text:?} from the client: {}", from == client.local_addr()?);
            server.send_to(&buffer[..len], from)?;
            let (len, from) = client.recv_from(&mut buffer)?;
            println!("{len} bytes back from the server: {}", from == to);
        }
        show("65,507 bytes", client.send_to(&vec![7; 65_507], to));
        let mut large = vec![0; 70_000];
        show("received", server.recv_from(&mut large).map(|(len, _)| len));
        show("too many", client.send_to(&vec![7; 70_000], to));
        client.send_to(b"cut off", to)?;
        show(
            "into a small buffer",
            server.recv_from(&mut [0; 3]).map(|(len, _)| len),
        );
        client.send_to(b"the next", to)?;
        show("the next", server.recv_from(&mut buffer).map(|(len, _)| len));
        show("without an address", client.send(b"x"));
    }
    Ok(())
}
