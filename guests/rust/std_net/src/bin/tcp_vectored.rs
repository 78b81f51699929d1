//! Several buffers in one call, empty ones among them, and more than a call of the system takes.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};

use std_net::net::TcpListener;
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut client, mut server) = pair(&listener)?;
    show("no buffers", client.write_vectored(&[]));
    show(
        "empty ones",
        client.write_vectored(&[IoSlice::new(b""), IoSlice::new(b"")]),
    );
    let mut rest: &mut [IoSlice<'_>] = &mut [
        IoSlice::new(b""),
        IoSlice::new(b"one, "),
        IoSlice::new(b""),
        IoSlice::new(b"two, "),
        IoSlice::new(b"three"),
    ];
    // How many of them one call takes is the system's choice.
    while !rest.is_empty() {
        let written = client.write_vectored(rest)?;
        IoSlice::advance_slices(&mut rest, written);
    }
    let mut all = [0; 15];
    server.read_exact(&mut all)?;
    println!("{:?}", String::from_utf8_lossy(&all));

    let many = vec![IoSlice::new(b"ab"); 3000];
    let written = client.write_vectored(&many)?;
    println!("of 3,000 buffers some: {}", written > 0 && written <= 6000);
    let mut pieces = vec![[0; 1]; 3000];
    let mut into: Vec<_> = pieces.iter_mut().map(|piece| IoSliceMut::new(piece)).collect();
    let read = server.read_vectored(&mut into)?;
    println!("into 3,000 buffers some: {}", read > 0 && read <= written);
    let right = pieces.iter().take(read).zip([b'a', b'b'].into_iter().cycle());
    println!(
        "in order: {}",
        right.into_iter().all(|(piece, byte)| piece[0] == byte)
    );

    drop(client);
    let mut left = Vec::new();
    server.read_to_end(&mut left)?;
    println!("nothing lost: {}", left.len() + read == written);
    let mut buffer = [0; 4];
    show(
        "at the end",
        server.read_vectored(&mut [IoSliceMut::new(&mut buffer)]),
    );
    Ok(())
}
