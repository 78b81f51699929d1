//! Rust guests: the crate `guestnet-guest`, against itself and std natively; the crate `wasmedge_wasi_socket`, which mixes
//! versions of the socket ABI; and the standard library alone.

use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Guestnet, Program, guest, native_guest};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;

/// What wasmedge_echo prints. The crate exists for wasip1 alone, so no native run can say it.
const WASMEDGE_ECHO: &str = include_str!("transcripts/wasmedge_echo.txt");

/// guests/rust/sockets, natively: over the crate, or over std with `std` as the first word.
fn sockets(words: &[&str]) -> Program {
    Program::new(&native_guest("rust", "sockets")).args(words)
}

/// The names of its behaviours.
fn behaviours(words: &[&str]) -> Vec<String> {
    let printed = sockets(words).arg("list").finish().success();
    let names: Vec<String> = printed.lines().map(str::to_owned).collect();
    assert!(!names.is_empty());
    names
}

#[test]
fn the_crate_does_natively_what_std_does() {
    let names = behaviours(&["std"]);
    let [std, own] = [&["std"][..], &[]].map(|words| {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let program = sockets(words).arg(scratch.path()).args(&names);
        program.finish().success()
    });
    assert_same_transcript(&std, &own);
}

#[test]
fn the_crate_does_in_the_sandbox_what_it_does_natively() {
    let names = behaviours(&[]);
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let native = sockets(&[]).arg(scratch.path()).args(&names).finish().success();
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let program = Guestnet::run()
        .allow_net()
        .tmp(scratch.path())
        .guest(&guest("rust", "sockets"));
    assert_same_transcript(&native, &program.arg("/tmp").args(&names).finish().success());
}

/// What hyper_connector prints: natively, too.
const HYPER_CONNECTOR: &str = "\
127.0.0.1: 200 OK \"a request\"
localhost: 200 OK \"a request\"
large: 200 OK 1048576 bytes
nothing there: 404 Not Found
the server has ended: true
closed: Err(ConnectionRefused)
";

#[test]
fn hyper_and_tokio_work_over_sockets_that_the_crate_opens() {
    let finished = Guestnet::run()
        .allow_net()
        .guest(&guest("rust", "hyper_connector"))
        .finish();
    assert_same_transcript(HYPER_CONNECTOR, &finished.success());
}

#[test]
fn a_denial_of_the_crates_dial_is_an_error_of_its_kind() {
    let printed = Guestnet::run()
        .option("--allow-resolve")
        .option("localhost")
        .guest(&guest("rust", "guest_echo"))
        .args(["dial", "tcp", "localhost:1", "hello"])
        .finish();
    assert_eq!(printed.status.code(), Some(1), "{printed}");
    assert!(
        printed.stderr.contains("kind: PermissionDenied"),
        "the program says what it is\n{printed}"
    );
    assert!(
        printed.stderr.contains("--allow-connect 127.0.0.1:1"),
        "{printed}"
    );
}

#[test]
fn wasmedge_wasi_socket_works_with_its_mixture_of_versions() {
    let finished = Guestnet::run()
        .allow_net()
        .guest(&guest("rust", "wasmedge_echo"))
        .finish();
    assert_same_transcript(WASMEDGE_ECHO, &finished.success());
}

#[test]
fn its_module_asks_for_sock_accept_in_both_shapes_and_for_both_versions() {
    // Without this mixture the test above would prove less than its name says.
    let printed = Guestnet::command("inspect")
        .arg(guest("rust", "wasmedge_echo"))
        .finish()
        .success();
    let shapes = |name: &str| {
        let imports = printed
            .lines()
            .filter(|line| line.split_whitespace().next() == Some(name));
        let mut parameters: Vec<usize> = imports.map(|line| line.matches("i32").count() - 1).collect();
        parameters.sort_unstable();
        parameters
    };
    assert_eq!(shapes("wasi_snapshot_preview1.sock_accept"), [2, 3], "{printed}");
    assert_eq!(
        shapes("wasi_snapshot_preview1.sock_getlocaladdr"),
        [4],
        "{printed}"
    );
    assert_eq!(shapes("wasi_snapshot_preview1.sock_recv_from"), [8], "{printed}");
}

#[test]
fn the_standard_library_serves_a_listener_it_was_handed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let addr = listener.local_addr().expect("local_addr");
    let program = Guestnet::run().guest(&guest("rust", "std_preopened")).arg("2");
    let mut server = program.listen_fd(listener).start();
    assert_eq!(server.line("serving"), "");
    let large: Vec<u8> = (0..=u8::MAX).cycle().take(1_000_000).collect();
    for message in [b"small".as_slice(), &large] {
        assert_eq!(
            exchange(TcpStream::connect(addr).expect("connect"), message),
            message
        );
    }
    assert_eq!(
        server.finish().success(),
        "LISTEN_FDS \"1\"\nno connection is waiting\nserving\nechoed 5 bytes\nechoed 1000000 bytes\n"
    );
}

/// Sends `message` while it reads what comes back, to the end of the file.
fn exchange(mut stream: TcpStream, message: &[u8]) -> Vec<u8> {
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("set_read_timeout");
    let mut writer = stream.try_clone().expect("clone the stream");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(message).expect("write");
            writer.shutdown(Shutdown::Write).expect("shutdown");
        });
        let mut echoed = Vec::new();
        stream.read_to_end(&mut echoed).expect("read");
        echoed
    })
}
