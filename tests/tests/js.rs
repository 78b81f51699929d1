//! The examples in JavaScript, under the command: against each other in two processes, and against real servers.

use guestnet_tests::Guestnet;
use guestnet_tests::peers::{Dnsmasq, Redis};
use std::path::{Path, PathBuf};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../examples/js")
        .join(name)
}

#[test]
fn the_web_client_gets_a_page_of_the_web_server() {
    let site = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(site.path().join("page"), "a page\n").expect("write a page");
    let mut server = Guestnet::run()
        .option("--dir")
        .option(format!("{}::/site", site.path().display()))
        .option("--allow-listen")
        .option("127.0.0.1")
        .guest(&example("http_server.js"))
        .arg("/site")
        .arg("127.0.0.1")
        .arg("0")
        .start();
    let rest = server.line("serving /site on http://127.0.0.1:");
    let port = rest.trim().trim_end_matches('/').to_owned();
    let fetch = |path: &str| {
        Guestnet::run()
            .option("--allow-connect")
            .option(format!("tcp://127.0.0.1:{port}"))
            .guest(&example("http_client.js"))
            .arg("127.0.0.1")
            .arg(&port)
            .arg(path)
            .finish()
            .success()
    };
    let page = fetch("/page");
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("\r\n\r\na page\n"),
        "{page}"
    );
    assert!(fetch("/").contains("<a href=\"page\">"));
    assert!(fetch("/../page").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_script_talks_to_redis() {
    let server = Redis::start().expect("redis");
    let redis = |words: &[&str]| {
        let mut program = Guestnet::run()
            .option("--allow-connect")
            .option(server.addr().to_string())
            .guest(&example("redis.js"))
            .arg(server.addr().ip().to_string())
            .arg(server.addr().port().to_string());
        for word in words {
            program = program.arg(word);
        }
        program.finish().success()
    };
    assert_eq!(redis(&[]), "100 answers in order\n");
    assert_eq!(redis(&["SET", "greeting", "grüße"]), "OK\n");
    assert_eq!(redis(&["GET", "greeting"]), "grüße\n");
}

#[test]
fn a_script_that_speaks_dns_is_answered_under_the_policy() {
    let server = Dnsmasq::start("192.0.2.7 web.test\n2001:db8::7 web.test\n", &[]).expect("dnsmasq");
    let ask = |allowed: &str| {
        Guestnet::run()
            .option("--dns")
            .option(server.addr().to_string())
            .option("--allow-resolve")
            .option(allowed)
            .guest(&example("dns.js"))
            .arg("web.test")
            .finish()
    };
    assert_eq!(ask("web.test").success(), "192.0.2.7\n2001:db8:0:0:0:0:0:7\n");
    let refused = ask("other.test");
    assert_eq!(
        (refused.status.code(), refused.stdout.as_str()),
        (Some(1), ""),
        "{refused}"
    );
}
