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

/// What a component prints otherwise than the native program.
enum Differs {
    /// Pairs of the native line and of the component's, in their order.
    Lines(&'static [(&'static str, &'static str)]),
    /// It prints the first lines at most, and its panic has these words.
    Panics(&'static str),
    /// All of it is another.
    All(&'static str),
}

/// Behaviours of guests/rust/sockets that WASI 0.2 or its C library (that of Rust 1.95) does not carry: what is there instead, and why.
const OF_COMPONENTS: &[(&str, Differs, &str)] = &[
    (
        "tcp_vectored",
        Differs::Lines(&[
            ("wrote Ok(7)", "wrote Ok(4)"),
            ("read Ok(7)", "read Ok(2)"),
            (r#""on" "e two""#, r#""on" "\0\0\0\0\0""#),
        ]),
        "the C library writes and reads the first buffer that is not empty",
    ),
    (
        "tcp_peek",
        Differs::Panics("peek: Os { code: 58, kind: Unsupported"),
        PEEK,
    ),
    (
        "tcp_nonblocking",
        Differs::Lines(&[("peek: WouldBlock", "peek: Unsupported")]),
        PEEK,
    ),
    (
        "tcp_reset",
        Differs::Panics("peek: Os { code: 58, kind: Unsupported"),
        PEEK,
    ),
    (
        "udp_peek",
        Differs::Panics("peek_from: Os { code: 58, kind: Unsupported"),
        PEEK,
    ),
    (
        "udp_timeouts",
        Differs::Panics("set_read_timeout: Kind(Unsupported)"),
        TIMEOUTS,
    ),
    (
        "udp_options",
        Differs::Panics("Kind(Unsupported)"),
        "there is no broadcast in wasi:sockets",
    ),
    (
        "udp_multicast",
        Differs::Lines(&[
            ("join Ok(())", "join Err(Kind(Unsupported))"),
            ("again AddrInUse", "again Unsupported"),
            ("leave Ok(())", "leave Err(Kind(Unsupported))"),
            ("again AddrNotAvailable", "again Unsupported"),
            ("no group InvalidInput", "no group Unsupported"),
            ("no group InvalidInput", "no group Unsupported"),
            ("leave AddrNotAvailable", "leave Unsupported"),
        ]),
        "there is no multicast in wasi:sockets",
    ),
    ("unix_stream", Differs::Panics("bind: Kind(Unsupported)"), UNIX),
    ("unix_listener", Differs::Panics("bind: Kind(Unsupported)"), UNIX),
    ("unix_datagram", Differs::Panics("bind: Kind(Unsupported)"), UNIX),
    ("unix_backlog", Differs::Panics("bind: Kind(Unsupported)"), UNIX),
    (
        "unix_errors",
        Differs::Lines(&[
            ("nothing there: NotFound", "nothing there: Unsupported"),
            ("no directory: NotFound", "no directory: Unsupported"),
            ("a file: AddrInUse", "a file: Unsupported"),
            ("a file: ConnectionRefused", "a file: Unsupported"),
        ]),
        UNIX,
    ),
    (
        "options",
        Differs::Panics("set_reuse_port: Kind(Unsupported)"),
        "wasi:sockets has few options",
    ),
    (
        "options_of_tcp",
        Differs::Panics("set_syn_retries: Kind(Unsupported)"),
        "wasi:sockets has few options",
    ),
    (
        "options_of_others",
        Differs::Panics("set_tos_v4: Kind(Unsupported)"),
        "wasi:sockets has few options",
    ),
    (
        "linger",
        Differs::Panics("Kind(Unsupported)"),
        "wasi:sockets has no SO_LINGER",
    ),
    (
        "dial_tcp",
        Differs::Lines(&[(r#"tcp6 "[::1]": true"#, r#"tcp6 "[::1]": false"#)]),
        "a socket of IPv6 takes no IPv4 in wasi:sockets, so that `:0` is all addresses of IPv4",
    ),
    (
        "dial_udp",
        Differs::Panics("set_read_timeout: Kind(Unsupported)"),
        TIMEOUTS,
    ),
    (
        "dial_ports",
        Differs::Lines(&[
            ("no such service: InvalidInput", "no such service: NotFound"),
            (r#"tftp Ok("127.0.0.1:69")"#, "tftp Err(NotFound)"),
            ("ntp of TCP: InvalidInput", "ntp of TCP: ConnectionRefused"),
        ]),
        "the C library has services of its own, and one error for no name and no service",
    ),
    ("dial_unix", Differs::Panics("listen: Kind(Unsupported)"), UNIX),
    (
        "dial_unix_timeout",
        Differs::Panics("bind: Kind(Unsupported)"),
        UNIX,
    ),
    (
        "dial_errors",
        Differs::Lines(&[("NotFound", "Unsupported")]),
        UNIX,
    ),
    (
        "udp_shutdown",
        Differs::Lines(&[
            ("without a peer: NotConnected", "without a peer: Unsupported"),
            (
                "nothing is waited for: Ok(0)",
                "nothing is waited for: Err(Unsupported)",
            ),
        ]),
        "the C library of wasip2 has shutdown of streams only",
    ),
    (
        "batch",
        Differs::Lines(&[(r#""a third " true true"#, r#""a third " false true"#)]),
        "the C library does not say that a datagram was cut",
    ),
    (
        "poll_many",
        Differs::All(
            "poll_many:\n\
             Ok(1), not early: false\n\
             Ok(1)\n\
             Ok(1)\n\
             readable false writable false error false\n\
             readable false writable false error false\n\
             readable true writable false error false\n\
             Ok(1)\n\
             readable false writable false error false\n\
             readable false writable true error false\n\
             Ok(1)\n\
             readable at the end: true\n\
             nothing asked: InvalidInput\n\
             an error asked: InvalidInput\n\
             nothing at all: InvalidInput\n\
             a pause: Ok(0)\n\
             end\n",
        ),
        "to the C library's poll a UDP socket that nothing was received on is ready, and then it asks about no other",
    ),
    ("epoll_many", Differs::Panics("epoll: Kind(Unsupported)"), EPOLL),
    ("epoll_modes", Differs::Panics("epoll: Kind(Unsupported)"), EPOLL),
    ("epoll_errors", Differs::Panics("epoll: Kind(Unsupported)"), EPOLL),
    (
        "sendfile_positions",
        Differs::Panics("sendfile: Kind(Unsupported)"),
        BULK,
    ),
    (
        "sendfile_errors",
        Differs::Lines(&[
            ("a socket: InvalidInput", "a socket: Unsupported"),
            ("too far: InvalidInput", "too far: Unsupported"),
            ("shut: BrokenPipe", "shut: Unsupported"),
        ]),
        BULK,
    ),
    ("splice_proxy", Differs::Panics("pipe: Kind(Unsupported)"), BULK),
    ("splice_errors", Differs::Panics("pipe: Kind(Unsupported)"), BULK),
    ("unix_peek", Differs::Panics("bind: Kind(Unsupported)"), UNIX),
    ("unix_relative", Differs::Panics("bind: Kind(Unsupported)"), UNIX),
];

const PEEK: &str = "wasi:sockets and wasi:io receive what they show, and the C library keeps nothing back";
const TIMEOUTS: &str = "the C library of wasip2 knows SO_RCVTIMEO on streams only";
const EPOLL: &str = "WASI 0.2 registers nothing: each call of its poll is given a list";
const BULK: &str = "WASI 0.2 has no pipes, and splices streams without a call of the C library for it";
const UNIX: &str = "WASI 0.2 has no UNIX sockets";

#[test]
fn the_crate_does_in_a_component_what_it_does_natively_or_says_that_it_cannot() {
    let names = behaviours(&[]);
    for (name, _, reason) in OF_COMPONENTS {
        assert!(
            names.iter().any(|known| known == name) && !reason.is_empty(),
            "{name}"
        );
    }
    for name in names {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let native = sockets(&[]).arg(scratch.path()).arg(&name).finish().success();
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let run = Guestnet::run().allow_net().tmp(scratch.path());
        let program = run.guest(&guest("component", "sockets"));
        let finished = program.arg("/tmp").arg(&name).finish();
        let differs = OF_COMPONENTS.iter().find(|(known, ..)| *known == name);
        let mut lines: Vec<&str> = native.lines().collect();
        match differs.map(|(_, differs, _)| differs) {
            None => {}
            Some(Differs::All(text)) => lines = text.lines().collect(),
            Some(Differs::Lines(pairs)) => {
                let mut rest = lines.iter_mut();
                for (before, after) in *pairs {
                    let line = rest.find(|line| **line == *before);
                    *line.unwrap_or_else(|| panic!("{name} prints no line {before:?} natively")) = after;
                }
            }
            Some(Differs::Panics(words)) => {
                assert_eq!(finished.status.code(), Some(134), "{name}: {finished}");
                assert!(finished.stderr.contains(words), "{name}: {finished}");
                let printed = &finished.stdout;
                assert!(
                    native.starts_with(printed.as_str()) && native != *printed,
                    "{name}: {finished}"
                );
                continue;
            }
        }
        let expected: String = lines.iter().map(|line| format!("{line}\n")).collect();
        assert_same_transcript(&expected, &finished.success());
    }
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
