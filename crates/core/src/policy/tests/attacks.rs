//! The attacks on the policy that need no socket, by the numbers of `docs/policy.md`.
//! The same attacks are driven by guests in the tests of each adapter.

use super::{accepts, connects, listens, policy, tcp};
use crate::policy::{
    Decision, Effect, Name, NameError, NoPins, Pins, Policy, PolicyBuilder, Protocol, Reason, Source, Use,
    parse_numeric_host,
};
use std::net::SocketAddr;
use std::time::Duration;

/// What getaddrinfo and connect do with a host that a guest wrote: numeric first, then a name.
fn reaches(policy: &crate::policy::Policy, host: &str, port: u16) -> bool {
    match parse_numeric_host(host) {
        Some(numeric) => {
            let addr = SocketAddr::new(numeric.ip, port);
            policy
                .decide(Use::Connect, Protocol::Tcp, addr, &NoPins)
                .is_allowed()
        }
        None => Name::parse(host).is_ok_and(|name| policy.decide_name(&name).is_allowed()),
    }
}

#[test]
fn a1_an_allowed_name_does_not_open_a_denied_address() {
    let policy = policy("--allow-connect cdn.example.com:443 --deny-connect 8.8.8.0/24");
    let mut pins = Pins::new();
    let name = Name::parse("cdn.example.com").expect("a name");
    pins.insert(
        &name,
        "8.8.8.8".parse().expect("an address"),
        Duration::from_secs(9),
    );
    let addr = super::addr("8.8.8.8:443");
    assert!(
        policy
            .decide(Use::Connect, Protocol::Tcp, addr, &pins.at(Duration::ZERO))
            .is_denied()
    );
}

#[test]
fn a2_a_second_answer_does_not_move_the_first_one() {
    // The answer changes from a public to a private address between look-up and connect, with TTL 0.
    let policy = policy("--allow-connect rebind.example.com:80");
    let name = Name::parse("rebind.example.com").expect("a name");
    let mut pins = Pins::new();
    pins.insert(
        &name,
        "8.8.8.8".parse().expect("an address"),
        Duration::from_secs(1),
    );
    pins.insert(
        &name,
        "10.0.0.1".parse().expect("an address"),
        Duration::from_secs(9),
    );
    let decide = |to: &str, now: u64| {
        let pins = pins.at(Duration::from_secs(now));
        policy
            .decide(Use::Connect, Protocol::Tcp, super::addr(to), &pins)
            .is_allowed()
    };
    assert!(decide("8.8.8.8:80", 0));
    assert!(!decide("10.0.0.1:80", 0) && !decide("10.0.0.1:80", 2) && !decide("8.8.8.8:80", 2));
}

#[test]
fn a3_numeric_aliases_are_judged_as_the_address() {
    let deny = policy("--allow-net --deny-connect 127.0.0.0/8");
    let allow = policy("--allow-connect 127.0.0.1:80");
    for alias in [
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0x7f000001",
        "127.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
    ] {
        assert!(!reaches(&deny, alias, 80), "{alias} gets round a deny rule");
        assert!(
            reaches(&allow, alias, 80),
            "{alias} is the address that the rule allows"
        );
        assert!(!reaches(&allow, alias, 81), "{alias}");
    }
    // Spellings that are numbers only after IDNA, or with a dot behind, are neither addresses nor names.
    for trick in [
        "１２７.0.0.1",
        "127。0。0。1",
        "127.0.0.1.",
        "0x7f.1.",
        "①②⑦.1",
        "127.0.0.256",
    ] {
        assert!(!reaches(&policy("--allow-net"), trick, 80), "{trick}");
    }
}

#[test]
fn a4_ipv6_spellings_of_an_ipv4_address_are_that_address() {
    let deny = policy("--allow-net --deny-connect 10.1.2.3:80");
    let allow = policy("--allow-connect 10.1.2.3:80");
    let only_v6 = policy("--allow-connect ::/0 --allow-connect 2000::/3");
    for alias in [
        "[::ffff:10.1.2.3]",
        "[::10.1.2.3]",
        "[64:ff9b::10.1.2.3]",
        "[2002:a01:203::1]",
        "[::ffff:a01:203]",
    ] {
        assert!(
            !connects(&deny, &format!("{alias}:80")),
            "{alias} gets round a deny rule"
        );
        assert!(connects(&allow, &format!("{alias}:80")), "{alias}");
        assert!(!connects(&only_v6, &format!("{alias}:80")), "{alias} is not IPv6");
    }
    // And the other way round: an alias in a rule is the address too.
    for alias in [
        "[::ffff:10.1.2.3]",
        "[64:ff9b::10.1.2.3]",
        "[::10.1.2.3]",
        "[::ffff:10.0.0.0]/104",
    ] {
        assert!(
            !connects(
                &policy(&format!("--allow-net --deny-connect {alias}:80")),
                "10.1.2.3:80"
            ),
            "{alias}"
        );
    }
}

#[test]
fn a5_the_unspecified_address_as_a_destination_is_loopback() {
    let deny = policy("--allow-net --deny-connect 127.0.0.0/8 --deny-connect [::1]");
    for zero in [
        "0.0.0.0:80",
        "[::]:80",
        "[::ffff:0.0.0.0]:80",
        "[::ffff:0:0]:80",
        "[64:ff9b::]:80",
        "[2002::]:80",
    ] {
        assert!(!connects(&deny, zero), "{zero} gets round a deny rule");
        assert!(!connects(&policy("--allow-connect 10.0.0.0/8"), zero), "{zero}");
    }
    assert!(connects(&policy("--allow-connect 127.0.0.1:80"), "0.0.0.0:80"));
    assert!(connects(&policy("--allow-connect [::1]:80"), "[::]:80"));
    assert!(
        connects(&policy("--allow-connect 0.0.0.0:80"), "127.0.0.1:80"),
        "zero in a rule is loopback too"
    );
    assert!(
        !connects(&policy("--allow-connect 0.0.0.0:80"), "8.8.8.8:80"),
        "and not everything"
    );
    assert!(!listens(&policy("--allow-listen 127.0.0.1:80"), "0.0.0.0:80"));
}

#[test]
fn a6_spellings_of_a_name_do_not_get_round_a_rule() {
    let deny = policy("--allow-net --deny-resolve evil.example.com --deny-resolve *.bücher.example");
    for spelling in [
        "evil.example.com",
        "EVIL.example.com",
        "evil.example.com.",
        "ｅｖｉｌ.example.com",
        "evil。example.com",
    ] {
        let name = Name::parse(spelling).expect("a name");
        assert!(deny.decide_name(&name).is_denied(), "{spelling}");
    }
    for spelling in [
        "a.BÜCHER.example",
        "a.xn--bcher-kva.example",
        "a.bu\u{308}cher.example.",
    ] {
        let name = Name::parse(spelling).expect("a name");
        assert!(deny.decide_name(&name).is_denied(), "{spelling}");
    }
    let allow = policy("--allow-resolve *.example.com");
    for other in [
        "example.com",
        "evilexample.com",
        "example.com.evil.org",
        "a.example.comx",
    ] {
        assert!(
            allow
                .decide_name(&Name::parse(other).expect("a name"))
                .is_denied(),
            "{other}"
        );
    }
    for empty in ["a..example.com", ".example.com", "a.example.com..", "..", "."] {
        assert!(Name::parse(empty).is_err(), "{empty}");
    }
}

#[test]
fn a7_nul_and_control_bytes_end_in_an_error_not_in_a_shorter_name() {
    for bytes in [
        &b"good.example.com\0.evil.org"[..],
        b"\0",
        b"a\x01b",
        b"a\tb",
        b"a\r\nb",
        b"a\x7fb",
    ] {
        assert_eq!(Name::from_bytes(bytes), Err(NameError::Character), "{bytes:?}");
    }
    assert!(parse_numeric_host("127.0.0.1\0").is_none());
}

#[test]
fn a14_a_port_is_neither_ignored_nor_widened() {
    let policy = policy(
        "--allow-connect 10.0.0.1:80 --allow-connect 10.0.0.0/24:443 --allow-connect udp://10.0.0.1:53 \
         --allow-connect 10.0.0.2:1000-1001,1003",
    );
    for port in 0..=u16::MAX {
        let to = |host: &str| connects(&policy, &format!("{host}:{port}"));
        assert_eq!(to("10.0.0.1"), port == 80 || port == 443, "{port}");
        assert_eq!(to("10.0.0.2"), matches!(port, 443 | 1000 | 1001 | 1003), "{port}");
        assert_eq!(to("10.0.0.3"), port == 443, "{port}");
    }
}

#[test]
fn a20_a_name_that_leads_nowhere_cannot_carry_data_out() {
    let policy =
        policy("--allow-connect 0.0.0.0/0:443 --allow-connect api.example.com:443 --allow-listen *:80");
    for name in [
        "secret.data.evil.org",
        "secret.api.example.com",
        "secret.example.com",
        "example.com",
    ] {
        assert!(
            policy
                .decide_name(&Name::parse(name).expect("a name"))
                .is_denied(),
            "{name}"
        );
    }
}

#[test]
fn a21_metadata_and_link_local_addresses_hide_behind_no_name() {
    for metadata in [
        "169.254.169.254",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd00:42::42",
        "100.96.0.96",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "169.254.1.1",
        "fe80::1",
    ] {
        for host in [
            "metadata.example.com",
            "metadata",
            "metadata.google.internal",
            "x.local",
        ] {
            let policy = policy(&format!("--allow-connect {host}:80"));
            let mut pins = Pins::new();
            let ip = metadata.parse().expect("an address");
            pins.insert(&Name::parse(host).expect("a name"), ip, Duration::from_secs(9));
            let addr = SocketAddr::new(ip, 80);
            let decision = policy.decide(Use::Connect, Protocol::Tcp, addr, &pins.at(Duration::ZERO));
            assert!(decision.is_denied(), "{metadata} behind {host}");
        }
    }
    assert!(
        tcp(
            &policy("--allow-connect 169.254.169.254:80"),
            Use::Connect,
            "169.254.169.254:80"
        )
        .is_allowed()
    );
}

/// What is decided on a datagram.
fn udp<'p>(policy: &'p Policy, to: &str) -> Decision<'p> {
    policy.decide(Use::Connect, Protocol::Udp, super::addr(to), &NoPins)
}

const GROUPS: [&str; 8] = [
    "224.0.0.1",
    "239.255.255.255",
    "255.255.255.255",
    "[ff02::1]",
    "[ff01::1%1]",
    "[ff0e::1]",
    "[::ffff:224.0.0.1]",
    "[64:ff9b::255.255.255.255]",
];

#[test]
fn a33_a_group_may_have_members_that_are_denied() {
    for deny in [
        "--deny-connect 127.0.0.0/8",
        "--deny-connect udp://10.0.0.5:5353",
        "--deny-connect ::1",
        "--deny-connect evil.example:5000-6000",
    ] {
        for allow in [
            "--allow-net",
            "--allow-connect *",
            "--allow-connect 0.0.0.0/0 --allow-connect ::/0",
        ] {
            let rules = policy(&format!("{allow} {deny}"));
            for group in GROUPS {
                let decision = udp(&rules, &format!("{group}:5353"));
                assert!(
                    matches!(decision.reason(), Reason::Group(_)),
                    "{group}: {decision}"
                );
                assert!(decision.is_denied(), "{group}");
            }
            // Ordinary addresses are as before, and so is a port that no deny rule covers.
            assert!(udp(&rules, "10.0.0.6:5353").is_allowed());
            let other = udp(&rules, "224.0.0.1:99").is_allowed();
            assert_eq!(other, deny.contains(":5"), "{allow} {deny}");
        }
    }
    // A rule for the other protocol is no reason.
    assert!(
        udp(
            &policy("--allow-net --deny-connect tcp://10.0.0.5"),
            "224.0.0.1:5353"
        )
        .is_allowed()
    );
}

#[test]
fn a33_a_rule_that_names_a_group_opens_it_and_no_other() {
    let rules = policy(
        "--allow-net --deny-connect 127.0.0.0/8 --allow-connect 224.0.0.251:5353 \
         --allow-connect [ff02::fb]:5353 --allow-connect [ff05::]/16 --allow-connect 232.0.0.0/8:7",
    );
    for (to, allowed) in [
        ("224.0.0.251:5353", true),
        ("[::ffff:224.0.0.251]:5353", true),
        ("224.0.0.251:5354", false),
        ("224.0.0.1:5353", false),
        ("[ff02::fb]:5353", true),
        ("[ff05::1]:1", true),
        ("[ff06::1]:1", false),
        ("232.1.1.1:7", true),
        ("255.255.255.255:7", false),
    ] {
        assert_eq!(udp(&rules, to).is_allowed(), allowed, "{to}");
    }
    let rules = policy("--allow-net --deny-connect 224.0.0.251 --allow-connect 224.0.0.0/4");
    assert!(udp(&rules, "224.0.0.251:1").is_denied(), "deny beats allow");
    assert!(udp(&rules, "224.0.0.252:1").is_allowed());
    // A range that is more than groups names none.
    let rules = policy("--allow-connect 224.0.0.0/3 --deny-connect 10.0.0.1");
    assert!(udp(&rules, "224.0.0.1:1").is_denied());
}

#[test]
fn a33_broadcasts_are_allowed_where_all_their_receivers_are() {
    for (rules, allowed) in [
        ("", true),
        ("--allow-net", true),
        ("--allow-connect *", true),
        ("--allow-connect 0.0.0.0/0:9", true),
        ("--allow-connect tcp://10.0.0.1", true),
        ("--allow-net --deny-connect tcp://10.0.0.1", true),
        ("--allow-net --deny-connect 10.0.0.1", false),
        ("--allow-net --deny-connect udp://10.0.0.1:53", false),
        ("--allow-net --deny-connect db:53", false),
        // 10.0.0.255 may be the broadcast address of 10.0.0.0/24.
        ("--allow-connect 10.0.0.128/25", false),
        ("--allow-connect db:9", false),
        (
            "--allow-connect 10.0.0.128/25 --allow-connect 255.255.255.255",
            true,
        ),
        (
            "--allow-connect 10.0.0.128/25:9 --allow-connect 255.255.255.255:9",
            true,
        ),
        (
            "--allow-connect 10.0.0.128/25:9 --allow-connect 255.255.255.255:8",
            false,
        ),
        (
            "--allow-net --deny-connect 10.0.0.1 --allow-connect 255.255.255.255",
            true,
        ),
        (
            "--allow-net --deny-connect udp://10.0.0.1:53 --allow-connect 255.255.255.255:53",
            true,
        ),
        (
            "--allow-net --deny-connect udp://10.0.0.1:53 --allow-connect 255.255.255.255:54",
            false,
        ),
        ("--allow-net --deny-connect 255.255.255.255", false),
        ("--allow-net --deny-connect 255.255.255.255:65535", false),
    ] {
        let policy = policy(rules);
        let decision = policy.decide_broadcast();
        assert_eq!(decision.is_allowed(), allowed, "{rules}: {decision}");
    }
}

/// The ranges that are IPv4 in another spelling, and what they are.
const SPELLED: [(&str, &str); 9] = [
    ("2002::/16", "0.0.0.0/0"),
    ("2002:a00::/24", "10.0.0.0/8"),
    ("2002:a00:1::/48", "10.0.0.1"),
    ("2002:a00:1:2::/64", "10.0.0.1"),
    ("64:ff9b::/96", "0.0.0.0/0"),
    ("64:ff9b::8000:0/97", "128.0.0.0/1"),
    ("::ffff:0:0/96", "0.0.0.0/0"),
    ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ("::/96", "0.0.0.0/0"),
];

#[test]
fn a41_a_range_in_another_spelling_allows_nothing_and_the_error_says_what_to_write() {
    for (range, plain) in SPELLED {
        for usage in [Use::Connect, Use::Listen, Use::Accept] {
            for text in [format!("udp://[{range}]:53"), range.to_owned()] {
                let mut builder = PolicyBuilder::new();
                let error = builder
                    .rule(usage, Effect::Allow, &text, Source::Flag)
                    .expect_err(&text);
                assert!(error.message().ends_with(&format!("; write {plain}")), "{error}");
                assert_eq!(
                    error.column(),
                    if text.starts_with("udp") { 7 } else { 1 },
                    "{error}"
                );
            }
            let file = format!("[{usage}]\nallow = [\"{range}\"]\n");
            let error = Policy::from_toml(&file, "p.toml").expect_err(range);
            assert_eq!((error.line(), error.column()), (2, 11), "{error}");
            // What it says to write is taken.
            assert!(PolicyBuilder::new().allow(usage, plain).is_ok());
        }
    }
    // One address in another spelling is what guests and programs print.
    assert!(connects(
        &policy("--allow-connect [::ffff:10.0.0.1]:80"),
        "10.0.0.1:80"
    ));
    // :: and ::1 are no IPv4.
    assert!(connects(&policy("--allow-connect ::/127"), "[::1]:80"));
}

#[test]
fn a41_a_range_in_another_spelling_denies_what_it_is_in_every_spelling() {
    for (range, _) in SPELLED {
        let rules = format!("--allow-net --deny-connect {range} --deny-listen {range} --deny-accept {range}");
        let policy = policy(&rules);
        for spelling in [
            "10.0.0.1",
            "[::ffff:10.0.0.1]",
            "[::10.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[2002:a00:1::5]",
        ] {
            let to = format!("{spelling}:80");
            // The upper half does not have it.
            let denied = range != "64:ff9b::8000:0/97";
            assert_eq!(!connects(&policy, &to), denied, "{range}: {to}");
            assert_eq!(!listens(&policy, &to), denied, "{range}: {to}");
            assert_eq!(!accepts(&policy, &to), denied, "{range}: {to}");
        }
    }
}

#[test]
fn a41_a_deny_rule_for_an_ipv6_range_covers_the_ipv4_that_is_written_in_it() {
    for range in ["::/0", "::/1", "::/8", "*"] {
        let rules = format!("--allow-net --deny-connect {range} --deny-listen {range} --deny-accept {range}");
        let flags = policy(&rules);
        let file = format!(
            "allow-net = true\n[connect]\ndeny = [\"{range}\"]\n[listen]\ndeny = [\"{range}\"]\n[accept]\ndeny = [\"{range}\"]\n"
        );
        let file = Policy::from_toml(&file, "p.toml").expect("a policy");
        for policy in [&flags, &file] {
            for spelling in [
                "::ffff:10.0.0.1",
                "::10.0.0.1",
                "64:ff9b::10.0.0.1",
                "::ffff:0.0.0.0",
            ] {
                let to = format!("[{spelling}]:80");
                assert!(!connects(policy, &to), "{range}: {to}");
                assert!(!listens(policy, &to), "{range}: {to}");
                assert!(!accepts(policy, &to), "{range}: {to}");
            }
            // IPv4 as such is none of its business.
            assert_eq!(connects(policy, "10.0.0.1:80"), range != "*");
        }
    }
    let policy = policy("--allow-net --deny-connect 2000::/3");
    assert!(!connects(&policy, "[2002:a00:1::]:80"));
    assert!(connects(&policy, "[64:ff9b::10.0.0.1]:80"));
    // An allow rule for such a range does not open them.
    let policy = super::policy("--allow-connect ::/0 --allow-connect 2000::/3");
    for spelling in ["[::ffff:10.0.0.1]:80", "[2002:a00:1::]:80"] {
        assert!(!connects(&policy, spelling));
    }
}

/// A rule for a range that has more in it than groups does not name a group.
#[test]
fn a33_a_range_of_groups_and_others_names_no_group() {
    let mut builder = PolicyBuilder::new();
    builder.allow_net();
    builder.deny(Use::Connect, "127.0.0.0/8").unwrap();
    builder.allow(Use::Connect, "224.0.0.0/3").unwrap();
    let policy = builder.build();
    let to = "224.0.0.5:80".parse().unwrap();
    assert!(
        policy
            .decide(Use::Connect, Protocol::Udp, to, &NoPins)
            .is_denied()
    );
    let mut builder = PolicyBuilder::new();
    builder.allow_net();
    builder.deny(Use::Connect, "127.0.0.0/8").unwrap();
    builder.allow(Use::Connect, "224.0.0.0/4").unwrap();
    assert!(
        builder
            .build()
            .decide(Use::Connect, Protocol::Udp, to, &NoPins)
            .is_allowed()
    );
}
