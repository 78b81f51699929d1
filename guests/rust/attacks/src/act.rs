//! Does what each action says, one after the other, and prints "ACTION: result" for each: `guests/c/app_act.c` for components, as far
//! as WASI 0.2 has words for its actions. Without actions it reads them from standard input, a line each.
//!
//! ```text
//! tcp HOST PORT | udp HOST PORT | send HOST PORT | group ADDRESS PORT | broadcast ADDRESS PORT
//! from tcp|udp ADDRESS PORT TO PORT | bind tcp|udp ADDRESS PORT | listen ADDRESS PORT | accept | open ADDRESS PORT | receive
//! resolve NAME [4|6] | sockets | pour tcp|udp HOST PORT BYTES | drain HOST PORT BYTES
//! ```
//!
//! Each socket of UDP is bound to the wildcard first: no other one sends anything.

use crate::{
    address, bound_tcp, bound_udp, datagram, look_up, name, named, number, send, socket_addr, tcp, wildcard,
};
use std::net::IpAddr;
use wasi::io::streams::{InputStream, StreamError};
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Network};
use wasi::sockets::tcp::{ShutdownType, TcpSocket};
use wasi::sockets::tcp_create_socket::create_tcp_socket;
use wasi::sockets::udp::{IncomingDatagramStream, OutgoingDatagramStream, UdpSocket};

/// What later actions go on with, in the order in which it may be dropped.
#[derive(Default)]
struct State {
    listener: Option<TcpSocket>,
    streams: Option<(IncomingDatagramStream, OutgoingDatagramStream)>,
    datagrams: Option<UdpSocket>,
}

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    let mut state = State::default();
    let mut act = |action: &str| {
        let words: Vec<&str> = action.split_whitespace().collect();
        let result = state.act(&network, &words);
        println!(
            "{action}: {}",
            result.unwrap_or_else(|error| name(error).to_owned())
        );
    };
    if words.is_empty() {
        for line in std::io::stdin().lines() {
            act(&line.expect("a line"));
        }
    }
    words.iter().for_each(|action| act(action));
}

/// Why a stream has ended; nothing if its peer has ended it.
pub fn stream_end(error: &StreamError) -> Option<String> {
    match error {
        StreamError::Closed => None,
        StreamError::LastOperationFailed(error) => {
            let text = error.to_debug_string();
            Some(text.split_whitespace().next().unwrap_or_default().to_owned())
        }
    }
}

/// Reads to the end.
fn read_all(input: &InputStream, room: u64) -> (u64, Vec<u8>, Option<String>) {
    let (mut taken, mut start) = (0, Vec::new());
    loop {
        match input.blocking_read(room) {
            Ok(bytes) => {
                taken += bytes.len() as u64;
                start.extend(bytes.iter().take(64 - start.len()));
            }
            Err(error) => return (taken, start, stream_end(&error)),
        }
    }
}

fn addresses(network: &Network, host: &str) -> Result<Vec<IpAddr>, ErrorCode> {
    match host.parse() {
        Ok(ip) => Ok(vec![ip]),
        Err(_) => look_up(network, host),
    }
}

/// One datagram of a new socket.
fn say(network: &Network, how: &str, to: IpSocketAddress) -> Result<(), ErrorCode> {
    let socket = bound_udp(network, wildcard(to))?;
    let is_connected = how == "udp";
    let (_incoming, outgoing) = socket.stream(is_connected.then_some(to))?;
    if !is_connected {
        send(&outgoing, &[datagram(b"hello", Some(to))])?;
    }
    Ok(())
}

/// The address after another one.
fn place(words: &[&str], at: usize) -> IpSocketAddress {
    address(words[at], number(words, at + 1))
}

fn who(from: IpAddr, bytes: &[u8]) -> String {
    format!("{from} says {}", String::from_utf8_lossy(bytes))
}

fn counted(count: u64, end: Option<&str>) -> String {
    match end {
        None => count.to_string(),
        Some(error) => format!("{count} then {error}"),
    }
}

impl State {
    fn act(&mut self, network: &Network, words: &[&str]) -> Result<String, ErrorCode> {
        match words {
            [how @ ("tcp" | "udp" | "send" | "group" | "broadcast"), host, _] => {
                let mut result = Ok(());
                for ip in addresses(network, host)? {
                    let to = address(&ip.to_string(), number(words, 2));
                    result = if *how == "tcp" {
                        greet(network, to)
                    } else {
                        say(network, how, to)
                    };
                    if result.is_ok() {
                        break;
                    }
                }
                Ok(named(result).to_owned())
            }
            ["from", protocol, ..] => {
                let (here, to) = (place(words, 2), place(words, 4));
                if *protocol == "tcp" {
                    let socket = bound_tcp(network, here)?;
                    let (input, output) = crate::connect(&socket, network, to)?;
                    let _ = output.blocking_write_and_flush(b"hello");
                    let _ = socket.shutdown(ShutdownType::Send);
                    if let Some(error) = read_all(&input, 1).2 {
                        return Ok(error);
                    }
                } else {
                    let socket = bound_udp(network, here)?;
                    let (_incoming, outgoing) = socket.stream(None)?;
                    send(&outgoing, &[datagram(b"hello", Some(to))])?;
                }
                Ok("ok".to_owned())
            }
            ["bind", protocol, ..] => {
                if *protocol == "tcp" {
                    bound_tcp(network, place(words, 2))?;
                } else {
                    bound_udp(network, place(words, 2))?;
                }
                Ok("ok".to_owned())
            }
            ["listen", ..] => {
                let socket = crate::listener(network, place(words, 1))?;
                let port = socket_addr(socket.local_address()?).port();
                self.listener = Some(socket);
                Ok(format!("ok {port}"))
            }
            ["accept"] => self.accept(),
            ["open", ..] => {
                (self.streams, self.datagrams) = (None, None);
                let socket = bound_udp(network, place(words, 1))?;
                let port = socket_addr(socket.local_address()?).port();
                self.streams = Some(socket.stream(None)?);
                self.datagrams = Some(socket);
                Ok(format!("ok {port}"))
            }
            ["receive"] => self.receive(),
            ["resolve", host, rest @ ..] => {
                let wanted = |ip: &IpAddr| rest.first().is_none_or(|family| ip.is_ipv6() == (*family == "6"));
                let found = look_up(network, host)?;
                let found: Vec<_> = found
                    .iter()
                    .filter(|ip| wanted(ip))
                    .map(IpAddr::to_string)
                    .collect();
                Ok(found.join(" "))
            }
            ["sockets"] => {
                let mut all = Vec::new();
                loop {
                    match create_tcp_socket(IpAddressFamily::Ipv4) {
                        Ok(socket) => all.push(socket),
                        Err(error) => return Ok(counted(all.len() as u64, Some(name(error)))),
                    }
                }
            }
            ["pour", protocol, _, _, _] => pour(network, protocol, place(words, 2), number(words, 4)),
            ["drain", ..] => {
                let to = place(words, 1);
                let socket = tcp(to);
                let (input, _output) = crate::connect(&socket, network, to)?;
                let (taken, _, end) = read_all(&input, number(words, 3));
                Ok(counted(taken, end.as_deref()))
            }
            _ => Ok("no such action".to_owned()),
        }
    }

    fn accept(&self) -> Result<String, ErrorCode> {
        let listener = self.listener.as_ref().ok_or(ErrorCode::InvalidState)?;
        loop {
            listener.subscribe().block();
            match listener.accept() {
                Err(ErrorCode::WouldBlock) => {}
                Err(error) => return Err(error),
                Ok((socket, input, _output)) => {
                    let from = socket_addr(socket.remote_address()?).ip();
                    let (_, bytes, end) = read_all(&input, 64);
                    return Ok(end.unwrap_or_else(|| who(from, &bytes)));
                }
            }
        }
    }

    fn receive(&self) -> Result<String, ErrorCode> {
        let (incoming, _) = self.streams.as_ref().ok_or(ErrorCode::InvalidState)?;
        loop {
            incoming.subscribe().block();
            if let Some(first) = incoming.receive(1)?.first() {
                return Ok(who(socket_addr(first.remote_address).ip(), &first.data));
            }
        }
    }
}

fn greet(network: &Network, to: IpSocketAddress) -> Result<(), ErrorCode> {
    let socket = tcp(to);
    let (_input, output) = crate::connect(&socket, network, to)?;
    let _ = output.blocking_write_and_flush(b"hello");
    Ok(())
}

/// Sends so much, in pieces of 512 bytes.
fn pour(network: &Network, protocol: &str, to: IpSocketAddress, bytes: u64) -> Result<String, ErrorCode> {
    let piece = |sent: u64| vec![0; usize::try_from((bytes - sent).min(512)).unwrap_or(0)];
    let mut sent = 0;
    if protocol == "tcp" {
        let socket = tcp(to);
        let (_input, output) = crate::connect(&socket, network, to)?;
        while sent < bytes {
            let piece = piece(sent);
            if let Err(error) = output.blocking_write_and_flush(&piece) {
                let end = stream_end(&error).unwrap_or_else(|| "EPIPE".to_owned());
                return Ok(counted(sent, Some(&end)));
            }
            sent += piece.len() as u64;
        }
        return Ok(counted(sent, None));
    }
    let socket = bound_udp(network, wildcard(to))?;
    let (_incoming, outgoing) = socket.stream(Some(to))?;
    while sent < bytes {
        let piece = piece(sent);
        match send(&outgoing, &[datagram(&piece, None)]) {
            Ok(0) => {}
            Ok(_) => sent += piece.len() as u64,
            Err(error) => return Ok(counted(sent, Some(name(error)))),
        }
    }
    Ok(counted(sent, None))
}
