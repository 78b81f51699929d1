//! `--allow-resolve` and `--deny-resolve`, and the rules for connect that let names be looked up too.

use super::{Row, check, covers, explained, would};
use guestnet_tests::Guestnet;
use guestnet_tests::peers::ScriptedDns;

const KINDS: [&str; 6] = [
    "name",
    "wildcard name",
    "any name",
    "a name of connect",
    "deny over allow",
    "deny a name of connect",
];

fn rows() -> Vec<Row> {
    let row = |kind, options: &str, allowed: &str, denied: &str| Row {
        kind,
        options: options.to_owned(),
        allowed: format!("resolve {allowed}"),
        denied: format!("resolve {denied}"),
        says: would("getaddrinfo", denied, &format!("--allow-resolve {denied}")),
    };
    let by = |rule: &str, row: Row| Row {
        says: format!(
            "getaddrinfo {}: denied by {rule}",
            &row.denied["resolve ".len()..]
        ),
        ..row
    };
    vec![
        row("name", "--allow-resolve a.test", "a.test", "b.test"),
        row("name", "--allow-resolve a.test", "A.Test.", "x.a.test"),
        row("wildcard name", "--allow-resolve *.test", "x.y.test", "test"),
        row("wildcard name", "--allow-resolve *.test", "x.test", "x.atest"),
        by(
            "--deny-resolve b.test",
            row(
                "any name",
                "--allow-resolve * --deny-resolve b.test",
                "anything.example",
                "b.test",
            ),
        ),
        row(
            "a name of connect",
            "--allow-connect tcp://a.test:443",
            "a.test",
            "b.test",
        ),
        row(
            "a name of connect",
            "--allow-connect *.test:443",
            "a.test",
            "test",
        ),
        by(
            "--deny-resolve *.b.test",
            row(
                "deny over allow",
                "--allow-resolve *.test --deny-resolve *.b.test",
                "b.test",
                "a.b.test",
            ),
        ),
        by(
            "--deny-connect b.test",
            row(
                "deny a name of connect",
                "--allow-net --deny-connect b.test",
                "a.test",
                "b.test",
            ),
        ),
    ]
}

#[test]
fn every_kind_of_rule_for_a_look_up_and_no_denied_name_leaves() {
    let rows = rows();
    covers(&rows, &KINDS);
    for row in &rows {
        let server = ScriptedDns::answering(|asked| asked.address([192, 0, 2, 1], 60));
        let run = || Guestnet::run().option("--dns").option(server.addr().to_string());
        check(row, run, "EAI_FAIL");
        explained(row, "resolve", |action| action["resolve ".len()..].to_owned());
        let name = row.allowed["resolve ".len()..]
            .trim_end_matches('.')
            .to_ascii_lowercase();
        assert!(server.asked().iter().all(|asked| asked.name == name), "{row:#?}");
        assert_ne!(server.asked().len(), 0, "{row:#?}");
    }
}
