//! The policy and the trace on a guest that connects.

use crate::scratch::{ProgramOutput, Scratch};
use std::net::{SocketAddr, TcpListener};

/// A guest that connects to each address in turn, on sockets 3, 4, …, and exits with the last errno. 2 is EACCES of
/// WASI.
fn connecter(scratch: &Scratch, addrs: &[SocketAddr]) {
    let mut body = String::from("(func (export \"_start\") (local $errno i32)\n");
    for addr in addrs {
        let SocketAddr::V4(v4) = addr else { panic!("IPv4") };
        let octets = u32::from_le_bytes(v4.ip().octets());
        body += &format!(
            "(drop (call $sock_open (i32.const 1) (i32.const 2) (i32.const 0)))
             (i32.store (i32.const 8) (i32.const {octets}))
             (i32.store (i32.const 16) (i32.const 8))
             (i32.store (i32.const 20) (i32.const 4))
             (local.set $errno (call $sock_connect (i32.load (i32.const 0)) (i32.const 16) (i32.const {})))\n",
            v4.port()
        );
    }
    body += "(call $proc_exit (local.get $errno)))";
    scratch.guest("connect.wat", &["sock_open", "sock_connect", "proc_exit"], &body);
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn run(scratch: &Scratch, options: &[&str]) -> ProgramOutput {
    scratch.run(&[&["run"], options, &["connect.wat"]].concat())
}

#[test]
fn the_first_denial_is_printed_with_the_flag_that_would_allow_it() {
    let scratch = Scratch::new();
    connecter(
        &scratch,
        &[addr("10.0.0.5:5432"), addr("10.0.0.6:80"), addr("10.0.0.5:5432")],
    );
    let line = "guestnet: connect 10.0.0.5:5432: denied because no rule allows it; --allow-connect 10.0.0.5:5432 would\n";
    run(&scratch, &[]).assert(2, "", line);
}

#[test]
fn a_denial_by_a_rule_names_the_rule() {
    let scratch = Scratch::new();
    connecter(&scratch, &[addr("10.0.0.5:5432")]);
    let line = "guestnet: connect 10.0.0.5:5432: denied by --deny-connect 10.0.0.0/8\n";
    run(&scratch, &["--allow-net", "--deny-connect", "10.0.0.0/8"]).assert(2, "", line);
    scratch.file("p.toml", "allow-net = true\n[connect]\ndeny = [\"10.0.0.5\"]\n");
    let line = "guestnet: connect 10.0.0.5:5432: denied by connect.deny \"10.0.0.5\" (p.toml:3:10)\n";
    run(&scratch, &["--policy", "p.toml"]).assert(2, "", line);
}

#[test]
fn the_flag_that_is_named_allows_it() {
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    connecter(&scratch, &[to]);
    let denied = run(&scratch, &[]);
    assert_eq!(denied.code, Some(2));
    let flag = denied
        .stderr
        .trim_end()
        .rsplit_once("; ")
        .and_then(|(_, rest)| rest.strip_suffix(" would"));
    let words: Vec<_> = flag.expect("a flag").split(' ').collect();
    run(&scratch, &words).assert(0, "", "");
}

#[test]
fn a_trace_has_a_line_for_every_call_and_every_denial() {
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    connecter(&scratch, &[to, addr("10.0.0.5:1"), addr("10.0.0.6:1")]);
    let allow = to.to_string();
    let denial = |host: &str| {
        format!("connect {host}:1: denied because no rule allows it; --allow-connect {host}:1 would")
    };
    let first = format!("guestnet: {}\n", denial("10.0.0.5"));
    run(&scratch, &["--allow-connect", &allow, "--trace=trace.txt"]).assert(2, "", &first);
    let trace = std::fs::read_to_string(scratch.path().join("trace.txt")).unwrap();
    let lines: Vec<_> = trace.lines().collect();
    let eacces = "= -1 EACCES (Permission denied)";
    let port = to.port();
    let confined = format!(
        "--- confined: files and TCP connect to port {port}, TCP bind to no port by Landlock; system calls by seccomp ---"
    );
    let expected = [
        confined,
        "socket(Inet, Stream) = 3".to_owned(),
        format!("connect(3, {to}) = 0"),
        "socket(Inet, Stream) = 4".to_owned(),
        format!("--- {} ---", denial("10.0.0.5")),
        format!("connect(4, 10.0.0.5:1) {eacces}"),
        "socket(Inet, Stream) = 5".to_owned(),
        format!("--- {} ---", denial("10.0.0.6")),
        format!("connect(5, 10.0.0.6:1) {eacces}"),
    ];
    assert_eq!(lines, expected);

    // On standard error the same lines stand between what is printed anyway.
    let finished = run(&scratch, &["--allow-connect", &allow, "--trace"]);
    let own: Vec<_> = finished
        .stderr
        .lines()
        .filter(|line| !line.starts_with("guestnet: "))
        .collect();
    assert_eq!(own, expected);
}

#[test]
fn a_trace_that_cannot_be_written_is_an_error_before_the_guest_starts() {
    let scratch = Scratch::new();
    let line = "guestnet: cannot write the trace to nowhere/t: No such file or directory\n";
    run(&scratch, &["--trace=nowhere/t"]).assert(1, "", line);
}
