//! Names, by guests that ask in different ways, against a real DNS server: C by getaddrinfo, Go by its own resolver,
//! which speaks DNS. Both see the same, under the same policy.

use guestnet_tests::peers::Dnsmasq;
use guestnet_tests::{Guestnet, guest};
use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

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
    let seen = run(&server)
        .option("--allow-resolve")
        .option("*.test")
        .guest(&guest("go", "names"))
        .arg("many.test")
        .finish()
        .success();
    assert_eq!(seen.matches("198.51.100.").count(), 60, "{seen}");
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
