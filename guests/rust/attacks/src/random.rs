//! Calls drawn at random, with arguments drawn at random, on sockets in any state. What WASI makes a trap is not among them: a resource
//! is dropped after its children, and no more is written than was permitted. So it ends by itself, with "end".
//!
//! ```text
//! random SEED CALLS
//! ```

use crate::{datagram, number, socket_addr};
use wasi::clocks::monotonic_clock::subscribe_duration;
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::{InputStream, OutputStream};
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::ip_name_lookup::{ResolveAddressStream, resolve_addresses};
use wasi::sockets::network::{
    IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, Network,
};
use wasi::sockets::tcp::{ShutdownType, TcpSocket};
use wasi::sockets::tcp_create_socket::create_tcp_socket;
use wasi::sockets::udp::{IncomingDatagramStream, OutgoingDatagramStream, UdpSocket};
use wasi::sockets::udp_create_socket::create_udp_socket;

/// How many sockets of each kind there are at most.
const MOST: usize = 40;

/// A socket with its children, in the order in which they are dropped.
struct Tcp {
    pollables: Vec<Pollable>,
    streams: Option<(InputStream, OutputStream)>,
    socket: TcpSocket,
}

struct Udp {
    pollables: Vec<Pollable>,
    streams: Option<(IncomingDatagramStream, OutgoingDatagramStream)>,
    socket: UdpSocket,
}

struct Lookup {
    pollables: Vec<Pollable>,
    stream: ResolveAddressStream,
}

struct World {
    dice: u64,
    network: Network,
    tcp: Vec<Tcp>,
    udp: Vec<Udp>,
    lookups: Vec<Lookup>,
    /// Ports that something was bound to.
    ports: Vec<u16>,
}

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let mut world = World {
        dice: number::<u64>(words, 0).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        network: instance_network(),
        tcp: Vec::new(),
        udp: Vec::new(),
        lookups: Vec::new(),
        ports: vec![0],
    };
    for _ in 0..number(words, 1) {
        world.step();
    }
    println!("end");
}

impl World {
    /// A number below this one.
    fn below(&mut self, most: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % most
    }

    /// A number with any count of digits.
    fn any(&mut self) -> u64 {
        let shift = self.below(65);
        let number = self.below(u64::MAX);
        number.checked_shr(u32::try_from(shift).unwrap_or(0)).unwrap_or(0)
    }

    fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len.max(1) as u64)).unwrap_or(0)
    }

    fn family(&mut self) -> IpAddressFamily {
        if self.below(4) == 0 {
            IpAddressFamily::Ipv6
        } else {
            IpAddressFamily::Ipv4
        }
    }

    fn address(&mut self) -> IpSocketAddress {
        let known = self.place(self.ports.len());
        let port = if self.below(4) == 0 {
            self.below(65_536) as u16
        } else {
            self.ports[known]
        };
        let part = |world: &mut World| world.below(65_536) as u16;
        match self.below(8) {
            0 => IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port,
                address: (self.below(256) as u8, 0, self.below(256) as u8, 1),
            }),
            1 => IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port,
                flow_info: self.any() as u32,
                address: (part(self), 0, part(self), 0, 0, part(self), 0x7f00, 2),
                scope_id: self.any() as u32,
            }),
            _ => IpSocketAddress::Ipv4(Ipv4SocketAddress {
                port,
                address: (127, 0, 0, 2),
            }),
        }
    }

    fn step(&mut self) {
        match self.below(4) {
            0 => self.step_udp(),
            1 if self.below(8) == 0 => self.step_lookup(),
            2 if self.below(4) == 0 => self.wait(),
            _ => self.step_tcp(),
        }
    }

    fn step_tcp(&mut self) {
        if self.tcp.is_empty() || (self.tcp.len() < MOST && self.below(6) == 0) {
            let family = self.family();
            if let Ok(socket) = create_tcp_socket(family) {
                self.tcp.push(Tcp {
                    pollables: Vec::new(),
                    streams: None,
                    socket,
                });
            }
            return;
        }
        let place = self.place(self.tcp.len());
        let (to, value, what) = (self.address(), self.any(), self.below(26));
        let other = self.place(self.tcp.len());
        let data = vec![7; usize::try_from(value % 70_000).unwrap_or(0)];
        let Tcp {
            pollables,
            streams,
            socket,
        } = &mut self.tcp[place];
        match what {
            0 => {
                if socket.start_bind(&self.network, to).is_ok() && socket.finish_bind().is_ok() {
                    self.ports
                        .extend(socket.local_address().map(|here| socket_addr(here).port()));
                }
            }
            1 => drop(socket.start_bind(&self.network, to)),
            2 => drop(socket.finish_bind()),
            3 | 4 => drop(socket.start_connect(&self.network, to)),
            5 | 6 => {
                if let Ok(both) = socket.finish_connect() {
                    *streams = Some(both);
                }
            }
            7 => drop(socket.start_listen().and_then(|()| socket.finish_listen())),
            8 => drop(socket.start_listen()),
            9 => drop(socket.finish_listen()),
            10 | 11 => {
                if let Ok((socket, input, output)) = socket.accept() {
                    let streams = Some((input, output));
                    self.tcp.push(Tcp {
                        pollables: Vec::new(),
                        streams,
                        socket,
                    });
                }
            }
            12 => {
                let how = [ShutdownType::Receive, ShutdownType::Send, ShutdownType::Both];
                let _ = socket.shutdown(how[usize::try_from(value % 3).unwrap_or(0)]);
            }
            13 => {
                let _ = socket.set_listen_backlog_size(value);
                let _ = socket.set_keep_alive_idle_time(value);
                let _ = socket.set_keep_alive_interval(value);
                let _ = socket.set_keep_alive_count(value as u32);
            }
            14 => {
                let _ = socket.set_hop_limit(value as u8);
                let _ = socket.set_receive_buffer_size(value);
                let _ = socket.set_send_buffer_size(value);
                let _ = socket.set_keep_alive_enabled(value % 2 == 0);
            }
            15 => {
                let _ = (
                    socket.local_address(),
                    socket.remote_address(),
                    socket.is_listening(),
                );
                let _ = (
                    socket.hop_limit(),
                    socket.send_buffer_size(),
                    socket.keep_alive_count(),
                );
            }
            16 => pollables.push(socket.subscribe()),
            17 => {
                if let Some((input, output)) = streams {
                    pollables.extend([input.subscribe(), output.subscribe()]);
                }
            }
            18 => {
                pollables.clear();
                *streams = None;
            }
            19 => drop(self.tcp.swap_remove(place)),
            20 => drop(streams.as_ref().map(|(input, _)| input.read(value))),
            21 => drop(streams.as_ref().map(|(input, _)| input.skip(value))),
            22 | 23 => {
                if let Some((_, output)) = streams {
                    let permit = output.check_write().unwrap_or(0);
                    let len = usize::try_from(permit).unwrap_or(0).min(data.len());
                    let _ = output.write(&data[..len]);
                }
            }
            24 => {
                if let Some((_, output)) = streams {
                    let _ = output
                        .check_write()
                        .and_then(|permit| output.write_zeroes(permit.min(value)));
                    let _ = output.flush();
                }
            }
            _ => {
                if let (Some((_, output)), Some((input, _))) =
                    (&self.tcp[place].streams, &self.tcp[other].streams)
                {
                    let _ = output.splice(input, value);
                }
            }
        }
    }

    fn step_udp(&mut self) {
        if self.udp.is_empty() || (self.udp.len() < MOST && self.below(6) == 0) {
            let family = self.family();
            if let Ok(socket) = create_udp_socket(family) {
                self.udp.push(Udp {
                    pollables: Vec::new(),
                    streams: None,
                    socket,
                });
            }
            return;
        }
        let place = self.place(self.udp.len());
        let (to, value, what) = (self.address(), self.any(), self.below(14));
        let list: Vec<_> = (0..self.below(17))
            .map(|_| {
                let data = vec![7; usize::try_from(self.any() % 66_000).unwrap_or(0)];
                let to = self.address();
                datagram(&data, (self.below(4) > 0).then_some(to))
            })
            .collect();
        let Udp {
            pollables,
            streams,
            socket,
        } = &mut self.udp[place];
        match what {
            0 | 1 => {
                if socket.start_bind(&self.network, to).is_ok() && socket.finish_bind().is_ok() {
                    self.ports
                        .extend(socket.local_address().map(|here| socket_addr(here).port()));
                }
            }
            2 => drop(socket.start_bind(&self.network, to)),
            3 => drop(socket.finish_bind()),
            4..=6 => {
                pollables.clear();
                *streams = None;
                *streams = socket.stream((value % 3 > 0).then_some(to)).ok();
            }
            7 | 8 => {
                if let Some((_, outgoing)) = streams {
                    let permit = outgoing.check_send().unwrap_or(0);
                    let count = usize::try_from(permit).unwrap_or(0).min(list.len());
                    let _ = outgoing.send(&list[..count]);
                }
            }
            9 | 10 => drop(streams.as_ref().map(|(incoming, _)| incoming.receive(value))),
            11 => {
                pollables.push(socket.subscribe());
                if let Some((incoming, outgoing)) = streams {
                    pollables.extend([incoming.subscribe(), outgoing.subscribe()]);
                }
            }
            12 => {
                let _ = (
                    socket.set_unicast_hop_limit(value as u8),
                    socket.set_send_buffer_size(value),
                );
                let _ = (
                    socket.local_address(),
                    socket.remote_address(),
                    socket.unicast_hop_limit(),
                );
            }
            _ => drop(self.udp.swap_remove(place)),
        }
    }

    fn step_lookup(&mut self) {
        if self.lookups.len() < 8 {
            let names = [
                "localhost",
                "127.0.0.1",
                "::1",
                "a.localhost",
                "denied.example",
                "",
                "[::1]",
                "a..b",
            ];
            let name = names[self.place(names.len())];
            if let Ok(stream) = resolve_addresses(&self.network, name) {
                self.lookups.push(Lookup {
                    pollables: Vec::new(),
                    stream,
                });
            }
            return;
        }
        let place = self.place(self.lookups.len());
        let what = self.below(3);
        let Lookup { pollables, stream } = &mut self.lookups[place];
        match what {
            0 => drop(stream.resolve_next_address()),
            1 => pollables.push(stream.subscribe()),
            _ => drop(self.lookups.swap_remove(place)),
        }
    }

    /// Waits for some of all pollables, and for a moment at most.
    fn wait(&mut self) {
        let all: Vec<&Pollable> = (self.tcp.iter().flat_map(|tcp| &tcp.pollables))
            .chain(self.udp.iter().flat_map(|udp| &udp.pollables))
            .chain(self.lookups.iter().flat_map(|lookup| &lookup.pollables))
            .collect();
        let soon = subscribe_duration(self.dice % 100_000);
        let mut list = vec![&soon];
        list.extend(
            all.iter()
                .skip(usize::try_from(self.dice % 7).unwrap_or(0))
                .step_by(3),
        );
        let ready = poll(&list);
        assert!(!ready.is_empty() && ready.iter().all(|place| (*place as usize) < list.len()));
    }
}
