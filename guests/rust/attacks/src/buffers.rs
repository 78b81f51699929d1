//! Has the kernel hold memory for a program that may use no network. Prints what it got, and why no more, as
//! `guests/c/app_buffers.c` does.
//!
//! ```text
//! buffers sockets   sockets, until there is none: "COUNT then ERROR"
//! buffers raised    sockets with buffers of 1 MiB: "BYTES of COUNT then ERROR"
//! ```

use crate::name;
use wasi::sockets::network::IpAddressFamily;
use wasi::sockets::tcp_create_socket::create_tcp_socket;
use wasi::sockets::udp_create_socket::create_udp_socket;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    match words {
        ["sockets"] => sockets(),
        ["raised"] => raised(),
        _ => panic!("no such mode"),
    }
}

fn sockets() {
    let mut all = Vec::new();
    let error = loop {
        match create_tcp_socket(IpAddressFamily::Ipv4) {
            Ok(socket) => all.push(socket),
            Err(error) => break error,
        }
    };
    println!("{} then {}", all.len(), name(error));
}

fn raised() {
    let (mut bytes, mut all) = (0, Vec::new());
    let error = loop {
        let one = || {
            let socket = create_udp_socket(IpAddressFamily::Ipv4)?;
            socket.set_send_buffer_size(1 << 20)?;
            socket.set_receive_buffer_size(1 << 20)?;
            // Linux holds twice what is asked for.
            let bytes = 2 * (socket.send_buffer_size()? + socket.receive_buffer_size()?);
            Ok((socket, bytes))
        };
        match one() {
            Ok((socket, more)) => {
                bytes += more;
                all.push(socket);
            }
            Err(error) => break error,
        }
    };
    println!("{bytes} of {} then {}", all.len(), name(error));
}
