//! Waits for ever, in the way that its argument says. Not for a transcript: to be stopped.

use std::io::{self, Read};
use std::time::Duration;

use std_net::net::{TcpListener, UdpSocket};
use std_net::pair;

fn main() -> io::Result<()> {
    let how = std::env::args().nth(1).unwrap_or_default();
    println!("waits");
    match how.as_str() {
        "accept" => drop(TcpListener::bind("127.0.0.1:0")?.accept()?),
        "read" => {
            let (mut client, _server) = pair(&TcpListener::bind("127.0.0.1:0")?)?;
            client.read_exact(&mut [0])?;
        }
        "receive" => drop(UdpSocket::bind("127.0.0.1:0")?.recv_from(&mut [0])?),
        "sleep" => std::thread::sleep(Duration::from_secs(3600)),
        "stdin" => drop(io::stdin().read(&mut [0])?),
        "compute" => loop {
            std::hint::spin_loop();
        },
        _ => {}
    }
    println!("waits no more");
    Ok(())
}
