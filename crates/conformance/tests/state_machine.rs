//! Any calls in any order on the kernel's sockets: no panic, `EBADF` exactly for numbers that are not open, the lowest
//! free number for what is opened, and nothing left open at the end.

use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::{
    Capacity, Domain, Errno, Fd, GuestThread, Kind, OptValue, Ready, RecvFlags, Result, SendFlags, Shutdown,
    SockAddr, SockOpt,
};
use guestnet_host_os::{Io, OsHost};
use proptest::prelude::*;

/// Small, so that the limits are reached.
const CAPACITY: Capacity = Capacity {
    descriptors: 10,
    sockets: 7,
    buffers: 1 << 30,
};

/// Blocking calls end after this.
const LIMIT: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Socket,
    Stream,
    File(u32),
}

/// What a call is aimed at.
#[derive(Clone, Copy, Debug)]
enum Aim {
    Unspec,
    UnixUnnamed,
    Unix(u8),
    AnyPort(bool),
    /// Where that descriptor is bound.
    Local(Fd),
}

#[derive(Clone, Debug)]
enum Op {
    Socket(Domain, Kind),
    File(u32),
    Stream(bool),
    Close(Fd),
    Renumber(Fd, Fd),
    Bind(Fd, Aim),
    Listen(Fd, i32),
    Accept(Fd, bool),
    Connect(Fd, Aim),
    Shutdown(Fd, u8),
    Names(Fd),
    Send(Fd, Vec<u8>, u8),
    SendTo(Fd, Vec<u8>, Aim, u8),
    Recv(Fd, usize, u8),
    Read(Fd, usize),
    Write(Fd, Vec<u8>),
    Option(Fd, SockOpt),
    SetOption(Fd, SockOpt, i32),
    Blocking(Fd, bool),
    Readable(Fd),
    Poll(Vec<(Fd, u8)>),
}

/// Mostly numbers that are or were open, sometimes others.
fn fd() -> impl Strategy<Value = Fd> {
    prop_oneof![20 => 0..12u32, 1 => any::<u32>(), 1 => Just(u32::MAX)]
}

fn aim() -> impl Strategy<Value = Aim> {
    prop_oneof![
        1 => Just(Aim::Unspec),
        1 => Just(Aim::UnixUnnamed),
        1 => (0..4u8).prop_map(Aim::Unix),
        1 => any::<bool>().prop_map(Aim::AnyPort),
        4 => fd().prop_map(Aim::Local),
    ]
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => proptest::collection::vec(any::<u8>(), 0..64), 1 => Just(vec![7; 70_000])]
}

fn socket() -> impl Strategy<Value = Op> {
    let domain = prop_oneof![4 => Just(Domain::Inet), 1 => Just(Domain::Inet6), 2 => Just(Domain::Unix)];
    let kind = prop_oneof![Just(Kind::Stream), Just(Kind::Datagram)];
    (domain, kind).prop_map(|(domain, kind)| Op::Socket(domain, kind))
}

fn op() -> impl Strategy<Value = Op> {
    let option = || proptest::sample::select(SockOpt::ALL);
    prop_oneof![
        8 => socket(),
        1 => any::<u32>().prop_map(Op::File),
        1 => any::<bool>().prop_map(Op::Stream),
        3 => fd().prop_map(Op::Close),
        2 => (fd(), fd()).prop_map(|(from, to)| Op::Renumber(from, to)),
        6 => (fd(), aim()).prop_map(|(fd, aim)| Op::Bind(fd, aim)),
        4 => (fd(), any::<i32>()).prop_map(|(fd, backlog)| Op::Listen(fd, backlog)),
        4 => (fd(), any::<bool>()).prop_map(|(fd, soft)| Op::Accept(fd, soft)),
        6 => (fd(), aim()).prop_map(|(fd, aim)| Op::Connect(fd, aim)),
        1 => (fd(), 0..3u8).prop_map(|(fd, how)| Op::Shutdown(fd, how)),
        1 => fd().prop_map(Op::Names),
        3 => (fd(), data(), any::<u8>()).prop_map(|(fd, data, flags)| Op::Send(fd, data, flags)),
        3 => (fd(), data(), aim(), any::<u8>()).prop_map(|(fd, data, aim, flags)| Op::SendTo(fd, data, aim, flags)),
        4 => (fd(), 0..300usize, any::<u8>()).prop_map(|(fd, room, flags)| Op::Recv(fd, room, flags)),
        1 => (fd(), 0..300usize).prop_map(|(fd, room)| Op::Read(fd, room)),
        1 => (fd(), data()).prop_map(|(fd, data)| Op::Write(fd, data)),
        1 => (fd(), option()).prop_map(|(fd, option)| Op::Option(fd, option)),
        2 => (fd(), option(), any::<i32>()).prop_map(|(fd, option, value)| Op::SetOption(fd, option, value)),
        2 => (fd(), any::<bool>()).prop_map(|(fd, on)| Op::Blocking(fd, on)),
        1 => fd().prop_map(Op::Readable),
        4 => proptest::collection::vec((fd(), any::<u8>()), 0..12).prop_map(Op::Poll),
    ]
}

struct World {
    guest: GuestThread<OsHost, u32>,
    model: BTreeMap<Fd, Is>,
    /// Ends of pipes that the guest was not given yet; some lead from one to the other.
    readers: Vec<Io>,
    writers: Vec<Io>,
}

impl World {
    fn addr(&mut self, aim: Aim) -> SockAddr {
        match aim {
            Aim::Unspec => SockAddr::Unspec,
            Aim::UnixUnnamed => SockAddr::UnixUnnamed,
            Aim::Unix(name) => SockAddr::Unix(format!("/run/{name}").into()),
            Aim::AnyPort(true) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
            Aim::AnyPort(false) => SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into(),
            Aim::Local(fd) => self.guest.local_addr(fd).unwrap_or(SockAddr::Unspec),
        }
    }

    fn free(&self) -> Fd {
        (0..)
            .find(|fd| !self.model.contains_key(fd))
            .expect("there are more numbers than descriptors")
    }

    fn full(&self) -> bool {
        self.model.len() == CAPACITY.descriptors
    }

    fn no_socket_left(&self) -> bool {
        self.full() || self.model.values().filter(|is| **is == Is::Socket).count() == CAPACITY.sockets
    }

    /// Something was opened, or there was no room.
    fn opened(&mut self, result: Result<Fd>, is: Is, no_room: bool) {
        match result {
            Ok(fd) => {
                assert_eq!(fd, self.free());
                assert!(!no_room, "a limit was passed");
                self.model.insert(fd, is);
            }
            Err(errno) => {
                assert_eq!(errno, Errno::EMFILE);
                assert!(no_room);
            }
        }
    }

    /// A call that only sockets answer.
    fn of_socket<T: std::fmt::Debug>(&self, fd: Fd, result: Result<T>) -> Option<T> {
        let errno = result.as_ref().err().copied();
        match self.model.get(&fd) {
            None => assert_eq!(errno, Some(Errno::EBADF)),
            Some(Is::Stream | Is::File(_)) => assert_eq!(errno, Some(Errno::ENOTSOCK)),
            Some(Is::Socket) => {
                assert!(
                    !matches!(errno, Some(Errno::EBADF | Errno::ENOTSOCK | Errno::EINTR)),
                    "{errno:?}"
                );
            }
        }
        result.ok()
    }

    /// So that no blocking call lasts.
    fn limit(&mut self, fd: Fd) {
        for option in [SockOpt::RcvTimeo, SockOpt::SndTimeo] {
            self.guest
                .set_option(fd, option, OptValue::Time(Some(LIMIT)))
                .expect("every socket has limits");
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Socket(domain, kind) => {
                let (result, no_room) = (self.guest.socket(domain, kind), self.no_socket_left());
                self.opened(result, Is::Socket, no_room);
                if let Ok(fd) = result {
                    self.limit(fd);
                }
            }
            Op::File(file) => {
                let no_room = self.full();
                let result = self.guest.insert_file(file).map_err(|(errno, back)| {
                    assert_eq!(back, file);
                    errno
                });
                self.opened(result, Is::File(file), no_room);
            }
            Op::Stream(reads) => {
                let pipes = if reads {
                    &mut self.readers
                } else {
                    &mut self.writers
                };
                let Some(io) = pipes.pop() else { return };
                let no_room = self.full();
                let result = self.guest.insert_stream(io);
                self.opened(result, Is::Stream, no_room);
                if let Ok(fd) = result {
                    self.guest.set_nonblocking(fd, true).expect("it is open");
                }
            }
            Op::Close(fd) => {
                let expected = match self.model.remove(&fd) {
                    None => Err(Errno::EBADF),
                    Some(Is::File(file)) => Ok(Some(file)),
                    Some(_) => Ok(None),
                };
                assert_eq!(self.guest.close(fd), expected);
            }
            Op::Renumber(from, to) => {
                let result = self.guest.renumber(from, to);
                let (Some(&source), Some(&target)) = (self.model.get(&from), self.model.get(&to)) else {
                    assert_eq!(result, Err(Errno::EBADF));
                    return;
                };
                if from == to {
                    assert_eq!(result, Ok(None));
                    return;
                }
                assert_eq!(
                    result,
                    Ok(if let Is::File(file) = target {
                        Some(file)
                    } else {
                        None
                    })
                );
                self.model.remove(&from);
                self.model.insert(to, source);
            }
            Op::Bind(fd, aim) => {
                let addr = self.addr(aim);
                let result = self.guest.bind(fd, &addr);
                self.of_socket(fd, result);
            }
            Op::Listen(fd, backlog) => {
                let result = self.guest.listen(fd, backlog);
                self.of_socket(fd, result);
            }
            Op::Accept(fd, nonblocking) => {
                let result = self.guest.accept(fd, nonblocking);
                let no_room = self.no_socket_left();
                if let Some((new, _)) = self.of_socket(fd, result) {
                    self.opened(Ok(new), Is::Socket, no_room);
                    self.limit(new);
                }
            }
            Op::Connect(fd, aim) => {
                let addr = self.addr(aim);
                let result = self.guest.connect(fd, &addr);
                self.of_socket(fd, result);
            }
            Op::Shutdown(fd, how) => {
                let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both][usize::from(how)];
                let result = self.guest.shutdown(fd, how);
                self.of_socket(fd, result);
            }
            Op::Names(fd) => {
                let (local, peer) = (self.guest.local_addr(fd), self.guest.peer_addr(fd));
                self.of_socket(fd, local);
                self.of_socket(fd, peer);
            }
            Op::Send(fd, data, flags) => {
                let (front, back) = data.split_at(data.len() / 3);
                let bufs = &mut [IoSlice::new(front), IoSlice::new(back)];
                let result = self.guest.send(fd, bufs, SendFlags::from_bits_truncate(flags));
                assert!(self.of_socket(fd, result).is_none_or(|count| count <= data.len()));
            }
            Op::SendTo(fd, data, aim, flags) => {
                let addr = self.addr(aim);
                let flags = SendFlags::from_bits_truncate(flags);
                let result = self.guest.send_to(fd, &mut [IoSlice::new(&data)], &addr, flags);
                assert!(self.of_socket(fd, result).is_none_or(|count| count <= data.len()));
            }
            Op::Recv(fd, room, flags) => {
                let flags = RecvFlags::from_bits_truncate(flags);
                let mut buffer = vec![0; room];
                let (front, back) = buffer.split_at_mut(room / 3);
                let bufs = &mut [IoSliceMut::new(front), IoSliceMut::new(back)];
                let result = self.guest.recv_from(fd, bufs, flags);
                if let Some((received, _)) = self.of_socket(fd, result) {
                    assert!(received.len <= room || flags.contains(RecvFlags::TRUNC));
                }
            }
            Op::Read(fd, room) => {
                let mut buffer = vec![0; room];
                let result = self.guest.read(fd, &mut [IoSliceMut::new(&mut buffer)]);
                self.of_any(fd, result);
            }
            Op::Write(fd, data) => {
                let result = self.guest.write(fd, &mut [IoSlice::new(&data)]);
                self.of_any(fd, result);
            }
            Op::Option(fd, option) => {
                let result = self.guest.option(fd, option);
                self.of_socket(fd, result);
            }
            Op::SetOption(fd, option, value) => {
                let result = self.guest.set_option(fd, option, OptValue::Int(value));
                self.of_socket(fd, result);
            }
            Op::Blocking(fd, on) => {
                if self.model.get(&fd) == Some(&Is::Stream) {
                    return;
                }
                let result = self.guest.set_nonblocking(fd, !on);
                assert_eq!(result.is_ok(), self.model.contains_key(&fd));
            }
            Op::Readable(fd) => {
                let result = self.guest.readable_bytes(fd);
                assert_eq!(result == Err(Errno::EBADF), !self.model.contains_key(&fd));
            }
            Op::Poll(set) => {
                self.guest.poll_begin();
                for (index, (fd, want)) in set.iter().enumerate() {
                    let token = u32::try_from(index).expect("a short set");
                    let added = self.guest.poll_add(token, *fd, Ready::from_bits_truncate(*want));
                    let expected = if self.model.contains_key(fd) {
                        Ok(())
                    } else {
                        Err(Errno::EBADF)
                    };
                    assert_eq!(added, expected);
                }
                self.guest
                    .poll_wait(Some(Duration::ZERO))
                    .expect("nothing stops this guest");
                for event in self.guest.poll_events() {
                    let (fd, want) = set[event.token as usize];
                    assert!(self.model.contains_key(&fd));
                    let asked = Ready::from_bits_truncate(want) | Ready::ALWAYS;
                    assert!(!event.ready.is_empty() && asked.contains(event.ready));
                }
            }
        }
    }

    /// A call that sockets and streams answer; a file, and the wrong end of a pipe, is `EBADF`.
    fn of_any<T>(&self, fd: Fd, result: Result<T>) {
        let bad = matches!(result, Err(Errno::EBADF));
        match self.model.get(&fd) {
            None | Some(Is::File(_)) => assert!(bad),
            Some(Is::Stream) => {}
            Some(Is::Socket) => assert!(!bad),
        }
    }
}

/// The descriptors of this process, which runs this test only.
fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("proc is mounted")
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_calls_in_any_order_keep_the_books(ops in proptest::collection::vec(op(), 1..120)) {
        let before = open_descriptors();
        {
            let root = tempfile::tempdir().expect("a directory can be made");
            let mut host = OsHost::new().expect("an eventfd can be opened");
            host.add_directory(root.path(), "/run").expect("it exists");
            let (mut readers, mut writers) = (Vec::new(), Vec::new());
            for _ in 0..3 {
                let (reader, writer) = std::io::pipe().expect("a pipe can be opened");
                readers.push(host.adopt_stream(reader.into()).expect("it is open"));
                writers.push(host.adopt_stream(writer.into()).expect("it is open"));
            }
            let guest = GuestThread::new(host, Arc::new(Policy::allow_all()), CAPACITY);
            let mut world = World { guest, model: BTreeMap::new(), readers, writers };
            for op in ops {
                world.apply(op);
            }
            let open: Vec<Fd> = world.guest.descriptors().map(|(fd, _)| fd).collect();
            assert_eq!(open, world.model.keys().copied().collect::<Vec<_>>());
        }
        assert_eq!(open_descriptors(), before, "descriptors of the kernel were left open");
    }
}
