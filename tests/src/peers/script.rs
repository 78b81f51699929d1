//! A DNS server whose every answer the test writes, for what no honest server does: answers that change, come late or
//! never, or are hostile. It reads and writes the wire format itself and shares no code with the resolver under test.
//!
//! Not a resolver, and not for what dnsmasq can say.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The types of records that tests name.
pub mod kind {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// The name that a name stands for.
    pub const CNAME: u16 = 5;
    /// Who is responsible for a zone, and how long a failure may be kept.
    pub const SOA: u16 = 6;
    /// The name of an address.
    pub const PTR: u16 = 12;
    /// Text.
    pub const TXT: u16 = 16;
    /// An IPv6 address.
    pub const AAAA: u16 = 28;
}

/// Response codes (RFC 1035, 4.1.1).
pub mod code {
    /// The server failed.
    pub const SERVFAIL: u8 = 2;
    /// There is no such name.
    pub const NXDOMAIN: u8 = 3;
    /// The server does not want to.
    pub const REFUSED: u8 = 5;
}

/// How long a test waits for a query that must come: a guest may have to be compiled first.
const PATIENCE: Duration = Duration::from_secs(180);

/// One query as it came.
#[derive(Clone, Debug)]
pub struct Query {
    /// The name without its last dot, in the case that was sent.
    pub name: String,
    /// The type of record.
    pub kind: u16,
    /// Whether it came over TCP.
    pub tcp: bool,
    /// How often the same name and type were asked for before, over UDP and TCP together.
    pub before: usize,
    /// The whole message.
    pub message: Vec<u8>,
    /// Where the question ends in it.
    end: usize,
}

impl Query {
    fn read(message: &[u8], tcp: bool) -> Option<Self> {
        let (mut labels, mut at) = (Vec::new(), 12);
        loop {
            let len = usize::from(*message.get(at)?);
            at += 1;
            if len == 0 {
                break;
            }
            labels.push(String::from_utf8_lossy(message.get(at..at + len)?).into_owned());
            at += len;
        }
        let kind = message.get(at..at + 2)?;
        Some(Self {
            name: labels.join("."),
            kind: u16::from_be_bytes(kind.try_into().ok()?),
            tcp,
            before: 0,
            message: message.to_vec(),
            end: at + 4,
        })
    }

    /// An answer to it without a record yet.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let mut message = self.message[..self.end].to_vec();
        // A response, recursion desired and available; one question, nothing else.
        message[2] = 0x81;
        message[3] = 0x80;
        message[4..12].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 0]);
        Answer { message }
    }

    /// An answer with this address of this name, or without one if it is not of the family that was asked for.
    #[must_use]
    pub fn address(&self, ip: impl Into<IpAddr>, ttl: u32) -> Answer {
        let ip = ip.into();
        if self.kind == if ip.is_ipv4() { kind::A } else { kind::AAAA } {
            self.answer().ip(&self.name, ttl, ip)
        } else {
            self.answer()
        }
    }
}

/// A message that is being written.
#[derive(Clone, Debug)]
pub struct Answer {
    message: Vec<u8>,
}

impl Answer {
    /// One more record in the answer section.
    #[must_use]
    pub fn record(self, owner: &str, kind: u16, ttl: u32, data: &[u8]) -> Self {
        self.raw(&encoded(owner), kind, ttl, data)
    }

    /// The same with the owner's name in bytes, which need not be a name at all.
    #[must_use]
    pub fn raw(mut self, owner: &[u8], kind: u16, ttl: u32, data: &[u8]) -> Self {
        self.count(6);
        self.append(owner, kind, ttl, data);
        self
    }

    /// An address record of the address's family.
    #[must_use]
    pub fn ip(self, owner: &str, ttl: u32, ip: impl Into<IpAddr>) -> Self {
        match ip.into() {
            IpAddr::V4(ip) => self.record(owner, kind::A, ttl, &ip.octets()),
            IpAddr::V6(ip) => self.record(owner, kind::AAAA, ttl, &ip.octets()),
        }
    }

    /// `owner` is another name for `target`.
    #[must_use]
    pub fn cname(self, owner: &str, ttl: u32, target: &str) -> Self {
        self.record(owner, kind::CNAME, ttl, &encoded(target))
    }

    /// The zone's record that says for how long a failure may be kept. It must come after the answers.
    #[must_use]
    pub fn soa(mut self, zone: &str, ttl: u32) -> Self {
        let mut data = [encoded(zone), encoded(zone)].concat();
        for number in [1, 3600, 600, 86400, ttl] {
            data.extend(u32::to_be_bytes(number));
        }
        self.count(8);
        self.append(&encoded(zone), kind::SOA, ttl, &data);
        self
    }

    /// A record in the additional section. It must come last.
    #[must_use]
    pub fn additional(mut self, owner: &str, ttl: u32, ip: Ipv4Addr) -> Self {
        self.count(10);
        self.append(&encoded(owner), kind::A, ttl, &ip.octets());
        self
    }

    /// The response code.
    #[must_use]
    pub fn code(mut self, code: u8) -> Self {
        self.message[3] = self.message[3] & 0xf0 | code;
        self
    }

    /// The flag that says: ask again over TCP.
    #[must_use]
    pub fn truncated(mut self) -> Self {
        self.message[2] |= 2;
        self
    }

    /// Another identifier than the query's.
    #[must_use]
    pub fn wrong_id(mut self) -> Self {
        self.message[1] ^= 1;
        self
    }

    /// The message as it goes out.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        self.message
    }

    /// One more in the section whose count is at this offset.
    fn count(&mut self, at: usize) {
        let count = u16::from_be_bytes([self.message[at], self.message[at + 1]]) + 1;
        self.message[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }

    fn append(&mut self, owner: &[u8], kind: u16, ttl: u32, data: &[u8]) {
        let len = u16::try_from(data.len()).expect("a record's data has a length of 16 bits");
        self.message.extend(owner);
        self.message.extend(kind.to_be_bytes());
        self.message.extend([0, 1]);
        self.message.extend(ttl.to_be_bytes());
        self.message.extend(len.to_be_bytes());
        self.message.extend(data);
    }
}

/// A name as labels with their lengths.
#[must_use]
pub fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).expect("a label has at most 63 bytes"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

/// What to answer: the datagrams to send, none for silence. Over TCP only the first is sent, and none closes.
type Script = dyn Fn(&Query) -> Vec<Vec<u8>> + Send + Sync;

#[derive(Default)]
struct Log {
    asked: Vec<Query>,
    times: HashMap<(String, u16), usize>,
    connections: Vec<TcpStream>,
    ended: bool,
}

struct Shared {
    script: Box<Script>,
    log: Mutex<Log>,
    changed: Condvar,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answers(&self, message: &[u8], tcp: bool) -> Vec<Vec<u8>> {
        let Some(mut asked) = Query::read(message, tcp) else {
            return Vec::new();
        };
        let mut log = self.log();
        let times = log
            .times
            .entry((asked.name.to_ascii_lowercase(), asked.kind))
            .or_default();
        asked.before = *times;
        *times += 1;
        log.asked.push(asked.clone());
        drop(log);
        self.changed.notify_all();
        (self.script)(&asked)
    }
}

/// A running server on loopback, on UDP and TCP with the same port. Dropping it ends its threads.
pub struct ScriptedDns {
    addr: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for ScriptedDns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScriptedDns")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

impl ScriptedDns {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// When no port is free on both.
    #[must_use]
    pub fn start(script: impl Fn(&Query) -> Vec<Vec<u8>> + Send + Sync + 'static) -> Self {
        let (tcp, udp) = both_sockets();
        let addr = tcp.local_addr().expect("local_addr");
        let shared = Arc::new(Shared {
            script: Box::new(script),
            log: Mutex::default(),
            changed: Condvar::new(),
        });
        let (on_udp, on_tcp) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            std::thread::spawn(move || serve_udp(&udp, &on_udp)),
            std::thread::spawn(move || serve_tcp(&tcp, &on_tcp)),
        ];
        Self {
            addr,
            shared,
            threads,
        }
    }

    /// A server that answers each question with one message.
    #[must_use]
    pub fn answering(script: impl Fn(&Query) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(move |asked| vec![script(asked).bytes()])
    }

    /// Where it listens, over UDP and TCP.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The queries that have come, in their order.
    #[must_use]
    pub fn asked(&self) -> Vec<Query> {
        self.shared.log().asked.clone()
    }

    /// How often this name was asked for, with any type.
    #[must_use]
    pub fn times(&self, name: &str) -> usize {
        let log = self.shared.log();
        log.asked.iter().filter(|asked| asked.name == name).count()
    }

    /// Waits until this name has been asked for so often.
    ///
    /// # Panics
    ///
    /// When it has not been in three minutes.
    pub fn wait_for(&self, name: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        let mut log = self.shared.log();
        while log.asked.iter().filter(|asked| asked.name == name).count() < times {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{name} was not asked for {times} times");
            let waited = self.shared.changed.wait_timeout(log, left);
            log = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for ScriptedDns {
    fn drop(&mut self) {
        let mut log = self.shared.log();
        log.ended = true;
        for connection in log.connections.drain(..) {
            // It fails when the peer has gone already, which is as good.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(log);
        // Both wake a thread that waits; one that has ended already needs no waking.
        if let Ok(socket) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = socket.send_to(&[], self.addr);
        }
        let _ = TcpStream::connect(self.addr);
        for thread in self.threads.drain(..) {
            // A panic of a script has been printed; the test fails by what the guest saw.
            let _ = thread.join();
        }
    }
}

fn both_sockets() -> (TcpListener, UdpSocket) {
    // Another program may have the port that TCP gets on UDP.
    for _ in 0..100 {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().expect("local_addr")) {
            return (tcp, udp);
        }
    }
    panic!("no port is free on TCP and UDP");
}

fn serve_udp(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 4096];
    loop {
        let received = socket.recv_from(&mut buffer);
        if shared.log().ended {
            return;
        }
        // An error is a client's that has gone.
        let Ok((len, from)) = received else { continue };
        for datagram in shared.answers(&buffer[..len], false) {
            let _ = socket.send_to(&datagram, from);
        }
    }
}

fn serve_tcp(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        let mut log = shared.log();
        if log.ended {
            break;
        }
        log.connections
            .push(stream.try_clone().expect("another descriptor"));
        drop(log);
        let shared = Arc::clone(shared);
        threads.push(std::thread::spawn(move || {
            serve_connection(&stream, &shared);
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// One query after the other, each behind its length.
fn serve_connection(mut stream: &TcpStream, shared: &Shared) {
    let mut len = [0; 2];
    while stream.read_exact(&mut len).is_ok() {
        let mut message = vec![0; u16::from_be_bytes(len).into()];
        if stream.read_exact(&mut message).is_err() {
            break;
        }
        let Some(answer) = shared.answers(&message, true).into_iter().next() else {
            break;
        };
        let len = u16::try_from(answer.len()).expect("an answer has at most 65535 bytes");
        if stream
            .write_all(&[&len.to_be_bytes()[..], &answer].concat())
            .is_err()
        {
            break;
        }
    }
    // The log keeps another descriptor of it, so that dropping this one ends nothing.
    let _ = stream.shutdown(Shutdown::Both);
}
