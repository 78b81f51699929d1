//! Many connections at a time, and that closed ones leave room.

use std::io::{self, Read, Write};

use std_net::net::TcpListener;
use std_net::pair;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut total = 0;
    for _ in 0..5 {
        let mut pairs = Vec::new();
        for _ in 0..100 {
            pairs.push(pair(&listener)?);
        }
        for (index, (client, _)) in pairs.iter_mut().enumerate() {
            client.write_all(&[u8::try_from(index).unwrap_or(0); 10])?;
        }
        for (index, (_, server)) in pairs.iter_mut().enumerate() {
            let mut bytes = [0; 10];
            server.read_exact(&mut bytes)?;
            total += usize::from(bytes == [u8::try_from(index).unwrap_or(0); 10]);
        }
    }
    println!("{total} connections carried their own bytes");
    Ok(())
}
