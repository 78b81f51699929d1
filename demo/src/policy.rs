//! What a guest may not do: the default is nothing, and the message says which flag would allow it.

use crate::Row;
use guestnet_tests::{Guestnet, guest};
use std::io::ErrorKind;
use std::net::TcpListener;

pub(crate) fn rows() -> Vec<Row> {
    vec![
        Row {
            guest: "fetch",
            language: "C",
            abi: "p1 + WasmEdge v2",
            what: "is denied a connection by default",
            run: denied_by_default,
        },
        Row {
            guest: "denied",
            language: "Go",
            abi: "stealthrocket/net",
            what: "reaches the allowed port and not its neighbour",
            run: one_port_only,
        },
    ]
}

/// A listener that must never see a connection.
pub(crate) fn untouched() -> TcpListener {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
    listener.set_nonblocking(true).expect("make it non-blocking");
    listener
}

pub(crate) fn assert_untouched(listener: &TcpListener) {
    let error = listener
        .accept()
        .expect_err("a denied connection must not reach the network");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

fn denied_by_default() -> String {
    let listener = untouched();
    let addr = listener.local_addr().expect("local address");
    let finished = Guestnet::run()
        .guest(&guest("examples", "fetch"))
        .arg(addr.ip().to_string())
        .arg(addr.port().to_string())
        .arg("/")
        .finish();
    assert_eq!(
        finished.status.code(),
        Some(1),
        "the guest's own exit status\n{finished}"
    );
    assert!(
        finished.stderr.contains("--allow-connect"),
        "the message must name the flag\n{finished}"
    );
    assert!(
        finished.stderr.contains(&addr.to_string()),
        "the message must name the address\n{finished}"
    );
    assert_untouched(&listener);
    "not one packet left; the message names --allow-connect".into()
}

fn one_port_only() -> String {
    let (allowed, forbidden) = (TcpListener::bind(("127.0.0.1", 0)).expect("bind"), untouched());
    let to = allowed.local_addr().expect("local address");
    let neighbour = forbidden.local_addr().expect("local address");
    let finished = Guestnet::run()
        .option("--allow-connect")
        .option(format!("tcp://{to}"))
        .guest(&guest("go", "denied"))
        .arg("tcp")
        .arg(to.to_string())
        .arg(neighbour.to_string())
        .finish();
    let said = finished.success();
    let second = format!("dial tcp {neighbour}: EACCES\n");
    assert!(said.contains(&second), "expected {second:?} in\n{said}");
    drop(allowed.accept().expect("the allowed connection has arrived"));
    assert_untouched(&forbidden);
    "one connected, the other EACCES".into()
}
