//! What a component can say that no other guest can, and the attacks of the modules in the words of WASI 0.2: A3, A4, A5, A14
//! destinations, A8 lists of datagrams, A9 binds, A10 peers, A12 a call that forgets to ask, A15 and A17 handles, A38 ways out of
//! directories. (Where a test of another file runs components too, it is there. Bounds are in `components_bounds`.)

use super::support::{Victim, bound_component, check_protocol, component, others, serve_rounds, udp};
use guestnet_tests::Guestnet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::net::UnixListener;

/// Everything that reaches 127.0.0.1 or ::1, or is judged as if it did; and whether it is a peer in WASI 0.2.
const LOOPBACKS: [(&str, bool); 10] = [
    ("127.0.0.1", true),
    ("0.0.0.0", false),
    ("::1", true),
    ("::", false),
    ("::ffff:127.0.0.1", false),
    ("::ffff:0.0.0.0", false),
    ("::127.0.0.1", true),
    ("64:ff9b::127.0.0.1", true),
    ("2002:7f00:1::", true),
    ("2002:7f00:1::1", true),
];

/// Two calls of each protocol; an address of IPv6 has three forms: with a flow, with a scope, and plain.
const WAYS: usize = 4;
const FORMS: usize = 3;

#[test]
fn no_form_of_loopback_gets_round_a_deny_rule_in_any_call() {
    let (v4, v6) = (Victim::new(), Victim::at(Ipv6Addr::LOCALHOST.into()));
    let rules = || {
        Guestnet::run()
            .allow_net()
            .option("--deny-connect=127.0.0.0/8")
            .option("--deny-connect=::1")
    };
    for victim in [&v4, &v6] {
        for (address, is_peer) in LOOPBACKS {
            let program = component(rules(), "reach").arg(victim.port().to_string());
            let transcript = program.arg(address).finish().success();
            let refused = if is_peer { "EACCES" } else { "EINVAL" };
            assert_eq!(others(&transcript, &[refused]), Vec::<&str>::new());
            let forms = if address.contains(':') { FORMS } else { 1 };
            assert_eq!(transcript.lines().count(), forms * WAYS, "{transcript}");
        }
    }
    assert_eq!((v4.reached(), v6.reached()), ((0, 0), (0, 0)));
}

#[test]
fn the_same_calls_reach_what_is_allowed() {
    for (ip, forms) in [
        (Ipv4Addr::LOCALHOST.into(), 1),
        (Ipv6Addr::LOCALHOST.into(), FORMS),
    ] {
        let victim = Victim::at(ip);
        let run = Guestnet::run().option("--allow-connect=127.0.0.1");
        let program = bound_component(run.option("--allow-connect=::1"), "reach");
        let transcript = program
            .arg(victim.port().to_string())
            .arg(ip.to_string())
            .finish()
            .success();
        assert_eq!(others(&transcript, &["ok"]), Vec::<&str>::new());
        assert_eq!(victim.reached(), (2 * forms, 2 * forms));
    }
}

#[test]
fn a_rule_ends_at_its_ports_and_its_protocol() {
    let victim = Victim::new();
    let port = victim.port();
    let reach = |run: Guestnet| {
        let program = bound_component(run, "reach").arg(port.to_string());
        program.arg("127.0.0.1").finish().success()
    };
    let below = format!("--allow-connect=127.0.0.1:1-{}", port - 1);
    let above = format!("--allow-connect=127.0.0.1:{}-65535,0", port + 1);
    let transcript = reach(Guestnet::run().option(below).option(above));
    assert_eq!(others(&transcript, &["EACCES"]), Vec::<&str>::new());
    assert_eq!(victim.reached(), (0, 0));
    for (rule, open) in [("tcp", (2, 0)), ("udp", (0, 2))] {
        let run = Guestnet::run().option(format!("--allow-connect={rule}://{}", victim.addr()));
        let transcript = reach(run);
        assert_eq!(victim.reached(), open, "{transcript}");
        check_protocol(&transcript, rule);
    }
}

#[test]
fn a_datagram_is_judged_by_its_own_destination_in_a_list_and_behind_any_peer() {
    let (allowed, denied) = (Victim::new(), Victim::new());
    let run = Guestnet::run().option(format!("--allow-connect=udp://{}", allowed.addr()));
    let transcript = bound_component(run, "reach")
        .arg("--after")
        .args([allowed.port().to_string(), denied.port().to_string()])
        .arg("127.0.0.1")
        .finish()
        .success();
    // A list ends before the first that is refused, and says how many have gone.
    let expected = "\
connected, to the peer: 1 sent
connected, elsewhere: EINVAL
connected, a list: 1 sent
the streams of the peer: ok
no peer, elsewhere: EACCES
no peer, a list: 2 sent
no peer, a list that begins elsewhere: EACCES
no peer and no destination: EINVAL
the streams of none: ok
connected elsewhere: EACCES
connected again: 1 sent
connected elsewhere again: EACCES
dissolved: EINVAL
";
    assert_eq!(transcript, expected);
    assert_eq!(denied.reached(), (0, 0));
    assert_eq!(
        allowed.datagrams(),
        ["first", "second", "third", "fourth", "fifth"]
    );
}

#[test]
fn a_number_is_looked_up_in_one_spelling_and_judged_as_an_address() {
    let victim = Victim::new();
    let names = ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1"];
    let program = |run: Guestnet| {
        let program = bound_component(run, "reach").arg("--names");
        program.arg(victim.port().to_string()).args(names)
    };
    let denied = Guestnet::run().allow_net().option("--deny-connect=127.0.0.0/8");
    let transcript = program(denied).finish().success();
    let (looked_up, dialled): (Vec<_>, Vec<_>) =
        transcript.lines().partition(|line| line.starts_with("look up "));
    // In WASI 0.2 only the usual spelling is an address, and no number is a name.
    let expected = names.map(|name| {
        let result = if name == "127.0.0.1" { "ok" } else { "EINVAL" };
        format!("look up {name}: {result}")
    });
    assert_eq!(looked_up, expected);
    assert_eq!(dialled.len(), WAYS, "{transcript}");
    assert_eq!(others(&dialled.join("\n"), &["EACCES"]), Vec::<&str>::new());
    assert_eq!(victim.reached(), (0, 0));
    // Allowed by its address, without a rule for any name.
    let transcript = program(Guestnet::run().option("--allow-connect=127.0.0.1"))
        .finish()
        .success();
    assert_eq!(others(&transcript, &["ok", "EINVAL"]), Vec::<&str>::new());
    assert_eq!(victim.reached(), (2, 2));
}

#[test]
fn without_a_rule_a_component_listens_and_binds_nowhere() {
    let addresses = [
        "127.0.0.1",
        "0.0.0.0",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "255.255.255.255",
        "239.1.2.3",
    ];
    let run = Guestnet::run().option("--allow-connect=*");
    let transcript = component(run, "listen")
        .arg("0")
        .args(addresses)
        .finish()
        .success();
    let mut lines = transcript.lines();
    for address in addresses {
        // Three of these are no addresses of a socket's own in WASI 0.2.
        let refused = match address {
            "::ffff:127.0.0.1" | "255.255.255.255" | "239.1.2.3" => "EINVAL",
            _ => "EACCES",
        };
        for (line, result) in [
            (format!("TCP listen at {address}"), refused),
            (format!("TCP bind to {address}"), refused),
            (format!("TCP listen after it at {address}"), "not-in-progress"),
            (format!("UDP bind to {address}"), refused),
        ] {
            assert_eq!(
                lines.next(),
                Some(format!("{line}: {result}").as_str()),
                "{transcript}"
            );
        }
    }
    let rest: Vec<_> = lines.collect();
    assert_eq!(rest.len(), 2 * 5, "{transcript}");
    // There are no sockets without an address that anything can be done with.
    let never = ["invalid-state", "not-in-progress"];
    assert_eq!(others(&rest.join("\n"), &never), Vec::<&str>::new());
}

#[test]
fn a_rule_for_an_address_covers_no_wildcard_of_a_component() {
    let run = Guestnet::run().option("--allow-listen=127.0.0.1:0");
    let program = component(run, "listen").args(["0", "127.0.0.1", "0.0.0.0", "127.0.0.2"]);
    let transcript = program.finish().success();
    for line in transcript.lines().take(12) {
        let address = line.contains(" 127.0.0.1:");
        let result = match line.contains("after it") && !address {
            true => "not-in-progress",
            false if address => "ok",
            false => "EACCES",
        };
        assert!(line.ends_with(&format!(": {result}")), "{line}");
    }
}

#[test]
fn a_refused_datagram_leaves_no_byte_in_a_component_however_many_it_asks_for() {
    let (peer, forbidden) = (udp(), udp());
    let addr = peer.local_addr().expect("local_addr");
    let run = Guestnet::run()
        .option("--allow-listen=udp://127.0.0.1:0")
        .option(format!("--allow-connect=udp://{addr}"))
        .option(format!("--allow-accept=udp://{addr}"));
    let mut guest = component(run, "receive").arg(addr.port().to_string()).start();
    let rounds = serve_rounds(&mut guest, &peer, &forbidden);
    let transcript = guest.finish().success();
    let lines: Vec<_> = transcript.lines().skip(1).collect();
    assert_eq!(lines.len(), rounds, "{transcript}");
    for line in lines {
        let came = if line.contains(", forbidden,") { 0 } else { 12 };
        let expected = format!(": ok allowed {came} forbidden 0 other 0");
        assert!(line.ends_with(&expected), "{line}");
    }
}

#[test]
fn a_handle_that_is_none_ends_the_component_in_one_sentence() {
    for handle in [
        "unknown", "large", "host", "dropped", "twice", "kind", "stream", "udp", "pollable",
    ] {
        let run = Guestnet::run().allow_net();
        let finished = component(run, "handles").arg(handle).finish();
        assert_eq!(finished.status.code(), Some(134), "{handle}: {finished}");
        assert_eq!(finished.stdout, "", "{handle}");
        assert_eq!(finished.stderr.lines().count(), 1, "{handle}: {finished}");
        assert!(finished.stderr.contains("handle"), "{handle}: {finished}");
    }
}

/// The same by a link of the component's own.
const BY_LINK: [&str; 3] = ["link", "link/secret", "link/self/mem"];

/// What leads out of a directory, or to what is no data.
const OUT: [&str; 11] = [
    "..",
    "../outside",
    "../outside/secret",
    "sub/../../outside/secret",
    "/etc/passwd",
    "/proc/self/mem",
    "to-proc/self/mem",
    "to-secret",
    "to-absolute",
    "socket",
    "",
];

#[test]
fn no_path_of_a_component_leads_out_of_its_directories() {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let (inside, outside) = (scratch.path().join("inside"), scratch.path().join("outside"));
    for directory in [&inside, &outside] {
        std::fs::create_dir(directory).expect("create a directory");
    }
    std::fs::create_dir(inside.join("sub")).expect("create a directory");
    let secret = outside.join("secret");
    std::fs::write(&secret, "as it was").expect("write");
    for (link, target) in [
        ("to-proc", "/proc".as_ref()),
        ("to-secret", "../outside/secret".as_ref()),
        ("to-absolute", secret.as_path()),
    ] {
        std::os::unix::fs::symlink(target, inside.join(link)).expect("symlink");
    }
    // A socket is no file, and WASI 0.2 has no other way to it.
    let listener = UnixListener::bind(inside.join("socket")).expect("bind");
    let run = || {
        Guestnet::run()
            .allow_net()
            .option("--dir")
            .option(format!("{}::/d", inside.display()))
    };
    let tried = |paths: &[&str]| {
        component(run(), "files")
            .arg("paths")
            .args(paths)
            .finish()
            .success()
    };
    assert_eq!(tried(&OUT), format!("saw socket\n{} attempts\n", 18 * OUT.len()));
    // Links of its own lead out no more.
    let link = inside.join("link");
    let made = |target: &str| {
        let program = component(run(), "files").args(["link", target]);
        program.finish().success()
    };
    for target in ["/proc", "/"] {
        assert_eq!(made(target), "link: not-permitted\n", "{target}");
        assert!(!link.exists(), "{target}");
    }
    for target in ["..", "../outside"] {
        assert_eq!(made(target), "link: ok\n", "{target}");
        let attempts = format!("{} attempts\n", 18 * BY_LINK.len());
        assert_eq!(tried(&BY_LINK), attempts, "{target}");
        std::fs::remove_file(&link).expect("remove");
    }
    // What is there opens, so that this could fail.
    assert!(tried(&["sub"]).starts_with("opened sub\n"));
    assert_eq!(std::fs::read_to_string(&secret).expect("read"), "as it was");
    listener.set_nonblocking(true).expect("nonblocking");
    assert!(listener.accept().is_err(), "a connection came");
}

#[test]
fn no_directory_in_procfs_is_a_components() {
    for dir in ["/proc", "/proc/self", "/"] {
        let run = Guestnet::run().option("--dir").option(format!("{dir}::/p"));
        let finished = component(run, "files").args(["paths", "self/mem"]).finish();
        assert_eq!(finished.status.code(), Some(1), "{dir}: {finished}");
        assert_eq!(
            (finished.stdout.as_str(), finished.stderr.lines().count()),
            ("", 1),
            "{finished}"
        );
    }
}
