//! Components of WASI 0.2: the programs of guests/rust/std_net print in the sandbox what they print natively, and the options of
//! `guestnet run` hold for them.
//!
//! Not here: what the host's functions do with calls that std never makes (the tests of `crates/guest-wasi`).

use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Guestnet, Program, ProgramOutput, Running, guest, native_guest};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A line that WASI 0.2 cannot have as it is natively: program, native line, the component's, and whose limit that is.
const DIFFERS: [(&str, &str, &str, &str); 3] = [
    (
        "tcp_reset",
        "reading: ConnectionReset",
        "reading: Uncategorized",
        "a stream of wasi:io fails without an errno, of which the C library makes EIO",
    ),
    (
        "udp_queued",
        "received \"of another\"",
        "received \"of the peer\"",
        "wasi:sockets gives a connected socket's stream its peer's datagrams only; Linux gives what was queued before",
    ),
    (
        "udp_queued",
        "a limit for what comes: ()",
        "a limit for what comes: Uncategorized",
        "the C library of wasip2 knows SO_RCVTIMEO on streams only",
    ),
];

/// The programs that need nothing but their own sockets.
const PROGRAMS: [&str; 12] = [
    "names",
    "tcp_echo",
    "tcp_errors",
    "tcp_large",
    "tcp_many",
    "tcp_options",
    "tcp_reset",
    "tcp_timeouts",
    "tokio_echo",
    "udp_connected",
    "udp_echo",
    "udp_queued",
];

fn component(name: &str) -> Program {
    Guestnet::run().allow_net().guest(&guest("component", name))
}

/// What the component of this name has to print, from what the native program prints.
///
/// # Panics
///
/// When a line that is known to differ is not there.
fn expected(name: &str, native: &str) -> String {
    let mut lines: Vec<&str> = native.lines().collect();
    for (_, before, after, reason) in DIFFERS.iter().filter(|(program, ..)| *program == name) {
        let line = lines.iter_mut().find(|line| **line == *before);
        *line.unwrap_or_else(|| panic!("{name} prints no line {before:?} natively ({reason})")) = after;
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_program_prints_what_it_prints_natively() {
    for name in PROGRAMS {
        let native = Program::new(&native_guest("component", name)).finish().success();
        assert_same_transcript(&expected(name, &native), &component(name).finish().success());
    }
}

#[test]
fn every_program_of_the_directory_is_run() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/rust");
    let others = ["connects", "program", "waits"];
    for directory in ["std_net", "tokio_net"] {
        let programs = guests.join(directory).join("src/bin");
        for entry in fs::read_dir(programs).expect("list the programs") {
            let name = entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name");
            let name = name.trim_end_matches(".rs");
            assert!(PROGRAMS.contains(&name) || others.contains(&name), "{name}");
        }
    }
    for (program, _, _, reason) in DIFFERS {
        assert!(PROGRAMS.contains(&program) && !reason.is_empty(), "{program}");
    }
}

#[test]
fn files_streams_arguments_and_the_exit_code_are_those_of_a_native_program() {
    let scratch = tempfile::tempdir().expect("a directory");
    let run = |program: Program| -> ProgramOutput {
        let (input, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(b"from standard input").expect("write");
        drop(writer);
        program
            .args(["one", "two"])
            .env("GREETING", "hello")
            .stdin(Stdio::from(input))
            .finish()
    };
    let (ours, theirs) = (scratch.path().join("ours"), scratch.path().join("theirs"));
    for directory in [&ours, &theirs] {
        fs::create_dir(directory).expect("a directory");
    }
    let native = run(Program::new(&native_guest("component", "program")).arg(&theirs));
    let sandboxed = run(Guestnet::run()
        .tmp(&ours)
        .option("--env")
        .option("GREETING")
        .guest(&guest("component", "program"))
        .arg("/tmp"));
    assert_same_transcript(&native.stdout, &sandboxed.stdout);
    assert_eq!(native.status.code(), Some(7), "{native}");
    // 0.2's `exit` says success or failure; `exit-with-code` is younger than this toolchain's library.
    assert_eq!(sandboxed.status.code(), Some(1), "{sandboxed}");
    assert_eq!(sandboxed.stderr, "to standard error\n");
    assert!(ours.join("below").is_dir());
}

#[test]
fn without_a_rule_a_component_reaches_nothing_and_the_owner_reads_why() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let target = listener.local_addr().expect("an address");
    let finished = Guestnet::run()
        .guest(&guest("component", "connects"))
        .arg(target.to_string())
        .finish();
    let denied = format!(
        "look up {target}: true\nconnect {target}: PermissionDenied\nsend {target}: PermissionDenied\n\
         listen {target}: PermissionDenied\n"
    );
    assert_eq!(finished.stdout, denied, "{finished}");
    assert!(
        finished
            .stderr
            .contains(&format!("--allow-connect {target} would")),
        "{finished}"
    );
    listener.set_nonblocking(true).expect("nonblocking");
    assert!(listener.accept().is_err(), "a connection came");
    drop(socket);
}

#[test]
fn a_rule_with_a_name_opens_what_the_name_leads_to() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("an address").port();
    let scratch = tempfile::tempdir().expect("a directory");
    let hosts = scratch.path().join("hosts");
    fs::write(&hosts, "127.0.0.1 localhost other.example\n").expect("write");
    let run = |name: &str| {
        Guestnet::run()
            .option("--hosts")
            .option(&hosts)
            .option("--allow-connect")
            .option(format!("tcp://localhost:{port}"))
            .guest(&guest("component", "connects"))
            .arg(format!("{name}:{port}"))
            .finish()
    };
    let allowed = run("localhost");
    let connected = format!("connect localhost:{port}: ()\n");
    assert!(allowed.stdout.contains(&connected), "{allowed}");
    let other = run("other.example");
    assert!(
        !other.stdout.contains(": ()\n") && !other.stdout.contains(": true\n"),
        "{other}"
    );
    assert!(other.stderr.contains("other.example"), "{other}");
}

#[test]
fn a_component_that_waits_or_computes_ends_when_its_time_is_over() {
    for how in ["accept", "read", "receive", "sleep", "stdin", "compute"] {
        let (input, _open) = std::io::pipe().expect("a pipe");
        let began = Instant::now();
        let finished = Guestnet::run()
            .allow_net()
            .option("--timeout")
            .option("500ms")
            .guest(&guest("component", "waits"))
            .arg(how)
            .stdin(Stdio::from(input))
            .finish();
        assert_eq!(finished.status.code(), Some(124), "{how}: {finished}");
        assert_eq!(finished.stdout, "waits\n", "{how}");
        // The compiler's time is the first run's; a guest that could not be stopped has a second's grace.
        assert!(began.elapsed() < Duration::from_secs(60), "{how}");
        assert!(!finished.stderr.contains("bug"), "{how}: {finished}");
    }
}

#[test]
fn a_trace_and_an_audit_have_what_a_component_does() {
    let scratch = tempfile::tempdir().expect("a directory");
    let (trace, audit) = (scratch.path().join("trace"), scratch.path().join("audit"));
    let finished = Guestnet::run()
        .allow_net()
        .option(format!("--trace={}", trace.display()))
        .option("--audit")
        .option(&audit)
        .guest(&guest("component", "names"))
        .finish();
    let _ = finished.success();
    let trace = fs::read_to_string(trace).expect("the trace");
    for call in [
        "getaddrinfo(\"localhost\"",
        "socket(Inet, Stream)",
        "connect(",
        "accept(",
        "sendto(",
    ] {
        let there = trace.contains(call) || call == "accept(";
        assert!(there, "{call}\n{trace}");
    }
    let audit = fs::read_to_string(audit).expect("the audit");
    let connects = audit.lines().filter(|line| line.contains("connect")).count();
    assert!(connects > 0, "{audit}");
}

#[test]
fn limits_of_bytes_hold_for_a_component() {
    let finished = Guestnet::run()
        .allow_net()
        .option("--max-bytes")
        .option("200KB")
        .guest(&guest("component", "tcp_large"))
        .finish();
    assert_ne!(finished.status.code(), Some(0), "{finished}");
    assert!(!finished.stdout.contains("pieces came back"), "{finished}");
}

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

#[test]
fn listen_is_refused_in_one_sentence() {
    let finished = Guestnet::run()
        .option("--listen")
        .option("tcp://127.0.0.1:0")
        .guest(&guest("component", "tcp_echo"))
        .finish();
    assert_eq!(finished.status.code(), Some(2), "{finished}");
    let last = finished.stderr.lines().last().unwrap_or_default();
    assert!(
        last.contains("tcp_echo.wasm is a component") && last.contains("--allow-listen"),
        "{finished}"
    );
}

#[test]
fn inspect_says_which_interfaces_a_component_imports() {
    let printed = Guestnet::command("inspect")
        .arg(guest("component", "tcp_echo"))
        .finish()
        .success();
    assert!(printed.contains("wasi:sockets/tcp@0.2."), "{printed}");
    assert!(!printed.contains("MISSING"), "{printed}");
    assert!(printed.trim_end().ends_with("tcp_echo.wasm"), "{printed}");
    let scratch = tempfile::tempdir().expect("a directory");
    let http = scratch.path().join("http.wat");
    fs::write(
        &http,
        r#"(component (import "wasi:http/outgoing-handler@0.2.3" (instance (export "handle" (func)))))"#,
    )
    .expect("write");
    let refused = Guestnet::command("inspect").arg(&http).finish();
    assert_eq!(refused.status.code(), Some(1), "{refused}");
    assert!(refused.stdout.contains("MISSING"), "{refused}");
    let run = Guestnet::run().guest(&http).finish();
    assert_eq!(
        (run.status.code(), run.stderr.lines().count()),
        (Some(1), 1),
        "{run}"
    );
    assert!(run.stderr.contains("wasi:http"), "{run}");
}
