//! sendmmsg(2) and recvmmsg(2): many messages in one call, each judged and counted as by a call of its own.

use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guestnet_core::limits::Limits;
use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_core::{
    AuditRecord, Capacity, Control, Denial, Domain, Errno, Fd, Guest, IncomingMessage, Kind, MAX_BATCH,
    Message, Observer, OptValue, OutgoingMessage, Ready, RecvFlags, Result, SendFlags, SharedGuestThread,
    Shutdown, SockOpt,
};

use crate::behaviour::{behaviours, watch};
use crate::guest::{LOOPBACK, allow, deny};
use crate::peer::{reset, while_waiting};
use crate::world::{PeerListener, PeerStream, PeerUdp, World};

behaviours! { "batch":
    messages_go_in_order_each_to_its_own_address,
    an_empty_message_is_a_datagram,
    a_connected_socket_sends_to_its_peer_and_elsewhere,
    what_is_there_comes_with_its_senders_and_lengths,
    more_than_one_system_call_takes_goes_and_comes_in_order,
    no_more_than_1024_are_looked_at,
    none_is_none,
    a_message_that_fails_ends_the_batch_and_is_forgotten,
    a_batch_that_blocks_waits_for_all,
    wait_for_one_waits_for_the_first_only,
    a_receive_limit_is_for_each_message_and_what_came_is_returned,
    time_that_is_over_takes_one,
    a_long_time_is_waited_for_by_none_that_are_there,
    a_shut_receiving_side_gives_empty_messages,
    a_streams_messages_are_its_bytes_in_order,
    an_error_after_a_message_shows_at_the_next_call,
    an_error_after_a_message_shows_as_so_error,
    a_bounced_datagram_comes_before_what_is_there,
    a8_each_destination_is_judged,
    a10_no_refused_sender_is_among_those_that_come,
    a28_each_datagram_is_counted,
    each_message_is_judged_and_audited_once,
    a_number_is_looked_up_once,
}

type Shared<W> = SharedGuestThread<<W as World>::Host, u32>;

/// A guest that may do everything. Batches are for guests of several threads.
fn guest<W: World>(world: &W) -> Shared<W> {
    guest_under(world, Policy::allow_all())
}

fn guest_under<W: World>(world: &W, policy: Policy) -> Shared<W> {
    let host = world.host();
    watch(world.stopper(&host));
    Guest::new(Arc::new(policy), Capacity::default(), 0).thread(host)
}

fn udp<W: World>(guest: &mut Shared<W>) -> Fd {
    guest.socket(Domain::Inet, Kind::Datagram).unwrap()
}

fn udp_bound<W: World>(guest: &mut Shared<W>) -> (Fd, SocketAddr) {
    let fd = udp::<W>(guest);
    guest.bind(fd, &LOOPBACK.into()).unwrap();
    (fd, guest.local_addr(fd).unwrap().inet().unwrap())
}

fn peer<W: World>(world: &W) -> (W::Udp, SocketAddr) {
    let peer = world.udp(LOOPBACK).unwrap();
    let addr = peer.local_addr().unwrap();
    (peer, addr)
}

fn received_by(peer: &impl PeerUdp) -> Vec<u8> {
    let mut buffer = vec![0; 100];
    let count = peer.recv(&mut buffer).unwrap();
    buffer.truncate(count);
    buffer
}

/// Sends messages; gives how many went, and the lengths of these.
fn send<W: World>(
    guest: &mut Shared<W>,
    fd: Fd,
    messages: &[(&[u8], Option<SocketAddr>)],
) -> Result<Vec<usize>> {
    let mut bufs: Vec<_> = messages.iter().map(|(data, _)| [IoSlice::new(data)]).collect();
    let mut batch: Vec<_> = bufs
        .iter_mut()
        .zip(messages)
        .map(|(bufs, (_, to))| OutgoingMessage {
            bufs,
            to: to.map(Into::into),
            control: Vec::new(),
            sent: 77,
        })
        .collect();
    let count = guest.send_batch(fd, &mut batch, SendFlags::empty())?;
    assert!(batch.iter().skip(count).all(|message| message.sent == 77));
    Ok(batch.iter().take(count).map(|message| message.sent).collect())
}

/// How to receive.
#[derive(Clone, Copy, Debug, Default)]
struct How {
    flags: RecvFlags,
    wait_for_one: bool,
    timeout: Option<Duration>,
}

const NOW: How = How {
    flags: RecvFlags::DONTWAIT,
    wait_for_one: false,
    timeout: None,
};

type Received = Vec<(Vec<u8>, Message<Fd>)>;

/// Receives into rooms of these sizes; gives what came, and what is left of the time.
fn receive<W: World>(
    guest: &mut Shared<W>,
    fd: Fd,
    rooms: &[usize],
    how: How,
) -> Result<(Received, Option<Duration>)> {
    let mut rooms: Vec<_> = rooms.iter().map(|room| vec![0; *room]).collect();
    let mut bufs: Vec<_> = rooms.iter_mut().map(|room| [IoSliceMut::new(room)]).collect();
    let mut batch: Vec<_> = bufs
        .iter_mut()
        .map(|bufs| IncomingMessage {
            bufs,
            wants_control: false,
            rights: 0,
            message: None,
        })
        .collect();
    let (count, left) = guest.recv_batch(fd, &mut batch, how.flags, how.wait_for_one, how.timeout)?;
    let messages: Vec<_> = batch.into_iter().map(|message| message.message).collect();
    assert!(messages.iter().skip(count).all(Option::is_none));
    let received = rooms
        .into_iter()
        .zip(messages)
        .take(count)
        .map(|(mut data, message)| {
            let message = message.unwrap();
            data.truncate(message.received.len);
            (data, message)
        });
    Ok((received.collect(), left))
}

/// The bytes of what came.
fn data<W: World>(guest: &mut Shared<W>, fd: Fd, rooms: &[usize], how: How) -> Result<Vec<Vec<u8>>> {
    let (received, _) = receive::<W>(guest, fd, rooms, how)?;
    Ok(received.into_iter().map(|(data, _)| data).collect())
}

/// Whether the descriptor is ready for anything now.
fn ready<W: World>(guest: &mut Shared<W>, fd: Fd, want: Ready) -> Ready {
    guest.poll_begin();
    guest.poll_add(0, fd, want).unwrap();
    guest.poll_wait(Some(Duration::ZERO)).unwrap();
    let events: Vec<_> = guest.poll_events().collect();
    assert!(events.len() < 2, "{events:?}");
    events.first().map_or(Ready::empty(), |event| event.ready)
}

fn messages_go_in_order_each_to_its_own_address<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = udp::<W>(&mut guest);
    let ((one, first), (two, second)) = (peer(world), peer(world));
    let messages: [(&[u8], _); 3] = [(b"a", Some(first)), (b"bb", Some(second)), (b"dddd", Some(first))];
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![1, 2, 4]));
    assert_eq!([(); 2].map(|()| received_by(&one)), [&b"a"[..], b"dddd"]);
    assert_eq!(received_by(&two), b"bb");
}

fn an_empty_message_is_a_datagram<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = udp::<W>(&mut guest);
    let (peer, to) = peer(world);
    let messages: [(&[u8], _); 3] = [(b"a", Some(to)), (b"", Some(to)), (b"c", Some(to))];
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![1, 0, 1]));
    assert_eq!([(); 3].map(|()| received_by(&peer)), [&b"a"[..], b"", b"c"]);
}

fn a_connected_socket_sends_to_its_peer_and_elsewhere<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = udp::<W>(&mut guest);
    let ((one, first), (two, second)) = (peer(world), peer(world));
    guest.connect(fd, &second.into()).unwrap();
    let messages: [(&[u8], _); 2] = [(b"e", None), (b"f", Some(first))];
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![1, 1]));
    assert_eq!(
        (received_by(&two), received_by(&one)),
        (b"e".to_vec(), b"f".to_vec())
    );
}

fn what_is_there_comes_with_its_senders_and_lengths<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let ((one, first), (two, second)) = (peer(world), peer(world));
    one.send_to(b"abc", addr).unwrap();
    two.send_to(b"", addr).unwrap();
    two.send_to(b"defgh", addr).unwrap();
    let (received, left) = receive::<W>(&mut guest, fd, &[8, 8, 2, 8], NOW).unwrap();
    let bytes: Vec<_> = received.iter().map(|(data, _)| data.as_slice()).collect();
    assert_eq!(bytes, [&b"abc"[..], b"", b"de"]);
    let senders: Vec<_> = received.iter().map(|(_, message)| message.from.inet()).collect();
    assert_eq!(senders, [Some(first), Some(second), Some(second)]);
    let truncated: Vec<_> = received
        .iter()
        .map(|(_, message)| message.received.truncated)
        .collect();
    assert_eq!((truncated, left), (vec![false, false, true], None));
    assert_eq!(data::<W>(&mut guest, fd, &[8], NOW), Err(Errno::EAGAIN));
}

fn more_than_one_system_call_takes_goes_and_comes_in_order<W: World>(world: &W) {
    const COUNT: u8 = 150;
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, to) = peer(world);
    let bytes: Vec<[u8; 1]> = (0..COUNT).map(|byte| [byte]).collect();
    let messages: Vec<_> = bytes.iter().map(|byte| (&byte[..], Some(to))).collect();
    assert_eq!(
        send::<W>(&mut guest, fd, &messages),
        Ok(vec![1; usize::from(COUNT)])
    );
    for byte in &bytes {
        assert_eq!(received_by(&peer), byte);
        peer.send_to(byte, addr).unwrap();
    }
    let came = data::<W>(&mut guest, fd, &vec![4; usize::from(COUNT) + 1], NOW).unwrap();
    assert_eq!(came, bytes);
}

fn no_more_than_1024_are_looked_at<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = udp::<W>(&mut guest);
    let (_peer, to) = peer(world);
    let messages = vec![(&b"x"[..], Some(to)); MAX_BATCH + 1];
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![1; MAX_BATCH]));
}

fn none_is_none<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = udp::<W>(&mut guest);
    assert_eq!(send::<W>(&mut guest, fd, &[]), Ok(vec![]));
    assert_eq!(data::<W>(&mut guest, fd, &[], How::default()), Ok(vec![]));
    assert_eq!(send::<W>(&mut guest, 99, &[]), Err(Errno::EBADF));
    assert_eq!(data::<W>(&mut guest, 99, &[], NOW), Err(Errno::EBADF));
}

fn a_message_that_fails_ends_the_batch_and_is_forgotten<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = udp::<W>(&mut guest);
    let (peer, to) = peer(world);
    let long = vec![0; 70_000];
    let messages: [(&[u8], _); 3] = [(b"a", Some(to)), (&long, Some(to)), (b"c", Some(to))];
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![1]));
    assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
    assert_eq!(send::<W>(&mut guest, fd, &messages[1..]), Err(Errno::EMSGSIZE));
    assert_eq!(send::<W>(&mut guest, fd, &messages[2..]), Ok(vec![1]));
    assert_eq!([(); 2].map(|()| received_by(&peer)), [b"a", b"c"]);
    assert_eq!(
        send::<W>(&mut guest, fd, &[(b"nowhere", None)]),
        Err(Errno::EDESTADDRREQ)
    );
}

fn a_batch_that_blocks_waits_for_all<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, _) = peer(world);
    peer.send_to(b"there", addr).unwrap();
    let (came, ()) = while_waiting(
        world,
        || data::<W>(&mut guest, fd, &[8; 3], How::default()),
        || {
            peer.send_to(b"late", addr).unwrap();
            peer.send_to(b"later", addr).unwrap();
        },
    );
    assert_eq!(came.unwrap(), [&b"there"[..], b"late", b"later"]);
}

fn wait_for_one_waits_for_the_first_only<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, _) = peer(world);
    let how = How {
        wait_for_one: true,
        ..How::default()
    };
    let (came, _) = while_waiting(
        world,
        || data::<W>(&mut guest, fd, &[8; 3], how),
        || peer.send_to(b"late", addr).unwrap(),
    );
    assert_eq!(came.unwrap(), [b"late"]);
}

fn a_receive_limit_is_for_each_message_and_what_came_is_returned<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, _) = peer(world);
    let limit = OptValue::Time(Some(Duration::from_millis(20)));
    guest.set_option(fd, SockOpt::RcvTimeo, limit).unwrap();
    peer.send_to(b"there", addr).unwrap();
    assert_eq!(
        data::<W>(&mut guest, fd, &[8; 3], How::default()).unwrap(),
        [b"there"]
    );
    assert_eq!(
        data::<W>(&mut guest, fd, &[8; 3], How::default()),
        Err(Errno::EAGAIN)
    );
}

fn time_that_is_over_takes_one<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, _) = peer(world);
    peer.send_to(b"one", addr).unwrap();
    peer.send_to(b"two", addr).unwrap();
    let how = How {
        timeout: Some(Duration::ZERO),
        ..NOW
    };
    for expected in [b"one", b"two"] {
        let (received, left) = receive::<W>(&mut guest, fd, &[8; 3], how).unwrap();
        let data: Vec<_> = received.into_iter().map(|(data, _)| data).collect();
        assert_eq!((data, left), (vec![expected.to_vec()], Some(Duration::ZERO)));
    }
}

fn a_long_time_is_waited_for_by_none_that_are_there<W: World>(world: &W) {
    const HOUR: Duration = Duration::from_secs(3600);
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, _) = peer(world);
    peer.send_to(b"one", addr).unwrap();
    peer.send_to(b"two", addr).unwrap();
    let how = How {
        timeout: Some(HOUR),
        ..How::default()
    };
    let (received, left) = receive::<W>(&mut guest, fd, &[8; 2], how).unwrap();
    assert_eq!(received.len(), 2);
    let left = left.unwrap();
    assert!(left > HOUR / 2 && left <= HOUR, "{left:?}");
}

fn a_shut_receiving_side_gives_empty_messages<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    guest.connect(fd, &addr.into()).unwrap();
    guest.shutdown(fd, Shutdown::Read).unwrap();
    assert_eq!(
        data::<W>(&mut guest, fd, &[8; 3], How::default()).unwrap(),
        [b""; 3]
    );
}

/// A blocking TCP connection from the guest to a peer.
fn tcp_pair<W: World>(world: &W, guest: &mut Shared<W>) -> (Fd, W::Stream) {
    let listener = world.listen(LOOPBACK).unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.connect(fd, &listener.local_addr().unwrap().into()).unwrap();
    (fd, listener.accept().unwrap().0)
}

fn a_streams_messages_are_its_bytes_in_order<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = tcp_pair(world, &mut guest);
    let messages: [(&[u8], _); 3] = [(b"abc", None), (b"", None), (b"de", None)];
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![3, 0, 2]));
    let mut bytes = [0; 5];
    peer.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"abcde");
    peer.write_all(b"fghij").unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    let how = How {
        flags: RecvFlags::WAITALL,
        ..How::default()
    };
    assert_eq!(
        data::<W>(&mut guest, fd, &[2, 2, 2, 2], how).unwrap(),
        [&b"fg"[..], b"hi", b"j", b""]
    );
}

/// A guest whose connection was reset while a batch waited for its second message.
fn reset_in_between<W: World>(world: &W) -> (Shared<W>, Fd) {
    let mut guest = guest(world);
    let (fd, peer) = tcp_pair(world, &mut guest);
    assert_eq!(send::<W>(&mut guest, fd, &[(b"unread", None)]), Ok(vec![6]));
    peer.write_all(b"there").unwrap();
    let (came, ()) = while_waiting(
        world,
        || data::<W>(&mut guest, fd, &[8; 2], How::default()),
        || reset(peer),
    );
    assert_eq!(came.unwrap(), [b"there"]);
    (guest, fd)
}

fn an_error_after_a_message_shows_at_the_next_call<W: World>(world: &W) {
    let (mut guest, fd) = reset_in_between(world);
    assert!(ready::<W>(&mut guest, fd, Ready::READ).contains(Ready::ERROR));
    assert_eq!(data::<W>(&mut guest, fd, &[8; 2], NOW), Err(Errno::ECONNRESET));
    assert!(!ready::<W>(&mut guest, fd, Ready::READ).contains(Ready::ERROR));
    let byte = &mut [0];
    let end = guest.recv(fd, &mut [IoSliceMut::new(byte)], RecvFlags::empty());
    assert_eq!(end.unwrap().len, 0);
    let (mut guest, fd) = reset_in_between(world);
    let byte = &mut [0];
    let error = guest.recv(fd, &mut [IoSliceMut::new(byte)], RecvFlags::empty());
    assert_eq!(error, Err(Errno::ECONNRESET));
}

fn an_error_after_a_message_shows_as_so_error<W: World>(world: &W) {
    let (mut guest, fd) = reset_in_between(world);
    for expected in [Some(Errno::ECONNRESET), None] {
        assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(expected)));
    }
}

fn a_bounced_datagram_comes_before_what_is_there<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, to) = peer(world);
    guest.connect(fd, &to.into()).unwrap();
    peer.send_to(b"there", addr).unwrap();
    drop(peer);
    assert_eq!(send::<W>(&mut guest, fd, &[(b"bounces", None)]), Ok(vec![7]));
    crate::patience::eventually("it bounces", || {
        ready::<W>(&mut guest, fd, Ready::empty())
            .contains(Ready::ERROR)
            .then_some(())
    });
    assert_eq!(data::<W>(&mut guest, fd, &[8; 2], NOW), Err(Errno::ECONNREFUSED));
    assert_eq!(data::<W>(&mut guest, fd, &[8; 2], NOW).unwrap(), [b"there"]);
}

fn a8_each_destination_is_judged<W: World>(world: &W) {
    let ((one, first), (two, second)) = (peer(world), peer(world));
    two.set_nonblocking(true).unwrap();
    let mut guest = guest_under(world, allow(&[(Use::Connect, &format!("udp://{first}"))]));
    let fd = udp::<W>(&mut guest);
    let messages: [(&[u8], _); 3] = [(b"a", Some(first)), (b"b", Some(second)), (b"c", Some(first))];
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![1]));
    assert_eq!(send::<W>(&mut guest, fd, &messages[1..]), Err(Errno::EACCES));
    guest.connect(fd, &first.into()).unwrap();
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![1]));
    let interface = Control::PacketInfo4 {
        interface: 1,
        local: std::net::Ipv4Addr::UNSPECIFIED,
        destination: std::net::Ipv4Addr::UNSPECIFIED,
    };
    let mut batch = [OutgoingMessage {
        bufs: &mut [IoSlice::new(b"x")],
        to: Some(first.into()),
        control: vec![interface],
        sent: 0,
    }];
    assert_eq!(
        guest.send_batch(fd, &mut batch, SendFlags::empty()),
        Err(Errno::EACCES)
    );
    assert_eq!([(); 2].map(|()| received_by(&one)), [b"a", b"a"]);
    assert!(two.recv(&mut [0]).is_err());
}

fn a10_no_refused_sender_is_among_those_that_come<W: World>(world: &W) {
    let ((friend, _), (stranger, refused)) = (peer(world), peer(world));
    let mut guest = guest_under(world, deny(&[(Use::Accept, &format!("udp://{refused}"))]));
    let (fd, addr) = udp_bound::<W>(&mut guest);
    stranger.send_to(b"no", addr).unwrap();
    friend.send_to(b"one", addr).unwrap();
    stranger.send_to(b"no", addr).unwrap();
    friend.send_to(b"two", addr).unwrap();
    assert_eq!(data::<W>(&mut guest, fd, &[8; 4], NOW).unwrap(), [b"one", b"two"]);
}

fn a28_each_datagram_is_counted<W: World>(world: &W) {
    let mut policy = PolicyBuilder::new();
    policy.allow_net().limits(Limits {
        bytes_total: Some(10),
        ..Limits::default()
    });
    let mut guest = guest_under(world, policy.build());
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, to) = peer(world);
    for _ in 0..2 {
        peer.send_to(b"12", addr).unwrap();
    }
    let messages: [(&[u8], _); 3] = [(b"abc", Some(to)), (b"def", Some(to)), (b"ghijk", Some(to))];
    assert_eq!(send::<W>(&mut guest, fd, &messages), Ok(vec![3, 3]));
    assert_eq!(data::<W>(&mut guest, fd, &[8; 3], NOW).unwrap(), [b"12", b"12"]);
    assert_eq!(send::<W>(&mut guest, fd, &messages), Err(Errno::ENOBUFS));
    assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
}

/// The decisions that an observer received, and the calls.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<(Vec<String>, Vec<String>)>>);

impl Observer for Lines {
    fn wants_calls(&self) -> bool {
        true
    }

    fn call(&mut self, name: &'static str, _: fmt::Arguments<'_>, result: Result<u64>) {
        self.0.lock().unwrap().1.push(format!("{name} = {result:?}"));
    }

    fn denied(&mut self, _: &Denial<'_>) {}

    fn wants_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, record: &AuditRecord<'_>) {
        self.0
            .lock()
            .unwrap()
            .0
            .push(format!("{} {}", record.call, record.target));
    }
}

fn each_message_is_judged_and_audited_once<W: World>(world: &W) {
    let mut guest = guest(world);
    let lines = Lines::default();
    guest.observe(Box::new(lines.clone()));
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, to) = peer(world);
    peer.send_to(b"in", addr).unwrap();
    peer.send_to(b"in", addr).unwrap();
    std::mem::take(&mut *lines.0.lock().unwrap());
    send::<W>(&mut guest, fd, &[(b"a", Some(to)), (b"b", Some(to))]).unwrap();
    data::<W>(&mut guest, fd, &[8; 3], NOW).unwrap();
    let (decisions, calls) = std::mem::take(&mut *lines.0.lock().unwrap());
    let (sent, received) = (format!("sendto {to}"), format!("recvfrom {to}"));
    assert_eq!(decisions, [sent.clone(), sent, received.clone(), received]);
    assert_eq!(calls, ["sendmmsg = Ok(2)", "recvmmsg = Ok(2)"]);
}

fn a_number_is_looked_up_once<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = udp_bound::<W>(&mut guest);
    let (peer, _) = peer(world);
    let descriptor = guest.look_up_socket(fd).unwrap();
    peer.send_to(b"kept", addr).unwrap();
    guest.close(fd).unwrap();
    let mut room = [0; 8];
    let mut batch = [IncomingMessage {
        bufs: &mut [IoSliceMut::new(&mut room)],
        wants_control: false,
        rights: 0,
        message: None,
    }];
    let came = guest.recv_batch(&descriptor, &mut batch, RecvFlags::DONTWAIT, false, None);
    assert_eq!(came, Ok((1, None)));
    assert_eq!(&room[..4], b"kept");
}
