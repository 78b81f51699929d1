//! Tries to reach a destination by every call that takes one, in every form that an address has. A line an attempt: the way, the
//! destination, the result.
//!
//! ```text
//! reach PORT ADDRESS...                 connects, streams of UDP, datagrams
//! reach --after ALLOWED PORT ADDRESS... on a socket of which 127.0.0.1:ALLOWED is or was the peer, among datagrams to it
//! reach --names PORT NAME...            looks NAME up and reaches for what comes
//! ```

use crate::{
    PAYLOAD, address, bound_tcp, bound_udp, connect, datagram, look_up, named, number, report, send, tcp,
    wildcard, with_streams,
};
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{ErrorCode, IpSocketAddress, Ipv6SocketAddress, Network};
use wasi::sockets::tcp::TcpSocket;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    match words {
        ["--after", _, _, addresses @ ..] => {
            for text in addresses {
                after(&network, number(words, 1), address(text, number(words, 2)));
            }
        }
        ["--names", _, names @ ..] => {
            for name in names {
                let found = look_up(&network, name);
                report(&format!("look up {name}"), found.as_ref().map_err(|error| *error));
                if let Some(first) = found.ok().and_then(|found| found.first().copied()) {
                    reach(&network, &first.to_string(), number(words, 1));
                }
            }
        }
        [_, addresses @ ..] => {
            for text in addresses {
                reach(&network, text, number(words, 0));
            }
        }
        [] => panic!("which port?"),
    }
}

/// The forms of an address: one of IPv6 also has what the kernel ignores.
fn forms(to: IpSocketAddress) -> Vec<(&'static str, IpSocketAddress)> {
    match to {
        IpSocketAddress::Ipv4(_) => vec![("", to)],
        IpSocketAddress::Ipv6(plain) => vec![
            ("", to),
            (
                " with a flow",
                IpSocketAddress::Ipv6(Ipv6SocketAddress {
                    flow_info: 0x000f_ffff,
                    ..plain
                }),
            ),
            (
                " with a scope",
                IpSocketAddress::Ipv6(Ipv6SocketAddress { scope_id: 1, ..plain }),
            ),
        ],
    }
}

/// Reaches for one address.
pub fn reach(network: &Network, text: &str, port: u16) {
    for (form, to) in forms(address(text, port)) {
        let line = |way: &str, result| println!("{way}{form} to {text}: {}", named(result));
        line("TCP connect", say(network, &tcp(to), to));
        line(
            "TCP connect when bound",
            bound_tcp(network, wildcard(to)).and_then(|socket| say(network, &socket, to)),
        );
        line("UDP stream", stream(network, to));
        line("UDP send", send_to(network, to));
    }
}

fn say(network: &Network, socket: &TcpSocket, to: IpSocketAddress) -> Result<(), ErrorCode> {
    let (_input, output) = connect(socket, network, to)?;
    // The peer sees a connection, whether it reads or not.
    let _ = output.blocking_write_and_flush(PAYLOAD);
    Ok(())
}

fn stream(network: &Network, to: IpSocketAddress) -> Result<(), ErrorCode> {
    let socket = bound_udp(network, wildcard(to))?;
    with_streams(&socket, Some(to), |_, outgoing| {
        send(outgoing, &[datagram(PAYLOAD, None)])
    })
    .map(drop)
}

fn send_to(network: &Network, to: IpSocketAddress) -> Result<(), ErrorCode> {
    let socket = bound_udp(network, wildcard(to))?;
    with_streams(&socket, None, |_, outgoing| {
        send(outgoing, &[datagram(PAYLOAD, Some(to))])
    })
    .map(drop)
}

/// A socket that may send to its peer, used for another destination.
fn after(network: &Network, allowed: u16, to: IpSocketAddress) {
    let peer = address("127.0.0.1", allowed);
    let socket = bound_udp(network, wildcard(to)).expect("bind");
    let sent = |what: &str, result: Result<u64, ErrorCode>| match result {
        Ok(count) => println!("{what}: {count} sent"),
        Err(error) => println!("{what}: {}", crate::name(error)),
    };
    let done = with_streams(&socket, Some(peer), |_, outgoing| {
        sent(
            "connected, to the peer",
            send(outgoing, &[datagram(b"first", None)]),
        );
        sent(
            "connected, elsewhere",
            send(outgoing, &[datagram(PAYLOAD, Some(to))]),
        );
        let list = [
            datagram(b"second", Some(peer)),
            datagram(PAYLOAD, Some(to)),
            datagram(PAYLOAD, None),
        ];
        sent("connected, a list", send(outgoing, &list));
        Ok(())
    });
    report("the streams of the peer", done);
    let done = with_streams(&socket, None, |_, outgoing| {
        sent(
            "no peer, elsewhere",
            send(outgoing, &[datagram(PAYLOAD, Some(to))]),
        );
        let list = [
            datagram(b"third", Some(peer)),
            datagram(b"fourth", Some(peer)),
            datagram(PAYLOAD, Some(to)),
            datagram(PAYLOAD, Some(peer)),
        ];
        sent("no peer, a list", send(outgoing, &list));
        let list = [datagram(PAYLOAD, Some(to)), datagram(PAYLOAD, Some(peer))];
        sent("no peer, a list that begins elsewhere", send(outgoing, &list));
        sent(
            "no peer and no destination",
            send(outgoing, &[datagram(PAYLOAD, None)]),
        );
        Ok(())
    });
    report("the streams of none", done);
    let done = with_streams(&socket, Some(to), |_, outgoing| {
        send(outgoing, &[datagram(PAYLOAD, None)])
    });
    sent("connected elsewhere", done);
    let done = with_streams(&socket, Some(peer), |_, outgoing| {
        send(outgoing, &[datagram(b"fifth", None)])
    });
    sent("connected again", done);
    let done = with_streams(&socket, Some(to), |_, outgoing| {
        send(outgoing, &[datagram(PAYLOAD, None)])
    });
    sent("connected elsewhere again", done);
    let done = with_streams(&socket, None, |_, outgoing| {
        send(outgoing, &[datagram(PAYLOAD, None)])
    });
    sent("dissolved", done);
}
