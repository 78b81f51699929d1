//! A server and its client in one program: addresses, bytes both ways, half-closes, ends.

use std::io::{self, Read, Write};

use std_net::net::{Shutdown, TcpListener, TcpStream};

fn main() -> io::Result<()> {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let listener = TcpListener::bind(address)?;
        let local = listener.local_addr()?;
        println!("listening on {}, a port: {}", local.ip(), local.port() != 0);
        let mut client = TcpStream::connect(local)?;
        let (mut server, peer) = listener.accept()?;
        println!("accepted the client: {}", peer == client.local_addr()?);
        println!(
            "peers: {} {}",
            client.peer_addr()? == local,
            server.peer_addr()? == peer
        );
        println!("the server's own address: {}", server.local_addr()? == local);
        for message in ["one", "two and more", ""] {
            client.write_all(message.as_bytes())?;
            let mut bytes = vec![0; message.len()];
            server.read_exact(&mut bytes)?;
            server.write_all(&bytes)?;
            client.read_exact(&mut bytes)?;
            println!("echoed {:?}", String::from_utf8_lossy(&bytes));
        }
        client.write_all(b"the last words")?;
        client.shutdown(Shutdown::Write)?;
        let mut all = String::new();
        server.read_to_string(&mut all)?;
        println!("after the client's half-close: {all:?}");
        println!("again: {}", server.read(&mut [0; 8])?);
        server.write_all(b"an answer to it")?;
        drop(server);
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        println!("the other half: {answer:?}");
        let refused = client.write(b"x").map_err(|error| error.kind());
        println!("a write after the half-close: {refused:?}");
    }
    Ok(())
}
