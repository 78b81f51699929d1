//! A3, A4, A5 spellings of an address, A8 a datagram's own destination, A12 a call that forgets to ask, A14 ports.

use super::support::{Victim, attack, check_protocol, others};
use guestnet_tests::Guestnet;
use std::net::Ipv6Addr;

/// Ways per destination: 5 encodings of TCP connect, of UDP connect and of sendto. WAMR cannot say a port above 65535.
const WAYS: usize = 15;
const WAYS_WITHOUT_WAMR: usize = 12;

/// Everything that reaches 127.0.0.1 or ::1, or is judged as if it did.
const LOOPBACKS: [&str; 10] = [
    "127.0.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:0.0.0.0",
    "::127.0.0.1",
    "64:ff9b::127.0.0.1",
    "2002:7f00:1::",
    "2002:7f00:1::1",
];

fn loopback_denied() -> Guestnet {
    Guestnet::run()
        .allow_net()
        .option("--deny-connect=127.0.0.0/8")
        .option("--deny-connect=::1")
}

#[test]
fn no_spelling_of_loopback_gets_round_a_deny_rule_in_any_call_of_any_abi() {
    let (v4, v6) = (Victim::new(), Victim::at(Ipv6Addr::LOCALHOST.into()));
    for victim in [&v4, &v6] {
        let mut program = attack(loopback_denied(), "reach").arg(victim.port().to_string());
        for address in LOOPBACKS {
            program = program.arg(address);
        }
        let transcript = program.finish().success();
        assert_eq!(others(&transcript, &["EACCES"]), Vec::<&str>::new());
        assert_eq!(transcript.lines().count(), LOOPBACKS.len() * WAYS);
    }
    assert_eq!((v4.reached(), v6.reached()), ((0, 0), (0, 0)));
}

#[test]
fn the_same_calls_reach_an_address_that_is_allowed() {
    // Without this the test above could pass because nothing works.
    let victim = Victim::new();
    let program = attack(Guestnet::run().option("--allow-connect=127.0.0.1"), "reach");
    let transcript = program
        .arg(victim.port().to_string())
        .arg("127.0.0.1")
        .arg("0.0.0.0")
        .arg("::ffff:127.0.0.1")
        .finish()
        .success();
    assert_eq!(others(&transcript, &["ok"]), Vec::<&str>::new());
    assert_eq!(victim.reached(), (15, 15));
}

#[test]
fn a_port_with_high_bits_is_the_port_that_is_dialled() {
    let (allowed, denied) = (Victim::new(), Victim::new());
    let run = || Guestnet::run().option(format!("--allow-connect={}", allowed.addr()));
    let high = |victim: &Victim| (u32::from(victim.port()) | 0xabcd_0000).to_string();
    let transcript = attack(run(), "reach")
        .arg(high(&denied))
        .arg("127.0.0.1")
        .finish()
        .success();
    assert_eq!(others(&transcript, &["EACCES"]), Vec::<&str>::new());
    assert_eq!(transcript.lines().count(), WAYS_WITHOUT_WAMR);
    let transcript = attack(run(), "reach")
        .arg(high(&allowed))
        .arg("127.0.0.1")
        .finish()
        .success();
    assert_eq!(others(&transcript, &["ok"]), Vec::<&str>::new());
    assert_eq!((allowed.reached(), denied.reached()), ((4, 4), (0, 0)));
}

#[test]
fn a_rule_for_a_range_of_ports_ends_at_its_ends() {
    let victim = Victim::new();
    let port = victim.port();
    let below = format!("--allow-connect=127.0.0.1:1-{}", port - 1);
    let above = format!("--allow-connect=127.0.0.1:{}-65535,0", port + 1);
    let run = Guestnet::run().option(below).option(above);
    let transcript = attack(run, "reach")
        .arg(port.to_string())
        .arg("127.0.0.1")
        .arg("0.0.0.0")
        .finish()
        .success();
    assert_eq!(others(&transcript, &["EACCES"]), Vec::<&str>::new());
    assert_eq!(transcript.lines().count(), 2 * WAYS);
    // Port 0 of a destination is no wildcard either.
    let run = Guestnet::run().option(format!("--allow-connect=127.0.0.1:{port}"));
    let transcript = attack(run, "reach").arg("0").arg("127.0.0.1").finish().success();
    assert_eq!(others(&transcript, &["EACCES"]), Vec::<&str>::new());
    assert_eq!(victim.reached(), (0, 0));
}

#[test]
fn a_rule_for_one_protocol_does_not_open_the_other() {
    for (rule, open) in [("tcp", (5, 0)), ("udp", (0, 5))] {
        let victim = Victim::new();
        let run = Guestnet::run().option(format!("--allow-connect={rule}://{}", victim.addr()));
        let transcript = attack(run, "reach")
            .arg(victim.port().to_string())
            .arg("127.0.0.1")
            .finish()
            .success();
        assert_eq!(victim.reached(), open, "{transcript}");
        check_protocol(&transcript, rule);
    }
}

#[test]
fn a_datagram_on_a_connected_socket_is_judged_by_its_own_destination() {
    let (allowed, denied) = (Victim::new(), Victim::new());
    let run = Guestnet::run().option(format!("--allow-connect=udp://{}", allowed.addr()));
    let transcript = attack(run, "reach")
        .arg("--after")
        .arg(allowed.port().to_string())
        .arg(denied.port().to_string())
        .arg("127.0.0.1")
        .arg("0.0.0.0")
        .finish()
        .success();
    let refused = transcript.lines().filter(|line| line.ends_with(": EACCES"));
    assert_eq!(refused.count(), 2 * 10, "{transcript}");
    assert_eq!(others(&transcript, &["ok", "EACCES"]), Vec::<&str>::new());
    assert_eq!(denied.reached(), (0, 0));
    // The good ones before, between and behind the bad ones have all come, and nothing else.
    let round = ["first", "second", "third"];
    assert_eq!(allowed.datagrams(), [round, round].concat());
}

#[test]
fn a_number_in_any_spelling_is_looked_up_as_a_number_and_judged_as_an_address() {
    let victim = Victim::new();
    let names = [
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0",
        "0x0",
        "127.0.0.1",
    ];
    let program = |run: Guestnet| {
        let mut program = attack(run, "reach").arg("--names").arg(victim.port().to_string());
        for name in names {
            program = program.arg(name);
        }
        program
    };
    let transcript = program(loopback_denied()).finish().success();
    let dialled: Vec<_> = transcript.lines().filter(|line| line.contains(" to ")).collect();
    assert_eq!(dialled.len(), names.len() * (WAYS + 1), "{transcript}");
    assert!(
        dialled.iter().all(|line| line.ends_with(": EACCES")),
        "{transcript}"
    );
    assert_eq!(victim.reached(), (0, 0));
    // Allowed by its address, without a rule for any name.
    let transcript = program(Guestnet::run().option("--allow-connect=127.0.0.1"))
        .finish()
        .success();
    assert!(!transcript.contains("EACCES"), "{transcript}");
    assert_eq!(victim.reached(), (names.len() * 6, names.len() * 5));
}
