//! `--allow-listen` and `--deny-listen`: bind on TCP and UDP, and listen with and without it.

use super::{Net, Row, at, check, covers, explained, would};
use guestnet_tests::{Guestnet, guest};

const KINDS: [&str; 11] = [
    "protocol",
    "IPv4",
    "IPv6",
    "CIDR",
    "localhost",
    "any host",
    "port",
    "range of ports",
    "list of ports",
    "any port",
    "deny over allow",
];

/// The port is held at 127.0.0.1, so that no program takes it at all addresses; the guest binds it at 127.0.0.3.
fn rows(action: &str, protocol: &str, port: u16) -> Vec<Row> {
    let other = if protocol == "tcp" { "udp" } else { "tcp" };
    let [below, above] = [port - 1, port + 1];
    let flag = |protocol: &str, target: &str| match protocol {
        "tcp" => format!("--allow-listen {target}"),
        _ => format!("--allow-listen udp://{target}"),
    };
    let row = |kind, rule: &str, here: &str, not: &str, target: &str| Row {
        kind,
        options: format!("--allow-listen {rule}"),
        allowed: format!("{action} {here}"),
        denied: format!("{action} {not}"),
        says: would("bind", target, &flag(protocol, target)),
    };
    let here = format!("127.0.0.3 {port}");
    let at_here = format!("127.0.0.3:{port}");
    let next = format!("127.0.0.3 {above}");
    let at_next = format!("127.0.0.3:{above}");
    let ephemeral = ("127.0.0.4 0", "127.0.0.4:0");
    vec![
        Row {
            denied: format!("bind {other} {here}"),
            says: would("bind", &at_here, &flag(other, &at_here)),
            ..row("protocol", &format!("{protocol}://{at_here}"), &here, "", "")
        },
        row("IPv4", "127.0.0.3", &here, ephemeral.0, ephemeral.1),
        row("IPv6", "::1", "::1 0", ephemeral.0, ephemeral.1),
        row("CIDR", "127.0.0.2/31", &here, ephemeral.0, ephemeral.1),
        row(
            "localhost",
            "localhost:0",
            "127.0.0.1 0",
            ephemeral.0,
            ephemeral.1,
        ),
        row("any host", &format!("*:{port}"), &here, &next, &at_next),
        row("port", &at_here, &here, &next, &at_next),
        // The request for any port is none for this one.
        row("port", "127.0.0.3:0", "127.0.0.3 0", &next, &at_next),
        row(
            "range of ports",
            &format!("127.0.0.3:{below}-{port}"),
            &here,
            &next,
            &at_next,
        ),
        row(
            "list of ports",
            &format!("127.0.0.3:1,{port},{}", port + 2),
            &here,
            &next,
            &at_next,
        ),
        row("any port", "127.0.0.3:*", &here, ephemeral.0, ephemeral.1),
        Row {
            options: "--allow-net --deny-listen 127.0.0.4".to_owned(),
            says: format!("bind {}: denied by --deny-listen 127.0.0.4", ephemeral.1),
            ..row("deny over allow", "", &here, ephemeral.0, "")
        },
    ]
}

fn every_rule_for(action: &str, protocol: &str) {
    let net = Net::new(&["127.0.0.1"]);
    let rows = rows(action, protocol, net.port);
    covers(&rows, &KINDS);
    for row in &rows {
        check(row, Guestnet::run, "EACCES");
        explained(row, "listen", |action| {
            let words: Vec<&str> = action.split(' ').collect();
            match words[..] {
                ["bind", protocol, host, port] => format!("{protocol}://{}", at(host, port)),
                ["listen", host, port] => at(host, port),
                _ => panic!("{action}"),
            }
        });
    }
}

#[test]
fn every_kind_of_rule_for_a_tcp_bind() {
    every_rule_for("bind tcp", "tcp");
}

#[test]
fn every_kind_of_rule_for_a_udp_bind() {
    every_rule_for("bind udp", "udp");
}

#[test]
fn every_kind_of_rule_for_a_listener() {
    every_rule_for("listen", "tcp");
}

#[test]
fn the_implicit_bind_of_listen_is_one_of_the_wildcard_and_any_port() {
    let row = Row {
        kind: "implicit bind",
        options: "--allow-listen 0.0.0.0:0".to_owned(),
        allowed: "implicit 4".to_owned(),
        denied: "implicit 6".to_owned(),
        says: would("listen", "[::]:0", "--allow-listen '[::]:0'"),
    };
    check(&row, Guestnet::run, "EACCES");
}

#[test]
fn a_deny_rule_for_any_address_of_the_wildcard_covers_the_wildcard() {
    let row = Row {
        kind: "deny over allow",
        options: "--allow-net --deny-listen 10.1.2.3".to_owned(),
        allowed: "bind tcp 127.0.0.1 0".to_owned(),
        denied: "bind tcp 0.0.0.0 0".to_owned(),
        says: String::new(),
    };
    let run = row.options.split(' ').fold(Guestnet::run(), Guestnet::option);
    let finished = guestnet_tests::act::acts(run, [row.allowed.as_str(), row.denied.as_str()]).finish();
    assert!(finished.stderr.contains("--deny-listen 10.1.2.3"), "{finished}");
    assert_eq!(
        finished.success(),
        "bind tcp 127.0.0.1 0: ok\nbind tcp 0.0.0.0 0: EACCES\n"
    );
}

/// A listener's address is never looked up.
#[test]
fn a_name_or_a_wildcard_name_is_no_target_for_listen_and_accept() {
    for option in [
        "--allow-listen",
        "--deny-listen",
        "--allow-accept",
        "--deny-accept",
    ] {
        for name in ["db.example:80", "*.example"] {
            let run = Guestnet::run().option(option).option(name);
            let finished = run.guest(&guest("wasip1", "app_act")).finish();
            assert_eq!(finished.status.code(), Some(2), "{finished}");
            assert!(finished.stderr.contains(name), "{finished}");
        }
    }
}
