//! A29 a descriptor that changes during a call, A30 many threads against one limit. WASI has one thread.

use super::support::{Counter, Server, numbers, script_file};
use guestnet_tests::emscripten::{self, Engine, Variant};
use guestnet_tests::{Guestnet, Program};
use std::io::Write;
use std::net::{Ipv4Addr, UdpSocket};

/// Ways in which a guest has threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Emscripten's pthreads.
    Pthreads(Variant, Engine),
    /// QuickJS workers.
    Workers,
}

const WAYS: [Way; 3] = [
    Way::Pthreads(Variant::Pthread, Engine::Node20),
    Way::Pthreads(Variant::Proxy, Engine::Node26),
    Way::Workers,
];

/// The guest of many threads under these options.
fn threads(way: Way, options: &[&str], args: &[&str]) -> Program {
    let program = match way {
        Way::Pthreads(variant, engine) => {
            emscripten::program(variant, engine, "thread_limits").env("GUESTNET_OPTIONS", options.join(" "))
        }
        Way::Workers => options
            .iter()
            .fold(Guestnet::run(), |run, option| run.option(option))
            .guest(&script_file("attack_threads")),
    };
    program.args(args)
}

#[test]
fn a_number_that_is_another_socket_meanwhile_writes_past_no_limit() {
    for way in WAYS {
        let counter = Counter::default();
        let count = counter.clone();
        let server = Server::new(move |stream| count.read(stream));
        let options = ["--allow-net", "--max-bytes=1KiB"];
        let printed = threads(way, &options, &["swap", &server.port(), "20000"])
            .finish()
            .success();
        assert_eq!(printed, "over\n", "{way:?}");
        drop(server);
        let total = counter.total();
        assert!(total <= 1024, "{way:?}: {total}");
        assert!(total > 0, "{way:?}: the socket was never there");
    }
}

#[test]
fn a_datagram_that_must_be_judged_does_not_arrive_as_a_streams_bytes() {
    let forbidden = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).expect("bind");
    let allowed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    for way in WAYS.into_iter().filter(|way| *way != Way::Workers) {
        let options = ["--allow-net", "--deny-accept=127.0.0.2"];
        let port = allowed.local_addr().expect("local_addr").port().to_string();
        let mut guest = threads(way, &options, &["judged", &port, "20000"]).start();
        let to = (Ipv4Addr::LOCALHOST, guest.line("port ").parse().expect("a port"));
        while !guest.has_ended() {
            for _ in 0..20 {
                // A full queue is no failure: the guest reads it, or has ended.
                let _ = forbidden.send_to(&[b'F'; 100], to);
                let _ = allowed.send_to(&[b'a'; 100], to);
            }
            std::thread::yield_now();
        }
        let printed = guest.finish().success();
        let line = printed.lines().last().expect("a line");
        assert!(line.starts_with("forbidden 0 of "), "{way:?}: {printed}");
        assert!(numbers(line)[1] > 0, "{way:?}: {printed}");
    }
}

#[test]
fn many_threads_send_no_more_than_one() {
    const MOST: u64 = 8 << 20;
    for way in WAYS {
        let counter = Counter::default();
        let count = counter.clone();
        let server = Server::new(move |stream| count.read(stream));
        let args = ["pour", &server.port(), "12", "8388608"];
        let printed = threads(way, &["--allow-net", "--max-bytes=8MiB"], &args)
            .finish()
            .success();
        drop(server);
        let total = counter.total();
        assert_eq!(total, MOST, "{way:?}: all of it can be sent\n{printed}");
        assert_eq!(printed.lines().count(), 12, "{way:?}: {printed}");
        let sent: u64 = printed.lines().map(|line| numbers(line)[0]).sum();
        assert_eq!(sent, total, "{way:?}: {printed}");
        for line in printed.lines() {
            let whole = line == "sent 8388608 then the end";
            assert!(whole || line.ends_with(" then ENOBUFS"), "{way:?}: {printed}");
        }
    }
}

#[test]
fn many_threads_receive_no_more_than_one() {
    const MOST: u64 = 1 << 20;
    for way in WAYS {
        let server = Server::new(|mut stream| {
            std::thread::spawn(move || {
                // A guest that has had enough closes it.
                while stream.write_all(&[b's'; 4096]).is_ok() {}
            });
        });
        let args = ["drain", &server.port(), "12"];
        let printed = threads(way, &["--allow-net", "--max-bytes=1MiB"], &args)
            .finish()
            .success();
        assert_eq!(printed.lines().count(), 12, "{way:?}: {printed}");
        let received: u64 = printed.lines().map(|line| numbers(line)[0]).sum();
        assert_eq!(received, MOST, "{way:?}: {printed}");
        assert!(
            printed.lines().all(|line| line.ends_with(" then ENOBUFS")),
            "{way:?}: {printed}"
        );
    }
}
