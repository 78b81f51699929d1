//! Handles that are none, are no more, or are something else. Each is a trap.
//!
//! ```text
//! handles unknown|large|host|dropped|twice|kind|stream|udp|pollable
//! ```

use crate::{address, bound_udp, tcp};
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::io::poll::Pollable;
use wasi::io::streams::InputStream;
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::tcp::TcpSocket;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    let here = address("127.0.0.1", 0);
    let socket = tcp(here);
    match words.first().copied().unwrap_or_default() {
        "unknown" => use_as_socket(4711),
        "large" => use_as_socket(u32::MAX),
        // The number by which the host knows the socket.
        "host" => use_as_socket(1 << 31 | 1 << 27),
        "dropped" => {
            let handle = socket.handle();
            drop(socket);
            use_as_socket(handle);
        }
        "twice" => {
            let handle = socket.handle();
            drop(socket);
            // SAFETY: It is not there any more, which the host must find out.
            drop(unsafe { TcpSocket::from_handle(handle) });
        }
        "kind" => use_as_socket(subscribe_duration(0).handle()),
        // SAFETY: It is no stream, which the host must find out.
        "stream" => drop(unsafe { InputStream::from_handle(socket.handle()) }.read(1)),
        "udp" => use_as_socket(bound_udp(&network, here).expect("bind").handle()),
        // SAFETY: It is no pollable, which the host must find out.
        "pollable" => unsafe { Pollable::from_handle(socket.handle()) }.block(),
        other => panic!("no such handle: {other}"),
    }
    println!("to the end");
}

fn use_as_socket(handle: u32) {
    // SAFETY: It is no TCP socket's, which the host must find out.
    let socket = unsafe { TcpSocket::from_handle(handle) };
    println!("it has an address: {}", socket.local_address().is_ok());
}
