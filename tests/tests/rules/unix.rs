//! `--allow-unix` and the file's `unix.deny`: connect, send and bind by paths in the guest's view.

use super::{Row, check, covers, explained, would};
use guestnet_tests::Guestnet;
use guestnet_tests::act::acts;
use std::os::unix::net::{UnixDatagram, UnixListener};

const KINDS: [&str; 3] = ["path", "directory", "deny over allow"];

/// `name` is that of the socket; the guest sees the directory as /tmp.
fn rows(action: &str, name: &str, policy: &str) -> Vec<Row> {
    let call = match action {
        "unix" => "connect",
        "unix-send" => "sendto",
        _ => "bind",
    };
    let row = |kind, options: &str, allowed: &str, denied: &str| Row {
        kind,
        options: options.to_owned(),
        allowed: format!("{action} {allowed}{name}"),
        denied: format!("{action} {denied}{name}"),
        says: would(
            call,
            &format!("{denied}{name}"),
            &format!("--allow-unix {denied}{name}"),
        ),
    };
    vec![
        row(
            "path",
            &format!("--allow-unix /tmp/app/{name}"),
            "/tmp/app/",
            "/tmp/app/other-",
        ),
        row("directory", "--allow-unix /tmp/app/*", "/tmp/app/", "/tmp/"),
        row(
            "directory",
            "--allow-unix /tmp/app/*",
            "/tmp/app/sub/",
            "/tmp/apple/",
        ),
        Row {
            says: format!(
                "{call} /tmp/app/sub/{name}: denied by unix.deny \"/tmp/app/sub/*\" ({policy}:2:10)"
            ),
            ..row(
                "deny over allow",
                &format!("--allow-net --policy {policy}"),
                "/tmp/app/",
                "/tmp/app/sub/",
            )
        },
    ]
}

fn every_rule_for(action: &str) {
    for kind in 0..4 {
        // A directory for each row: a name can be bound once.
        let directory = tempfile::tempdir().expect("a temporary directory");
        let policy = directory.path().join("policy.toml");
        std::fs::write(&policy, "[unix]\ndeny = [\"/tmp/app/sub/*\"]\n").expect("write the policy");
        let (mut streams, mut datagrams) = (Vec::new(), Vec::new());
        for inside in ["app/sub", "apple"] {
            std::fs::create_dir_all(directory.path().join(inside)).expect("create a directory");
        }
        for place in ["", "app/", "app/other-", "app/sub/", "apple/"] {
            let at = |name: &str| directory.path().join(format!("{place}{name}"));
            streams.push(UnixListener::bind(at("stream")).expect("bind"));
            datagrams.push(UnixDatagram::bind(at("datagram")).expect("bind"));
        }
        let name = match action {
            "unix" => "stream",
            "unix-send" => "datagram",
            _ => "new",
        };
        let rows = rows(action, name, policy.to_str().expect("a path in UTF-8"));
        covers(&rows, &KINDS);
        assert_eq!(rows.len(), 4);
        check(&rows[kind], || Guestnet::run().tmp(directory.path()), "EACCES");
        explained(&rows[kind], "unix", |action| {
            action.split_once(' ').expect("a path").1.to_owned()
        });
    }
}

#[test]
fn every_kind_of_rule_for_a_connect_to_a_path() {
    every_rule_for("unix");
}

#[test]
fn every_kind_of_rule_for_a_datagram_to_a_path() {
    every_rule_for("unix-send");
}

#[test]
fn every_kind_of_rule_for_a_bind_to_a_path() {
    every_rule_for("unix-bind");
}

#[test]
fn a_path_that_no_directory_leads_to_is_reported_and_audited() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let audit = directory.path().join("audit");
    let inside = directory.path().join("inside");
    std::fs::create_dir(&inside).expect("create a directory");
    let stream = UnixListener::bind(directory.path().join("stream")).expect("bind");
    std::os::unix::fs::symlink("../stream", inside.join("link")).expect("symlink");
    for (action, call, path) in [
        ("unix", "connect", "/elsewhere/stream"),
        ("unix", "connect", "/tmp/../stream"),
        ("unix", "connect", "/tmp/link"),
        ("unix-send", "sendto", "/elsewhere/datagram"),
        ("unix-bind", "bind", "/new"),
    ] {
        let run = Guestnet::run()
            .allow_net()
            .tmp(&inside)
            .option("--audit")
            .option(&audit);
        let finished = acts(run, [format!("{action} {path}").as_str()]).finish();
        let reason = "denied because no directory of the guest leads there";
        assert_eq!(finished.stderr, format!("guestnet: {call} {path}: {reason}\n"));
        assert_eq!(finished.success(), format!("{action} {path}: EACCES\n"));
        let audit = std::fs::read_to_string(&audit).expect("an audit");
        let (_, line) = audit.split_once(',').expect("the time first");
        assert_eq!(
            line,
            format!(
                "\"call\":\"{call}\",\"use\":\"unix\",\"target\":\"{path}\",\"outcome\":\"denied\",\"reason\":\"{reason}\"}}\n"
            )
        );
    }
    stream.set_nonblocking(true).expect("set_nonblocking");
    assert!(stream.accept().is_err(), "a guest got out");
}
