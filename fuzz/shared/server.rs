//! A DNS server whose answers are the input's, and the client of `host-os` that asks it, without a network: hickory's
//! client writes its queries here and reads whatever comes back, over UDP and TCP.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use hickory_resolver::Resolver;
use hickory_resolver::net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_resolver::net::runtime::{DnsUdpSocket, RuntimeProvider, TokioHandle, TokioTime};
use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, PTR, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Where the server is said to be.
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 53);

/// Names that records are about. A name that was asked for is one more.
const OWNERS: [&str; 7] = [
    "x.example.",
    "y.example.",
    "bad.example.",
    "db.",
    "end.cdn.test.",
    "evil.test.",
    ".",
];

const LIFETIMES: [u32; 8] = [0, 1, 29, 60, 3600, 86_400, 1_000_000, u32::MAX];

/// Addresses of every class that the policy distinguishes, as records can have them.
pub(crate) const ADDRESSES: [&str; 16] = [
    "93.184.216.34",
    "93.184.216.35",
    "10.0.0.5",
    "127.0.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "224.0.0.1",
    "100.64.0.1",
    "2606:4700::1",
    "::1",
    "::",
    "::ffff:10.0.0.5",
    "fe80::1",
    "fd00:ec2::254",
    "64:ff9b::a00:5",
    "2002:a00:5::1",
];

/// The server, and what is left of the input.
#[derive(Clone)]
pub(crate) struct Server(Arc<Mutex<Script>>);

struct Script {
    bytes: VecDeque<u8>,
    queries: usize,
}

impl Server {
    pub(crate) fn new(bytes: &[u8]) -> Server {
        Server(Arc::new(Mutex::new(Script {
            bytes: bytes.iter().copied().collect(),
            queries: 0,
        })))
    }

    /// The next byte of the input.
    pub(crate) fn next(&self) -> Option<u8> {
        self.script(|script| script.bytes.pop_front())
    }

    /// The next byte, or 0 at the end.
    pub(crate) fn byte(&self) -> u8 {
        self.next().unwrap_or(0)
    }

    /// So many bytes, or what is left.
    pub(crate) fn take(&self, count: usize) -> Vec<u8> {
        self.script(|script| {
            let count = count.min(script.bytes.len());
            script.bytes.drain(..count).collect()
        })
    }

    pub(crate) fn one_of<T: Copy>(&self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    /// How many queries have come so far.
    pub(crate) fn queries(&self) -> usize {
        self.script(|script| script.queries)
    }

    /// A client of this server.
    pub(crate) fn client(&self) -> Resolver<Provider> {
        let provider = Provider {
            server: self.clone(),
            handle: TokioHandle::default(),
        };
        crate::dns::client(&[SERVER], provider).expect("one server")
    }

    fn script<T>(&self, use_it: impl FnOnce(&mut Script) -> T) -> T {
        use_it(&mut self.0.lock().expect("no panic while it is held"))
    }

    /// The datagrams that come back. None at the end of the input, which the client sees as an error.
    fn respond(&self, query: &[u8]) -> VecDeque<Vec<u8>> {
        self.script(|script| script.queries += 1);
        let mut datagrams = VecDeque::new();
        while let Some(kind) = self.next() {
            let mut datagram = match kind % 8 {
                // Anything at all, and anything behind a right header and question.
                0 => self.take(usize::from(kind)),
                1 => {
                    let counts = self.take(7);
                    let mut datagram = query.to_vec();
                    datagram.splice(
                        3..12,
                        [0x80].into_iter().chain([0, 1]).chain(counts.into_iter().skip(1)),
                    );
                    datagram.resize(datagram.len().max(12), 0);
                    datagram.extend(self.take(usize::from(kind) * 2));
                    datagram
                }
                _ => self.message(query, kind).to_vec().unwrap_or_default(),
            };
            if let (Some(id), Some(place), false) = (query.get(..2), datagram.get_mut(..2), kind == 0) {
                place.copy_from_slice(id);
            }
            // A few bytes fell over on the way.
            for _ in 0..(kind >> 6).saturating_sub(1) {
                let at = usize::from(u16::from_be_bytes([self.byte(), self.byte()]));
                if let Some(byte) = datagram.get_mut(at) {
                    *byte = self.byte();
                }
            }
            datagrams.push_back(datagram);
            if kind % 8 != 2 {
                break;
            }
        }
        datagrams
    }

    /// A message that can be read, with records about anything.
    fn message(&self, query: &[u8], kind: u8) -> Message {
        let asked = Message::from_vec(query).ok();
        let mut reply = Message::response(0, OpCode::Query);
        let question = asked.as_ref().and_then(|asked| asked.queries.first());
        reply.add_queries(question.cloned());
        let owner = || match self.byte() {
            byte @ 0..128 => {
                let text = OWNERS[usize::from(byte) % OWNERS.len()];
                Name::from_ascii(text).expect("a name")
            }
            _ => question.map(|question| question.name.clone()).unwrap_or_default(),
        };
        reply.metadata.truncation = kind % 8 == 3;
        reply.metadata.response_code = match self.byte() {
            byte @ 240.. => ResponseCode::from(0, byte & 15),
            _ => ResponseCode::NoError,
        };
        // What says for how long there is no such name, or no such record.
        if kind % 8 == 4 {
            reply.metadata.response_code = self.one_of(&[ResponseCode::NXDomain, ResponseCode::NoError]);
            let lifetime = self.one_of(&LIFETIMES);
            let soa = SOA::new(owner(), owner(), 1, 2, 3, 4, lifetime);
            reply.add_authority(Record::from_rdata(owner(), lifetime, RData::SOA(soa)));
            return reply;
        }
        // More addresses than a guest gets.
        if kind % 8 == 5 {
            let (owner, lifetime) = (owner(), self.one_of(&LIFETIMES));
            for last in 0..self.byte() {
                let data = RData::A(A(Ipv4Addr::new(93, 184, 217, last)));
                reply.add_answer(Record::from_rdata(owner.clone(), lifetime, data));
            }
        }
        for _ in 0..self.byte() % 80 {
            let record = Record::from_rdata(owner(), self.one_of(&LIFETIMES), self.data(&owner));
            match self.byte() {
                0..200 => reply.add_answer(record),
                200..225 => reply.add_authority(record),
                _ => reply.add_additional(record),
            };
        }
        reply
    }

    fn data(&self, name: &dyn Fn() -> Name) -> RData {
        match self.byte() {
            0..128 => match self.one_of(&ADDRESSES).parse().expect("an address") {
                IpAddr::V4(ip) => RData::A(A(ip)),
                IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
            },
            128..208 => RData::CNAME(CNAME(name())),
            208..232 => RData::PTR(PTR(name())),
            232..248 => RData::SOA(SOA::new(name(), name(), 1, 2, 3, 4, self.one_of(&LIFETIMES))),
            _ => RData::TXT(TXT::new(vec!["text".to_owned()])),
        }
    }
}

/// The network of hickory's client.
#[derive(Clone)]
pub(crate) struct Provider {
    server: Server,
    handle: TokioHandle,
}

/// What the server sent.
pub(crate) struct Connection {
    server: Server,
    arrived: Mutex<VecDeque<Vec<u8>>>,
}

type Opening<T> = Pin<Box<dyn Send + Future<Output = io::Result<T>>>>;

impl Provider {
    fn open(&self) -> Connection {
        Connection {
            server: self.server.clone(),
            arrived: Mutex::default(),
        }
    }
}

impl RuntimeProvider for Provider {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = Connection;
    type Tcp = AsyncIoTokioAsStd<Connection>;

    fn create_handle(&self) -> TokioHandle {
        self.handle.clone()
    }

    fn connect_tcp(&self, _: SocketAddr, _: Option<SocketAddr>, _: Option<Duration>) -> Opening<Self::Tcp> {
        let connection = AsyncIoTokioAsStd(self.open());
        Box::pin(async move { Ok(connection) })
    }

    fn bind_udp(&self, _: SocketAddr, _: SocketAddr) -> Opening<Connection> {
        let connection = self.open();
        Box::pin(async move { Ok(connection) })
    }
}

impl Connection {
    fn arrived<T>(&self, use_it: impl FnOnce(&mut VecDeque<Vec<u8>>) -> T) -> T {
        use_it(&mut self.arrived.lock().expect("no panic while it is held"))
    }
}

impl DnsUdpSocket for Connection {
    type Time = TokioTime;

    fn poll_recv_from(&self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        let Some(datagram) = self.arrived(VecDeque::pop_front) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
        };
        let len = datagram.len().min(buf.len());
        buf[..len].copy_from_slice(&datagram[..len]);
        Poll::Ready(Ok((len, SERVER)))
    }

    fn poll_send_to(&self, _: &mut Context<'_>, buf: &[u8], _: SocketAddr) -> Poll<io::Result<usize>> {
        let datagrams = self.server.respond(buf);
        self.arrived(|arrived| arrived.extend(datagrams));
        Poll::Ready(Ok(buf.len()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.arrived(|arrived| {
            // Nothing left is the end of the stream.
            if let Some(mut bytes) = arrived.pop_front() {
                let rest = bytes.split_off(bytes.len().min(buf.remaining()));
                buf.put_slice(&bytes);
                if !rest.is_empty() {
                    arrived.push_front(rest);
                }
            }
        });
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        // The length and the message are written by two calls.
        if buf.len() > 2 {
            let message = if usize::from(u16::from_be_bytes([buf[0], buf[1]])) == buf.len() - 2 {
                &buf[2..]
            } else {
                buf
            };
            let messages = self.server.respond(message);
            self.arrived(|arrived| {
                for message in messages {
                    let len = u16::try_from(message.len()).expect("a short message");
                    arrived.push_back([&len.to_be_bytes()[..], &message].concat());
                }
            });
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
