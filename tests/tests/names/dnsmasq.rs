//! Against dnsmasq: a real server, which knows a few names and forwards some.

use super::PATIENCE;
use guestnet_tests::act::Actor;
use guestnet_tests::peers::script::code;
use guestnet_tests::peers::{Dnsmasq, ScriptedDns};
use guestnet_tests::{Guestnet, guest};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::Instant;

fn guests() -> [PathBuf; 2] {
    [guest("go", "names"), guest("wasip1", "app_lookup")]
}

fn server() -> Dnsmasq {
    let mut hosts = "127.0.0.1 db\n192.0.2.7 web.test\n2001:db8::7 six.test\n".to_owned();
    for last in 1..=60 {
        let _ = writeln!(hosts, "198.51.100.{last} many.test");
    }
    Dnsmasq::start(&hosts, &[("alias.test", "web.test")]).expect("dnsmasq")
}

fn run(server: &Dnsmasq) -> Guestnet {
    Guestnet::run().option("--dns").option(server.addr().to_string())
}

#[test]
fn go_and_c_see_the_same_answers() {
    let server = server();
    for guest in guests() {
        let seen = run(&server)
            .option("--allow-connect")
            .option("*.test")
            .guest(&guest)
            .arg("web.test")
            .arg("alias.test")
            .arg("WEB.test.")
            .arg("none.test")
            .arg("secret.evil.example")
            .finish()
            .success();
        let expected = "web.test: 192.0.2.7\nalias.test: 192.0.2.7\nWEB.test.: 192.0.2.7\nnone.test: EAI_NONAME\n\
            secret.evil.example: EAI_FAIL\n";
        assert_eq!(seen, expected, "{}", guest.display());
    }
}

#[test]
fn an_answer_too_long_for_a_datagram_comes_whole() {
    let server = server();
    // The library of C guests has room for 48.
    for (guest, count) in [(guest("go", "names"), 60), (guest("wasip1", "app_lookup"), 48)] {
        let seen = run(&server)
            .option("--allow-resolve")
            .option("*.test")
            .guest(&guest)
            .arg("many.test")
            .finish()
            .success();
        assert_eq!(seen.matches("198.51.100.").count(), count, "{seen}");
    }
}

#[test]
fn a_go_guest_reaches_a_name_that_the_policy_allows_and_no_other() {
    let server = server();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("local_addr").port();
    let dial = |rule: &str| {
        run(&server)
            .option("--allow-connect")
            .option(rule)
            .guest(&guest("go", "names"))
            .arg("dial")
            .arg("tcp")
            .arg(format!("db:{port}"))
            .finish()
            .success()
    };
    assert_eq!(dial(&format!("db:{port}")), "dial db: ok\n");
    // The name may be looked up, and its address is dialled on a port that no rule has.
    assert_eq!(dial("db:1"), "dial db: EACCES\n");
    assert_eq!(dial("web.test"), "dial db: EAI_FAIL\n");
}

#[test]
fn a_hosts_file_comes_before_the_server_for_both() {
    let server = server();
    let dir = tempfile::tempdir().expect("a directory");
    let hosts = dir.path().join("hosts");
    std::fs::write(&hosts, "203.0.113.5 web.test\n").expect("write");
    for guest in guests() {
        let seen = run(&server)
            .option("--hosts")
            .option(&hosts)
            .option("--allow-connect")
            .option("*.test")
            .guest(&guest)
            .arg("web.test")
            .finish()
            .success();
        assert_eq!(seen, "web.test: 203.0.113.5\n", "{}", guest.display());
    }
}

#[test]
fn every_decision_is_a_line_of_the_audit() {
    let server = server();
    let dir = tempfile::tempdir().expect("a directory");
    let audit = dir.path().join("audit");
    let seen = run(&server)
        .option("--audit")
        .option(&audit)
        .option("--allow-resolve")
        .option("*.test")
        .guest(&guest("wasip1", "app_lookup"))
        .arg("web.test")
        .arg("evil.example")
        .finish()
        .success();
    assert_eq!(seen.lines().count(), 2, "{seen}");
    let text = std::fs::read_to_string(&audit).expect("the audit");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, parts) in lines.iter().zip([
        [
            "\"target\":\"web.test\"",
            "\"outcome\":\"allowed\"",
            "\"rule\":\"--allow-resolve *.test\"",
        ],
        [
            "\"target\":\"evil.example\"",
            "\"outcome\":\"denied\"",
            "no rule allows it",
        ],
    ]) {
        for part in parts {
            assert!(line.contains(part), "{line}");
        }
    }
}

#[test]
fn aliases_lead_to_both_families_and_give_the_canonical_name() {
    let hosts = "192.0.2.7 web.test\n2001:db8::7 web.test\n";
    let server = Dnsmasq::start(
        hosts,
        &[("middle.test", "web.test"), ("start.test", "middle.test")],
    )
    .expect("dnsmasq");
    let mut guest = Actor::start(run(&server).option("--allow-resolve=*.test"));
    assert_eq!(guest.act("resolve start.test 4"), "192.0.2.7");
    assert_eq!(guest.act("resolve start.test 6"), "2001:db8::7");
    let both = guest.act("resolve start.test");
    let mut both: Vec<&str> = both.split(' ').collect();
    both.sort_unstable();
    assert_eq!(both, ["192.0.2.7", "2001:db8::7"]);
    assert_eq!(guest.act("canonical start.test"), "web.test");
    let _ = guest.finish().success();
}

#[test]
fn an_answer_is_asked_for_again_when_its_lifetime_is_over() {
    let server =
        Dnsmasq::start_with("192.0.2.1 web.test\n", &[], &["--local-ttl=1".to_owned()]).expect("dnsmasq");
    let mut guest = Actor::start(run(&server).option("--allow-resolve=*.test"));
    assert_eq!(guest.act("resolve web.test 4"), "192.0.2.1");
    server.rewrite("192.0.2.2 web.test\n").expect("rewrite");
    let deadline = Instant::now() + PATIENCE;
    while guest.act("resolve web.test 4") != "192.0.2.2" {
        assert!(Instant::now() < deadline, "the old answer is still there");
    }
    let _ = guest.finish().success();
}

#[test]
fn a_name_that_appears_is_found_although_it_was_asked_for_before() {
    let server = server();
    let mut guest = Actor::start(run(&server).option("--allow-resolve=*.test"));
    assert_eq!(guest.act("resolve late.test 4"), "EAI_NONAME");
    server.rewrite("192.0.2.3 late.test\n").expect("rewrite");
    // dnsmasq says no lifetime for a name that is not there.
    let deadline = Instant::now() + PATIENCE;
    while guest.act("resolve late.test 4") != "192.0.2.3" {
        assert!(Instant::now() < deadline, "the name is still not there");
    }
    let _ = guest.finish().success();
}

#[test]
fn what_a_server_behind_the_server_says_comes_through() {
    let behind = ScriptedDns::answering(|asked| match asked.name.as_str() {
        "broken.forward" => asked.answer().code(code::SERVFAIL),
        "refused.forward" => asked.answer().code(code::REFUSED),
        "none.forward" => asked.answer().code(code::NXDOMAIN).soa("forward", 60),
        "empty.forward" => asked.answer().soa("forward", 60),
        _ => asked.address([192, 0, 2, 9], 60),
    });
    let forward = format!("--server=/forward/127.0.0.1#{}", behind.addr().port());
    let server = Dnsmasq::start_with("", &[], &[forward]).expect("dnsmasq");
    let mut guest = Actor::start(run(&server).option("--allow-resolve=*.forward"));
    for (name, result) in [
        ("there", "192.0.2.9"),
        ("broken", "EAI_AGAIN"),
        ("none", "EAI_NONAME"),
        ("empty", "EAI_NODATA"),
        ("refused", "EAI_FAIL"),
    ] {
        assert_eq!(guest.act(&format!("resolve {name}.forward 4")), result, "{name}");
    }
    let _ = guest.finish().success();
}
