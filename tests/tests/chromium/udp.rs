//! UDP sockets, bound and connected.

use crate::peers::{DEADLINE, has_ipv6};
use crate::{Case, Test};
use serde_json::json;
use std::net::UdpSocket;
use std::thread;

pub(crate) const TESTS: &[Test] = &[
    ("a_bound_socket_answers_whoever_asks", bound),
    ("a_connected_socket_asks_one_peer", connected),
    ("a_port_is_free_when_its_socket_is_closed", rebind),
];

fn socket(host: &str) -> UdpSocket {
    let socket = UdpSocket::bind((host, 0)).expect("bind");
    socket.set_read_timeout(Some(DEADLINE)).expect("set a timeout");
    socket
}

fn hosts() -> impl Iterator<Item = &'static str> {
    ["127.0.0.1", "::1"]
        .into_iter()
        .filter(|host| *host != "::1" || has_ipv6())
}

fn bound(case: &Case) {
    for host in hosts() {
        let texts = ["one", "two two", "three three three"];
        let arguments = json!({ "host": host, "times": 2 * texts.len() });
        let scenario = case.begin("echoDatagrams", &arguments);
        let address = case.report();
        let port = address["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.expect("a port");
        let clients = [socket(host), socket(host)];
        // Each waits for its answer, so that none is lost for want of room.
        for text in texts {
            for client in &clients {
                client.send_to(text.as_bytes(), (host, port)).expect("send");
                let mut answer = [0; 64];
                let (count, from) = client.recv_from(&mut answer).expect("receive");
                assert_eq!(&answer[..count], text.as_bytes());
                assert_eq!(from.port(), port);
            }
        }
        assert_eq!(
            case.finish(scenario),
            json!({ "words": "OPEN WRITABLE SENT", "empty": -1 })
        );
    }
}

fn connected(case: &Case) {
    for host in hosts() {
        let server = socket(host);
        let port = server.local_addr().expect("its address").port();
        let texts = ["a", "bb", "ccc"];
        let echo = thread::spawn(move || {
            for _ in texts {
                let mut datagram = [0; 64];
                let (count, from) = server.recv_from(&mut datagram).expect("receive");
                server.send_to(&datagram[..count], from).expect("send");
            }
        });
        let seen = case.run(
            "askDatagrams",
            &json!({ "port": port, "host": host, "texts": texts }),
        );
        let peer = json!({ "port": port, "text": host });
        let answers: Vec<_> = texts
            .iter()
            .map(|text| json!({ "text": text, "length": text.len(), "sender": peer }))
            .collect();
        assert_eq!(seen, json!({ "answers": answers, "peer": peer }));
        echo.join().expect("the server comes to its end");
    }
}

/// The browser closes a socket behind what it says.
fn rebind(case: &Case) {
    let asked = json!({ "times": 300, "protocol": "udp" });
    assert_eq!(case.run("rebind", &asked), json!(0));
}
