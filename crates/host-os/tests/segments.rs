//! Datagrams in one system call: runs of a batch as segments, and the options for that.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use guestnet_core::limits::Limits;
use guestnet_core::policy::{Policy, PolicyBuilder};
use guestnet_core::{
    Capacity, Control, Domain, Errno, Fd, Guest, Kind, OptValue, OutgoingMessage, RecvFlags, SendFlags,
    SharedGuestThread, SockAddr, SockOpt,
};
use guestnet_host_os::OsHost;

type GuestThread = SharedGuestThread<OsHost, ()>;

fn guest() -> GuestThread {
    guest_under(Policy::allow_all())
}

fn guest_under(policy: Policy) -> GuestThread {
    let host = OsHost::new().unwrap();
    Guest::new(Arc::new(policy), Capacity::default(), 0).thread(host)
}

fn udp(guest: &mut GuestThread) -> (Fd, SocketAddr) {
    let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    guest.bind(fd, &any.into()).unwrap();
    (fd, guest.local_addr(fd).unwrap().inet().unwrap())
}

fn peer() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = socket.local_addr().unwrap();
    socket.set_read_timeout(Some(patience())).unwrap();
    (socket, addr)
}

/// How long what must come is waited for.
fn patience() -> std::time::Duration {
    std::time::Duration::from_secs(20)
}

/// sendmmsg(2) of these datagrams, in two buffers each.
fn send_batch(
    guest: &mut GuestThread,
    fd: Fd,
    datagrams: &[(Option<SocketAddr>, Vec<u8>)],
) -> Result<usize, Errno> {
    let mut bufs: Vec<_> = datagrams
        .iter()
        .map(|(_, bytes)| {
            let (one, other) = bytes.split_at(bytes.len() / 2);
            [IoSlice::new(one), IoSlice::new(other)]
        })
        .collect();
    let mut messages: Vec<_> = bufs
        .iter_mut()
        .zip(datagrams)
        .map(|(bufs, (to, _))| OutgoingMessage {
            bufs,
            to: to.map(SockAddr::Inet),
            control: Vec::new(),
            sent: 0,
        })
        .collect();
    let sent = guest.send_batch(fd, &mut messages, SendFlags::empty())?;
    for (message, (_, bytes)) in messages.iter().zip(datagrams).take(sent) {
        assert_eq!(message.sent, bytes.len());
    }
    Ok(sent)
}

/// What comes to a peer, as many as are due.
fn received(peer: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; 65_536];
    (0..count)
        .map(|_| {
            let len = peer.recv(&mut buffer).unwrap();
            buffer[..len].to_vec()
        })
        .collect()
}

fn numbered(sizes: &[usize]) -> Vec<Vec<u8>> {
    sizes
        .iter()
        .zip(1..)
        .map(|(size, number)| vec![number; *size])
        .collect()
}

/// Sends datagrams of these sizes to one peer in a batch, and checks that they come as they were sent.
fn arrive(sizes: &[usize]) {
    let mut guest = guest();
    let (fd, _) = udp(&mut guest);
    let (peer, addr) = peer();
    let datagrams = numbered(sizes);
    let batch: Vec<_> = datagrams
        .iter()
        .map(|bytes| (Some(addr), bytes.clone()))
        .collect();
    assert_eq!(send_batch(&mut guest, fd, &batch), Ok(sizes.len()));
    assert_eq!(received(&peer, sizes.len()), datagrams, "{sizes:?}");
}

#[test]
fn a_batch_comes_as_it_was_sent_whatever_its_sizes_are() {
    for sizes in [
        &[1200; 40][..],
        &[1200, 1200, 1200, 7],
        &[1200, 1200, 7, 7, 7, 1200],
        &[0, 0, 0],
        &[5, 0, 5, 5, 0],
        &[1, 2, 3, 4, 5],
        &[5, 4, 3, 2, 1],
        &[1, 1],
        &[1400, 60_000, 1400, 1400],
        // More than one run.
        &[100; 100],
    ] {
        arrive(sizes);
    }
}

/// Loopback takes 65,536 bytes at once. What is larger is sent in fragments, which segments cannot be.
#[test]
fn a_run_that_is_too_large_for_segments_is_sent_one_by_one() {
    arrive(&[65_000, 65_000]);
    arrive(&[40_000, 40_000, 40_000]);
}

#[test]
fn a_datagram_that_is_too_long_ends_a_batch_behind_those_before_it() {
    let mut guest = guest();
    let (fd, _) = udp(&mut guest);
    let (peer, addr) = peer();
    let to = |size: usize| (Some(addr), vec![1; size]);
    assert_eq!(
        send_batch(&mut guest, fd, &[to(9), to(9), to(66_000), to(9)]),
        Ok(2)
    );
    assert_eq!(
        send_batch(&mut guest, fd, &[to(66_000), to(66_000)]),
        Err(Errno::EMSGSIZE)
    );
    assert_eq!(received(&peer, 2), [vec![1; 9], vec![1; 9]]);
}

#[test]
fn runs_to_several_peers_come_to_each() {
    let mut guest = guest();
    let (fd, _) = udp(&mut guest);
    let ((one, to_one), (other, to_other)) = (peer(), peer());
    let datagrams = numbered(&[30; 12]);
    let batch: Vec<_> = datagrams
        .iter()
        .enumerate()
        .map(|(index, bytes)| (Some(if index % 6 < 3 { to_one } else { to_other }), bytes.clone()))
        .collect();
    assert_eq!(send_batch(&mut guest, fd, &batch), Ok(12));
    assert_eq!(received(&one, 6), [&datagrams[0..3], &datagrams[6..9]].concat());
    assert_eq!(
        received(&other, 6),
        [&datagrams[3..6], &datagrams[9..12]].concat()
    );
}

/// On a socket with a peer the second datagram finds the error of the first one, as natively.
#[test]
fn a_refused_batch_on_a_connected_socket_ends_where_it_does_natively() {
    let mut guest = guest();
    let (fd, _) = udp(&mut guest);
    let (_, closed) = peer();
    guest.connect(fd, &closed.into()).unwrap();
    guest.set_nonblocking(fd, true).unwrap();
    let batch = vec![(None, vec![1; 100]); 5];
    let native = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    native.connect(closed).unwrap();
    let expected = batch
        .iter()
        .take_while(|(_, bytes)| native.send(bytes).is_ok())
        .count();
    assert_eq!(send_batch(&mut guest, fd, &batch), Ok(expected));
}

#[test]
fn a_guest_may_segment_and_merge_itself() {
    let mut guest = guest();
    let (from, sender) = udp(&mut guest);
    let (to, addr) = udp(&mut guest);
    guest.set_option(to, SockOpt::UdpGro, OptValue::Int(1)).unwrap();
    assert_eq!(guest.option(to, SockOpt::UdpGro), Ok(OptValue::Int(1)));
    guest
        .set_option(from, SockOpt::UdpSegment, OptValue::Int(400))
        .unwrap();
    assert_eq!(guest.option(from, SockOpt::UdpSegment), Ok(OptValue::Int(400)));
    let expect = |guest: &mut GuestThread, size: u16| {
        let mut buffer = vec![0; 4000];
        let message = guest
            .recv_message(to, &mut [IoSliceMut::new(&mut buffer)], 0, RecvFlags::empty())
            .unwrap();
        assert_eq!((message.received.len, message.from), (1000, sender.into()));
        assert_eq!(message.control, [Control::SegmentSize(size)]);
    };
    let bytes = [7; 1000];
    guest
        .send_to(
            from,
            &mut [IoSlice::new(&bytes)],
            &addr.into(),
            SendFlags::empty(),
        )
        .unwrap();
    expect(&mut guest, 400);
    // A message says more than the option.
    let control = [Control::SegmentSize(300)];
    guest
        .send_message(
            from,
            &mut [IoSlice::new(&bytes)],
            Some(&addr.into()),
            &control,
            SendFlags::empty(),
        )
        .unwrap();
    expect(&mut guest, 300);
    // Who has not asked for it gets each datagram.
    let (plain, plain_addr) = udp(&mut guest);
    guest
        .send_to(
            from,
            &mut [IoSlice::new(&bytes)],
            &plain_addr.into(),
            SendFlags::empty(),
        )
        .unwrap();
    for len in [400, 400, 200] {
        let mut buffer = vec![0; 4000];
        let received = guest
            .recv(plain, &mut [IoSliceMut::new(&mut buffer)], RecvFlags::empty())
            .unwrap();
        assert_eq!(received.len, len);
    }
}

/// A socket that reads ahead has the kernel merge already, which the guest does not see until it asks for it.
#[test]
fn a_guest_that_asks_for_merged_datagrams_late_gets_those_that_come_then() {
    let mut guest = guest();
    let (fd, addr) = udp(&mut guest);
    let (from, _) = udp(&mut guest);
    let send = |guest: &mut GuestThread, len: usize, size: u16| {
        let bytes = vec![1; len];
        let control = [Control::SegmentSize(size)];
        guest
            .send_message(
                from,
                &mut [IoSlice::new(&bytes)],
                Some(&addr.into()),
                &control,
                SendFlags::empty(),
            )
            .unwrap();
    };
    let recv = |guest: &mut GuestThread| {
        let mut buffer = vec![0; 4000];
        let message = guest
            .recv_message(fd, &mut [IoSliceMut::new(&mut buffer)], 0, RecvFlags::empty())
            .unwrap();
        (message.received.len, message.control)
    };
    for _ in 0..20 {
        send(&mut guest, 10, 10);
        assert_eq!(recv(&mut guest), (10, vec![]));
    }
    send(&mut guest, 30, 10);
    assert_eq!(recv(&mut guest), (10, vec![]));
    assert_eq!(guest.option(fd, SockOpt::UdpGro), Ok(OptValue::Int(0)));
    guest.set_option(fd, SockOpt::UdpGro, OptValue::Int(1)).unwrap();
    assert_eq!(guest.option(fd, SockOpt::UdpGro), Ok(OptValue::Int(1)));
    send(&mut guest, 45, 10);
    assert_eq!(recv(&mut guest), (10, vec![]));
    assert_eq!(recv(&mut guest), (10, vec![]));
    assert_eq!(recv(&mut guest), (45, vec![Control::SegmentSize(10)]));
    guest.set_option(fd, SockOpt::UdpGro, OptValue::Int(0)).unwrap();
    send(&mut guest, 25, 10);
    assert_eq!(recv(&mut guest), (10, vec![]));
    assert_eq!(recv(&mut guest), (10, vec![]));
    assert_eq!(recv(&mut guest), (5, vec![]));
}

/// Each segment is a packet, whose headers count against the rate: by the option, and by what a message says itself.
#[test]
fn a37_a_send_that_is_cut_costs_the_headers_of_each_part() {
    for by_option in [true, false] {
        let mut policy = PolicyBuilder::new();
        policy.allow_net().limits(Limits {
            bytes_per_second: Some(4096),
            ..Limits::default()
        });
        let mut guest = guest_under(policy.build());
        let (fd, _) = udp(&mut guest);
        guest.set_nonblocking(fd, true).unwrap();
        let (_peer, addr) = peer();
        let mut control = vec![Control::SegmentSize(1)];
        if by_option {
            guest
                .set_option(fd, SockOpt::UdpSegment, OptValue::Int(1))
                .unwrap();
            control.clear();
        }
        let mut sent = 0;
        let refused = loop {
            let bytes = [0; 60];
            let bufs = &mut [IoSlice::new(&bytes)];
            match guest.send_message(fd, bufs, Some(&addr.into()), &control, SendFlags::empty()) {
                Ok(_) => sent += 1,
                Err(errno) => break errno,
            }
        };
        assert_eq!(refused, Errno::EAGAIN);
        // 60 bytes in packets of 29 bytes each are 1,740, and as one packet 88. On a busy machine some seconds may have passed.
        assert!((3..30).contains(&sent), "{sent}");
    }
}
