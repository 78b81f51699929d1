//! The same random calls on a socket of a guest, which reads ahead, and on one of the kernel: every answer must be the same.
//!
//! `GUESTNET_UDP_CASES` is how many sequences are tried. A failure names the calls of its sequence and their seed; `GUESTNET_UDP_SEED`
//! runs that one alone.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_core::{
    Capacity, Domain, EpollInterest, EpollMode, EpollOp, Errno, Fd, Guest, IncomingMessage, Kind, OptValue,
    Ready, RecvFlags, SendFlags, SharedGuestThread, Shutdown, SockAddr, SockOpt,
};
use rustix::event::epoll;
use rustix::net::SocketAddrAny;

use crate::convert::{errno, errno_of_raw};
use crate::poll::pollfd;
use crate::{OsHost, sys, wait};

/// How many bursts of several datagrams were taken in all tests of this process.
pub(super) static BURSTS: AtomicU64 = AtomicU64::new(0);

/// What may be in a receive queue: far from the default `SO_RCVBUF`, beyond which the kernel drops as memory is counted.
const MAX_QUEUED: usize = 90_000;

/// What one datagram takes of it, beside its bytes.
const OVERHEAD: usize = 1_300;

const SENDERS: usize = 3;
const CALLS: usize = 60;
const CASES: u64 = 300;

/// A generator of numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Once in so many times.
    fn once_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// A datagram as a receive gives it: its bytes, what the call returned, whether it was truncated, and its sender.
type Datagram = (Vec<u8>, usize, bool, SockAddr);

/// What an epoll reports, by the data of its interest.
type Events = Vec<(u64, Ready)>;

/// A socket of a guest and one of the kernel, which get the same datagrams.
struct Sockets {
    guest: SharedGuestThread<OsHost, ()>,
    fd: Fd,
    kernel: OwnedFd,
    epoll: Option<(Fd, OwnedFd)>,
    watched: bool,
    /// An epoll reports changes only. Such a one may have begun to watch when there was a burst that the kernel had given already: of
    /// an error that comes before its last datagram, and is taken before the epoll is asked, it then knows nothing.
    by_edge: bool,
    addrs: [SocketAddr; 2],
    senders: Vec<UdpSocket>,
    /// What each sender sends is segmented: `UDP_SEGMENT`.
    segment: Vec<i32>,
    connected: Option<usize>,
    /// A socket that gets a datagram behind all others, so that those have arrived.
    fence: UdpSocket,
    /// The sizes of what is queued, at most.
    queued: VecDeque<usize>,
    seed: u64,
    /// The calls so far, with their answers.
    calls: Vec<String>,
}

/// The start of a long answer.
fn shortened(answer: &impl std::fmt::Debug) -> String {
    let mut text = format!("{answer:?}");
    if text.len() > 600 {
        text.truncate(600);
        text.push('…');
    }
    text
}

fn bound() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

impl Sockets {
    fn new(policy: Policy, seed: u64) -> Self {
        let host = OsHost::new().unwrap();
        let mut guest = Guest::new(Arc::new(policy), Capacity::default(), 0).thread(host);
        let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        guest.bind(fd, &any.into()).unwrap();
        guest.set_nonblocking(fd, true).unwrap();
        let own = guest.local_addr(fd).unwrap().inet().unwrap();
        let kernel = bound();
        kernel.set_nonblocking(true).unwrap();
        let addrs = [own, kernel.local_addr().unwrap()];
        Sockets {
            guest,
            fd,
            kernel: kernel.into(),
            epoll: None,
            watched: false,
            by_edge: false,
            addrs,
            senders: (0..SENDERS).map(|_| bound()).collect(),
            segment: vec![0; SENDERS],
            connected: None,
            fence: bound(),
            queued: VecDeque::new(),
            seed,
            calls: Vec::new(),
        }
    }

    /// Runs a call on both, and compares.
    fn same<T: PartialEq + std::fmt::Debug>(&mut self, call: &str, guest: T, kernel: T) {
        self.calls.push(format!("{call}: {}", shortened(&guest)));
        assert!(
            guest == kernel,
            "{}\nseed {}: the kernel says {}",
            self.calls.join("\n"),
            self.seed,
            shortened(&kernel)
        );
    }

    /// Sends from a peer to both, in segments of `segment` bytes if that is not 0.
    fn send(&mut self, sender: usize, bytes: &[u8], segment: usize) {
        let size = if segment == 0 { bytes.len() } else { segment };
        let count = if size == 0 { 1 } else { bytes.len().div_ceil(size) };
        let held: usize = self.queued.iter().map(|len| len + OVERHEAD).sum();
        if held + bytes.len() + count * OVERHEAD > MAX_QUEUED {
            return;
        }
        if self.connected.is_none_or(|peer| peer == sender) {
            self.queued.extend((0..count).map(|_| size));
        }
        let wanted = i32::try_from(segment).unwrap();
        if self.segment[sender] != wanted {
            sys::setsockopt(
                self.senders[sender].as_fd(),
                libc::SOL_UDP,
                libc::UDP_SEGMENT,
                &wanted,
            )
            .unwrap();
            self.segment[sender] = wanted;
        }
        self.calls
            .push(format!("{} bytes from {sender}, {segment} each", bytes.len()));
        for addr in self.addrs {
            self.senders[sender].send_to(bytes, addr).unwrap();
        }
        self.settle();
    }

    /// Waits until what was sent has arrived: on one processor, loopback keeps the order of everything.
    fn settle(&self) {
        self.fence
            .send_to(b"|", self.fence.local_addr().unwrap())
            .unwrap();
        self.fence.recv(&mut [0; 1]).unwrap();
    }

    fn kernel_recv(&self, room: &[usize], flags: i32) -> Result<Datagram, Errno> {
        let mut bufs: Vec<Vec<u8>> = room.iter().map(|len| vec![0; *len]).collect();
        let mut slices: Vec<_> = bufs.iter_mut().map(|buf| IoSliceMut::new(buf)).collect();
        let flags = flags | libc::MSG_DONTWAIT;
        let arrival = sys::message::recvmsg(self.kernel.as_fd(), &mut slices, flags).map_err(errno)?;
        let from = arrival.from.map_or(SockAddr::Unspec, |from| {
            SocketAddr::try_from(from).map_or(SockAddr::Unspec, SockAddr::Inet)
        });
        let mut bytes = bufs.concat();
        bytes.truncate(arrival.len);
        Ok((bytes, arrival.len, arrival.flags & libc::MSG_TRUNC != 0, from))
    }

    fn guest_recv(&mut self, room: &[usize], flags: RecvFlags, form: usize) -> Result<Datagram, Errno> {
        let mut bufs: Vec<Vec<u8>> = room.iter().map(|len| vec![0; *len]).collect();
        let mut slices: Vec<_> = bufs.iter_mut().map(|buf| IoSliceMut::new(buf)).collect();
        let (received, from) = match form {
            0 => self.guest.recv_from(self.fd, &mut slices, flags)?,
            1 => {
                let message = self.guest.recv_message(self.fd, &mut slices, 0, flags)?;
                assert!(message.control.is_empty() && !message.control_truncated && !message.urgent);
                (message.received, message.from)
            }
            // Without the address, which the kernel's answer then has not either.
            _ => (self.guest.recv(self.fd, &mut slices, flags)?, SockAddr::Unspec),
        };
        let mut bytes = bufs.concat();
        bytes.truncate(received.len);
        Ok((bytes, received.len, received.truncated, from))
    }

    fn recv(&mut self, random: &mut Random) {
        let whole = [2_000];
        let rooms: [&[usize]; 6] = [&whole, &[65_536], &[1, 0, 700, 70_000], &[10], &[], &[0]];
        let room = if random.once_in(3) {
            random.one_of(&rooms)
        } else {
            &whole
        };
        let flags = match random.below(8) {
            0 => RecvFlags::PEEK,
            1 => RecvFlags::PEEK | RecvFlags::TRUNC,
            2 => RecvFlags::TRUNC,
            3 => RecvFlags::WAITALL,
            _ => RecvFlags::empty(),
        };
        let form = random.below(3);
        let mut raw = 0;
        for (flag, bit) in [
            (RecvFlags::PEEK, libc::MSG_PEEK),
            (RecvFlags::TRUNC, libc::MSG_TRUNC),
            (RecvFlags::WAITALL, libc::MSG_WAITALL),
        ] {
            raw |= if flags.contains(flag) { bit } else { 0 };
        }
        let mut kernel = self.kernel_recv(room, raw);
        if let (2, Ok(datagram)) = (form, &mut kernel) {
            datagram.3 = SockAddr::Unspec;
        }
        if kernel.is_ok() && !flags.contains(RecvFlags::PEEK) {
            self.queued.pop_front();
        }
        let guest = self.guest_recv(room, flags, form);
        self.same(
            &format!("recv of {room:?}, {flags:?}, form {form}"),
            guest,
            kernel,
        );
    }

    /// recvmmsg(2) of the guest against as many receives of the kernel's socket.
    fn recv_batch(&mut self, random: &mut Random) {
        let count = 1 + random.below(6);
        let mut kernel = Vec::new();
        while kernel.len() < count {
            match self.kernel_recv(&[1_500], 0) {
                Err(errno) if kernel.is_empty() => {
                    kernel.push(Err(errno));
                    break;
                }
                // Of a connected socket: what the next call of the guest says.
                Err(_) => break,
                Ok(datagram) => {
                    self.queued.pop_front();
                    kernel.push(Ok(datagram));
                }
            }
        }
        let mut bytes = vec![[0_u8; 1_500]; count];
        let mut slices: Vec<_> = bytes.iter_mut().map(|bytes| [IoSliceMut::new(bytes)]).collect();
        let mut messages: Vec<_> = slices
            .iter_mut()
            .map(|bufs| IncomingMessage {
                bufs,
                wants_control: random.once_in(2),
                rights: 0,
                message: None,
            })
            .collect();
        let came = self
            .guest
            .recv_batch(self.fd, &mut messages, RecvFlags::empty(), false, None);
        let came: Vec<_> = match came {
            Err(errno) => vec![Err(errno)],
            Ok((came, _)) => {
                let messages: Vec<_> = messages
                    .into_iter()
                    .map(|message| message.message)
                    .take(came)
                    .collect();
                messages
                    .into_iter()
                    .zip(&bytes)
                    .map(|(message, bytes)| {
                        let message = message.unwrap();
                        let len = message.received.len;
                        Ok((
                            bytes[..len].to_vec(),
                            len,
                            message.received.truncated,
                            message.from,
                        ))
                    })
                    .collect()
            }
        };
        self.same(&format!("recvmmsg of {count}"), came, kernel);
    }

    fn poll(&mut self, random: &mut Random) {
        let want = random.one_of(&[Ready::READ, Ready::WRITE, Ready::READ | Ready::WRITE]);
        let mut asked = [pollfd(self.kernel.as_raw_fd(), want)];
        sys::ppoll(&mut asked, Some(Duration::ZERO)).unwrap();
        let [answer] = asked;
        let kernel = wait::epoll_ready(epoll::EventFlags::from_bits_retain(u32::from(
            answer.revents.cast_unsigned(),
        )));
        // Few descriptors and many are polled in two ways, and a list is kept where it stays the same.
        let times = random.one_of(&[1, 1, 7]);
        self.guest.poll_begin();
        for token in 0..times {
            self.guest.poll_add(token, self.fd, want).unwrap();
        }
        self.guest.poll_wait(Some(Duration::ZERO)).unwrap();
        let mut ready: Vec<_> = self
            .guest
            .poll_events()
            .map(|event| (event.token, event.ready))
            .collect();
        ready.sort_unstable_by_key(|(token, _)| *token);
        let expected: Vec<_> = (0..times)
            .filter(|_| !kernel.is_empty())
            .map(|token| (token, kernel))
            .collect();
        self.same(&format!("poll of {want:?}, {times} times"), ready, expected);
    }

    fn readable_bytes(&mut self) {
        let mut asked = [pollfd(self.kernel.as_raw_fd(), Ready::empty())];
        sys::ppoll(&mut asked, Some(Duration::ZERO)).unwrap();
        if asked[0].revents & libc::POLLERR != 0 {
            // The one difference: `next_length`.
            return;
        }
        let kernel = sys::fionread(self.kernel.as_fd()).map_err(errno);
        let guest = self
            .guest
            .readable_bytes(self.fd)
            .map(|len| i32::try_from(len).unwrap());
        self.same("FIONREAD", guest, kernel);
    }

    fn error(&mut self) {
        let raw = sys::getsockopt::<i32>(self.kernel.as_fd(), libc::SOL_SOCKET, libc::SO_ERROR).unwrap();
        let guest = self.guest.option(self.fd, SockOpt::Error).unwrap();
        self.same("SO_ERROR", guest, OptValue::Error(errno_of_raw(raw)));
    }

    fn connect(&mut self, to: Option<usize>) {
        let addr = to.map(|sender| self.senders[sender].local_addr().unwrap());
        self.connect_to(addr);
        self.connected = to;
    }

    fn connect_to(&mut self, addr: Option<SocketAddr>) {
        let kernel = match addr {
            Some(addr) => rustix::net::connect(&self.kernel, &addr),
            None => rustix::net::connect_unspec(&self.kernel),
        };
        let guest = self
            .guest
            .connect(self.fd, &addr.map_or(SockAddr::Unspec, SockAddr::Inet));
        self.same(&format!("connect to {addr:?}"), guest, kernel.map_err(errno));
    }

    /// Connects both to a port where nothing is, and sends to it: an error becomes pending.
    fn be_refused(&mut self) {
        let closed = bound().local_addr().unwrap();
        self.connect_to(Some(closed));
        // No sender is the peer.
        self.connected = Some(SENDERS);
        self.send_own(None);
    }

    /// Sends from both, to the peer or to an address.
    fn send_own(&mut self, to: Option<SocketAddr>) {
        let to_kernel = to.map(SocketAddrAny::from);
        let bufs = [IoSlice::new(b"own")];
        let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
        let kernel = sys::message::sendmsg(self.kernel.as_fd(), &bufs, to_kernel.as_ref(), &mut [], flags)
            .map_err(errno);
        let mut bufs = [IoSlice::new(b"own")];
        let guest = match to {
            None => self.guest.send(self.fd, &mut bufs, SendFlags::empty()),
            Some(to) => self
                .guest
                .send_to(self.fd, &mut bufs, &to.into(), SendFlags::empty()),
        };
        self.same(&format!("send to {to:?}"), guest, kernel);
        self.settle();
    }

    fn dup(&mut self) {
        let second = self.guest.dup(self.fd).unwrap();
        self.guest.close(self.fd).unwrap();
        self.fd = second;
    }

    /// Begins to watch both with an epoll, changes how, or ends it.
    fn watch(&mut self, random: &mut Random) {
        if self.epoll.is_none() {
            let kernel = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
            self.epoll = Some((self.guest.epoll_create().unwrap(), kernel));
        }
        let Some((set, kernel)) = &self.epoll else { return };
        let interest = EpollInterest {
            ready: random.one_of(&[Ready::READ, Ready::READ | Ready::WRITE]),
            mode: random.one_of(&[EpollMode::empty(), EpollMode::EDGE]),
            data: 7,
        };
        let data = epoll::EventData::new_u64(interest.data);
        let flags = wait::epoll_flags(interest);
        let op = match (self.watched, random.once_in(2)) {
            (false, _) => EpollOp::Add(interest),
            (true, true) => EpollOp::Modify(interest),
            (true, false) => EpollOp::Delete,
        };
        let expected = match op {
            EpollOp::Add(_) => epoll::add(kernel, &self.kernel, data, flags),
            EpollOp::Modify(_) => epoll::modify(kernel, &self.kernel, data, flags),
            EpollOp::Delete => epoll::delete(kernel, &self.kernel),
        };
        let guest = self.guest.epoll_control(*set, self.fd, op);
        self.watched = !matches!(op, EpollOp::Delete);
        self.by_edge = self.watched && interest.mode.contains(EpollMode::EDGE);
        self.same(&format!("epoll_ctl {op:?}"), guest, expected.map_err(errno));
    }

    fn epoll_wait(&mut self) {
        let Some((set, kernel)) = &self.epoll else { return };
        let mut taken: Vec<epoll::Event> = Vec::with_capacity(8);
        let none = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        epoll::wait(kernel, rustix::buffer::spare_capacity(&mut taken), Some(&none)).unwrap();
        let expected: Events = taken
            .iter()
            .map(|event| (event.data.u64(), wait::epoll_ready(event.flags)))
            .collect();
        let mut events = Vec::new();
        self.guest
            .epoll_wait(*set, 8, Some(Duration::ZERO), &mut events)
            .unwrap();
        // What is ready for two reasons may be said by two events.
        let mut merged: Events = Vec::new();
        for event in events {
            match merged.iter_mut().find(|(data, _)| *data == event.data) {
                Some((_, ready)) => *ready |= event.ready,
                None => merged.push((event.data, event.ready)),
            }
        }
        self.same("epoll_wait", merged, expected);
    }

    fn shut(&mut self, how: Shutdown) {
        let raw = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        let kernel = rustix::net::shutdown(&self.kernel, raw).map_err(errno);
        let guest = self.guest.shutdown(self.fd, how);
        self.same(&format!("shutdown {how:?}"), guest, kernel);
    }

    /// As many receives in a row as begin to read ahead.
    fn warm_up(&mut self) {
        for _ in 0..=crate::burst::STREAK {
            self.send(0, b"warm", 0);
            let kernel = self.kernel_recv(&[10], 0);
            let guest = self.guest_recv(&[10], RecvFlags::empty(), 0);
            self.same("warm up", guest, kernel);
            self.queued.clear();
        }
    }

    fn send_some(&mut self, random: &mut Random) {
        let sender = random.below(SENDERS);
        let fill = u8::try_from(random.below(256)).unwrap();
        if random.once_in(2) {
            let len = random.one_of(&[0, 1, 17, 1_200, 1_472, 9_000, 40_000]);
            self.send(sender, &vec![fill; len], 0);
        } else {
            let segment = random.one_of(&[1, 9, 500, 1_200, 1_472]);
            let count = 1 + random.below(if segment < 100 { 64 } else { 20 });
            let last = 1 + random.below(segment);
            let bytes: Vec<u8> = (0..segment * (count - 1) + last)
                .map(|at| fill.wrapping_add(u8::try_from(at / segment).unwrap()))
                .collect();
            self.send(sender, &bytes, segment);
        }
    }

    fn call(&mut self, random: &mut Random) {
        match random.below(40) {
            0..10 => self.send_some(random),
            10..24 => self.recv(random),
            24..27 => self.recv_batch(random),
            27..31 => self.poll(random),
            31..33 => self.readable_bytes(),
            33 => self.error(),
            34 if random.once_in(2) => {
                let to = random.below(SENDERS + 1);
                self.connect((to < SENDERS).then_some(to));
            }
            34 if random.once_in(3) && !self.by_edge => self.be_refused(),
            35 => self.dup(),
            36 if random.once_in(2) => self.watch(random),
            36 | 37 => self.epoll_wait(),
            38 if self.connected.is_some_and(|peer| peer < SENDERS || !self.by_edge) => self.send_own(None),
            38 if self.connected.is_none() => self.send_own(Some(self.fence_target())),
            39 if random.once_in(8) => {
                self.shut(random.one_of(&[Shutdown::Read, Shutdown::Write, Shutdown::Both]))
            }
            _ => self.recv(random),
        }
    }

    /// Where a datagram of the sockets themselves goes.
    fn fence_target(&self) -> SocketAddr {
        self.senders[0].local_addr().unwrap()
    }
}

/// Keeps this thread on the processor where it is.
fn stay() {
    let here = rustix::thread::sched_getcpu();
    let mut set = rustix::thread::CpuSet::new();
    set.set(here);
    rustix::thread::sched_setaffinity(None, &set).unwrap();
}

fn run(seed: u64) {
    let mut random = Random(seed);
    // A rule about senders has each one judged, by way of a buffer of the core.
    let policy = if random.once_in(4) {
        let mut policy = PolicyBuilder::new();
        policy.allow(Use::Accept, "udp://127.0.0.1").unwrap();
        policy.allow(Use::Connect, "udp://127.0.0.1").unwrap();
        policy.allow(Use::Listen, "udp://127.0.0.1").unwrap();
        policy.build()
    } else {
        Policy::allow_all()
    };
    let mut sockets = Sockets::new(policy, seed);
    if !random.once_in(4) {
        sockets.warm_up();
    }
    for _ in 0..CALLS {
        sockets.call(&mut random);
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn a_socket_that_reads_ahead_answers_as_the_kernel_does() {
    stay();
    let seeds = match number("GUESTNET_UDP_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("GUESTNET_UDP_CASES").unwrap_or(CASES),
    };
    let before = BURSTS.load(Ordering::Relaxed);
    for seed in seeds.clone() {
        run(seed);
    }
    let bursts = BURSTS.load(Ordering::Relaxed) - before;
    assert!(
        bursts > 0 || seeds.start() == seeds.end(),
        "no burst was read ahead"
    );
}
