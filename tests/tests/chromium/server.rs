//! TCP servers.

use crate::peers::{bounded, has_ipv6};
use crate::{Case, Test};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

pub(crate) const TESTS: &[Test] = &[
    ("a_server_serves_several_connections", several),
    ("a_client_that_ends_at_once_is_whole_or_broken", ends_at_once),
    ("a_port_is_free_when_its_listener_is_closed", rebind),
];

fn several(case: &Case) {
    for host in ["127.0.0.1", "::1"] {
        if host == "::1" && !has_ipv6() {
            continue;
        }
        let connections = 8;
        let scenario = case.begin("serve", &json!({ "host": host, "connections": connections }));
        let address = case.report();
        assert_eq!(address["text"], host);
        let port = address["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.expect("a port");
        let mut streams: Vec<TcpStream> = (0..connections)
            .map(|_| TcpStream::connect((host, port)).expect("connect"))
            .collect();
        // The last one first: none waits for another one.
        for (number, stream) in streams.iter_mut().enumerate().rev() {
            bounded(stream);
            writeln!(stream, "connection {number}").expect("write");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("read");
            assert_eq!(answer, format!("connection {number}\n"));
        }
        let seen = case.finish(scenario);
        assert_eq!(seen["local"], json!(null), "it is closed");
        let mut all: Vec<&str> = seen["all"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|text| text.as_str())
            .collect();
        all.sort_unstable();
        let expected: Vec<String> = (0..connections)
            .map(|number| format!("connection {number}\n"))
            .collect();
        assert_eq!(all, expected);
    }
}

fn ends_at_once(case: &Case) {
    let connections = 20;
    let scenario = case.begin(
        "serve",
        &json!({ "host": "127.0.0.1", "connections": connections }),
    );
    let port = case.report()["port"]
        .as_u64()
        .and_then(|port| u16::try_from(port).ok());
    let port = port.expect("a port");
    for _ in 0..connections {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connect");
        stream.write_all(b"hello").expect("write");
    }
    let seen = case.finish(scenario);
    let all = seen["all"].as_array().expect("a list");
    assert_eq!(all.len(), connections);
    for each in all {
        let allowed = [
            "hello|OPEN WRITABLE END SENT",
            "hello|OPEN BROKEN SENT RESET",
            "|OPEN BROKEN SENT RESET",
        ];
        assert!(allowed.iter().any(|text| each == text), "{each}");
    }
}

/// The browser closes a listener behind what it says: of some hundred a few are refused if they are not tried again.
fn rebind(case: &Case) {
    let asked = json!({ "times": 300, "protocol": "tcp" });
    assert_eq!(case.run("rebind", &asked), json!(0));
}
