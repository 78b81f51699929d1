//! Much data through both ends in one program, in pieces that the kernel's buffers hold, and that all of it comes in order.

use std::io::{self, Read, Write};

use std_net::net::{Shutdown, TcpListener};
use std_net::pair;

const PIECE: usize = 50_000;
const PIECES: usize = 200;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut client, mut server) = pair(&listener)?;
    let piece: Vec<u8> = (0..=250).cycle().take(PIECE).collect();
    let mut back = vec![0; PIECE];
    let mut right = 0;
    for _ in 0..PIECES {
        client.write_all(&piece)?;
        server.read_exact(&mut back)?;
        server.write_all(&back)?;
        back.fill(0);
        client.read_exact(&mut back)?;
        right += usize::from(back == piece);
    }
    println!("{right} of {PIECES} pieces came back as they went");
    // More than one call of the system takes, and the end right behind it.
    client.write_all(&piece)?;
    client.write_all(&piece)?;
    client.shutdown(Shutdown::Write)?;
    drop(client);
    let mut rest = Vec::new();
    server.read_to_end(&mut rest)?;
    println!("and {} bytes before the end", rest.len());
    Ok(())
}
