//! A peer that only reads.

use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// A listener on loopback that reads each connection to its end, one after the other, in a thread of its own: its port, and how many bytes
/// each had.
///
/// # Panics
///
/// When it cannot listen.
#[must_use]
pub fn sink() -> (u16, Receiver<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("an address").port();
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut bytes = Vec::new();
            // It ends early where a limit cuts it.
            let _ = stream.expect("accept").read_to_end(&mut bytes);
            if sender.send(bytes.len()).is_err() {
                return;
            }
        }
    });
    (port, received)
}
