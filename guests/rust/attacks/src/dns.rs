//! DNS as a program speaks it that has a resolver of its own: to the server that guestnet gives to every guest.

use crate::{address, bound_udp, connect, datagram, named, send, tcp, wildcard};
use std::net::IpAddr;
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::io::poll::poll;
use wasi::sockets::network::{ErrorCode, Network};

const STUB: &str = "192.0.2.53";
const PATIENCE: u64 = 60_000_000_000;

/// Types of records.
const A: u16 = 1;
const AAAA: u16 = 28;

/// Looks a name up by UDP or TCP: the code of the first answer, and the addresses of both families.
pub fn look_up(network: &Network, is_tcp: bool, labels: &[Vec<u8>]) -> (String, Vec<IpAddr>) {
    let (mut first, mut found) = (None, Vec::new());
    for (kind, id) in [(A, 7001), (AAAA, 7002)] {
        let query = question(labels, kind, id);
        let reply = match is_tcp {
            true => by_tcp(network, &query),
            false => by_udp(network, &query),
        };
        let reply = reply.unwrap_or_else(|error| {
            println!("  to {STUB}: {}", named::<()>(Err(error)));
            Vec::new()
        });
        first.get_or_insert_with(|| code(&reply));
        // What is cut off has no more.
        let _ = records(&reply, &mut found);
    }
    (first.unwrap_or_default(), found)
}

/// A query for one name and type, recursion desired.
fn question(labels: &[Vec<u8>], kind: u16, id: u16) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let mut query = vec![high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        query.push(label.len() as u8);
        query.extend(label);
    }
    query.push(0);
    query.extend(kind.to_be_bytes());
    query.extend([0, 1]);
    query
}

fn by_udp(network: &Network, query: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    let to = address(STUB, 53);
    let socket = bound_udp(network, wildcard(to))?;
    let (incoming, outgoing) = socket.stream(Some(to))?;
    send(&outgoing, &[datagram(query, None)])?;
    let (readable, late) = (incoming.subscribe(), subscribe_duration(PATIENCE));
    let taken = loop {
        let ready = poll(&[&readable, &late]);
        match incoming.receive(1)?.pop() {
            Some(first) => break first.data,
            None if ready.contains(&1) => break Vec::new(),
            None => {}
        }
    };
    Ok(taken)
}

fn by_tcp(network: &Network, query: &[u8]) -> Result<Vec<u8>, ErrorCode> {
    let to = address(STUB, 53);
    let socket = tcp(to);
    let (input, output) = connect(&socket, network, to)?;
    let framed = [&(query.len() as u16).to_be_bytes()[..], query].concat();
    let _ = output.blocking_write_and_flush(&framed);
    let mut reply = Vec::new();
    loop {
        let whole = match reply[..] {
            [high, low, ..] => usize::from(u16::from_be_bytes([high, low])) + 2,
            _ => 2,
        };
        if reply.len() >= 2 && reply.len() >= whole {
            break;
        }
        match input.blocking_read(1 << 16) {
            Ok(bytes) => reply.extend(bytes),
            // It has ended, or was reset.
            Err(_) => break,
        }
    }
    Ok(reply.split_off(reply.len().min(2)))
}

fn code(reply: &[u8]) -> String {
    let names = ["ok", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
    let code = reply.get(3).filter(|_| reply.len() >= 12);
    let name = code.map(|code| {
        names
            .get(usize::from(code & 15))
            .copied()
            .unwrap_or("another code")
    });
    name.unwrap_or("no answer").to_owned()
}

/// The addresses in an answer.
fn records(reply: &[u8], found: &mut Vec<IpAddr>) -> Option<()> {
    let count = u16::from_be_bytes([*reply.get(6)?, *reply.get(7)?]);
    let mut at = skip_name(reply, 12)? + 4;
    for _ in 0..count {
        at = skip_name(reply, at)?;
        let head = reply.get(at..at + 10)?;
        let (kind, len) = (
            u16::from_be_bytes([head[0], head[1]]),
            u16::from_be_bytes([head[8], head[9]]),
        );
        let data = reply.get(at + 10..at + 10 + usize::from(len))?;
        match kind {
            A => found.extend(<[u8; 4]>::try_from(data).map(IpAddr::from)),
            AAAA => found.extend(<[u8; 16]>::try_from(data).map(IpAddr::from)),
            _ => {}
        }
        at += 10 + usize::from(len);
    }
    Some(())
}

fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer >= 0xc0 => return Some(at + 2),
            len => at += 1 + usize::from(len),
        }
    }
}
