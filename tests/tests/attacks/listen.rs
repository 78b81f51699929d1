//! A9 being reached without asking: implicit binds, multicast; A12 and A14 for binds.

use super::support::{attack, others};
use guestnet_tests::Guestnet;
use std::net::TcpListener;

/// Lines about what the program gets when it goes on with the socket of a refused call.
const AFTERWARDS: [&str; 2] = ["accept on it", "UDP receive without bind"];

fn transcript(run: Guestnet, port: u32, addresses: &[&str]) -> String {
    let mut program = attack(run, "listen").arg(port.to_string());
    for address in addresses {
        program = program.arg(address);
    }
    program.finish().success()
}

#[test]
fn without_a_rule_nothing_listens_by_any_call_and_a_refused_listener_accepts_no_client() {
    let addresses = ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"];
    let transcript = transcript(Guestnet::run().option("--allow-connect=*"), 0, &addresses);
    let (afterwards, asked): (Vec<_>, Vec<_>) = transcript
        .lines()
        .partition(|line| AFTERWARDS.iter().any(|word| line.contains(word)));
    assert_eq!(asked.len(), addresses.len() * 10 + 7);
    assert_eq!(others(&asked.join("\n"), &["EACCES"]), Vec::<&str>::new());
    assert_eq!(
        others(&afterwards.join("\n"), &["EINVAL", "EAGAIN"]),
        Vec::<&str>::new()
    );
    assert_eq!(
        afterwards
            .iter()
            .filter(|line| line.ends_with("accept on it: EINVAL"))
            .count(),
        2
    );
}

#[test]
fn a_rule_for_an_address_does_not_cover_the_implicit_bind_of_listen() {
    let transcript = transcript(
        Guestnet::run().option("--allow-listen=127.0.0.1:0"),
        0,
        &["127.0.0.1", "0.0.0.0"],
    );
    for line in transcript
        .lines()
        .filter(|line| !AFTERWARDS.iter().any(|word| line.contains(word)))
    {
        let allowed = line.contains("bind to 127.0.0.1");
        assert!(
            line.ends_with(if allowed { ": ok" } else { ": EACCES" }),
            "{line}"
        );
    }
}

#[test]
fn a_rule_for_the_wildcard_and_port_0_is_what_an_implicit_bind_needs() {
    let run = Guestnet::run().option("--allow-listen=tcp://0.0.0.0:0");
    let transcript = transcript(run, 0, &[]);
    assert!(
        transcript.contains("IPv4 listen without bind: ok\n"),
        "{transcript}"
    );
    assert!(transcript.contains("accept on it: EAGAIN\n"), "{transcript}");
    assert!(
        transcript.contains("IPv6 listen without bind: EACCES\n"),
        "{transcript}"
    );
    assert!(transcript.contains("WAMR join: EACCES\n"), "{transcript}");
}

#[test]
fn a_port_with_high_bits_does_not_bind_a_port_that_is_denied() {
    // A port that is free: no other program takes it as long as this socket has it.
    let held = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = held.local_addr().expect("local_addr").port();
    let run = Guestnet::run()
        .allow_net()
        .option(format!("--deny-listen=127.0.0.1:{port}"));
    let transcript = transcript(run, u32::from(port) | 0x1_0000, &["127.0.0.1", "0.0.0.0"]);
    // The wildcard would take the denied address too.
    let binds: Vec<_> = transcript
        .lines()
        .filter(|line| line.contains(" bind to "))
        .collect();
    assert_eq!(binds.len(), 2 * 8);
    assert_eq!(others(&binds.join("\n"), &["EACCES"]), Vec::<&str>::new());
}
