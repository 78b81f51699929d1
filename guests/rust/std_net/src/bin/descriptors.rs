//! The descriptors of sockets: as numbers, as owners, and as text.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

use std_net::net::{TcpListener, TcpStream, UdpSocket};
use std_net::pair;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (client, mut server) = pair(&listener)?;
    let number = client.as_raw_fd();
    println!("lent: {}", client.as_fd().as_raw_fd() == number);
    let owned = OwnedFd::from(client);
    println!("owned: {}", owned.as_raw_fd() == number);
    let client = TcpStream::from(owned);
    let raw = client.into_raw_fd();
    println!("raw: {}", raw == number);
    // SAFETY: The number is that of `into_raw_fd`, and nothing else owns it.
    let mut client = unsafe { TcpStream::from_raw_fd(raw) };
    client.write_all(b"still the same")?;
    println!("{}", shape(&format!("{client:?}")));
    drop(client);
    let mut all = String::new();
    server.read_to_string(&mut all)?;
    println!("{all:?}, then the end");
    let datagram = UdpSocket::bind("[::1]:0")?;
    println!("{}", shape(&format!("{listener:?}")));
    println!("{}", shape(&format!("{datagram:?}")));
    let again = TcpListener::from(OwnedFd::from(listener));
    println!("a listener: {}", again.local_addr().is_ok());
    let again = UdpSocket::from(OwnedFd::from(datagram));
    println!("a datagram socket: {}", again.local_addr().is_ok());
    Ok(())
}

/// Ports and descriptors differ from run to run.
fn shape(text: &str) -> String {
    text.replace(|c: char| c.is_ascii_digit(), "")
}
