//! A10 and A9: connections and datagrams from peers that the policy refuses, by every call that takes them.

use super::support::{PATIENCE, attack, serve_rounds, udp};
use guestnet_tests::Guestnet;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};

/// Nothing of a forbidden datagram shows, what the peer sent comes in full, and a guest that does not wait gets EAGAIN.
fn check(transcript: &str, rounds: usize) {
    let rows: Vec<_> = transcript
        .lines()
        .filter(|line| line.contains(" allowed "))
        .collect();
    assert!(rows.len() >= rounds, "{transcript}");
    for row in rows {
        assert!(row.ends_with("forbidden 0 other 0"), "{row}");
        let expected = if row.contains("fd_read, none") {
            // A read without room takes nothing, and no peer is judged.
            ": ok allowed 0 "
        } else if row.contains("only forbidden") {
            ": EAGAIN allowed 0 "
        } else if row.contains(", none,") {
            ": ok allowed 0 "
        } else if row.contains("overlapping") {
            // 6 bytes at 0, and the other 6 from 3 on.
            ": ok allowed 9 "
        } else {
            ": ok allowed 12 "
        };
        assert!(row.contains(expected), "{row}: not {expected:?}");
    }
}

#[test]
fn a_refused_datagram_leaves_no_byte_in_the_guest_whatever_call_and_buffers_it_has() {
    let (peer, forbidden) = (udp(), udp());
    let addr = peer.local_addr().expect("local_addr");
    let run = Guestnet::run()
        .option("--allow-listen=udp://127.0.0.1:0")
        .option(format!("--allow-connect=udp://{addr}"))
        .option(format!("--allow-accept=udp://{addr}"));
    let mut guest = attack(run, "receive")
        .arg("bound")
        .arg(addr.port().to_string())
        .start();
    let rounds = serve_rounds(&mut guest, &peer, &forbidden);
    check(&guest.finish().success(), rounds);
}

#[test]
fn a_socket_that_sending_has_bound_receives_only_from_peers_it_may_send_to() {
    let (peer, forbidden) = (udp(), udp());
    let addr = peer.local_addr().expect("local_addr");
    // No rule says which peers to accept: the rule for connect decides, by its port too.
    let run = Guestnet::run().option(format!("--allow-connect=udp://{addr}"));
    let mut guest = attack(run, "receive")
        .arg("autobound")
        .arg(addr.port().to_string())
        .start();
    let rounds = serve_rounds(&mut guest, &peer, &forbidden);
    check(&guest.finish().success(), rounds);
}

#[test]
fn every_accept_resets_a_forbidden_peer_and_takes_the_next_one_wherever_the_listener_was_moved() {
    const ROUNDS: usize = 7;
    // Both families on one listener, as one machine has no second IPv4 peer: IPv4 shows up there in IPv6 spelling.
    let listener = std::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("bind");
    let port = listener.local_addr().expect("local_addr").port();
    let run = Guestnet::run().allow_net().option("--deny-accept=127.0.0.0/8");
    let mut guest = attack(run, "accept")
        .arg(ROUNDS.to_string())
        .listen_fd(listener)
        .start();
    let _ = guest.line("ready");
    for _ in 0..ROUNDS {
        let mut refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the kernel accepts");
        refused
            .set_read_timeout(Some(PATIENCE))
            .expect("set_read_timeout");
        let error = refused
            .read(&mut [0; 1])
            .expect_err("a refused connection is reset");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let mut allowed = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).expect("connect");
        allowed.write_all(b"hello").expect("write");
        allowed
            .set_read_timeout(Some(PATIENCE))
            .expect("set_read_timeout");
        assert_eq!(allowed.read(&mut [0; 1]).expect("the guest closes"), 0);
    }
    let transcript = guest.finish().success();
    let taken = transcript
        .lines()
        .filter(|line| line.ends_with(": ::1 says hello"));
    assert_eq!(taken.count(), ROUNDS, "{transcript}");
    assert!(transcript.contains("over standard input: ok\n"), "{transcript}");
    assert!(transcript.contains("over a socket: ok\n"), "{transcript}");
}
