//! What the programs share: the types of `std::net`, and that they print what these say, and nothing that differs from run to run.

use std::fmt::Debug;
use std::io;

use net::{TcpListener, TcpStream};

/// The types of `std::net`. std cannot open a socket on wasm32-wasip1: there they are those of the crate guestnet-guest.
pub mod net {
    #[cfg(all(target_os = "wasi", target_env = "p1"))]
    pub use guestnet_guest::{
        IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream,
        ToSocketAddrs, UdpSocket,
    };
    #[cfg(not(all(target_os = "wasi", target_env = "p1")))]
    pub use std::net::{
        IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener, TcpStream,
        ToSocketAddrs, UdpSocket,
    };
}

/// Prints what a call has come to: its value, or the kind of its error.
pub fn show<T: Debug>(what: &str, result: io::Result<T>) {
    match result {
        Ok(value) => println!("{what}: {value:?}"),
        Err(error) => println!("{what}: {:?}", error.kind()),
    }
}

/// Both ends of a connection: the one that has connected, and the one that was accepted.
///
/// # Errors
/// Those of the calls.
pub fn pair(listener: &TcpListener) -> io::Result<(TcpStream, TcpStream)> {
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    Ok((client, server))
}

/// A port of this machine where nothing listens.
///
/// # Errors
/// Those of the calls.
pub fn closed_port() -> io::Result<net::SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
