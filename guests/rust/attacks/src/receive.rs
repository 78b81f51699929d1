//! Receives in every way, and looks in what it was given for what it must not have.
//!
//! ```text
//! receive PEER   each round it says what it wants to 127.0.0.1:PEER, and receives. "rounds N" comes first, a line a round
//! ```
//!
//! `both`: the test sends a datagram of somebody who is forbidden, and then the peer's, whose letters are `a`; `forbidden`: only the
//! first one, whose letters are `F`. What shows where the bytes came from are the letters.

use crate::{address, bound_udp, datagram, named, number, send, with_streams};
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{ErrorCode, IpSocketAddress};
use wasi::sockets::udp::{IncomingDatagram, IncomingDatagramStream, OutgoingDatagramStream};

/// How many datagrams a call asks for.
const MOST: [u64; 4] = [1, 2, 16, u64::MAX];

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    let peer = address("127.0.0.1", number(words, 0));
    println!("rounds {}", 3 * MOST.len());
    for most in MOST {
        let socket = bound_udp(&network, address("127.0.0.1", 0)).expect("bind");
        for (way, to, wanted) in [
            ("any peer", None, "both"),
            ("one peer", Some(peer), "both"),
            ("any peer", None, "forbidden"),
        ] {
            let taken = with_streams(&socket, to, |incoming, outgoing| {
                round(incoming, outgoing, to.is_none().then_some(peer), wanted, most)
            });
            print!(
                "{way}, {wanted}, at most {most}: {}",
                named(taken.as_ref().map_err(|error| *error))
            );
            look(&taken.unwrap_or_default());
        }
    }
}

fn round(
    incoming: &IncomingDatagramStream,
    outgoing: &OutgoingDatagramStream,
    to: Option<IpSocketAddress>,
    wanted: &str,
    most: u64,
) -> Result<Vec<IncomingDatagram>, ErrorCode> {
    send(outgoing, &[datagram(wanted.as_bytes(), to)])?;
    loop {
        incoming.subscribe().block();
        let taken = incoming.receive(most)?;
        // A forbidden one has woken it up, and there is nothing.
        if !taken.is_empty() || wanted == "forbidden" {
            return Ok(taken);
        }
    }
}

fn look(taken: &[IncomingDatagram]) {
    let count = |wanted: fn(&u8) -> bool| -> usize {
        taken
            .iter()
            .map(|datagram| datagram.data.iter().filter(|byte| wanted(byte)).count())
            .sum()
    };
    println!(
        " allowed {} forbidden {} other {}",
        count(|byte| *byte == b'a'),
        count(|byte| *byte == b'F'),
        count(|byte| *byte != b'a' && *byte != b'F')
    );
}
