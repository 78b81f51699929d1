//! `--allow-accept` and `--deny-accept`: who may connect to a listener of a guest, and whose datagrams it gets.

use super::{Net, Row, covers, explained, said, would};
use guestnet_tests::act::Actor;
use guestnet_tests::{Guestnet, Program, native_guest};

const KINDS: [&str; 10] = [
    "protocol",
    "IPv4",
    "CIDR",
    "localhost",
    "any host",
    "port",
    "range of ports",
    "list of ports",
    "any port",
    "deny over allow",
];

/// `allowed` and `denied` are the peer's address and port. A peer of the second kind comes first.
fn rows(protocol: &str, port: u16) -> Vec<Row> {
    let flag = |target: &str| match protocol {
        "tcp" => format!("--allow-accept {target}"),
        _ => format!("--allow-accept udp://{target}"),
    };
    let row = |kind, rule: &str, from: &str, not: &str| {
        let target = not.replace(' ', ":");
        // A peer's port is any: the flag does not name it.
        let (ip, _) = not.split_once(' ').expect("an address and a port");
        Row {
            kind,
            options: format!("--allow-accept {rule}"),
            allowed: from.to_owned(),
            denied: not.to_owned(),
            says: would("CALL", &target, &flag(ip)),
        }
    };
    let other = if protocol == "tcp" { "udp" } else { "tcp" };
    let [third, fourth, second] = [3, 4, 2].map(|last| format!("127.0.0.{last} {port}"));
    // Another port than the rules have, at the address that they have.
    let next = format!("127.0.0.3 {}", port + 1);
    vec![
        row(
            "protocol",
            &format!("{protocol}://127.0.0.3 --allow-accept {other}://127.0.0.4"),
            &third,
            &fourth,
        ),
        row("IPv4", "127.0.0.3", &third, &fourth),
        row("CIDR", "127.0.0.2/31", &third, &fourth),
        row("CIDR", "127.0.0.2/31", &second, &fourth),
        row("localhost", "localhost", "127.0.0.1 0", &fourth),
        row("any host", &format!("*:{port}"), &third, &next),
        row("port", &format!("127.0.0.3:{port}"), &third, &next),
        row(
            "range of ports",
            &format!("127.0.0.3:{}-{port}", port - 1),
            &third,
            &next,
        ),
        row(
            "list of ports",
            &format!("127.0.0.3:1,{port},{}", port + 2),
            &third,
            &next,
        ),
        row("any port", "127.0.0.3:*", &third, &fourth),
        Row {
            options: "--deny-accept 127.0.0.4".to_owned(),
            says: format!("CALL 127.0.0.4:{port}: denied by --deny-accept 127.0.0.4"),
            ..row("deny over allow", "", &third, &fourth)
        },
    ]
}

/// Runs a client outside of the sandbox; returns the result that it got.
fn client(protocol: &str, from: &str, to: &str) -> String {
    let action = format!("from {protocol} {from} {to}");
    let printed = Program::new(&native_guest("wasip1", "app_act"))
        .arg(&action)
        .finish()
        .success();
    let result = printed.strip_prefix(&format!("{action}: "));
    result.expect("a result").trim_end().to_owned()
}

fn every_rule_for(protocol: &str) {
    let net = Net::new(&["127.0.0.1"]);
    let rows = rows(protocol, net.port);
    covers(&rows, &KINDS);
    let (open, take, call) = match protocol {
        "tcp" => ("listen 127.0.0.1 0", "accept", "accept"),
        _ => ("open 127.0.0.1 0", "receive", "recvfrom"),
    };
    for row in rows {
        let row = Row {
            says: row.says.replace("CALL", call),
            ..row
        };
        let run = Guestnet::run().option("--allow-listen=127.0.0.1:0");
        let run = row.options.split(' ').fold(run, Guestnet::option);
        let mut guest = Actor::start(run);
        let port = guest.act(open);
        let to = format!("127.0.0.1 {}", port.strip_prefix("ok ").expect("a port"));
        guest.begin(take);
        let refused = client(protocol, &row.denied, &to);
        assert_eq!(
            refused,
            if protocol == "tcp" { "ECONNRESET" } else { "ok" },
            "{row:#?}"
        );
        assert_eq!(client(protocol, &row.allowed, &to), "ok", "{row:#?}");
        let (ip, _) = row.allowed.split_once(' ').expect("an address and a port");
        assert_eq!(guest.result(take), format!("{ip} says hello"), "{row:#?}");
        let finished = guest.finish();
        said(&row, &finished);
        let _ = finished.success();
        explained(&row, "accept", |peer| {
            // A peer has a port, if any.
            let peer = peer.replace(" 0", " 40000");
            format!("{protocol}://{}", peer.replace(' ', ":"))
        });
    }
}

#[test]
fn every_kind_of_rule_for_the_peer_of_a_connection() {
    every_rule_for("tcp");
}

#[test]
fn every_kind_of_rule_for_the_sender_of_a_datagram() {
    every_rule_for("udp");
}
