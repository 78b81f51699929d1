//! `--allow-connect` and `--deny-connect`: TCP connect, UDP connect and a datagram's destination.

use super::{Net, Row, at, check, covers, explained, would};
use guestnet_tests::{Guestnet, guest};

const KINDS: [&str; 15] = [
    "protocol",
    "IPv4",
    "IPv6",
    "CIDR",
    "CIDR of IPv6",
    "name",
    "wildcard name",
    "localhost",
    "any host",
    "port",
    "range of ports",
    "list of ports",
    "any port",
    "deny over allow",
    "deny a name over allow",
];

/// Names for this machine that only the test knows, below suffixes that may stand for loopback.
const HOSTS: &str = "127.0.0.1 db app.local\n127.0.0.2 other.internal local.internal\n";

/// The rows of one action: `tcp`, `udp` or `send`.
fn rows(action: &str, port: u16) -> Vec<Row> {
    let (protocol, other) = if action == "tcp" {
        ("tcp", "udp")
    } else {
        ("udp", "tcp")
    };
    let call = if action == "send" { "sendto" } else { "connect" };
    let [below, above] = [port - 1, port + 1];
    // As the flag would be written: TCP goes without saying.
    let flag = |protocol: &str, target: &str| {
        let scheme = if protocol == "tcp" { "" } else { "udp://" };
        // Brackets are a pattern to a shell.
        let quote = if target.starts_with('[') { "'" } else { "" };
        format!("--allow-connect {quote}{scheme}{target}{quote}")
    };
    let row = |kind, rule: &str, to: &str, not: &str, target: &str| Row {
        kind,
        options: format!("--allow-connect {rule}"),
        allowed: format!("{action} {to}"),
        denied: format!("{action} {not}"),
        says: would(call, target, &flag(protocol, target)),
    };
    let v4 = format!("127.0.0.1 {port}");
    let second = format!("127.0.0.2 {port}");
    let at_second = format!("127.0.0.2:{port}");
    let next = format!("127.0.0.1 {above}");
    let at_next = format!("127.0.0.1:{above}");
    let other_action = if action == "tcp" { "udp" } else { "tcp" };
    vec![
        Row {
            denied: format!("{other_action} {v4}"),
            says: would(
                "connect",
                &format!("127.0.0.1:{port}"),
                &flag(other, &format!("127.0.0.1:{port}")),
            ),
            ..row("protocol", &format!("{protocol}://127.0.0.1:{port}"), &v4, "", "")
        },
        row("IPv4", "127.0.0.1", &v4, &second, &at_second),
        row("IPv6", "::1", &format!("::1 {port}"), &second, &at_second),
        row("CIDR", "127.0.0.0/31", &v4, &second, &at_second),
        row("CIDR", &format!("127.0.0.0/31:{port}"), &v4, &next, &at_next),
        row(
            "CIDR of IPv6",
            &format!("[::1]/128:{port}"),
            &format!("::1 {port}"),
            &format!("::1 {above}"),
            &format!("[::1]:{above}"),
        ),
        row(
            "name",
            "db --allow-resolve other.internal",
            &format!("db {port}"),
            &format!("other.internal {port}"),
            &at_second,
        ),
        row(
            "name",
            &format!("db:{port}"),
            &format!("db {port}"),
            &format!("db {above}"),
            &at_next,
        ),
        // Neither the name that the wildcard stands below nor one that only ends alike.
        row(
            "wildcard name",
            "*.local --allow-resolve local.internal",
            &format!("app.local {port}"),
            &format!("local.internal {port}"),
            &at_second,
        ),
        row(
            "localhost",
            &format!("localhost:{port}"),
            &v4,
            &second,
            &at_second,
        ),
        row("any host", &format!("*:{port}"), &second, &next, &at_next),
        row("port", &format!("127.0.0.1:{port}"), &v4, &next, &at_next),
        row(
            "range of ports",
            &format!("127.0.0.1:{below}-{port}"),
            &v4,
            &next,
            &at_next,
        ),
        row(
            "list of ports",
            &format!("127.0.0.1:1,{port},{}", port + 2),
            &v4,
            &next,
            &at_next,
        ),
        row("any port", "127.0.0.1:*", &v4, &second, &at_second),
        Row {
            options: format!("--allow-net --deny-connect {at_second}"),
            says: format!("{call} {at_second}: denied by --deny-connect {at_second}"),
            ..row("deny over allow", "", &v4, &second, "")
        },
        Row {
            options: format!(
                "--allow-connect *.internal --allow-connect db --deny-connect other.internal:{port}"
            ),
            says: format!("{call} {at_second}: denied by --deny-connect other.internal:{port}"),
            ..row(
                "deny a name over allow",
                "",
                &format!("db {port}"),
                &format!("other.internal {port}"),
                "",
            )
        },
    ]
}

fn every_rule_for(action: &str) {
    let net = Net::new(&["127.0.0.1", "127.0.0.2", "::1"]);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, HOSTS).expect("write the hosts file");
    let rows = rows(action, net.port);
    covers(&rows, &KINDS);
    for row in &rows {
        check(row, || Guestnet::run().option("--hosts").option(&hosts), "EACCES");
        explained(row, "connect", |action| {
            let words: Vec<&str> = action.split(' ').collect();
            let protocol = if words[0] == "tcp" { "tcp" } else { "udp" };
            format!("{protocol}://{}", at(words[1], words[2]))
        });
    }
}

#[test]
fn every_kind_of_rule_for_a_tcp_connect() {
    every_rule_for("tcp");
}

#[test]
fn every_kind_of_rule_for_a_udp_connect() {
    every_rule_for("udp");
}

#[test]
fn every_kind_of_rule_for_the_destination_of_a_datagram() {
    every_rule_for("send");
}

/// The rows with numbers again, by every call and encoding of every ABI: the guest that looks for a gap finds none.
#[test]
fn every_abi_is_judged_by_the_same_rules() {
    let net = Net::new(&["127.0.0.1", "127.0.0.2", "::1"]);
    let mut checked = 0;
    for (action, lines) in [
        ("tcp", "TCP connect to"),
        ("udp", "UDP connect to"),
        ("send", "sendto to"),
    ] {
        for row in rows(action, net.port) {
            for (target, ending) in [(&row.allowed, ": ok"), (&row.denied, ": EACCES")] {
                let words: Vec<&str> = target.split(' ').collect();
                let [kind, host, port] = words[..] else {
                    panic!("{target}")
                };
                if host.parse::<std::net::IpAddr>().is_err() || kind != action {
                    continue;
                }
                let run = row.options.split(' ').fold(Guestnet::run(), Guestnet::option);
                let program = run.guest(&guest("wasip1", "attack_reach")).arg(port).arg(host);
                let transcript = program.finish().success();
                let lines: Vec<&str> = transcript.lines().filter(|line| line.contains(lines)).collect();
                assert_eq!(lines.len(), 5, "{row:#?}\n{transcript}");
                assert!(
                    lines.iter().all(|line| line.ends_with(ending)),
                    "{row:#?}\n{transcript}"
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked}");
}
