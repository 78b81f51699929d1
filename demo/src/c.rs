//! C programs of examples/c: plain POSIX, compiled against the overlay.

use crate::Row;
use crate::native::{fetched, pattern, tcp_echo};
use guestnet_tests::peers::Nginx;
use guestnet_tests::{Guestnet, Program, Running, guest};
use std::net::SocketAddr;

const ABI: &str = "p1 + WasmEdge v2";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row {
            guest: "echo_server, echo_client",
            language: "C",
            abi: ABI,
            what: "two sandboxes exchange 4 MB over TCP",
            run: two_sandboxes,
        },
        Row {
            guest: "echo_server",
            language: "C",
            abi: ABI,
            what: "serves 64 native clients at once",
            run: many_clients,
        },
        Row {
            guest: "fetch",
            language: "C",
            abi: ABI,
            what: "gets a file from a real nginx",
            run: fetch,
        },
    ]
}

fn example(name: &str) -> std::path::PathBuf {
    guest("examples", name)
}

/// A server that may only listen on loopback, and where it listens.
fn server(connections: usize) -> (Running, SocketAddr) {
    let program: Program = Guestnet::run()
        .option("--allow-listen")
        .option("tcp://127.0.0.1:*")
        .guest(&example("echo_server"))
        .arg("127.0.0.1")
        .arg("0")
        .arg(connections.to_string());
    let mut server = program.start();
    let addr = server
        .line("listening ")
        .parse()
        .expect("the server prints its address");
    (server, addr)
}

fn two_sandboxes() -> String {
    let (server, addr) = server(1);
    let said = Guestnet::run()
        .option("--allow-connect")
        .option(format!("tcp://{addr}"))
        .guest(&example("echo_client"))
        .arg(addr.ip().to_string())
        .arg(addr.port().to_string())
        .arg("4000000")
        .finish()
        .success();
    assert_eq!(said, "4000000 bytes came back as they were sent\n");
    assert!(server.finish().success().ends_with("done\n"));
    "every byte came back".into()
}

fn many_clients() -> String {
    const CLIENTS: usize = 64;
    let (server, addr) = server(CLIENTS);
    let data = pattern(100_000);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| tcp_echo(addr, &data)))
            .collect();
        for client in clients {
            client
                .join()
                .unwrap_or_else(|payload| std::panic::resume_unwind(payload));
        }
    });
    assert!(server.finish().success().ends_with("done\n"));
    format!("{CLIENTS} times 100 kB")
}

fn fetch() -> String {
    let body = "guestnet ".repeat(200_000);
    let nginx = Nginx::start(&[("file", body.as_bytes())]).unwrap_or_else(|error| panic!("{error}"));
    let addr = nginx.addr();
    let finished = Guestnet::run()
        .option("--allow-connect")
        .option(format!("tcp://{addr}"))
        .guest(&example("fetch"))
        .arg(addr.ip().to_string())
        .arg(addr.port().to_string())
        .arg("/file")
        .finish();
    fetched(finished, &body)
}
