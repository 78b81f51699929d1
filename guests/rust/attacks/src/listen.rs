//! Every way to take a local address or to be reached. A line an attempt.
//!
//! ```text
//! listen PORT ADDRESS...   binds TCP and UDP to each address, then the ways without an address
//! ```

use crate::{address, listener, name, named, number, report};
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::IpAddressFamily;
use wasi::sockets::tcp_create_socket::create_tcp_socket;
use wasi::sockets::udp_create_socket::create_udp_socket;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    for text in words.get(1..).unwrap_or_default() {
        let here = address(text, number(words, 0));
        println!("TCP listen at {text}: {}", named(listener(&network, here)));
        let socket = crate::tcp(here);
        report(&format!("TCP bind to {text}"), socket.start_bind(&network, here));
        // What a refused bind leaves behind is a socket without an address.
        report(
            &format!("TCP listen after it at {text}"),
            socket.finish_bind().and_then(|()| socket.start_listen()),
        );
        println!("UDP bind to {text}: {}", named(crate::bound_udp(&network, here)));
    }
    for (family, text) in [(IpAddressFamily::Ipv4, "IPv4"), (IpAddressFamily::Ipv6, "IPv6")] {
        let socket = create_tcp_socket(family).expect("a socket");
        report(&format!("{text} listen without bind"), socket.start_listen());
        report(&format!("{text} end of it"), socket.finish_listen());
        report(&format!("{text} accept on it"), socket.accept());
        let socket = create_udp_socket(family).expect("a socket");
        match socket.stream(None) {
            Ok((incoming, _outgoing)) => {
                report(&format!("{text} UDP receive without bind"), incoming.receive(1))
            }
            Err(error) => println!("{text} UDP receive without bind: {}", name(error)),
        }
        let any = address(if text == "IPv4" { "127.0.0.1" } else { "::1" }, 9);
        report(
            &format!("{text} UDP stream without bind"),
            socket.stream(Some(any)),
        );
    }
}
