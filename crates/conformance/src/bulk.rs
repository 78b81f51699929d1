//! sendfile(2) and splice(2): whole and in parts, their ends, limits of bytes and time, and stops.

use std::fs::{File, OpenOptions};
use std::io::{IoSlice, IoSliceMut, Write};
use std::time::Duration;

use guestnet_core::limits::Limits;
use guestnet_core::policy::{Policy, PolicyBuilder};
use guestnet_core::{Errno, Fd, OptValue, Ready, RecvFlags, Shutdown, SockOpt, SpliceFlags};

use crate::behaviour::behaviours;
use crate::guest::{Calls, TestGuest, guest, guest_on, guest_under, pattern};
use crate::patience::eventually;
use crate::peer::{drain, reset, take, while_waiting};
use crate::world::{PeerStream, World};

behaviours! { "bulk" needs Bulk:
    a_blocking_sendfile_of_8_mib_completes_while_the_peer_drains,
    a_non_blocking_sendfile_takes_what_fits_and_goes_on_from_there,
    sendfile_ends_where_the_file_ends,
    sendfile_says_what_the_kernel_says_of_socket_and_file,
    sendfile_to_a_peer_that_is_gone_is_an_error_and_no_signal,
    a_send_limit_ends_sendfile_with_eagain,
    sendfile_counts_in_limits_and_metrics,
    a_blocking_sendfile_that_is_stopped_gives_what_was_sent,
    a_sendfile_whose_peer_keeps_up_is_stopped_too,
    a_splice_passes_8_mib_on_while_both_peers_are_busy,
    a_splice_waits_for_what_is_not_ready,
    a_splice_that_does_not_wait_is_eagain,
    a_splice_of_something_else_is_einval,
    a_splice_to_a_peer_that_is_gone_leaves_the_bytes_in_the_pipe,
    a_receive_limit_ends_a_splice_with_eagain,
    a_splice_counts_both_ways_in_limits_and_metrics,
    a_splice_takes_what_was_peeked_at_without_counting_it_again,
    a_splice_that_waits_is_stopped,
}

const ALL_BYTES: usize = 8 << 20;
const LONG: usize = 64 << 20;

/// A file with [`pattern`] in it.
fn file(len: usize) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&pattern(len)).unwrap();
    file
}

/// The same with a hole behind it, which takes no room: more than the buffers of a connection hold.
fn long_file() -> File {
    let file = file(ALL_BYTES);
    file.set_len(LONG as u64).unwrap();
    file
}

/// A guest that may move no more than this in all.
fn total<W: World>(world: &W, bytes: u64) -> TestGuest<W> {
    let mut builder = PolicyBuilder::new();
    builder.allow_net().limits(Limits {
        bytes_total: Some(bytes),
        ..Limits::default()
    });
    guest_under(world, builder.build())
}

/// A guest and what stops it.
fn stoppable<W: World>(world: &W) -> (TestGuest<W>, Box<dyn Fn() + Send>) {
    let host = world.host();
    let stop = world.stopper(&host);
    (guest_on(world, host, Policy::allow_all()), stop)
}

fn set_time<W: World>(guest: &mut TestGuest<W>, fd: Fd, option: SockOpt) {
    let limit = OptValue::Time(Some(Duration::from_millis(50)));
    guest.set_option(fd, option, limit).unwrap();
}

fn a_blocking_sendfile_of_8_mib_completes_while_the_peer_drains<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    let source = file(ALL_BYTES);
    let (sent, received) = while_waiting(
        world,
        || guest.send_file(fd, &source, 0, ALL_BYTES + 1),
        || take(&peer, ALL_BYTES),
    );
    assert_eq!(sent, Ok(ALL_BYTES));
    assert!(received == pattern(ALL_BYTES), "every byte arrives in order");
}

fn a_non_blocking_sendfile_takes_what_fits_and_goes_on_from_there<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest.make_nonblocking(fd);
    let source = long_file();
    let sent = guest.send_file(fd, &source, 3, LONG).unwrap();
    assert!(0 < sent && sent < LONG - 3, "{sent} bytes were taken");
    let more = match guest.send_file(fd, &source, 3 + sent as u64, 1 << 20) {
        Err(Errno::EAGAIN) => 0,
        more => more.unwrap(),
    };
    guest.shutdown(fd, Shutdown::Write).unwrap();
    let mut expected = pattern(ALL_BYTES);
    expected.resize(LONG, 0);
    assert!(
        drain(&peer) == expected[3..3 + sent + more],
        "exactly the bytes that were counted arrive"
    );
}

fn sendfile_ends_where_the_file_ends<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    let source = file(1000);
    assert_eq!(guest.send_file(fd, &source, 990, 100), Ok(10));
    assert_eq!(guest.send_file(fd, &source, 1000, 100), Ok(0));
    assert_eq!(guest.send_file(fd, &source, 2000, 100), Ok(0));
    assert_eq!(guest.send_file(fd, &source, 0, 0), Ok(0));
    assert_eq!(take(&peer, 10), pattern(1000)[990..]);
}

fn sendfile_says_what_the_kernel_says_of_socket_and_file<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    let source = file(1000);
    assert_eq!(guest.send_file(fd + 100, &source, 0, 10), Err(Errno::EBADF));
    for offset in [i64::MAX as u64, u64::MAX] {
        assert_eq!(guest.send_file(fd, &source, offset, 100), Err(Errno::EINVAL));
    }
    let unconnected = guest.tcp();
    assert_eq!(guest.send_file(unconnected, &source, 0, 10), Err(Errno::EPIPE));
    let datagrams = guest.udp();
    assert_eq!(guest.send_file(datagrams, &source, 0, 10), Err(Errno::EOPNOTSUPP));
    let (end, _other) = guest.pipe().unwrap();
    assert_eq!(guest.send_file(end, &source, 0, 10), Err(Errno::ENOTSOCK));

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let written = File::create(&path).unwrap();
    assert_eq!(guest.send_file(fd, &written, 0, 10), Err(Errno::EBADF));
    let opened = File::open(directory.path()).unwrap();
    assert_eq!(guest.send_file(fd, &opened, 0, 10), Err(Errno::EINVAL));
    let appended = OpenOptions::new().read(true).append(true).open(&path).unwrap();
    assert_eq!(guest.send_file(fd, &appended, 0, 10), Ok(0));
}

fn sendfile_to_a_peer_that_is_gone_is_an_error_and_no_signal<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest.transmit(fd, b"left unread").unwrap();
    reset(peer);
    guest.until(fd, Ready::HANGUP);
    let source = file(1000);
    assert_eq!(guest.send_file(fd, &source, 0, 10), Err(Errno::ECONNRESET));
    assert_eq!(guest.send_file(fd, &source, 0, 10), Err(Errno::EPIPE));
}

fn a_send_limit_ends_sendfile_with_eagain<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    set_time::<W>(&mut guest, fd, SockOpt::SndTimeo);
    let source = long_file();
    let sent = guest.send_file(fd, &source, 0, LONG).unwrap();
    assert!(0 < sent && sent < LONG);
    let end = eventually("the socket is full", || {
        guest.send_file(fd, &source, 0, LONG).err()
    });
    assert_eq!(end, Errno::EAGAIN);
}

fn sendfile_counts_in_limits_and_metrics<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let (fd, peer) = guest.tcp_pair(world);
    let source = file(5000);
    assert_eq!(guest.send_file(fd, &source, 0, 400), Ok(400));
    assert_eq!(guest.send_file(fd, &source, 400, 4600), Ok(600));
    assert_eq!(guest.send_file(fd, &source, 1000, 1), Err(Errno::ENOBUFS));
    assert_eq!(take(&peer, 1000), pattern(5000)[..1000]);
    assert_eq!(guest.metrics().snapshot().tcp.sent_bytes, 1000);
}

fn a_blocking_sendfile_that_is_stopped_gives_what_was_sent<W: World>(world: &W) {
    let (mut guest, stop) = stoppable(world);
    let (fd, _peer) = guest.tcp_pair(world);
    let source = long_file();
    let (sent, ()) = while_waiting(world, || guest.send_file(fd, &source, 0, LONG), stop);
    let sent = sent.unwrap();
    assert!(0 < sent && sent < LONG);
    let next = eventually("the buffers are full", || {
        guest.send_file(fd, &source, 0, LONG).err()
    });
    assert_eq!(next, Errno::EINTR);
}

/// A file that has no end, as far as this test goes, and a peer that reads faster than it is sent to.
fn a_sendfile_whose_peer_keeps_up_is_stopped_too<W: World>(world: &W) {
    let (mut guest, stop) = stoppable(world);
    let (fd, peer) = guest.tcp_pair(world);
    let source = tempfile::tempfile().unwrap();
    // A hole, which takes no room.
    source.set_len(1 << 40).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut buffer = vec![0; 1 << 20];
            let mut stop = Some(stop);
            let mut read = 0;
            while let Ok(count @ 1..) = peer.read(&mut buffer) {
                read += count;
                if read > ALL_BYTES
                    && let Some(stop) = stop.take()
                {
                    stop();
                }
            }
            read
        });
        let sent = guest.send_file(fd, &source, 0, 0x7fff_f000).unwrap();
        guest.close(fd).unwrap();
        assert_eq!(reader.join().unwrap(), sent);
        assert!(sent < 0x7fff_f000, "the stop came first");
    });
}

/// What a proxy has: a connection to read from, a pipe, and one to write to.
struct Proxy<W: World> {
    from: (Fd, W::Stream),
    pipe: (Fd, Fd),
    to: (Fd, W::Stream),
}

fn proxy<W: World>(world: &W, guest: &mut TestGuest<W>) -> Proxy<W> {
    Proxy {
        from: guest.tcp_pair(world),
        pipe: guest.pipe().unwrap(),
        to: guest.tcp_pair(world),
    }
}

const NONE: SpliceFlags = SpliceFlags::empty();

fn read<W: World>(guest: &mut TestGuest<W>, fd: Fd) -> Vec<u8> {
    let mut buffer = vec![0; 4096];
    let count = guest.read(fd, &mut [IoSliceMut::new(&mut buffer)]).unwrap();
    buffer.truncate(count);
    buffer
}

fn a_splice_passes_8_mib_on_while_both_peers_are_busy<W: World>(world: &W) {
    let mut guest = guest(world);
    let Proxy { from, pipe, to } = proxy(world, &mut guest);
    let data = pattern(ALL_BYTES);
    std::thread::scope(|scope| {
        scope.spawn(|| from.1.write_all(&data).unwrap());
        let reader = scope.spawn(|| take(&to.1, ALL_BYTES));
        let mut passed = 0;
        while passed < ALL_BYTES {
            let taken = guest.splice(from.0, pipe.1, ALL_BYTES, NONE).unwrap();
            assert_eq!(
                guest.splice(pipe.0, to.0, taken, SpliceFlags::MORE),
                Ok(taken),
                "a blocking socket takes all that the pipe has"
            );
            passed += taken;
        }
        assert!(reader.join().unwrap() == data, "every byte arrives in order");
    });
}

fn a_splice_waits_for_what_is_not_ready<W: World>(world: &W) {
    let mut guest = guest(world);
    let Proxy { from, pipe, to } = proxy(world, &mut guest);
    let (taken, ()) = while_waiting(
        world,
        || guest.splice(from.0, pipe.1, 100, NONE),
        || from.1.write_all(b"late").unwrap(),
    );
    assert_eq!(taken, Ok(4));
    assert_eq!(guest.splice(pipe.0, to.0, 100, NONE), Ok(4));
    assert_eq!(take(&to.1, 4), b"late");
    // The end, which is nothing.
    let (taken, ()) = while_waiting(
        world,
        || guest.splice(from.0, pipe.1, 100, NONE),
        || from.1.shutdown(std::net::Shutdown::Write).unwrap(),
    );
    assert_eq!(taken, Ok(0));
}

fn a_splice_that_does_not_wait_is_eagain<W: World>(world: &W) {
    let mut guest = guest(world);
    let Proxy { from, pipe, to } = proxy(world, &mut guest);
    assert_eq!(
        guest.splice(pipe.0, to.0, 100, SpliceFlags::NONBLOCK),
        Err(Errno::EAGAIN)
    );
    guest.make_nonblocking(from.0);
    assert_eq!(guest.splice(from.0, pipe.1, 100, NONE), Err(Errno::EAGAIN));
    // A full pipe, with something to take.
    guest.make_nonblocking(pipe.1);
    while guest.write(pipe.1, &mut [IoSlice::new(&[0; 4096])]).is_ok() {}
    from.1.write_all(b"x").unwrap();
    guest.until(from.0, Ready::READ);
    assert_eq!(guest.splice(from.0, pipe.1, 1, NONE), Err(Errno::EAGAIN));
    guest.set_nonblocking(pipe.1, false).unwrap();
    assert_eq!(
        guest.splice(from.0, pipe.1, 1, SpliceFlags::NONBLOCK),
        Err(Errno::EAGAIN)
    );
    // A full socket takes what fits, and then nothing.
    guest.make_nonblocking(to.0);
    while guest.transmit(to.0, &[0; 1 << 16]).is_ok() {}
    assert_eq!(guest.splice(pipe.0, to.0, 1 << 16, NONE), Err(Errno::EAGAIN));
}

fn a_splice_of_something_else_is_einval<W: World>(world: &W) {
    let mut guest = guest(world);
    let Proxy { from, pipe, to } = proxy(world, &mut guest);
    let counter = guest.eventfd(1, false).unwrap();
    let datagrams = guest.udp();
    for (one, other) in [
        (from.0, to.0),
        (pipe.0, pipe.1),
        (counter, pipe.1),
        (datagrams, pipe.1),
        (pipe.0, datagrams),
    ] {
        assert_eq!(guest.splice(one, other, 100, NONE), Err(Errno::EINVAL));
    }
    for (one, other) in [
        (from.0 + 100, pipe.1),
        (pipe.0, to.0 + 100),
        (pipe.1, to.0),
        (from.0, pipe.0),
    ] {
        assert_eq!(guest.splice(one, other, 100, NONE), Err(Errno::EBADF));
    }
    assert_eq!(guest.splice(from.0 + 100, from.0 + 101, 0, NONE), Ok(0));
    let unconnected = guest.tcp();
    assert_eq!(guest.splice(unconnected, pipe.1, 100, NONE), Err(Errno::ENOTCONN));
    guest.write(pipe.1, &mut [IoSlice::new(b"abc")]).unwrap();
    assert_eq!(guest.splice(pipe.0, unconnected, 100, NONE), Err(Errno::EPIPE));
}

fn a_splice_to_a_peer_that_is_gone_leaves_the_bytes_in_the_pipe<W: World>(world: &W) {
    let mut guest = guest(world);
    let Proxy { pipe, to, .. } = proxy(world, &mut guest);
    guest.transmit(to.0, b"left unread").unwrap();
    reset(to.1);
    guest.until(to.0, Ready::HANGUP);
    guest.write(pipe.1, &mut [IoSlice::new(b"abc")]).unwrap();
    for errno in [Errno::ECONNRESET, Errno::EPIPE] {
        assert_eq!(guest.splice(pipe.0, to.0, 100, NONE), Err(errno));
    }
    assert_eq!(read::<W>(&mut guest, pipe.0), b"abc");
}

fn a_receive_limit_ends_a_splice_with_eagain<W: World>(world: &W) {
    let mut guest = guest(world);
    let Proxy { from, pipe, .. } = proxy(world, &mut guest);
    set_time::<W>(&mut guest, from.0, SockOpt::RcvTimeo);
    let before = guest.clock();
    assert_eq!(guest.splice(from.0, pipe.1, 100, NONE), Err(Errno::EAGAIN));
    assert!(guest.elapsed(before) >= Duration::from_millis(50));
}

fn a_splice_counts_both_ways_in_limits_and_metrics<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let Proxy { from, pipe, to } = proxy(world, &mut guest);
    from.1.write_all(&pattern(2000)).unwrap();
    guest.until(from.0, Ready::READ);
    assert_eq!(guest.splice(from.0, pipe.1, 600, NONE), Ok(600));
    // What is left of the total goes out.
    assert_eq!(guest.splice(pipe.0, to.0, 600, NONE), Ok(400));
    assert_eq!(take(&to.1, 400), pattern(400));
    assert_eq!(guest.splice(pipe.0, to.0, 200, NONE), Err(Errno::ENOBUFS));
    assert_eq!(guest.splice(from.0, pipe.1, 600, NONE), Err(Errno::ENOBUFS));
    assert_eq!(read::<W>(&mut guest, pipe.0), pattern(600)[400..]);
    let tcp = guest.metrics().snapshot().tcp;
    assert_eq!((tcp.received_bytes, tcp.sent_bytes), (600, 400));
}

fn a_splice_takes_what_was_peeked_at_without_counting_it_again<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let Proxy { from, pipe, .. } = proxy(world, &mut guest);
    from.1.write_all(&[7; 1000]).unwrap();
    eventually("all is there", || {
        (guest.receive(from.0, 1000, RecvFlags::PEEK).unwrap().len() == 1000).then_some(())
    });
    assert_eq!(guest.splice(from.0, pipe.1, 1000, NONE), Ok(1000));
    assert_eq!(guest.receive(from.0, 1, RecvFlags::DONTWAIT), Err(Errno::ENOBUFS));
}

fn a_splice_that_waits_is_stopped<W: World>(world: &W) {
    let (mut guest, stop) = stoppable(world);
    let Proxy { from, pipe, to } = proxy(world, &mut guest);
    let (taken, ()) = while_waiting(world, || guest.splice(from.0, pipe.1, 100, NONE), stop);
    assert_eq!(taken, Err(Errno::EINTR));
    assert_eq!(guest.splice(pipe.0, to.0, 100, NONE), Err(Errno::EINTR));
}
