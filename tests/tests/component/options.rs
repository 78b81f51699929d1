//! The options of `guestnet run` with components: they hold as they do for modules, and say the same.

use guestnet_tests::{Guestnet, guest};
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

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
            .stdin(input)
            .finish();
        assert_eq!(finished.status.code(), Some(124), "{how}: {finished}");
        assert_eq!(finished.stdout, "waits\n", "{how}");
        // The compiler's time is the first run's; a guest that could not be stopped has a second's grace.
        assert!(began.elapsed() < Duration::from_secs(60), "{how}");
        assert!(!finished.stderr.contains("bug"), "{how}: {finished}");
    }
}

#[test]
fn an_interrupt_ends_a_component_as_it_ends_a_module_whatever_it_does() {
    let waits = ["accept", "read", "receive", "sleep", "stdin", "compute"].map(|how| ("waits", vec![how]));
    let calls = ["poll", "flush"].map(|how| ("wasi_calls", vec!["waits", how]));
    for (name, words) in waits.into_iter().chain(calls) {
        for kind in ["component", "rust"] {
            if (name, kind) == ("wasi_calls", "rust") {
                continue;
            }
            let (input, _open) = std::io::pipe().expect("a pipe");
            let program = Guestnet::run().allow_net().guest(&guest(kind, name));
            let mut running = program.args(&words).stdin(input).start();
            let _ = running.line("waits");
            let kill = Command::new("kill")
                .args(["-INT", &running.id().to_string()])
                .status();
            assert!(kill.expect("kill(1)").success());
            let finished = running.finish();
            assert_eq!(finished.status.code(), Some(130), "{kind} {words:?}: {finished}");
            assert_eq!(finished.stdout, "waits\n", "{kind} {words:?}");
        }
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
        .guest(&guest("component", "lookups"))
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
