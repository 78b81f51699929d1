//! TCP clients that send: to peers that read at once, slowly, and nothing at all until the sender can send no more.

use crate::peers::{Pattern, Peer, peer, small_peer};
use crate::{Case, Test, is_soak};
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::{self, Sender};

pub(crate) const TESTS: &[Test] = &[
    ("large_pieces_arrive", large_pieces),
    ("pieces_as_large_as_the_browsers_pipe_arrive", pipefuls),
    ("small_messages_arrive", small_messages),
    ("what_a_stalled_peer_reads_late_is_whole", stalled),
    ("what_is_queued_when_it_is_closed_arrives", closed),
    ("what_a_write_leaves_lies_together_with_what_follows", queue),
    ("the_first_bytes_after_an_answer_go_out_at_once", at_once),
    ("an_answer_has_what_waits_go_out_at_once", answered),
];

fn length() -> usize {
    if is_soak() { 1 << 30 } else { 16 << 20 }
}

/// Reads all and says so, and then the connection ends.
fn reader(length: usize) -> Peer<()> {
    peer(move |stream| {
        let count = Pattern::new().read(&stream, 0, length);
        say(stream, count);
    })
}

fn say(mut stream: TcpStream, count: usize) {
    stream
        .write_all(format!("{count} bytes").as_bytes())
        .expect("write");
}

/// Sends to a peer.
fn send(case: &Case, peer: Peer<()>, length: usize, piece: usize, single: bool) {
    let arguments = json!({ "port": peer.port, "length": length, "piece": piece, "single": single });
    let sent = case.run("send", &arguments);
    peer.finish();
    let expected = json!({ "answer": format!("{length} bytes"), "words": "OPEN WRITABLE END SENT" });
    assert_eq!(sent, expected, "{arguments}");
}

fn large_pieces(case: &Case) {
    send(case, reader(length()), length(), 131_072, false);
}

fn pipefuls(case: &Case) {
    let length = length() / 2;
    send(case, reader(length), length, 65_536, false);
    let length = 32 * 65_536;
    send(case, reader(length), length, 65_536, true);
}

fn small_messages(case: &Case) {
    let length = 64 * 65_536;
    send(case, reader(length), length, 64, false);
    // More than a pipe holds, each by itself.
    let length = 64 * 2_000;
    send(case, reader(length), length, 64, true);
}

/// Reads so many bytes, as small as its buffer is, for each permit, which is given when the sender cannot go on; and all at the end.
fn staller(length: usize, step: usize) -> (Peer<()>, Sender<bool>) {
    let (permit, permits) = mpsc::channel();
    let peer = small_peer(move |stream| {
        let pattern = Pattern::new();
        let mut count = 0;
        while permits.recv().expect("the test goes on") {
            count = pattern.read(&stream, count, length.min(count + step));
        }
        let count = pattern.read(&stream, count, length);
        say(stream, count);
    });
    (peer, permit)
}

fn stalled(case: &Case) {
    for (piece, single, length) in [
        (131_072, false, 4 << 20),
        (65_536, false, 4 << 20),
        (65_536, true, 4 << 20),
        (8_192, true, 2 << 20),
        (1_460, true, 1 << 20),
        (64, false, 2 << 20),
        (64, true, 64 * 4_000),
    ] {
        // A step is more than a write and the buffers below it hold, so that each makes room.
        let (peer, permit) = staller(length, 600_001);
        let arguments = json!({
            "port": peer.port, "length": length, "piece": piece, "single": single, "options": { "send": 4096 },
        });
        let scenario = case.begin("send", &arguments);
        while case.report() == "full" {
            permit.send(true).expect("the peer waits");
        }
        permit.send(false).expect("the peer waits");
        let sent = case.finish(scenario);
        peer.finish();
        let expected = json!({ "answer": format!("{length} bytes"), "words": "OPEN WRITABLE END SENT" });
        assert_eq!(sent, expected, "{arguments}");
    }
}

fn closed(case: &Case) {
    let length = 3 << 20;
    let peer = small_peer(move |stream| Pattern::new().read(&stream, 0, usize::MAX));
    let arguments = json!({ "port": peer.port, "length": length, "options": { "send": 4096 } });
    assert_eq!(case.run("sendAndClose", &arguments), 0);
    assert_eq!(peer.finish(), length);
}

/// A short rest would be a write of its own, which cannot be checked, and so has to wait.
fn queue(case: &Case) {
    let capacity = 262_144;
    for piece in [65_536, 1000] {
        for rest in [1, 64] {
            let arguments =
                json!({ "capacity": capacity, "piece": piece, "short": 300, "rest": rest, "times": 20 });
            let seen = case.run("queue", &arguments);
            assert_eq!(seen, json!({ "least": capacity, "isRight": true }), "{arguments}");
        }
    }
}

/// The program may wait for the answer to them, and what its task does before that is no reason to wait longer.
fn at_once(case: &Case) {
    let seen = case.run("atOnce", &json!({}));
    assert_eq!(seen, json!([[], [1, 2], [1, 2], [1, 2, 3]]));
}

/// What the peer says shows that it reads: bytes that wait for more to come wait no longer, nor do those that follow.
fn answered(case: &Case) {
    let seen = case.run("answered", &json!({}));
    assert_eq!(seen, json!([[16384], [16384, 100], [16384, 100, 7]]));
}
