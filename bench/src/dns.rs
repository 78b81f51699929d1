//! A DNS server for the measurements: every name has one IPv4 address, for a day, and nothing else. Not a parser: it repeats the question of
//! the one client that there is.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

use crate::Result;

/// Starts a server at this address, which ends with the process.
///
/// # Errors
/// No socket is to be had there.
pub(crate) fn start(addr: SocketAddr) -> Result<SocketAddr> {
    let socket = UdpSocket::bind(addr).map_err(|error| format!("{addr}: {error}"))?;
    let addr = socket.local_addr().map_err(|error| error.to_string())?;
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut query) {
            let reply = query.get(..len).and_then(reply);
            // Bytes that are no query get no answer, and the client says that no server was there.
            let _ = reply.map(|reply| socket.send_to(&reply, from));
        }
    });
    Ok(addr)
}

/// Header, question and, where it is about IPv4 addresses, one A record about its name (RFC 1035, 4).
fn reply(query: &[u8]) -> Option<Vec<u8>> {
    const HEADER: usize = 12;
    let name = query.get(HEADER..)?.iter().position(|byte| *byte == 0)?;
    // Behind the name: its final 0, a type and a class.
    let question = query.get(HEADER..HEADER + name + 5)?;
    let is_a = question.get(name + 1..name + 3)? == [0, 1];
    let mut reply = query.get(..2)?.to_vec();
    // A response with recursion; one question, at most one answer, nothing else.
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    reply.extend(question);
    if is_a {
        // The name at 12, A, IN, 86,400 s, four bytes of address.
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 127, 0, 0, 1]);
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::reply;

    #[test]
    fn a_name_has_an_ipv4_address_and_no_other() {
        let query = |kind: u8| {
            [
                &[7, 8, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 0, 0][..],
                &[kind, 0, 1],
            ]
            .concat()
        };
        let a = reply(&query(1)).expect("a reply");
        assert_eq!((a[..2].to_vec(), a[7], a.len()), (vec![7, 8], 1, 12 + 7 + 16));
        let aaaa = reply(&query(28)).expect("a reply");
        assert_eq!((aaaa[7], aaaa.len()), (0, 12 + 7));
        assert_eq!(reply(&[0; 12]), None);
    }
}
