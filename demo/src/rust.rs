//! Rust programs: the crate of WasmEdge, unmodified, the standard library on a listener it was handed, and tokio as a component.

use crate::Row;
use crate::native::{pattern, tcp_echo};
use guestnet_tests::{Guestnet, guest};
use std::net::TcpListener;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row {
            guest: "wasmedge_echo",
            language: "Rust",
            abi: "WasmEdge v1 and v2",
            what: "wasmedge_wasi_socket: TCP and UDP, v4 and v6, timeouts, look-up",
            run: wasmedge,
        },
        Row {
            guest: "std_preopened",
            language: "Rust",
            abi: "p1 sock_accept",
            what: "std::net echoes 1 MB on a listener it was handed",
            run: preopened,
        },
        Row {
            guest: "tokio_echo",
            language: "Rust",
            abi: "WASI 0.2",
            what: "a component: tokio serves 50 clients at a time and moves 4 MiB both ways",
            run: component,
        },
    ]
}

fn wasmedge() -> String {
    let said = Guestnet::run()
        .allow_net()
        .guest(&guest("rust", "wasmedge_echo"))
        .finish()
        .success();
    assert!(said.ends_with("end\n"), "{said}");
    format!("{} facts as expected", said.lines().count() - 1)
}

fn preopened() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
    let addr = listener.local_addr().expect("local address");
    let mut server = Guestnet::run()
        .guest(&guest("rust", "std_preopened"))
        .listen_fd(listener)
        .start();
    drop(server.line("serving"));
    tcp_echo(addr, &pattern(1_000_000));
    assert!(server.finish().success().contains("echoed 1000000 bytes\n"));
    "every byte came back".into()
}

fn component() -> String {
    let said = Guestnet::run()
        .allow_net()
        .guest(&guest("component", "tokio_echo"))
        .finish()
        .success();
    for line in [
        "50 of 50 clients got their own bytes back",
        "4194304 bytes both ways at the same time",
    ] {
        assert!(said.lines().any(|said| said == line), "{line} is not in\n{said}");
    }
    format!("{} facts as expected", said.lines().count())
}
