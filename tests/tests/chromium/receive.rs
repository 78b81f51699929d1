//! TCP clients that receive, and how connections begin and end.

use crate::peers::{Pattern, accept, has_ipv6, listen, peer};
use crate::{Case, Test, is_soak};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream};

pub(crate) const TESTS: &[Test] = &[
    ("all_bytes_arrive_and_then_the_end", all_bytes),
    ("a_reader_of_small_pieces_gets_the_same", small_pieces),
    ("an_answer_that_ends_at_once_is_whole", answers),
    ("an_end_at_once_is_whole_or_broken", end_at_once),
    ("an_end_while_reading_pauses_is_broken", end_while_paused),
    ("reading_goes_on_where_it_paused", resumed),
    ("a_reset_is_told_and_what_came_before_can_be_taken", reset),
    ("what_cannot_be_reached_says_why", refused),
    ("our_end_follows_the_peers", end_after_end),
    ("ipv6_is_like_ipv4", ipv6),
];

fn length() -> usize {
    if is_soak() { 1 << 30 } else { 16 << 20 }
}

/// What `receivePattern` gives of a whole transfer.
fn whole(length: usize) -> Value {
    json!({ "bytes": length, "wrong": -1, "words": "OPEN WRITABLE END SENT" })
}

fn all_bytes(case: &Case) {
    let peer = peer(|stream| Pattern::new().write(&stream, length()));
    let received = case.run("receive", &json!({ "port": peer.port }));
    assert_eq!(received, whole(length()));
    peer.finish();
}

fn small_pieces(case: &Case) {
    let length = 1 << 20;
    let peer = peer(move |stream| Pattern::new().write(&stream, length));
    let received = case.run("receive", &json!({ "port": peer.port, "piece": 1460 }));
    assert_eq!(received, whole(length));
    peer.finish();
}

/// How often something is tried that depends on luck.
fn times() -> usize {
    if is_soak() { 1000 } else { 30 }
}

/// Serves connections, one after the other.
fn each(serve: impl Fn(&TcpStream) + Send + 'static) -> u16 {
    let peer = listen(
        Ipv4Addr::LOCALHOST.into(),
        |_| (),
        move |listener| {
            for _ in 0..times() {
                serve(&accept(listener));
            }
        },
    );
    peer.port
}

fn answers(case: &Case) {
    for length in [0, 5, 70_000] {
        let port = each(move |mut stream| {
            let mut request = [0; 4];
            stream.read_exact(&mut request).expect("read a request");
            stream
                .write_all("a".repeat(length).as_bytes())
                .expect("write an answer");
        });
        let seen = case.run(
            "each",
            &json!({ "port": port, "times": times(), "request": "get\n" }),
        );
        let text = "a".repeat(length);
        if length > 0 {
            // Of more than the browser's pipe holds, what was behind a full pipe may be lost: then it is no end.
            let pipeful = "a".repeat(65_536);
            let allowed = [
                format!("{text}|OPEN WRITABLE END SENT"),
                format!("{pipeful}|OPEN BROKEN SENT RESET"),
            ];
            assert_only(&seen, &allowed.each_ref().map(String::as_str));
        } else {
            // Without a byte nothing shows that none was lost, unless the connection was old enough.
            let allowed = ["|OPEN WRITABLE END SENT", "|OPEN BROKEN SENT RESET"];
            assert_only(&seen, &allowed);
        }
    }
}

fn end_at_once(case: &Case) {
    let port = each(|mut stream| stream.write_all(b"hello").expect("write"));
    let seen = case.run("each", &json!({ "port": port, "times": times() }));
    assert_only(
        &seen,
        &[
            "hello|OPEN WRITABLE END SENT",
            "hello|OPEN BROKEN SENT RESET",
            "|OPEN BROKEN SENT RESET",
            "|FAILED RESET",
        ],
    );
}

/// Fails if anything else was seen.
fn assert_only(seen: &Value, allowed: &[&str]) {
    let keys = seen.as_object().expect("an object").keys();
    let others: Vec<&String> = keys.filter(|key| !allowed.contains(&key.as_str())).collect();
    assert!(others.is_empty(), "{others:?} in {seen}");
}

/// At which the queue counts as full in the next two tests.
const FULL: usize = 1 << 20;

fn end_while_paused(case: &Case) {
    let (go, may_end) = std::sync::mpsc::channel();
    let peer = peer(move |stream| {
        // The browser sees the end only when its pipe has taken what is before it, and is not full.
        Pattern::new().write(&stream, FULL + 60_000);
        may_end.recv().expect("the test goes on");
    });
    let scenario = case.begin("receivePaused", &json!({ "port": peer.port, "receive": FULL }));
    assert_eq!(case.report(), "full");
    go.send(()).expect("the peer waits");
    let received = case.finish(scenario);
    peer.finish();
    assert_eq!(received["words"], "OPEN BROKEN SENT RESET");
    assert_eq!(received["wrong"], -1);
    let bytes = received["bytes"].as_u64().expect("a number");
    assert!(bytes >= FULL as u64, "{bytes}");
}

fn resumed(case: &Case) {
    let peer = peer(move |stream| Pattern::new().write(&stream, 8 * FULL));
    let received = case.run("receiveResumed", &json!({ "port": peer.port, "receive": FULL }));
    assert_eq!(received, whole(8 * FULL));
    peer.finish();
}

fn reset(case: &Case) {
    let (go, may_reset) = std::sync::mpsc::channel();
    let peer = peer(move |mut stream| {
        stream.write_all(b"abc").expect("write");
        may_reset.recv().expect("the test goes on");
        // With nothing to linger for, close(2) resets.
        rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO))
            .expect("set SO_LINGER");
    });
    let scenario = case.begin("broken", &json!({ "port": peer.port }));
    assert_eq!(case.report(), "open");
    go.send(()).expect("the peer waits");
    let broken = case.finish(scenario);
    peer.finish();
    assert_eq!(
        broken,
        json!({ "text": "abc", "words": "OPEN BROKEN SENT RESET", "sent": 0, "end": -1 })
    );
}

fn refused(case: &Case) {
    // A port that was free a moment ago.
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        listener.local_addr().expect("its address").port()
    };
    for (host, port, words) in [
        ("127.0.0.1", u32::from(port), "FAILED NETWORK"),
        ("no-such-name.invalid", u32::from(port), "FAILED NAME"),
        // The browser would take the low bits.
        ("127.0.0.1", 65536 + u32::from(port), "FAILED INVALID"),
    ] {
        let seen = case.run("connect", &json!({ "port": port, "host": host }));
        assert_eq!(
            seen,
            json!({ "words": words, "local": null, "peer": null }),
            "{host}"
        );
    }
}

fn end_after_end(case: &Case) {
    let length = 1 << 20;
    let peer = peer(move |mut stream| {
        let mut request = [0; 4];
        stream.read_exact(&mut request).expect("read a request");
        stream.write_all(b"bye").expect("write");
        stream.shutdown(Shutdown::Write).expect("shutdown");
        // Until the end.
        Pattern::new().read(&stream, 0, usize::MAX)
    });
    let seen = case.run("end", &json!({ "port": peer.port, "length": length }));
    let expected =
        json!({ "early": -1, "text": "bye", "words": "OPEN WRITABLE END SENT", "late": 0, "room": 0 });
    assert_eq!(seen, expected);
    assert_eq!(peer.finish(), length);
}

fn ipv6(case: &Case) {
    if !has_ipv6() {
        return;
    }
    let length = 1 << 20;
    let peer = listen(
        Ipv6Addr::LOCALHOST.into(),
        |_| (),
        move |listener| {
            Pattern::new().write(accept(listener), length);
        },
    );
    let received = case.run("receive", &json!({ "port": peer.port, "host": "::1" }));
    assert_eq!(received, whole(length));
    peer.finish();
}
