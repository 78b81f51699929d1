//! Go programs: the standard library and well-known clients over `github.com/stealthrocket/net`, unmodified.

use crate::Row;
use crate::native::{curl, udp_echo};
use guestnet_tests::peers::{MariaDb, Redis};
use guestnet_tests::{Guestnet, Program, Running, guest, native_guest};
use std::net::{SocketAddr, TcpListener};

const ABI: &str = "stealthrocket/net";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row {
            guest: "http_server",
            language: "Go",
            abi: ABI,
            what: "net/http serves curl",
            run: server_under_curl,
        },
        Row {
            guest: "http_client",
            language: "Go",
            abi: ABI,
            what: "net/http makes 274 requests, 16 at a time, of a native server",
            run: client_of_a_native_server,
        },
        Row {
            guest: "http_server, http_client",
            language: "Go",
            abi: ABI,
            what: "two sandboxes do the same with each other",
            run: two_sandboxes,
        },
        Row {
            guest: "preopened",
            language: "Go",
            abi: "p1 sock_accept",
            what: "the standard library alone serves a listener it was handed",
            run: preopened,
        },
        Row {
            guest: "udp_echo",
            language: "Go",
            abi: ABI,
            what: "echoes datagrams up to 60 kB",
            run: udp,
        },
        Row {
            guest: "redis",
            language: "Go",
            abi: ABI,
            what: "go-redis works with a real Redis",
            run: redis,
        },
        Row {
            guest: "mysql",
            language: "Go",
            abi: ABI,
            what: "go-sql-driver works with a real MariaDB",
            run: mysql,
        },
    ]
}

fn go(name: &str) -> std::path::PathBuf {
    guest("go", name)
}

fn listening(program: Program) -> (Running, SocketAddr) {
    let mut server = program.start();
    let addr = server
        .line("listening ")
        .parse()
        .expect("the server prints its address");
    (server, addr)
}

fn sandboxed_server() -> (Running, SocketAddr) {
    let guestnet = Guestnet::run()
        .option("--allow-listen")
        .option("tcp://127.0.0.1:*");
    listening(guestnet.guest(&go("http_server")).arg("127.0.0.1:0"))
}

/// The client may reach one address and nothing else; it stops the server at the end.
fn sandboxed_client(addr: SocketAddr) -> String {
    let guestnet = Guestnet::run()
        .option("--allow-connect")
        .option(format!("tcp://{addr}"));
    guestnet
        .guest(&go("http_client"))
        .arg(format!("http://{addr}"))
        .arg("quit")
        .finish()
        .success()
}

fn exercised(said: &str) -> String {
    assert!(said.contains("at most 16 connections: true\n"), "{said}");
    assert!(said.contains("GET /quit: \"bye\\n\"\n"), "{said}");
    "concurrent, kept alive, 8 MiB bodies".into()
}

fn server_under_curl() -> String {
    let (server, addr) = sandboxed_server();
    assert_eq!(
        curl(&[&format!("http://{addr}/hello?name=curl")]),
        "hello, curl\n"
    );
    let lines = curl(&[&format!("http://{addr}/stream?n=1000")]);
    assert_eq!(lines.lines().count(), 1000, "{lines}");
    let body = "0123456789".repeat(100_000);
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), &body).expect("write it");
    let back = curl(&[
        "--data-binary",
        &format!("@{}", file.path().display()),
        &format!("http://{addr}/echo"),
    ]);
    assert!(
        back == body,
        "curl sent {} bytes and got {} back",
        body.len(),
        back.len()
    );
    assert_eq!(curl(&[&format!("http://{addr}/quit")]), "bye\n");
    drop(server.finish().success());
    "a page, a stream of 1,000 lines, 1 MB both ways".into()
}

fn client_of_a_native_server() -> String {
    let (server, addr) = listening(Program::new(&native_guest("go", "http_server")).arg("127.0.0.1:0"));
    let result = exercised(&sandboxed_client(addr));
    drop(server.finish().success());
    result
}

fn two_sandboxes() -> String {
    let (server, addr) = sandboxed_server();
    let result = exercised(&sandboxed_client(addr));
    drop(server.finish().success());
    result
}

fn preopened() -> String {
    // Handed over by this process as a service manager does; no rule of the policy lets the guest listen by itself.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
    let addr = listener.local_addr().expect("local address");
    let mut server = Guestnet::run()
        .guest(&go("preopened"))
        .listen_fd(listener)
        .start();
    drop(server.line("serving"));
    assert_eq!(curl(&[&format!("http://{addr}/hello")]), "hello, world\n");
    assert_eq!(curl(&[&format!("http://{addr}/quit")]), "bye\n");
    assert!(server.finish().success().contains("LISTEN_FDS 1\n"));
    "with no other right to the network".into()
}

fn udp() -> String {
    const SIZES: [usize; 5] = [1, 512, 1472, 9000, 60_000];
    let guestnet = Guestnet::run()
        .option("--allow-listen")
        .option("udp://127.0.0.1:*")
        .option("--allow-connect")
        .option("udp://127.0.0.1:*");
    let program = guestnet
        .guest(&go("udp_echo"))
        .arg("server")
        .arg("127.0.0.1:0")
        .arg(SIZES.len().to_string());
    let (server, addr) = listening(program);
    udp_echo(addr, &SIZES);
    drop(server.finish().success());
    format!("{} datagrams, 1 byte to 60 kB", SIZES.len())
}

fn redis() -> String {
    let redis = Redis::start().unwrap_or_else(|error| panic!("{error}"));
    let guestnet = Guestnet::run()
        .option("--allow-connect")
        .option(format!("tcp://{}", redis.addr()));
    let said = guestnet
        .guest(&go("redis"))
        .arg(redis.addr().to_string())
        .finish()
        .success();
    assert!(
        said.starts_with("PING: PONG\n") && said.ends_with("closed\n"),
        "{said}"
    );
    "commands, a pipeline of 1,000, publish and subscribe".into()
}

fn mysql() -> String {
    let mariadb = MariaDb::start().unwrap_or_else(|error| panic!("{error}"));
    let guestnet = Guestnet::run()
        .option("--allow-connect")
        .option(format!("tcp://{}", mariadb.addr()));
    let said = guestnet.guest(&go("mysql")).arg(mariadb.dsn()).finish().success();
    assert!(
        said.starts_with("connected\n") && said.ends_with("closed\n"),
        "{said}"
    );
    "queries, a transaction, blobs, a pool".into()
}
