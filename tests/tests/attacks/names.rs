//! A1, A2 and A21 names as a way to addresses, A6 and A7 spellings of names, A20 names as a way to carry data out, A26
//! one guest's names and another's: in every way that a guest can look a name up, and then by every call that dials.

use super::support::{Victim, attack, bound_component, component, others};
use guestnet_tests::Guestnet;
use guestnet_tests::act::Actor;
use guestnet_tests::peers::ScriptedDns;
use guestnet_tests::peers::script::{Query, kind};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc;

/// getaddrinfo of two ABIs, a component's look-ups, and DNS to the server of resolv.conf and to others, over UDP and TCP, IPv4 and
/// IPv6; and DNS of a component, whose sockets are bound.
pub(crate) const WAYS: [&str; 11] = [
    "wasmedge",
    "wamr",
    "component",
    "component-udp",
    "component-tcp",
    "udp",
    "tcp",
    "udp-elsewhere",
    "tcp-elsewhere",
    "udp-v6",
    "tcp-v6",
];

/// Attempts to reach one address of IPv4: TCP connect, UDP connect and sendto of each ABI in each encoding; or of a component, which
/// has two ways for each protocol.
pub(crate) fn attempts_by(way: &str) -> usize {
    if is_component(way) { 4 } else { 15 }
}

fn is_component(way: &str) -> bool {
    way.starts_with("component")
}

/// The connections and datagrams that have come when all of these got through.
fn reached_by(way: &str) -> (usize, usize) {
    if is_component(way) { (2, 2) } else { (5, 5) }
}

/// A guest whose names come from this server.
pub(crate) fn asking(server: &ScriptedDns) -> Guestnet {
    Guestnet::run()
        .option("--dns")
        .option(server.addr().to_string())
        .option("--hosts=/dev/null")
}

/// What attack_names prints for these names, looked up in this way.
pub(crate) fn transcript(run: Guestnet, way: &str, port: u16, names: &[&str]) -> String {
    let program = match is_component(way) {
        true => bound_component(run, "names"),
        false => attack(run, "names"),
    };
    let program = program.arg(way);
    let program = program.arg(port.to_string());
    let program = names.iter().fold(program, |program, name| program.arg(name));
    program.finish().success()
}

/// The attempts to reach this address, by their ends.
pub(crate) fn attempts<'t>(transcript: &'t str, ip: &str) -> Vec<&'t str> {
    let to = format!(" to {ip}: ");
    transcript
        .lines()
        .filter_map(|line| Some(line.split_once(&to)?.1))
        .collect()
}

/// What became of the look-up of this name: `ok` with addresses, or why not.
pub(crate) fn result<'t>(transcript: &'t str, way: &str, name: &str) -> &'t str {
    let start = format!("{way} {name}: ");
    let line = transcript.lines().find_map(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("no {start:?} in\n{transcript}"))
}

fn all(ends: &[&str], wanted: &str, count: usize) -> bool {
    ends.len() == count && ends.iter().all(|end| *end == wanted)
}

/// A look-up that the policy refuses, as each way says it.
fn refused(way: &str) -> &'static str {
    match way {
        "wasmedge" | "component" => "EAI_FAIL",
        "wamr" => "EACCES",
        _ => "REFUSED",
    }
}

fn to(ip: impl Into<IpAddr> + Copy + Send + Sync + 'static) -> ScriptedDns {
    ScriptedDns::answering(move |asked| asked.address(ip.into(), 60))
}

#[test]
fn a_name_that_is_allowed_does_not_open_an_address_that_is_denied() {
    let server = to(Ipv4Addr::LOCALHOST);
    for way in WAYS {
        let victim = Victim::new();
        let allowed = || asking(&server).option("--allow-connect=db");
        let denied = allowed().option("--deny-connect=127.0.0.0/8");
        let seen = transcript(denied, way, victim.port(), &["db"]);
        assert!(result(&seen, way, "db").starts_with("ok 127.0.0.1"), "{seen}");
        let ends = attempts(&seen, "127.0.0.1");
        assert!(
            !ends.is_empty() && ends.iter().all(|end| *end == "EACCES"),
            "{seen}"
        );
        assert_eq!(victim.reached(), (0, 0), "{way}");
        // Without this the test could pass because nothing works.
        let seen = transcript(allowed(), way, victim.port(), &["?db", "@127.0.0.1"]);
        assert!(
            all(&attempts(&seen, "127.0.0.1"), "ok", attempts_by(way)),
            "{seen}"
        );
        assert_eq!(victim.reached(), reached_by(way), "{way}");
    }
}

/// The first answer, and what every later one is.
fn rebinding(first: [u8; 4], then: [u8; 4]) -> ScriptedDns {
    ScriptedDns::answering(move |asked| asked.address(if asked.before == 0 { first } else { then }, 0))
}

#[test]
fn an_answer_that_changes_after_the_look_up_moves_no_connection() {
    for way in WAYS {
        // Both are addresses that this name may have: only what was answered is open.
        let server = rebinding([127, 0, 0, 1], [127, 0, 0, 2]);
        let (first, second) = (Victim::new(), Victim::at([127, 0, 0, 2].into()));
        let rule = format!("--allow-connect=db:{},{}", first.port(), second.port());
        let names = ["?db", "@127.0.0.1", "@127.0.0.2"];
        let seen = transcript(asking(&server).option(&rule), way, first.port(), &names);
        assert!(
            all(&attempts(&seen, "127.0.0.1"), "ok", attempts_by(way)),
            "{seen}"
        );
        assert!(
            all(&attempts(&seen, "127.0.0.2"), "EACCES", attempts_by(way)),
            "{seen}"
        );
        let seen = transcript(asking(&server).option(&rule), way, second.port(), &["@127.0.0.2"]);
        assert!(
            all(&attempts(&seen, "127.0.0.2"), "EACCES", attempts_by(way)),
            "{seen}"
        );
        assert_eq!(
            (first.reached(), second.reached()),
            (reached_by(way), (0, 0)),
            "{way}"
        );
        // A connect asks no server a second time.
        let asked = server.asked();
        assert!(asked.iter().all(|asked| asked.before == 0), "{way}: {asked:?}");
    }
}

#[test]
fn a_public_name_that_is_bound_again_to_this_machine_reaches_nothing() {
    for way in WAYS {
        let server = rebinding([192, 0, 2, 1], [127, 0, 0, 1]);
        let victim = Victim::new();
        let run = asking(&server).option("--allow-connect=x.example");
        let seen = transcript(run, way, victim.port(), &["?x.example", "x.example"]);
        assert!(
            result(&seen, way, "x.example").starts_with("ok 192.0.2.1"),
            "{seen}"
        );
        let second = seen.lines().filter(|line| line.contains(": ok 127.0.0.1"));
        assert_eq!(second.count(), 1, "{seen}");
        let ends = attempts(&seen, "127.0.0.1");
        assert!(
            !ends.is_empty() && ends.iter().all(|end| *end == "EACCES"),
            "{seen}"
        );
        assert_eq!(victim.reached(), (0, 0), "{way}");
    }
}

/// Addresses that a public name has no business with, and whether a local name may have them.
const ELSEWHERE: [(&str, bool); 18] = [
    ("169.254.169.254", false),
    ("169.254.170.2", false),
    ("100.100.100.200", false),
    ("192.0.0.192", false),
    ("168.63.129.16", false),
    ("169.254.1.1", false),
    ("224.0.0.251", false),
    ("255.255.255.255", false),
    ("fd00:ec2::254", false),
    ("fd20:ce::254", false),
    ("fe80::1", false),
    ("ff02::fb", false),
    ("::ffff:169.254.169.254", false),
    ("64:ff9b::a9fe:a9fe", false),
    ("127.0.0.1", true),
    ("0.0.0.0", true),
    ("::1", true),
    ("::ffff:127.0.0.1", true),
];

#[test]
fn metadata_and_link_local_addresses_hide_behind_no_name() {
    // Each name has the address that its first label is the number of.
    let answer = |asked: &Query| {
        let number: Option<usize> = asked
            .name
            .split('.')
            .next()
            .and_then(|label| label[1..].parse().ok());
        match number.and_then(|number| ELSEWHERE.get(number)) {
            Some((ip, _)) => asked.address(ip.parse::<IpAddr>().expect("an address"), 60),
            None => asked.answer(),
        }
    };
    let server = ScriptedDns::answering(answer);
    for way in WAYS {
        for (number, (ip, local)) in ELSEWHERE.iter().enumerate() {
            let (public, single) = (format!("n{number}.example"), format!("n{number}"));
            let mut names = vec![public.as_str()];
            if !local {
                names.push(&single);
            }
            let run = asking(&server)
                .option("--allow-connect=*.example")
                .option(format!("--allow-connect={single}"));
            // The port of a metadata service.
            let seen = transcript(run, way, 80, &names);
            for name in &names {
                assert!(result(&seen, way, name).starts_with("ok "), "{ip}: {seen}");
            }
            let ends: Vec<&str> = seen
                .lines()
                .filter_map(|line| Some(line.split_once(" to ")?.1.rsplit_once(": ")?.1))
                .collect();
            assert!(ends.len() >= names.len() * attempts_by(way), "{ip}: {seen}");
            // Of some of these WASI 0.2 says itself that they are no peers.
            let is_refused = |end: &&str| *end == "EACCES" || (is_component(way) && *end == "EINVAL");
            assert!(ends.iter().all(is_refused), "{ip}: {seen}");
        }
    }
}

#[test]
fn a_rule_for_names_takes_each_in_every_spelling_and_no_other() {
    let allowed = [
        "a.example",
        "A.EXAMPLE",
        "a.eXample.",
        "a.b.example",
        "xn--bcher-kva.example",
        "_srv.example",
    ];
    let denied = [
        "example",
        "example.",
        "xexample",
        "example.evil.test",
        "a.example.evil.test",
        "a-example",
    ];
    let malformed = [
        "a..example",
        ".example",
        "..",
        "a.example..",
        "a b.example",
        "xn--\u{fc}.example",
    ];
    let long = format!("{}.example", "a".repeat(64));
    let longer = format!("{}example", "abcdefghi.".repeat(25));
    for way in WAYS {
        let server = to([192, 0, 2, 1]);
        // A length of a label that is too long is no length in DNS.
        let too_long = match way {
            "wasmedge" | "wamr" | "component" => vec![long.as_str(), &longer],
            _ => Vec::new(),
        };
        let names = [&allowed[..], &denied, &malformed, &too_long].concat();
        let look: Vec<String> = names.iter().map(|name| format!("?{name}")).collect();
        let look: Vec<&str> = look.iter().map(String::as_str).collect();
        let run = asking(&server).option("--allow-connect=*.example");
        let seen = transcript(run, way, 1, &look);
        for name in allowed {
            assert!(result(&seen, way, name).starts_with("ok 192.0.2.1"), "{seen}");
        }
        for name in denied {
            assert_eq!(result(&seen, way, name), refused(way), "{name}\n{seen}");
        }
        for name in malformed.into_iter().chain(too_long) {
            assert!(!result(&seen, way, name).starts_with("ok"), "{name}\n{seen}");
        }
        for asked in server.asked() {
            assert!(asked.name.ends_with(".example"), "{way}: {asked:?}");
            assert_eq!(asked.name, asked.name.to_ascii_lowercase(), "{way}");
        }
    }
}

#[test]
fn no_spelling_of_a_name_gets_round_a_deny_rule() {
    let ascii = [
        "bad.example",
        "BAD.Example",
        "bad.example.",
        "x.xn--bcher-kva.example",
    ];
    // What IDNA makes the same; DNS has them in ASCII only.
    let unicode = [
        "\u{ff42}\u{ff41}\u{ff44}.example",
        "bad\u{3002}example",
        "x.B\u{dc}CHER.example",
        "x.bu\u{308}cher.example.",
    ];
    for way in WAYS {
        let server = to([192, 0, 2, 1]);
        let run = asking(&server)
            .allow_net()
            .option("--deny-resolve=bad.example")
            .option("--deny-resolve=*.b\u{fc}cher.example");
        let look: Vec<String> = ascii
            .iter()
            .chain(&unicode)
            .map(|name| format!("?{name}"))
            .collect();
        let look: Vec<&str> = look.iter().map(String::as_str).collect();
        // With everything allowed DNS goes to the server that it is sent to; the stub's address is always served.
        if way.contains("elsewhere") || way.contains("v6") {
            continue;
        }
        let seen = transcript(run, way, 1, &look);
        for name in ascii {
            assert_eq!(result(&seen, way, name), refused(way), "{name}\n{seen}");
        }
        for name in unicode {
            assert!(!result(&seen, way, name).starts_with("ok"), "{name}\n{seen}");
        }
        assert_eq!(server.asked().len(), 0, "{way}: {:?}", server.asked());
    }
}

#[test]
fn a_nul_a_control_byte_or_a_dot_within_a_label_makes_no_other_name() {
    // The rule is for everything below `example`; what a careless reader makes of these ends there or is `good.example`.
    let names = [
        r"good.example\x00.evil.test",
        r"evil.test\x00.example",
        r"a\x00.example",
        r"a\x0a.example",
        r"a\x01b.example",
        r"a\x7f.example",
        r"a\x09b.example",
        r"a\xff.example",
        r"a\x5cb.example",
    ];
    let dotted = [
        r"evil\x2etest\x2eexample",
        r"evil.test\x2eexample",
        r"a\x2e\x2eb.example",
    ];
    for way in WAYS {
        let server = to([192, 0, 2, 1]);
        let dns = !matches!(way, "wasmedge" | "wamr" | "component");
        let names: Vec<&str> = names
            .into_iter()
            .chain(dotted.into_iter().filter(|_| dns))
            // A string of WAMR's ends at its NUL, as C's do.
            .filter(|name| way != "wamr" || !name.contains(r"\x00"))
            // A string of a component is UTF-8.
            .filter(|name| way != "component" || !name.contains(r"\xff"))
            .collect();
        let look: Vec<String> = names.iter().map(|name| format!("?{name}")).collect();
        let look: Vec<&str> = look.iter().map(String::as_str).collect();
        let run = asking(&server).option("--allow-connect=*.example");
        let seen = transcript(run, way, 1, &look);
        for name in names {
            let expected = match way {
                "wasmedge" => &["EAI_NONAME"][..],
                "wamr" => &["ENOENT"],
                "component" => &["EINVAL"],
                _ => &["NXDOMAIN", "REFUSED"],
            };
            assert!(expected.contains(&result(&seen, way, name)), "{name}\n{seen}");
        }
        assert_eq!(server.asked().len(), 0, "{way}: {:?}", server.asked());
    }
    // What WAMR's string is, is judged as that.
    let server = to([192, 0, 2, 1]);
    let run = asking(&server).option("--allow-connect=*.example");
    let names = [r"?evil.test\x00.example", r"?good.example\x00.evil.test"];
    let seen = transcript(run, "wamr", 1, &names);
    assert_eq!(
        result(&seen, "wamr", r"evil.test\x00.example"),
        "EACCES",
        "{seen}"
    );
    assert!(
        server.asked().iter().all(|asked| asked.name == "good.example"),
        "{seen}"
    );
}

#[test]
fn no_query_carries_data_to_a_server_when_its_name_is_denied() {
    let server = to([192, 0, 2, 1]);
    // Addresses and ports only: nothing may be looked up. Then names, but not these.
    for rule in ["--allow-connect=203.0.113.0/24", "--allow-resolve=*.example"] {
        for way in WAYS {
            let names = ["?c2VjcmV0.evil.test", "?c2VjcmV0.example.evil.test", "?c2VjcmV0"];
            let seen = transcript(asking(&server).option(rule), way, 1, &names);
            assert!(!seen.contains(": ok"), "{seen}");
        }
        let run = asking(&server).option(rule);
        let seen = attack(run, "names")
            .arg("odd")
            .arg("c2VjcmV0.evil.test")
            // The name of an address that the guest was never given.
            .arg("4.3.2.1.in-addr.arpa")
            .finish()
            .success();
        assert!(seen.lines().all(|line| !line.ends_with(": ok")), "{seen}");
    }
    assert_eq!(server.asked().len(), 0, "{:?}", server.asked());
}

#[test]
fn a_query_that_may_leave_carries_its_name_in_lower_case_and_nothing_else() {
    let server = to([192, 0, 2, 1]);
    for way in WAYS {
        let run = asking(&server).option("--allow-resolve=a.example");
        // A bit a letter is a channel too.
        let names = ["?a.example", "?A.EXAMPLE", "?a.EXAmple", "?A.exAMPLe."];
        let seen = transcript(run, way, 1, &names);
        assert_eq!(seen.matches(": ok").count(), names.len(), "{seen}");
    }
    let run = asking(&server).option("--allow-resolve=a.example");
    let seen = attack(run, "names")
        .arg("odd")
        .arg("A.exAMPLE")
        .finish()
        .success();
    assert!(seen.contains("udp TXT: ok\n"), "{seen}");
    // All that a server sees of a query for an address is the one message of our resolver.
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for asked in server.asked() {
        assert_eq!(asked.name, "a.example");
        if asked.kind == kind::A || asked.kind == kind::AAAA {
            messages.push(asked.message[2..].to_vec());
        }
    }
    messages.sort();
    messages.dedup();
    assert_eq!(messages.len(), 2, "one for each family: {messages:?}");
    // Transfers and what asks for everything stay here.
    let odd: Vec<u16> = server.asked().iter().map(|asked| asked.kind).collect();
    assert!(!odd.iter().any(|kind| (251..=255).contains(kind)), "{odd:?}");
}

#[test]
fn look_ups_beyond_the_rate_do_not_leave() {
    let names: Vec<String> = (0..200).map(|number| format!("?n{number}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // A component's look-up asks for both families.
    for (way, refused, each) in [("udp", ": SERVFAIL", 1), ("component", ": EAI_AGAIN", 2)] {
        let server = to([192, 0, 2, 1]);
        let started = std::time::Instant::now();
        let run = asking(&server)
            .option("--allow-resolve=*.example")
            .option("--max-lookups=5");
        let seen = transcript(run, way, 1, &names);
        let most = each * (5 + 5 * usize::try_from(started.elapsed().as_secs() + 1).expect("a short time"));
        let asked = server.asked().len();
        assert!((5..=most).contains(&asked), "{way}: {asked} of {most}");
        assert!(seen.contains(refused), "{seen}");
    }
}

type Start = fn(Guestnet) -> Actor;

#[test]
fn a_guest_neither_sees_nor_changes_what_another_has_looked_up() {
    // How often the server is asked: a component's look-up is for both families.
    let kinds: [(Start, Start, usize); 3] = [
        (Actor::start, Actor::start, 2),
        (Actor::start, Actor::start_component, 3),
        (Actor::start_component, Actor::start_component, 4),
    ];
    for (start_one, start_two, times) in kinds {
        let server = rebinding([127, 0, 0, 1], [127, 0, 0, 2]);
        let run = || asking(&server).option("--allow-connect=db");
        let (first, second) = (Victim::new(), Victim::at([127, 0, 0, 2].into()));
        let (mut one, mut two) = (start_one(run()), start_two(run()));
        let to_first = format!("tcp 127.0.0.1 {}", first.port());
        let to_second = format!("tcp 127.0.0.2 {}", second.port());
        assert_eq!(one.act("resolve db 4"), "127.0.0.1");
        assert_eq!(one.act(&to_first), "ok");
        // The other one has looked nothing up, and gets nothing of it.
        assert_eq!(two.act(&to_first), "EACCES");
        assert_eq!(two.act("resolve db 4"), "127.0.0.2");
        assert_eq!(server.times("db"), times);
        assert_eq!(two.act(&to_second), "ok");
        assert_eq!(
            (two.act(&to_first), one.act(&to_second)),
            ("EACCES".into(), "EACCES".into())
        );
        assert_eq!((first.reached(), second.reached()), ((1, 0), (1, 0)));
        let _ = (one.finish().success(), two.finish().success());
    }
}

#[test]
fn an_answer_that_another_guest_forges_is_not_taken_for_the_servers() {
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let server = ScriptedDns::answering(move |asked| {
        // Until the forger has ended, or for good if the test has failed.
        let _ = released.lock().expect("no thread panics with it").recv();
        asked.address([192, 0, 2, 77], 60)
    });
    // Dropped before the server, which waits for its script.
    let release = release;
    let run = asking(&server).option("--allow-resolve=slow.example");
    let mut victim = attack(run, "names").arg("wait").arg("slow.example").start();
    let port = victim.line("port ");
    let mut forger = Actor::start(Guestnet::run().allow_net());
    for _ in 0..20 {
        assert_eq!(forger.act(&format!("send 127.0.0.1 {port}")), "ok");
    }
    let _ = forger.finish().success();
    drop(release);
    let seen = victim.finish().success();
    assert!(
        seen.ends_with("192.0.2.53 answers, the identifier is right: ok, the last byte is 77\n"),
        "{seen}"
    );
}

#[test]
fn a_guest_does_not_reach_what_another_serves_on_loopback() {
    let kinds: [Start; 2] = [Actor::start, Actor::start_component];
    for start in kinds {
        let mut server = start(
            Guestnet::run()
                .option("--allow-listen=127.0.0.1:0")
                .option("--deny-accept=127.0.0.2"),
        );
        let listening = server.act("listen 127.0.0.1 0");
        let open = server.act("open 127.0.0.1 0");
        let ports = [listening, open].map(|result| result.strip_prefix("ok ").expect("a port").to_owned());
        // Everything but the other guest's ports, and by every call.
        let run = || {
            let allowed = Guestnet::run().allow_net();
            ports.iter().fold(allowed, |run, port| {
                run.option(format!("--deny-connect=127.0.0.1:{port}"))
            })
        };
        let spellings = ["127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"];
        let seen = attack(run(), "reach").arg(&ports[0]).args(spellings);
        let seen = seen.finish().success();
        assert!(seen.lines().all(|line| line.ends_with(": EACCES")), "{seen}");
        let seen = component(run(), "reach").arg(&ports[0]).args(spellings);
        let seen = seen.finish().success();
        assert_eq!(others(&seen, &["EACCES", "EINVAL"]), Vec::<&str>::new());
        // Its peer's policy says so too: a connection and a datagram from 127.0.0.2 are not taken.
        let from = |source: &str, protocol: &str, port: &str| {
            let mut client = Actor::start(Guestnet::run().allow_net());
            let result = client.act(&format!("from {protocol} {source} 0 127.0.0.1 {port}"));
            let _ = client.finish().success();
            result
        };
        for (take, protocol, port) in [("accept", "tcp", &ports[0]), ("receive", "udp", &ports[1])] {
            server.begin(take);
            assert_eq!(
                from("127.0.0.2", protocol, port),
                if protocol == "tcp" { "ECONNRESET" } else { "ok" }
            );
            assert_eq!(from("127.0.0.1", protocol, port), "ok");
            assert_eq!(server.result(take), "127.0.0.1 says hello");
        }
        let _ = server.finish().success();
    }
}
