//! Takes all the time it can, in calls that return at once. Prints "spinning" and never ends by itself.
//!
//! ```text
//! spin poll|storm|clock|receive|lookup|denied|write|random
//! ```

use crate::{address, bound_udp, look_up, tcp};
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::io::poll::poll;
use wasi::random::random::get_random_bytes;
use wasi::sockets::instance_network::instance_network;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    let here = address("127.0.0.1", 0);
    let mode = words.first().copied().unwrap_or_default();
    let socket = bound_udp(&network, here).expect("bind");
    let (incoming, outgoing) = socket.stream(None).expect("streams");
    let others: Vec<_> = (0..if mode == "storm" { 50 } else { 0 })
        .map(|_| {
            let socket = bound_udp(&network, here).expect("bind");
            let streams = socket.stream(None).expect("streams");
            (streams, socket)
        })
        .collect();
    let mut pollables = vec![outgoing.subscribe()];
    pollables.extend(others.iter().map(|((_, outgoing), _)| outgoing.subscribe()));
    pollables.push(subscribe_duration(0));
    let pollables: Vec<_> = pollables.iter().collect();
    let stdout = wasi::cli::stdout::get_stdout();
    println!("spinning");
    loop {
        match mode {
            "poll" => drop(poll(&pollables[..1])),
            "storm" => drop(poll(&pollables)),
            "clock" => subscribe_duration(0).block(),
            "receive" => drop(incoming.receive(u64::MAX)),
            "lookup" => drop(look_up(&network, "127.0.0.1")),
            "denied" => drop(tcp(here).start_connect(&network, address("127.0.0.1", 9))),
            "write" => drop(stdout.write(&[])),
            "random" => drop(get_random_bytes(1 << 20)),
            other => panic!("no way to spin: {other}"),
        }
    }
}
