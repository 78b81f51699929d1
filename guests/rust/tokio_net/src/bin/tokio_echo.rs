//! A server, its clients and a clock on tokio's runtime of one thread: many connections at a time, much data both ways, time limits,
//! datagrams.
//!
//! Connections are accepted by std: the C library of wasip2 (that of Rust 1.95) refuses the fcntl(2) that tokio's `accept` makes,
//! and knows ioctl(2).

use std::io;
use std::net::{TcpListener, UdpSocket as StdUdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

const CLIENTS: usize = 50;
const ROUNDS: usize = 10;
const LARGE: usize = 4 << 20;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let mut clients = Vec::new();
    for client in 0..CLIENTS {
        let mut stream = TcpStream::connect(address).await?;
        serve(accept(&listener)?);
        clients.push(tokio::spawn(async move {
            let message = format!("client {client}");
            let mut bytes = vec![0; message.len()];
            for _ in 0..ROUNDS {
                stream.write_all(message.as_bytes()).await?;
                stream.read_exact(&mut bytes).await?;
            }
            io::Result::Ok(usize::from(bytes == message.as_bytes()))
        }));
    }
    let mut right = 0;
    for client in clients {
        right += client.await??;
    }
    println!("{right} of {CLIENTS} clients got their own bytes back");

    let (mut from, mut to) = TcpStream::connect(address).await?.into_split();
    serve(accept(&listener)?);
    let writer = tokio::spawn(async move {
        to.write_all(&vec![7; LARGE]).await?;
        to.shutdown().await
    });
    let mut all = Vec::new();
    from.read_to_end(&mut all).await?;
    writer.await??;
    println!("{} bytes both ways at the same time", all.len());

    let mut stream = TcpStream::connect(address).await?;
    let mut server = accept(&listener)?;
    let waited = timeout(Duration::from_millis(50), stream.read(&mut [0; 8])).await;
    println!("nothing to read: {}", waited.is_err());
    server.write_all(b"now").await?;
    println!("then {} bytes", stream.read(&mut [0; 8]).await?);
    drop(listener);
    let refused = TcpStream::connect(address).await.map(drop);
    println!("nothing listens: {:?}", refused.map_err(|error| error.kind()));

    let one = UdpSocket::bind("127.0.0.1:0").await?;
    let other = UdpSocket::bind("127.0.0.1:0").await?;
    one.send_to(b"a datagram", other.local_addr()?).await?;
    let mut buffer = [0; 64];
    let (len, from) = other.recv_from(&mut buffer).await?;
    println!("{len} bytes from the other: {}", from == one.local_addr()?);
    let waited = timeout(Duration::from_millis(50), other.recv_from(&mut buffer)).await;
    println!("no datagram: {}", waited.is_err());
    StdUdpSocket::bind("127.0.0.1:0")?.send_to(b"from std", other.local_addr()?)?;
    println!("{} bytes from std", other.recv(&mut buffer).await?);
    Ok(())
}

/// Sends back what comes.
fn serve(mut stream: TcpStream) {
    tokio::spawn(async move {
        let (mut from, mut to) = stream.split();
        tokio::io::copy(&mut from, &mut to).await?;
        to.shutdown().await
    });
}

/// The next connection, of which there is one.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    let mut on: libc::c_int = 1;
    // SAFETY: The descriptor is open, and FIONBIO reads one int.
    if unsafe { libc::ioctl(stream.as_raw_fd(), libc::FIONBIO, &raw mut on) } != 0 {
        return Err(io::Error::last_os_error());
    }
    TcpStream::from_std(stream)
}
