//! Tries to get more through its limits than they allow, and prints what it got, as `guests/c/app_limits.c` does.
//!
//! ```text
//! limits take HOW PORT      takes what comes by HOW (read, skip, splice, receive) until it is refused: "took BYTES then ERROR"
//! limits empty PORT MS      sends empty datagrams as fast as it can, for so long: "sent COUNT refused ERROR in MS"
//! limits connect PORT MS    begins connections likewise
//! limits accept MS          takes connections likewise; prints "port PORT" first
//! limits calm PORT COUNT    connects so often, and waits each time: "connected COUNT in MS"
//! ```
//!
//! WASI 0.2 has nothing that looks at bytes and leaves them.

use crate::act::stream_end;
use crate::{address, bound_udp, connect, datagram, name, number, socket_addr, tcp};
use std::time::Instant;
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{ErrorCode, IpSocketAddress, Network};

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    let here = address("127.0.0.1", 0);
    match words {
        ["take", "receive", _] => {
            let to = address("127.0.0.1", number(words, 2));
            println!("took {}", receive(&network, to));
        }
        ["take", how, _] => {
            let to = address("127.0.0.1", number(words, 2));
            println!("took {}", take(&network, how, to));
        }
        ["empty", _, _] => {
            let socket = bound_udp(&network, here).expect("bind");
            let to = address("127.0.0.1", number(words, 1));
            let (_incoming, outgoing) = socket.stream(Some(to)).expect("streams");
            storm(number(words, 2), || {
                if outgoing.check_send()? == 0 {
                    return Ok(false);
                }
                outgoing.send(&[datagram(&[], None)]).map(|count| count > 0)
            });
        }
        ["connect", _, _] => {
            let to = address("127.0.0.1", number(words, 1));
            storm(number(words, 2), || {
                let socket = tcp(to);
                socket.start_connect(&network, to)?;
                socket.finish_connect().map(|_streams| true)
            });
        }
        ["accept", _] => {
            let listener = crate::listener(&network, here).expect("listen");
            println!(
                "port {}",
                socket_addr(listener.local_address().expect("an address")).port()
            );
            storm(number(words, 1), || {
                let (socket, input, output) = listener.accept()?;
                drop((input, output));
                drop(socket);
                Ok(true)
            });
        }
        ["calm", _, _] => {
            let (to, count) = (address("127.0.0.1", number(words, 1)), number(words, 2));
            let began = Instant::now();
            for _ in 0..count {
                let socket = tcp(to);
                drop(connect(&socket, &network, to).expect("connect"));
            }
            println!("connected {count} in {}", began.elapsed().as_millis());
        }
        _ => panic!("no such mode"),
    }
}

fn storm(ms: u64, mut how: impl FnMut() -> Result<bool, ErrorCode>) {
    let (began, mut count, mut odd) = (Instant::now(), 0, ErrorCode::WouldBlock);
    while began.elapsed().as_millis() < u128::from(ms) {
        match how() {
            Ok(true) => count += 1,
            Ok(false) | Err(ErrorCode::WouldBlock) => {}
            Err(error) => odd = error,
        }
    }
    println!(
        "sent {count} refused {} in {}",
        name(odd),
        began.elapsed().as_millis()
    );
}

fn receive(network: &Network, peer: IpSocketAddress) -> String {
    let socket = bound_udp(network, address("127.0.0.1", 0)).expect("bind");
    let (incoming, outgoing) = socket.stream(Some(peer)).expect("streams");
    crate::send(&outgoing, &[datagram(&[], None)]).expect("send");
    let mut bytes = 0;
    loop {
        incoming.subscribe().block();
        match incoming.receive(u64::MAX) {
            Ok(datagrams) => {
                bytes += datagrams
                    .iter()
                    .map(|datagram| datagram.data.len())
                    .sum::<usize>()
            }
            Err(error) => return format!("{bytes} then {}", name(error)),
        }
    }
}

/// Connects again whenever the peer has ended.
fn take(network: &Network, how: &str, to: IpSocketAddress) -> String {
    let mut bytes = 0;
    loop {
        let socket = tcp(to);
        let (input, output) = match connect(&socket, network, to) {
            Ok(streams) => streams,
            Err(error) => return format!("{bytes} then {}", name(error)),
        };
        // What is spliced goes to standard error, which counts nothing.
        let stderr = wasi::cli::stderr::get_stderr();
        let end = loop {
            let taken = match how {
                "read" => input.blocking_read(u64::MAX).map(|bytes| bytes.len() as u64),
                "skip" => input.blocking_skip(u64::MAX),
                "splice" => stderr.blocking_splice(&input, u64::MAX),
                other => panic!("no way to take: {other}"),
            };
            match taken {
                Ok(count) => bytes += count,
                Err(error) => break error,
            }
        };
        drop((input, output));
        if let Some(error) = stream_end(&end) {
            return format!("{bytes} then {error}");
        }
    }
}
