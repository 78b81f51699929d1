//! UNIX sockets: streams, datagrams and the names that each side sees.
//!
//! Not here: which places a path can reach (`unix_path`).

use std::io::{IoSlice, Read, Write};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::{
    Capacity, Domain, Errno, Fd, Kind, OptValue, Ready, RecvFlags, Result, SendFlags, SockAddr, SockOpt,
};
use tempfile::TempDir;

use crate::behaviour::behaviours;
use crate::guest::{Calls, TestGuest, guest_with};
use crate::patience::PATIENCE;
use crate::peer::while_waiting;
use crate::world::World;

behaviours! { "unix" needs UnixSockets:
    a_stream_connects_and_carries_data,
    names_are_what_the_guest_gave,
    a_name_with_detours_stays_as_it_was_given,
    another_programs_socket_is_reached,
    another_programs_name_is_in_the_guests_view,
    datagrams_carry_their_senders_name,
    a_reply_goes_to_the_senders_name,
    connected_datagram_sockets_talk,
    an_unnamed_sender_has_no_name,
    an_unnamed_peer_has_no_name,
    a_stream_does_not_take_an_address,
    a_full_receiver_blocks_sendto_until_it_reads,
    a_full_receiver_is_eagain_when_non_blocking,
    a_full_backlog_blocks_connect_until_accept,
    a_low_water_mark_holds_a_blocking_recv_back,
    limits_are_not_inherited_from_a_listener,
    a_stale_socket_is_econnrefused_and_its_name_in_use,
    the_wrong_type_is_eprototype,
    what_is_not_there_is_enoent,
    what_is_not_a_socket_is_econnrefused,
    readiness_is_that_of_a_stream,
    closing_leaves_the_name_behind,
}

/// A guest with one directory, `/run`.
pub(crate) struct Place<W: World> {
    pub(crate) guest: TestGuest<W>,
    pub(crate) root: TempDir,
}

impl<W: World> Place<W> {
    pub(crate) fn new(world: &W) -> Self {
        Self::under(world, Policy::allow_all())
    }

    pub(crate) fn under(world: &W, policy: Policy) -> Self {
        Self::with(world, policy, Capacity::default())
    }

    pub(crate) fn with(world: &W, policy: Policy, capacity: Capacity) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut host = world.host();
        world.add_directory(&mut host, root.path(), "/run");
        Place {
            guest: guest_with(world, host, policy, capacity),
            root,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn stream(&mut self) -> Fd {
        self.guest.socket(Domain::Unix, Kind::Stream).unwrap()
    }

    pub(crate) fn datagram(&mut self) -> Fd {
        self.guest.socket(Domain::Unix, Kind::Datagram).unwrap()
    }

    pub(crate) fn listener(&mut self, name: &str) -> Fd {
        let fd = self.stream();
        self.guest.bind(fd, &unix(name)).unwrap();
        self.guest.listen(fd, 16).unwrap();
        fd
    }

    pub(crate) fn bound(&mut self, name: &str) -> Fd {
        let fd = self.datagram();
        self.guest.bind(fd, &unix(name)).unwrap();
        fd
    }

    pub(crate) fn connect(&mut self, name: &str) -> Result<Fd> {
        let fd = self.stream();
        self.guest.connect(fd, &unix(name)).map(|()| fd)
    }

    /// Binding, connecting and sending to a path all end like this.
    pub(crate) fn refused(&mut self, path: &str, errno: Errno) {
        let (stream, datagram) = (self.stream(), self.datagram());
        let addr = unix(path);
        assert_eq!(self.guest.bind(stream, &addr), Err(errno), "bind {path:?}");
        self.unreachable(path, errno);
        assert_eq!(self.guest.local_addr(stream), Ok(SockAddr::UnixUnnamed));
        self.guest.close(stream).unwrap();
        self.guest.close(datagram).unwrap();
    }

    pub(crate) fn unreachable(&mut self, path: &str, errno: Errno) {
        let (stream, datagram) = (self.stream(), self.datagram());
        let addr = unix(path);
        assert_eq!(self.guest.connect(stream, &addr), Err(errno), "connect {path:?}");
        assert_eq!(
            self.guest.connect(datagram, &addr),
            Err(errno),
            "connect {path:?}"
        );
        let sent = self
            .guest
            .send_to(datagram, &mut [IoSlice::new(b"x")], &addr, SendFlags::empty());
        assert_eq!(sent, Err(errno), "sendto {path:?}");
        self.guest.close(stream).unwrap();
        self.guest.close(datagram).unwrap();
    }
}

pub(crate) fn unix(path: &str) -> SockAddr {
    SockAddr::Unix(path.into())
}

fn patient(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn a_stream_connects_and_carries_data<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = place.listener("/run/s");
    let client = place.connect("/run/s").unwrap();
    let (server, from) = place.guest.accept(listener, false).unwrap();
    assert_eq!(from, SockAddr::UnixUnnamed);
    place.guest.transmit(client, b"hello").unwrap();
    assert_eq!(
        place.guest.receive(server, 5, RecvFlags::WAITALL).unwrap(),
        b"hello"
    );
    place.guest.close(client).unwrap();
    assert_eq!(place.guest.receive(server, 5, RecvFlags::empty()).unwrap(), b"");
    assert_eq!(place.guest.transmit(server, b"x"), Err(Errno::EPIPE));
}

fn names_are_what_the_guest_gave<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = place.listener("/run/s");
    let client = place.stream();
    assert_eq!(place.guest.local_addr(client), Ok(SockAddr::UnixUnnamed));
    place.guest.bind(client, &unix("/run/c")).unwrap();
    place.guest.connect(client, &unix("/run/s")).unwrap();
    let (server, from) = place.guest.accept(listener, false).unwrap();
    assert_eq!(from, unix("/run/c"));
    assert_eq!(place.guest.local_addr(listener), Ok(unix("/run/s")));
    assert_eq!(place.guest.local_addr(server), Ok(unix("/run/s")));
    assert_eq!(place.guest.peer_addr(server), Ok(unix("/run/c")));
    assert_eq!(place.guest.local_addr(client), Ok(unix("/run/c")));
    assert_eq!(place.guest.peer_addr(client), Ok(unix("/run/s")));
}

fn a_name_with_detours_stays_as_it_was_given<W: World>(world: &W) {
    let mut place = Place::new(world);
    std::fs::create_dir(place.path("sub")).unwrap();
    let listener = place.listener("/run//sub/.././s");
    assert_eq!(place.guest.local_addr(listener), Ok(unix("/run//sub/.././s")));
    UnixStream::connect(place.path("s")).unwrap();
    place.connect("/run/s").unwrap();
}

fn another_programs_socket_is_reached<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = UnixListener::bind(place.path("s")).unwrap();
    let fd = place.connect("/run/s").unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    place.guest.transmit(fd, b"hello").unwrap();
    let mut data = [0; 5];
    peer.read_exact(&mut data).unwrap();
    assert_eq!(&data, b"hello");
    // And the other way round.
    let listener = place.listener("/run/mine");
    let _peer = UnixStream::connect(place.path("mine")).unwrap();
    assert_eq!(
        place.guest.accept(listener, false).unwrap().1,
        SockAddr::UnixUnnamed
    );
}

fn another_programs_name_is_in_the_guests_view<W: World>(world: &W) {
    let mut place = Place::new(world);
    let _listener = UnixListener::bind(place.path("s")).unwrap();
    let fd = place.connect("/run/s").unwrap();
    assert_eq!(place.guest.peer_addr(fd), Ok(unix("/run/s")));
    let outside = tempfile::tempdir().unwrap();
    let receiver = place.bound("/run/r");
    let stranger = UnixDatagram::bind(outside.path().join("secret")).unwrap();
    stranger.send_to(b"x", place.path("r")).unwrap();
    // The guest does not see a name outside of its directories.
    assert_eq!(
        place
            .guest
            .receive_from(receiver, 8, RecvFlags::empty())
            .unwrap()
            .2,
        SockAddr::UnixUnnamed
    );
}

fn datagrams_carry_their_senders_name<W: World>(world: &W) {
    let mut place = Place::new(world);
    let (one, two) = (place.bound("/run/1"), place.bound("/run/2"));
    let bufs = &mut [IoSlice::new(b"ab"), IoSlice::new(b"c")];
    assert_eq!(
        place
            .guest
            .send_to(one, bufs, &unix("/run/2"), SendFlags::empty()),
        Ok(3)
    );
    let (data, received, from) = place
        .guest
        .receive_from(two, 2, RecvFlags::PEEK | RecvFlags::TRUNC)
        .unwrap();
    assert_eq!(
        (&data[..], received.len, received.truncated, from),
        (&b"ab"[..], 3, true, unix("/run/1"))
    );
    let (data, received, from) = place.guest.receive_from(two, 8, RecvFlags::empty()).unwrap();
    assert_eq!((&data[..received.len], from), (&b"abc"[..], unix("/run/1")));
}

fn a_reply_goes_to_the_senders_name<W: World>(world: &W) {
    let mut place = Place::new(world);
    let fd = place.bound("/run/r");
    let peer = UnixDatagram::bind(place.path("p")).unwrap();
    peer.send_to(b"ask", place.path("r")).unwrap();
    let (_, _, from) = place.guest.receive_from(fd, 8, RecvFlags::empty()).unwrap();
    assert_eq!(
        place
            .guest
            .send_to(fd, &mut [IoSlice::new(b"answer")], &from, SendFlags::empty()),
        Ok(6)
    );
    let mut buffer = [0; 8];
    assert_eq!(peer.recv(&mut buffer).unwrap(), 6);
}

fn connected_datagram_sockets_talk<W: World>(world: &W) {
    let mut place = Place::new(world);
    let (one, two) = (place.bound("/run/1"), place.bound("/run/2"));
    place.guest.connect(one, &unix("/run/2")).unwrap();
    assert_eq!(place.guest.peer_addr(one), Ok(unix("/run/2")));
    assert_eq!(place.guest.transmit(one, b""), Ok(0));
    assert_eq!(place.guest.transmit(one, b"x"), Ok(1));
    assert_eq!(place.guest.receive(two, 8, RecvFlags::empty()).unwrap(), b"");
    assert_eq!(place.guest.receive(two, 8, RecvFlags::empty()).unwrap(), b"x");
    place.guest.connect(one, &SockAddr::Unspec).unwrap();
    assert_eq!(place.guest.transmit(one, b"x"), Err(Errno::ENOTCONN));
    place.guest.close(two).unwrap();
}

fn an_unnamed_sender_has_no_name<W: World>(world: &W) {
    let mut place = Place::new(world);
    let (fd, sender) = (place.bound("/run/r"), place.datagram());
    place
        .guest
        .send_to(
            sender,
            &mut [IoSlice::new(b"x")],
            &unix("/run/r"),
            SendFlags::empty(),
        )
        .unwrap();
    assert_eq!(
        place.guest.receive_from(fd, 8, RecvFlags::empty()).unwrap().2,
        SockAddr::UnixUnnamed
    );
}

fn an_unnamed_peer_has_no_name<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = place.listener("/run/s");
    let client = place.connect("/run/s").unwrap();
    let (server, _) = place.guest.accept(listener, false).unwrap();
    assert_eq!(place.guest.peer_addr(server), Ok(SockAddr::UnixUnnamed));
    assert_eq!(place.guest.local_addr(client), Ok(SockAddr::UnixUnnamed));
    let lone = place.stream();
    assert_eq!(place.guest.peer_addr(lone), Err(Errno::ENOTCONN));
}

fn a_stream_does_not_take_an_address<W: World>(world: &W) {
    let mut place = Place::new(world);
    let _listener = place.listener("/run/s");
    let fd = place.stream();
    let send = |place: &mut Place<W>| {
        place
            .guest
            .send_to(fd, &mut [IoSlice::new(b"x")], &unix("/run/s"), SendFlags::empty())
    };
    assert_eq!(send(&mut place), Err(Errno::EOPNOTSUPP));
    place.guest.connect(fd, &unix("/run/s")).unwrap();
    assert_eq!(send(&mut place), Err(Errno::EISCONN));
}

/// Sends to a receiver that does not read until its queue is full; gives how many fitted.
fn fill<W: World>(place: &mut Place<W>, fd: Fd, name: &str) -> usize {
    place.guest.make_nonblocking(fd);
    let fitted = (0..100_000).find(|_| {
        let sent = place
            .guest
            .send_to(fd, &mut [IoSlice::new(b"x")], &unix(name), SendFlags::empty());
        sent.map_err(|errno| assert_eq!(errno, Errno::EAGAIN)).is_err()
    });
    fitted.unwrap()
}

fn a_full_receiver_blocks_sendto_until_it_reads<W: World>(world: &W) {
    let mut place = Place::new(world);
    let receiver = UnixDatagram::bind(place.path("r")).unwrap();
    let fd = place.datagram();
    fill(&mut place, fd, "/run/r");
    place.guest.set_nonblocking(fd, false).unwrap();
    let (sent, _) = while_waiting(
        world,
        || {
            place.guest.send_to(
                fd,
                &mut [IoSlice::new(b"late")],
                &unix("/run/r"),
                SendFlags::empty(),
            )
        },
        || receiver.recv(&mut [0; 8]).unwrap(),
    );
    assert_eq!(sent, Ok(4));
    // With a limit it ends.
    let limit = Duration::from_millis(20);
    place
        .guest
        .set_option(fd, SockOpt::SndTimeo, OptValue::Time(Some(limit)))
        .unwrap();
    let start = place.guest.clock();
    let sent = place
        .guest
        .send_to(fd, &mut [IoSlice::new(b"x")], &unix("/run/r"), SendFlags::empty());
    assert_eq!(sent, Err(Errno::EAGAIN));
    assert!(place.guest.elapsed(start) >= limit);
}

fn a_full_receiver_is_eagain_when_non_blocking<W: World>(world: &W) {
    let mut place = Place::new(world);
    let receiver = UnixDatagram::bind(place.path("r")).unwrap();
    let fd = place.datagram();
    let fitted = fill(&mut place, fd, "/run/r");
    assert!(fitted > 0);
    // Connected, it can be waited for.
    place.guest.connect(fd, &unix("/run/r")).unwrap();
    assert_eq!(
        place
            .guest
            .poll(&[(fd, Ready::WRITE)], Some(Duration::ZERO))
            .unwrap(),
        [Ready::empty()]
    );
    let (ready, _) = while_waiting(
        world,
        || place.guest.until(fd, Ready::WRITE),
        || receiver.recv(&mut [0; 8]).unwrap(),
    );
    assert_eq!(ready, Ready::WRITE);
}

fn a_full_backlog_blocks_connect_until_accept<W: World>(world: &W) {
    let mut place = Place::new(world);
    let mut other = crate::guest::guest_on(
        world,
        {
            let mut host = world.host();
            world.add_directory(&mut host, place.root.path(), "/run");
            host
        },
        Policy::allow_all(),
    );
    let listener = place.stream();
    place.guest.bind(listener, &unix("/run/s")).unwrap();
    place.guest.listen(listener, 0).unwrap();
    let full = (0..100).find_map(|_| {
        let fd = other.socket(Domain::Unix, Kind::Stream).unwrap();
        other.make_nonblocking(fd);
        other.connect(fd, &unix("/run/s")).err()
    });
    assert_eq!(full, Some(Errno::EAGAIN));
    let fd = other.socket(Domain::Unix, Kind::Stream).unwrap();
    let limit = Duration::from_millis(20);
    other
        .set_option(fd, SockOpt::SndTimeo, OptValue::Time(Some(limit)))
        .unwrap();
    let start = other.clock();
    assert_eq!(other.connect(fd, &unix("/run/s")), Err(Errno::EAGAIN));
    assert!(other.elapsed(start) >= limit);
    // Without a limit, but for a call that does not wait.
    other
        .set_option(fd, SockOpt::SndTimeo, OptValue::Time(None))
        .unwrap();
    assert_eq!(other.try_connect(fd, &unix("/run/s")), Err(Errno::EAGAIN));
    assert_eq!(other.nonblocking(fd), Ok(false));
    place.guest.accept(listener, false).unwrap();
    assert_eq!(other.connect(fd, &unix("/run/s")), Ok(()));
}

fn a_low_water_mark_holds_a_blocking_recv_back<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = place.listener("/run/s");
    let mut peer = UnixStream::connect(place.path("s")).unwrap();
    let (fd, _) = place.guest.accept(listener, false).unwrap();
    place
        .guest
        .set_option(fd, SockOpt::RcvLowat, OptValue::Int(6))
        .unwrap();
    peer.write_all(b"abc").unwrap();
    let (received, ()) = while_waiting(
        world,
        || place.guest.receive(fd, 16, RecvFlags::empty()),
        || peer.write_all(b"defg").unwrap(),
    );
    assert_eq!(received.unwrap(), b"abcdefg");
}

fn limits_are_not_inherited_from_a_listener<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = place.listener("/run/s");
    let limit = OptValue::Time(Some(Duration::from_millis(20)));
    place
        .guest
        .set_option(listener, SockOpt::RcvTimeo, limit)
        .unwrap();
    let mut peer = UnixStream::connect(place.path("s")).unwrap();
    let (fd, _) = place.guest.accept(listener, false).unwrap();
    assert_eq!(
        place.guest.option(fd, SockOpt::RcvTimeo),
        Ok(OptValue::Time(None))
    );
    let (received, ()) = while_waiting(
        world,
        || place.guest.receive(fd, 8, RecvFlags::empty()),
        || {
            // Longer than the listener's limit, by the clock of another wait.
            let (pair, _other) = UnixStream::pair().unwrap();
            pair.set_read_timeout(Some(Duration::from_millis(60))).unwrap();
            (&pair).read(&mut [0]).unwrap_err();
            peer.write_all(b"late").unwrap();
        },
    );
    assert_eq!(received.unwrap(), b"late");
}

fn a_stale_socket_is_econnrefused_and_its_name_in_use<W: World>(world: &W) {
    let mut place = Place::new(world);
    drop(UnixListener::bind(place.path("s")).unwrap());
    assert_eq!(place.connect("/run/s"), Err(Errno::ECONNREFUSED));
    let fd = place.stream();
    assert_eq!(place.guest.bind(fd, &unix("/run/s")), Err(Errno::EADDRINUSE));
    std::fs::remove_file(place.path("s")).unwrap();
    assert_eq!(place.guest.bind(fd, &unix("/run/s")), Ok(()));
    assert_eq!(place.guest.bind(fd, &unix("/run/t")), Err(Errno::EINVAL));
}

fn the_wrong_type_is_eprototype<W: World>(world: &W) {
    let mut place = Place::new(world);
    let _listener = place.listener("/run/s");
    let fd = place.datagram();
    assert_eq!(place.guest.connect(fd, &unix("/run/s")), Err(Errno::EPROTOTYPE));
    let _bound = place.bound("/run/d");
    assert_eq!(place.connect("/run/d"), Err(Errno::EPROTOTYPE));
}

fn what_is_not_there_is_enoent<W: World>(world: &W) {
    let mut place = Place::new(world);
    place.unreachable("/run/nothing", Errno::ENOENT);
    place.refused("/run/nowhere/s", Errno::ENOENT);
    std::fs::write(place.path("file"), "").unwrap();
    place.refused("/run/file/s", Errno::ENOTDIR);
}

fn what_is_not_a_socket_is_econnrefused<W: World>(world: &W) {
    let mut place = Place::new(world);
    std::fs::write(place.path("file"), "").unwrap();
    std::fs::create_dir(place.path("dir")).unwrap();
    place.unreachable("/run/file", Errno::ECONNREFUSED);
    place.unreachable("/run/dir", Errno::ECONNREFUSED);
    let fd = place.stream();
    for taken in [
        "/run/file",
        "/run/dir",
        "/run/dir/",
        "/run",
        "/run/.",
        "/run/dir/..",
    ] {
        assert_eq!(
            place.guest.bind(fd, &unix(taken)),
            Err(Errno::EADDRINUSE),
            "{taken}"
        );
    }
}

fn readiness_is_that_of_a_stream<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = place.listener("/run/s");
    let (ready, peer) = while_waiting(
        world,
        || place.guest.until(listener, Ready::READ),
        || patient(UnixStream::connect(place.root.path().join("s")).unwrap()),
    );
    assert_eq!(ready, Ready::READ);
    let (fd, _) = place.guest.accept(listener, true).unwrap();
    let both = Ready::READ | Ready::WRITE;
    assert_eq!(place.guest.until(fd, both), Ready::WRITE);
    (&peer).write_all(b"x").unwrap();
    assert_eq!(place.guest.until(fd, both), both);
    place.guest.receive(fd, 8, RecvFlags::empty()).unwrap();
    drop(peer);
    assert!(
        place
            .guest
            .until(fd, Ready::READ)
            .contains(Ready::READ | Ready::HANGUP)
    );
    assert_eq!(place.guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"");
}

fn closing_leaves_the_name_behind<W: World>(world: &W) {
    let mut place = Place::new(world);
    let listener = place.listener("/run/s");
    place.guest.close(listener).unwrap();
    assert!(
        place.path("s").exists(),
        "as natively, unlink(2) is the program's business"
    );
    assert_eq!(place.connect("/run/s"), Err(Errno::ECONNREFUSED));
}
