//! The connections of a listener, one after the other, in the order in which they came.

use std::io::{self, Read, Write};

use std_net::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut clients = Vec::new();
    for number in 0..10_u8 {
        let mut client = TcpStream::connect(address)?;
        client.write_all(&[b'0' + number])?;
        clients.push(client);
    }
    for stream in listener.incoming().take(clients.len()) {
        let mut stream = stream?;
        let mut byte = [0; 1];
        stream.read_exact(&mut byte)?;
        let client = clients
            .iter()
            .position(|client| client.local_addr().ok() == stream.peer_addr().ok());
        println!("{:?} of client {client:?}", char::from(byte[0]));
        stream.write_all(&byte)?;
    }
    for client in &mut clients {
        let mut all = String::new();
        client.read_to_string(&mut all)?;
        println!("{all:?}, then the end");
    }
    Ok(())
}
