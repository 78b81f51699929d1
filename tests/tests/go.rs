//! Go guests on `github.com/stealthrocket/net`, unmodified: what each prints in the sandbox is what it prints natively.

use guestnet_tests::peers::{MariaDb, Redis};
use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Guestnet, Program, Running, guest, native_guest};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;

/// A Go guest in the sandbox, with the whole network.
fn sandboxed(name: &str) -> Program {
    Guestnet::run().allow_net().guest(&guest("go", name))
}

/// The same guest on Linux.
fn native(name: &str) -> Program {
    Program::new(&native_guest("go", name))
}

/// Runs a guest that needs no other program, both ways.
#[track_caller]
fn same_alone(name: &str) {
    assert_same_transcript(
        &native(name).finish().success(),
        &sandboxed(name).finish().success(),
    );
}

/// Runs a guest that works within a directory, both ways, in an empty directory each.
#[track_caller]
fn same_in_a_directory(name: &str) {
    let (ours, theirs) = (tempdir(), tempdir());
    let expected = native(name).arg(theirs.path()).finish().success();
    let got = Guestnet::run()
        .allow_net()
        .tmp(ours.path())
        .guest(&guest("go", name))
        .arg("/tmp")
        .finish();
    assert_same_transcript(&expected, &got.success());
}

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Starts a server guest and returns the base URL it serves.
fn serve(program: Program) -> (Running, String) {
    let mut server = program.start();
    let addr = server.line("listening ");
    (server, format!("http://{addr}"))
}

/// What the client prints when both ends are native: the oracle of every HTTP test.
fn http_oracle() -> &'static str {
    static ORACLE: OnceLock<String> = OnceLock::new();
    ORACLE.get_or_init(|| {
        let (server, url) = serve(native("http_server"));
        let transcript = native("http_client").arg(url).arg("quit").finish().success();
        let _ = server.finish().success();
        transcript
    })
}

/// Exercises `server` with `client`, which asks it to quit at the end.
#[track_caller]
fn exercise(server: Program, client: Program) {
    let (server, url) = serve(server);
    assert_same_transcript(http_oracle(), &client.arg(&url).arg("quit").finish().success());
    let printed = server.finish().success();
    assert!(printed.ends_with("\nbye\n"), "the server printed {printed:?}");
}

#[test]
fn an_http_server_in_the_sandbox_serves_a_native_client() {
    exercise(sandboxed("http_server"), native("http_client"));
}

#[test]
fn an_http_client_in_the_sandbox_talks_to_a_native_server() {
    exercise(native("http_server"), sandboxed("http_client"));
}

#[test]
fn an_http_server_and_its_client_meet_from_two_sandboxes() {
    exercise(sandboxed("http_server"), sandboxed("http_client"));
}

#[test]
fn an_http_server_listens_on_ipv6() {
    exercise(sandboxed("http_server").arg("[::1]:0"), native("http_client"));
}

#[test]
fn an_http_server_and_its_client_run_in_one_guest() {
    same_alone("http_self");
}

#[test]
fn tcp_behaves_as_it_does_natively() {
    same_alone("tcp_echo");
}

#[test]
fn a_tcp_server_in_the_sandbox_echoes_a_native_client() {
    tcp_pair(sandboxed("tcp_echo"), native("tcp_echo"));
}

#[test]
fn a_tcp_client_in_the_sandbox_talks_to_a_native_server() {
    tcp_pair(native("tcp_echo"), sandboxed("tcp_echo"));
}

#[track_caller]
fn tcp_pair(server: Program, client: Program) {
    let mut server = server.arg("server").arg("127.0.0.1:0").start();
    let addr = server.line("listening ");
    let printed = client.arg("client").arg(&addr).finish().success();
    assert!(
        printed.starts_with("4194304 bytes there and back"),
        "the client printed {printed:?}"
    );
    let printed = server.finish().success();
    assert!(
        printed.ends_with("\nechoed 1 connections\n"),
        "the server printed {printed:?}"
    );
}

#[test]
fn udp_behaves_as_it_does_natively() {
    same_alone("udp_echo");
}

#[test]
fn a_udp_server_in_the_sandbox_echoes_a_native_client() {
    udp_pair(sandboxed("udp_echo"), native("udp_echo"));
}

#[test]
fn a_udp_client_in_the_sandbox_talks_to_a_native_server() {
    udp_pair(native("udp_echo"), sandboxed("udp_echo"));
}

#[track_caller]
fn udp_pair(server: Program, client: Program) {
    const DATAGRAMS: usize = 7;
    let mut server = server
        .arg("server")
        .arg("127.0.0.1:0")
        .arg(DATAGRAMS.to_string())
        .start();
    let addr = server.line("listening ");
    let printed = client.arg("client").arg(&addr).finish().success();
    assert_eq!(
        printed
            .lines()
            .filter(|line| line.ends_with("there and back: true"))
            .count(),
        DATAGRAMS
    );
    let printed = server.finish().success();
    assert!(
        printed.ends_with("\nechoed 7 datagrams\n"),
        "the server printed {printed:?}"
    );
}

#[test]
fn unix_sockets_behave_as_they_do_natively() {
    same_in_a_directory("unix_echo");
}

#[test]
fn connections_pass_the_conformance_suite_of_x_net_nettest() {
    same_in_a_directory("nettest");
}

#[test]
fn go_redis_works_against_a_real_redis_server() {
    // A server for each run: the guest counts in it.
    let (theirs, ours) = (
        Redis::start().expect("start redis"),
        Redis::start().expect("start redis"),
    );
    let expected = native("redis").arg(theirs.addr().to_string()).finish().success();
    assert_same_transcript(
        &expected,
        &sandboxed("redis").arg(ours.addr().to_string()).finish().success(),
    );
}

#[test]
fn go_sql_driver_works_against_a_real_mariadb() {
    let server = MariaDb::start().expect("start MariaDB");
    let expected = native("mysql").arg(server.dsn()).finish().success();
    assert_same_transcript(
        &expected,
        &sandboxed("mysql").arg(server.dsn()).finish().success(),
    );
}

#[test]
fn a_server_of_the_standard_library_serves_a_listener_it_was_handed() {
    let oracle = served_by_descriptor_3(native("preopened"));
    // The listener is permitted by being handed over: no flag opens the network.
    let got = served_by_descriptor_3(Guestnet::run().guest(&guest("go", "preopened")));
    assert_same_transcript(&oracle, &got);
}

/// Hands a listener to `server`, exercises it, and returns what it printed.
#[track_caller]
fn served_by_descriptor_3(server: Program) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let addr = listener.local_addr().expect("local_addr");
    let server = server.listen_fd(listener).start();
    // The listener's queue holds the client's first connections until the server accepts them.
    let client = native("http_client")
        .arg(format!("http://{addr}"))
        .arg("quit")
        .finish();
    assert_same_transcript(http_oracle(), &client.success());
    server.finish().success()
}

#[test]
fn a_directory_and_a_listener_do_not_get_in_each_others_way() {
    let dir = tempdir();
    let server = Guestnet::run().tmp(dir.path()).guest(&guest("go", "preopened"));
    assert_eq!(served_by_descriptor_3(server), "LISTEN_FDS 1\nserving\nbye\n");
}
