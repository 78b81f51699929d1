//! A28 peeks under a limit of bytes, A37 a rate against what has no bytes. (A limit that many threads share is in `threads`.)

use super::support::{ABIS, Abi, PEEKING, Pourer, Server, app, attack, numbers};
use guestnet_tests::Guestnet;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// Datagrams of a hundred bytes: what is seen of 1 KiB may be one datagram more.
const MOST: u64 = 1024 + 100;

/// What a guest says it saw under 1 KiB.
fn seen(abi: Abi, options: &[&str], args: &[&str]) -> u64 {
    let options = [&["--allow-net", "--max-bytes=1KiB"], options].concat();
    let printed = app(abi, "limits", &options, args).finish().success();
    assert!(
        printed.ends_with(" then ENOBUFS\n"),
        "{abi:?} {args:?}: {printed}"
    );
    numbers(&printed)[0]
}

#[test]
fn a_guest_sees_no_more_of_datagrams_by_looking_and_throwing_them_away() {
    let peer = Pourer::new(vec![b'd'; 100]);
    let port = peer.port();
    for abi in PEEKING {
        for call in ["recv", "recvfrom", "recvmsg"] {
            if call == "recvmsg" && abi == Abi::Script {
                // There is none.
                continue;
            }
            let saw = seen(abi, &[], &["peek", call, "udp", &port]);
            assert!((900..=MOST).contains(&saw), "{abi:?} {call}: {saw}");
        }
        let saw = seen(abi, &["--max-rate=1KiB"], &["peek", "recv", "udp", &port]);
        assert!((900..=MOST).contains(&saw), "{abi:?} with a rate: {saw}");
    }
}

#[test]
fn no_call_of_any_abi_of_wasi_looks_at_more() {
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = peer.local_addr().expect("local_addr").port();
    peer.set_read_timeout(Some(Duration::from_millis(50)))
        .expect("a timeout");
    let run = Guestnet::run().allow_net().option("--max-bytes=1KiB");
    let mut guest = attack(run, "peek").arg(port.to_string()).start();
    while !guest.has_ended() {
        if let Ok((_, from)) = peer.recv_from(&mut [0; 16]) {
            let _ = peer.send_to(&[b'd'; 100], from);
        }
    }
    let printed = guest.finish().success();
    let mut lines = printed.lines();
    let first = lines.next().expect("a line");
    let saw = first.rsplit("saw ").next().map_or(0, |rest| numbers(rest)[0]);
    assert!((900..=MOST).contains(&saw), "{printed}");
    assert!(first.ends_with("then ENOBUFS"), "{printed}");
    assert_eq!(
        lines.filter(|line| line.ends_with(": ENOBUFS")).count(),
        6,
        "{printed}"
    );
}

#[test]
fn a_guest_sees_no_more_of_streams_by_connecting_again() {
    let server = Server::new(|mut stream| {
        // It may have seen enough.
        let _ = stream.write_all(&[b's'; 100]);
    });
    for abi in PEEKING {
        let saw = seen(abi, &[], &["peek", "recv", "tcp", &server.port()]);
        assert!((1000..=1024).contains(&saw), "{abi:?}: {saw}");
    }
}

#[test]
fn what_was_looked_at_twice_and_taken_is_counted_once() {
    let server = Server::new(|mut stream| {
        let _ = stream.write_all(&[b's'; 4000]);
    });
    for abi in PEEKING {
        let options = ["--allow-net", "--max-bytes=1KiB"];
        let printed = app(abi, "limits", &options, &["twice", &server.port()])
            .finish()
            .success();
        assert_eq!(printed, "took 1024 then ENOBUFS\n", "{abi:?}");
    }
}

#[test]
fn a_datagram_counts_its_length_and_not_the_room_there_was_for_it() {
    let peer = Pourer::new(vec![b'd'; 600]);
    for abi in PEEKING {
        let options = ["--allow-net", "--max-bytes=1KiB"];
        let printed = app(abi, "limits", &options, &["short", &peer.port()])
            .finish()
            .success();
        assert_eq!(printed, "took 2 then ENOBUFS\n", "{abi:?}");
    }
}

#[test]
fn a_component_takes_no_more_by_any_call() {
    let datagrams = Pourer::new(vec![b'd'; 100]);
    let server = Server::new(|mut stream| {
        // It may have taken enough.
        let _ = stream.write_all(&[b's'; 400]);
    });
    for (call, port, most) in [
        ("receive", datagrams.port(), MOST),
        ("read", server.port(), 1024),
        ("skip", server.port(), 1024),
        ("splice", server.port(), 1024),
    ] {
        let options = ["--allow-net", "--max-bytes=1KiB"];
        let printed = app(Abi::Component, "limits", &options, &["take", call, &port])
            .finish()
            .success();
        assert!(printed.ends_with(" then ENOBUFS\n"), "{call}: {printed}");
        let took = numbers(&printed)[0];
        assert!((900..=most).contains(&took), "{call}: {took}");
    }
}

/// What a storm got through, and the most that a rate of 1 KiB gives for things of this cost in the time it took: what may be
/// saved up, what comes in meanwhile, and the one that is let through while there is anything left.
fn stormed(printed: &str, cost: u64) -> (u64, u64) {
    let line = printed.lines().last().expect("a line");
    assert!(line.contains(" refused EAGAIN in "), "{printed}");
    let [sent, ms] = numbers(line)[..] else {
        panic!("{printed}");
    };
    (sent, (1024 + 1024 * (ms + 50) / 1000) / cost + 1)
}

#[test]
fn empty_datagrams_cost_their_headers() {
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = peer.local_addr().expect("local_addr").port().to_string();
    for abi in ABIS {
        let options = ["--allow-net", "--max-rate=1KiB"];
        let printed = app(abi, "limits", &options, &["empty", &port, "1500"])
            .finish()
            .success();
        let (sent, most) = stormed(&printed, 28);
        assert!((20..=most).contains(&sent), "{abi:?}: {sent} of {most}");
        // Nothing else has come, and the guest counted what has come.
        peer.set_nonblocking(true).expect("set_nonblocking");
        let came = std::iter::from_fn(|| peer.recv(&mut [0; 4]).ok()).count();
        assert_eq!(came as u64, sent, "{abi:?}");
        // The total counts bytes, of which these have none.
        let options = ["--allow-net", "--max-bytes=10"];
        let printed = app(abi, "limits", &options, &["empty", &port, "100"])
            .finish()
            .success();
        assert!(numbers(&printed)[0] > 50, "{abi:?}: {printed}");
        while peer.recv(&mut [0; 4]).is_ok() {}
    }
}

#[test]
fn connections_cost_what_opens_them() {
    let server = Server::new(drop);
    for abi in ABIS {
        let options = ["--allow-net", "--max-rate=1KiB"];
        let printed = app(abi, "limits", &options, &["connect", &server.port(), "1500"])
            .finish()
            .success();
        let (sent, most) = stormed(&printed, 120);
        assert!((8..=most).contains(&sent), "{abi:?}: {sent} of {most}");
    }
    // Who waits is let through when it is time.
    for abi in [Abi::Wasi, Abi::Emscripten, Abi::Component] {
        let options = ["--allow-net", "--max-rate=1KiB"];
        let printed = app(abi, "limits", &options, &["calm", &server.port(), "15"])
            .finish()
            .success();
        let [15, ms] = numbers(&printed)[..] else {
            panic!("{abi:?}: {printed}");
        };
        assert!(ms >= (15 * 120 - 1024 - 120) * 1000 / 1024, "{abi:?}: {ms} ms");
    }
}

#[test]
fn connections_that_are_accepted_cost_it_too() {
    for abi in [Abi::Wasi, Abi::Emscripten, Abi::Component] {
        let options = ["--allow-net", "--max-rate=1KiB"];
        let mut guest = app(abi, "limits", &options, &["accept", "1500"]).start();
        let port: u16 = guest.line("port ").parse().expect("a port");
        let end = Instant::now() + Duration::from_secs(30);
        // A client always waits to be accepted.
        let mut waiting = Vec::new();
        while !guest.has_ended() && Instant::now() < end {
            if let Ok(stream) =
                TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_millis(50))
            {
                waiting.push(stream);
                waiting.drain(..waiting.len().saturating_sub(32));
            }
        }
        let printed = guest.finish().success();
        let (accepted, most) = stormed(&printed, 120);
        assert!((8..=most).contains(&accepted), "{abi:?}: {accepted} of {most}");
    }
}
