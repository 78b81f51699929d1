//! What the programs share: they print what std says, and nothing that differs from run to run.

use std::fmt::Debug;
use std::io;
use std::net::{TcpListener, TcpStream};

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
