//! The /etc that a guest finds when it may look names up: four files of ours, to read, and no way out.

use super::support::{attack, component};
use guestnet_tests::Guestnet;

/// The lines of the attempts: everything but what shows names and contents.
fn attempts(transcript: &str) -> Vec<&str> {
    let shown = ["/etc: ", "no /etc: ", "hosts: ", "resolv.conf: "];
    let lines = transcript.lines();
    lines
        .filter(|line| !shown.iter().any(|start| line.starts_with(start)))
        .collect()
}

#[test]
fn a_guest_reads_what_resolvers_read_and_changes_nothing_and_gets_nowhere_else() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, "192.0.2.7 web.test\n").expect("write the hosts file");
    for rule in [
        "--allow-net",
        "--allow-resolve=*.test",
        "--allow-connect=web.test:80",
    ] {
        let run = Guestnet::run().option("--hosts").option(&hosts).option(rule);
        let seen = attack(run, "etc")
            .arg("resolv.conf")
            .arg("hosts")
            .finish()
            .success();
        let listed = "/etc: hosts nsswitch.conf resolv.conf services";
        // Once before and once after everything was tried.
        assert_eq!(seen.lines().filter(|line| *line == listed).count(), 2, "{seen}");
        assert!(seen.contains("\nhosts: 192.0.2.7 web.test\n"), "{seen}");
        // The machine's servers are not shown; ours is the only one.
        let servers = seen.lines().filter(|line| line.contains("nameserver"));
        assert_eq!(
            servers.collect::<Vec<_>>(),
            ["resolv.conf: nameserver 192.0.2.53"]
        );
        let attempts = attempts(&seen);
        let ok = attempts.iter().filter(|line| line.ends_with(": ok"));
        assert_eq!(ok.collect::<Vec<_>>(), [&"fd: ok"], "{seen}");
        assert_eq!(attempts.len(), 19, "{seen}");
    }
    assert_eq!(
        std::fs::read_to_string(&hosts).expect("read"),
        "192.0.2.7 web.test\n",
        "the file of the machine"
    );
}

#[test]
fn a_guest_that_may_look_nothing_up_has_no_etc_and_one_with_an_own_keeps_it() {
    let none = Guestnet::run().option("--allow-connect=127.0.0.1");
    let seen = attack(none, "etc").finish().success();
    assert_eq!(seen.matches("no /etc: ").count(), 2, "{seen}");
    assert!(
        attempts(&seen).iter().all(|line| !line.ends_with(": ok")),
        "{seen}"
    );
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("mine"), "").expect("write a file");
    let own = Guestnet::run()
        .allow_net()
        .option("--dir")
        .option(format!("{}::/etc", directory.path().display()));
    let seen = attack(own, "etc").finish().success();
    assert!(seen.starts_with("/etc: mine\n"), "{seen}");
}

#[test]
fn a_component_has_no_etc_but_its_own() {
    // It looks names up by an interface, and needs no files for that.
    let none = component(Guestnet::run().allow_net(), "files").args(["paths", "etc", "hosts"]);
    assert_eq!(none.finish().success(), "0 attempts\n");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let own = Guestnet::run()
        .allow_net()
        .option("--dir")
        .option(format!("{}::/etc", directory.path().display()));
    let seen = component(own, "files")
        .args(["paths", "hosts"])
        .finish()
        .success();
    // The file that it finds then is one that it has made.
    assert!(seen.ends_with("saw hosts\n18 attempts\n"), "{seen}");
    assert!(directory.path().join("hosts").is_file());
}
