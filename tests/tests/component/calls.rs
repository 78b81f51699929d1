//! Calls of `wasi:sockets` and `wasi:io` that no library makes: states, limits, traps, and what is written and not yet sent.

use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Guestnet, ProgramOutput, Running, guest};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

/// What `wasi_calls` prints in a case that it comes to the end of.
fn calls(case: &str, options: &[&str]) -> ProgramOutput {
    let guestnet = options
        .iter()
        .fold(Guestnet::run().allow_net(), |run, option| run.option(option));
    guestnet
        .guest(&guest("component", "wasi_calls"))
        .arg(case)
        .finish()
}

/// A case of `wasi_calls` that connects to this listener.
fn with_listener(case: &str) -> (TcpListener, Running) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("an address").port();
    let program = Guestnet::run()
        .allow_net()
        .guest(&guest("component", "wasi_calls"));
    let running = program.args([case, &port.to_string()]).start();
    (listener, running)
}

#[test]
fn what_wasi_forbids_and_linux_has_is_an_error() {
    let expected = [
        "listen before bind: invalid-state",
        "accept before listen: invalid-state",
        "finish-bind before start: not-in-progress",
        "finish-connect before start: not-in-progress",
        "finish-listen before start: not-in-progress",
        "local-address before bind: invalid-state",
        "remote-address before connect: invalid-state",
        "shutdown before connect: invalid-state",
        "bind to another family: invalid-argument",
        "bind to a mapped address: invalid-argument",
        "connect to port 0: invalid-argument",
        "connect to everyone: invalid-argument",
        "no keep-alive count: invalid-argument",
        "no hop limit: invalid-argument",
        "no buffer: invalid-argument",
        "a large buffer: done",
        "no backlog: invalid-argument",
        "a long keep-alive: done",
        "bind: done",
        "bind twice: concurrency-conflict",
        "listen while it binds: concurrency-conflict",
        "finish-bind: done",
        "bind when bound: invalid-state",
        "connect when connected: invalid-state",
        "listen when connected: invalid-state",
        "shutdown: done",
        "read after it: Err(\"StreamError::Closed\")",
        "write after it: Err(\"StreamError::Closed\")",
        "flush after it: Err(\"StreamError::Closed\")",
        "a closed port: connection-refused",
        "again: invalid-state",
        "to the end",
    ];
    assert_same_transcript(
        &expected.map(|line| format!("{line}\n")).concat(),
        &calls("states", &[]).success(),
    );
    let expected = [
        "stream before bind: invalid-state",
        "local-address before bind: invalid-state",
        "finish-bind before start: not-in-progress",
        "bind when bound: invalid-state",
        "remote-address before connect: invalid-state",
        "connect to port 0: invalid-argument",
        "nothing there: 0",
        "permit: 16",
        "a datagram to no one: invalid-argument",
        "permit: 16",
        "a large datagram: datagram-too-large",
        "permit: 16",
        "elsewhere when connected: invalid-argument",
        "to the end",
    ];
    assert_same_transcript(
        &expected.map(|line| format!("{line}\n")).concat(),
        &calls("udp-states", &[]).success(),
    );
    let names = calls("names", &[]).success();
    assert_eq!(names.matches("invalid-argument").count(), 7, "{names}");
    assert_eq!(names.matches(": true").count(), 4, "{names}");
}

#[test]
fn a_component_writes_to_itself_more_than_the_kernel_takes_and_waits_for_nothing() {
    assert_eq!(
        calls("both-ends", &[]).success(),
        "the output is full: true\nnothing may be written: true\nall of it came: true\nto the end\n"
    );
}

#[test]
fn what_a_component_has_written_goes_out_after_its_end_and_one_that_no_one_reads_ends_too() {
    let (listener, mut running) = with_listener("leave-unsent");
    let (mut stream, _) = listener.accept().expect("accept");
    let written: u64 = running.line("written ").parse().expect("a number");
    assert_eq!(running.line("to the end"), "");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("read");
    assert_eq!(u64::try_from(all.len()), Ok(written));
    let _ = running.finish().success();

    let full = calls("leave-full", &[]).success();
    assert_eq!(full, "it took bytes: true\nto the end\n");
}

#[test]
fn what_a_component_has_written_to_a_socket_that_it_drops_goes_out_and_the_drop_waits_for_nothing() {
    let (listener, mut running) = with_listener("drop-unsent");
    let (mut stream, _) = listener.accept().expect("accept");
    let written: u64 = running.line("written ").parse().expect("a number");
    assert_eq!(running.line("dropped"), "");
    // It waits for a byte, and meanwhile sends what is left.
    let (mut other, _) = listener.accept().expect("accept");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("read");
    assert_eq!(u64::try_from(all.len()), Ok(written));
    other.write_all(b"1").expect("write");
    assert_eq!(running.line("read "), "1");
    assert_eq!(running.line("to the end"), "");
    let _ = running.finish().success();
}

#[test]
fn a_call_that_wasi_makes_a_trap_ends_the_component_in_one_sentence() {
    let cases = [
        ("drop-socket", "resource has children"),
        ("drop-stream", "resource has children"),
        ("drop-stdin", "resource has children"),
        ("write-too-much", "not permitted to write"),
        ("zeroes-too-much", "not permitted to write"),
        ("send-too-much", "argument exceeds permitted size"),
        ("stream-twice", "UDP streams not dropped yet"),
        ("empty-poll", "empty poll list"),
        // What it could make the host hold.
        ("handles", "EMFILE"),
        ("networks", "handle limit exceeded"),
    ];
    for (case, sentence) in cases {
        let finished = calls(case, &[]);
        assert_eq!(finished.status.code(), Some(134), "{case}: {finished}");
        let lines = finished.stderr.lines().count();
        assert!(
            lines == 1 && finished.stderr.contains("trapped in a call") && finished.stderr.contains(sentence),
            "{case}: {finished}"
        );
        assert_eq!(finished.stdout, "", "{case}");
    }
}

#[test]
fn a_standard_stream_that_cannot_be_read_says_why_in_the_words_of_files() {
    let directory = File::open(env!("CARGO_MANIFEST_DIR")).expect("open a directory");
    let program = Guestnet::run().guest(&guest("component", "wasi_calls"));
    let printed = program
        .arg("stdin")
        .stdin(Stdio::from(directory))
        .finish()
        .success();
    assert_eq!(
        printed,
        "reading: Some(ErrorCode { code: 14, name: \"is-directory\", message: \"Is a directory, similar to `EISDIR` in POSIX.\" })\nto the end\n"
    );
}

#[test]
fn sockets_and_look_ups_of_a_component_end_at_a_limit_and_come_back() {
    let line = "40 sockets, then new-socket-limit\n";
    assert_eq!(
        calls("sockets", &["--max-sockets", "40"]).success(),
        format!("{line}{line}to the end\n")
    );
    assert_eq!(
        calls("lookups", &[]).success(),
        "64 look-ups, then temporary-resolver-failure\nafter they were dropped: done\nto the end\n"
    );
}

#[test]
fn no_call_of_a_component_reaches_the_network_without_a_rule_and_the_audit_has_each() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("an address").port();
    let scratch = tempfile::tempdir().expect("a directory");
    let run = |name: &str, rule: &[&str]| {
        let audit = scratch.path().join(name);
        let guestnet = Guestnet::run().option("--audit").option(&audit);
        let finished = rule
            .iter()
            .fold(guestnet, |run, word| run.option(word))
            .guest(&guest("component", "wasi_calls"))
            .args(["doors", &port.to_string()])
            .finish();
        (finished.success(), fs::read_to_string(audit).expect("the audit"))
    };
    let decided = |audit: &str, call: &str, protocol: &str, outcome: &str| {
        let words = [
            format!(r#""call":"{call}""#),
            format!(r#""protocol":"{protocol}""#),
            format!(r#""outcome":"{outcome}""#),
        ];
        audit
            .lines()
            .filter(|line| words.iter().all(|word| line.contains(word)))
            .count()
    };

    let (printed, audit) = run("none", &[]);
    assert_eq!(printed.matches(": access-denied\n").count(), 4, "{printed}");
    assert_eq!(decided(&audit, "connect", "tcp", "denied"), 1, "{audit}");
    assert_eq!(decided(&audit, "bind", "tcp", "denied"), 1, "{audit}");
    assert_eq!(decided(&audit, "bind", "udp", "denied"), 2, "{audit}");
    assert!(audit.contains(r#""call":"getaddrinfo""#), "{audit}");

    let (printed, audit) = run("bound", &["--allow-listen", "127.0.0.1:0"]);
    assert_eq!(printed.matches(": access-denied\n").count(), 3, "{printed}");
    assert!(printed.contains("tcp-socket.start-listen: done\n"), "{printed}");
    assert_eq!(decided(&audit, "connect", "udp", "denied"), 1, "{audit}");
    assert_eq!(decided(&audit, "sendto", "udp", "denied"), 1, "{audit}");

    let (printed, audit) = run("open", &["--allow-net"]);
    assert_eq!(printed.matches(": done\n").count(), 5, "{printed}");
    assert_eq!(decided(&audit, "connect", "tcp", "allowed"), 1, "{audit}");
    assert_eq!(decided(&audit, "sendto", "udp", "allowed"), 1, "{audit}");
}

#[test]
fn every_call_that_waits_ends_when_the_time_is_over() {
    for how in [
        "flush",
        "read",
        "splice",
        "splice-read",
        "write",
        "zeroes",
        "instant",
        "duration",
        "poll",
    ] {
        let finished = Guestnet::run()
            .allow_net()
            .option("--timeout")
            .option("500ms")
            .guest(&guest("component", "wasi_calls"))
            .args(["waits", how])
            .finish();
        assert_eq!(finished.status.code(), Some(124), "{how}: {finished}");
        assert_eq!(finished.stdout, "waits\n", "{how}");
        assert!(!finished.stderr.contains("bug"), "{how}: {finished}");
    }
}
