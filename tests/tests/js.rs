//! The examples in JavaScript, under the command: against each other in two processes, and against real servers.

use guestnet_tests::Guestnet;
use guestnet_tests::peers::{Dnsmasq, Redis};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
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

#[test]
fn the_udp_tool_is_answered_by_another_that_ctrl_c_ends() {
    let mut server = Guestnet::run()
        .option("--allow-listen")
        .option("udp://127.0.0.1")
        .option("--allow-connect")
        .option("udp://127.0.0.1")
        .guest(&example("udp.js"))
        .args(["-l", "-e", "127.0.0.1", "0"])
        .start();
    let port = server.line("listening on udp 127.0.0.1 port ");
    let (input, mut typed) = std::io::pipe().expect("a pipe");
    typed.write_all("one\ntwo\n".as_bytes()).expect("it has room");
    drop(typed);
    let client = Guestnet::run()
        .option("--allow-connect")
        .option(format!("udp://127.0.0.1:{port}"))
        .guest(&example("udp.js"))
        .args(["-c", "2", "127.0.0.1", &port])
        .stdin(input)
        .finish();
    assert_eq!(client.success(), "one\ntwo\n");
    let id = i32::try_from(server.id()).expect("a process id");
    let id = rustix::process::Pid::from_raw(id).expect("not 0");
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("Ctrl-C");
    let ended = server.finish();
    assert_eq!(ended.stderr, "2 received\n");
    assert!(ended.success().ends_with("\none\ntwo\n"));
}

#[test]
fn people_chat_through_the_chat_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    let server = Guestnet::run()
        .guest(&example("chat_server.js"))
        .listen_fd(listener)
        .start();
    let people = [(); 3].map(|()| {
        let person = TcpStream::connect(addr).expect("a connection");
        person
            .set_read_timeout(Some(std::time::Duration::from_millis(50)))
            .expect("an option");
        person
    });
    // Said again until the last one is let in and receives it.
    let received = (0..1200).any(|_| {
        (&people[0]).write_all(b"hello\n").expect("a line");
        (&people[2]).read(&mut [0; 64]).is_ok_and(|count| count > 0)
    });
    assert!(received);
    people[1]
        .set_read_timeout(Some(std::time::Duration::from_secs(60)))
        .expect("an option");
    (&people[2]).write_all(b"good bye\n").expect("a line");
    let mut lines = BufReader::new(&people[1])
        .lines()
        .map(|line| line.expect("a line"));
    assert!(lines.any(|line| line == "good bye"));
    drop(server);
}
