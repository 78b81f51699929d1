//! `guest_echo listen NETWORK ADDRESS`: sends back what one connection sends.
//! `guest_echo dial NETWORK ADDRESS WORD...`: sends the words, and prints what comes back and from where.

use guestnet_guest::SocketOptions;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["listen", network, address] => listen(network, address),
        ["dial", network, address, ref words @ ..] => dial(network, address, &words.join(" ")),
        _ => Err(io::Error::other("listen or dial, a network and an address")),
    }
}

fn listen(network: &str, address: &str) -> io::Result<()> {
    let listener = guestnet_guest::listen(network, address)?;
    println!("listening on {}", listener.addr()?);
    let (mut connection, _) = listener.accept()?;
    let mut text = String::new();
    connection.read_to_string(&mut text)?;
    connection.write_all(text.as_bytes())
}

fn dial(network: &str, address: &str, text: &str) -> io::Result<()> {
    let mut connection = guestnet_guest::dial_timeout(network, address, Duration::from_secs(30))?;
    let peer = connection.peer_addr()?;
    connection.set_keepalive(true)?;
    connection.write_all(text.as_bytes())?;
    connection.shutdown(Shutdown::Write)?;
    let mut echo = String::new();
    connection.read_to_string(&mut echo)?;
    println!("{peer} sent back {echo:?}");
    Ok(())
}
