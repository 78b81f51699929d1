//! Connections that are refused, addresses that are in use or not there, and calls on what is no connection.

use std::io::{self, Read, Write};

use std_net::net::{SocketAddr, TcpListener, TcpStream};
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    show("a second listener", TcpListener::bind(address).map(drop));
    drop(listener);
    show("a closed port", TcpStream::connect(address).map(drop));
    let listener = TcpListener::bind(address)?;
    println!("bound again: {}", listener.local_addr()? == address);
    show(
        "an address that is not this machine's",
        TcpListener::bind("192.0.2.1:0").map(drop),
    );
    let none: &[SocketAddr] = &[];
    show("no address", TcpStream::connect(none).map(drop));
    // The first does not answer, the second does.
    let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    show(
        "the second of two",
        TcpStream::connect(&[closed, address][..]).and_then(|stream| Ok(stream.peer_addr()? == address)),
    );
    let (mut client, server) = {
        let _ = listener.accept()?;
        pair(&listener)?
    };
    drop(server);
    show("the end", client.read(&mut [0; 8]));
    // The first write is answered by a reset.
    let mut failed = None;
    for _ in 0..1000 {
        if let Err(error) = client.write(b"to no one") {
            failed = Some(error.kind());
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    println!("writing on: {failed:?}");
    Ok(())
}
