//! Canonical addresses, their classes, and numeric hosts.

use crate::policy::{
    AddressClass, HostPattern, Prefix, Target, Use, address_class, canonical_addr, canonical_ip,
    parse_numeric_host,
};
use std::net::IpAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|_| panic!("{text} is an address"))
}

#[test]
fn every_alias_becomes_the_ipv4_address_inside() {
    for (alias, reached) in [
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("::ffff:0.0.0.0", "0.0.0.0"),
        ("::10.1.2.3", "10.1.2.3"),
        ("::0.0.0.2", "0.0.0.2"),
        ("64:ff9b::10.1.2.3", "10.1.2.3"),
        ("64:ff9b::a9fe:a9fe", "169.254.169.254"),
        ("2002:a01:203::", "10.1.2.3"),
        ("2002:a01:203:4:5:6:7:8", "10.1.2.3"),
    ] {
        assert_eq!(canonical_ip(ip(alias)), ip(reached), "{alias}");
    }
}

#[test]
fn other_addresses_stay_what_they_are() {
    for text in [
        "10.1.2.3",
        "::",
        "::1",
        "2001:db8::1",
        "fe80::1",
        "64:ff9b:1::10.1.2.3",
        "::ffff:0:10.1.2.3",
    ] {
        assert_eq!(canonical_ip(ip(text)), ip(text), "{text}");
    }
}

#[test]
fn a_destination_of_zero_is_loopback_and_a_local_address_of_zero_is_itself() {
    let canonical = |usage, text: &str| canonical_addr(usage, super::addr(text)).to_string();
    assert_eq!(canonical(Use::Connect, "0.0.0.0:80"), "127.0.0.1:80");
    assert_eq!(canonical(Use::Connect, "[::]:80"), "[::1]:80");
    assert_eq!(canonical(Use::Connect, "[::ffff:0.0.0.0]:80"), "127.0.0.1:80");
    assert_eq!(canonical(Use::Listen, "0.0.0.0:80"), "0.0.0.0:80");
    assert_eq!(canonical(Use::Listen, "[::]:80"), "[::]:80");
    assert_eq!(canonical(Use::Accept, "[::ffff:10.0.0.1]:80"), "10.0.0.1:80");
}

#[test]
fn a_scope_id_stays_where_the_kernel_looks_at_it() {
    let canonical = |text: &str| canonical_addr(Use::Connect, super::addr(text)).to_string();
    assert_eq!(canonical("[fe80::1%2]:80"), "[fe80::1%2]:80");
    assert_eq!(canonical("[ff02::1%3]:80"), "[ff02::1%3]:80");
    assert_eq!(canonical("[2001:db8::1%2]:80"), "[2001:db8::1]:80");
}

#[test]
fn a_range_of_aliases_becomes_the_ipv4_range() {
    let canonical = |text: &str| match text.parse::<Target>().expect("a target").host {
        HostPattern::Net(prefix) => prefix.canonical().to_string(),
        other => panic!("{other} is no range"),
    };
    assert_eq!(canonical("::ffff:10.0.0.0/104"), "10.0.0.0/8");
    assert_eq!(canonical("::ffff:0:0/96"), "0.0.0.0/0");
    assert_eq!(canonical("64:ff9b::/96"), "0.0.0.0/0");
    assert_eq!(canonical("2002:a00::/24"), "10.0.0.0/8");
    assert_eq!(canonical("2002:a01:203::/48"), "10.1.2.3");
    assert_eq!(canonical("2002:a01:203:4::/64"), "10.1.2.3");
    assert_eq!(canonical("::10.0.0.0/104"), "10.0.0.0/8");
    assert_eq!(canonical("::/96"), "0.0.0.0/0");
    assert_eq!(canonical("::/97"), "0.0.0.0/1");
    // Wider than one block, or :: and ::1 alone: they stay IPv6.
    assert_eq!(canonical("::/0"), "[::]/0");
    assert_eq!(canonical("::/95"), "[::]/95");
    assert_eq!(canonical("::/127"), "[::]/127");
    assert_eq!(canonical("::1/128"), "[::1]");
    assert_eq!(canonical("2002::/15"), "[2002::]/15");
    assert_eq!(canonical("2000::/3"), "[2000::]/3");
}

#[test]
fn a_prefix_holds_exactly_its_range() {
    let prefix = Prefix::new(ip("10.128.0.0"), 9).expect("a prefix");
    assert!(prefix.contains(ip("10.128.0.0")) && prefix.contains(ip("10.255.255.255")));
    assert!(
        !prefix.contains(ip("10.127.255.255"))
            && !prefix.contains(ip("11.0.0.0"))
            && !prefix.contains(ip("::"))
    );
    assert_eq!(Prefix::new(ip("10.0.0.1"), 8), None);
    assert_eq!(Prefix::new(ip("10.0.0.0"), 33), None);
    assert!(
        Prefix::new(ip("::"), 0)
            .expect("a prefix")
            .contains(ip("ffff::1"))
    );
}

#[test]
fn each_address_has_its_class() {
    use AddressClass::*;
    for (text, class) in [
        ("8.8.8.8", Public),
        ("172.32.0.1", Public),
        ("100.128.0.1", Public),
        ("203.0.113.1", Public),
        ("2606:4700::1", Public),
        ("10.0.0.1", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("192.168.0.1", Private),
        ("100.64.0.1", Private),
        ("198.18.0.1", Private),
        ("fc00::1", Private),
        ("fdff::1", Private),
        ("fec0::1", Private),
        ("127.0.0.1", Loopback),
        ("127.255.0.1", Loopback),
        ("::1", Loopback),
        ("169.254.0.1", LinkLocal),
        ("fe80::1", LinkLocal),
        ("febf::1", LinkLocal),
        ("169.254.169.254", Metadata),
        ("169.254.170.23", Metadata),
        ("169.254.42.42", Metadata),
        ("169.254.0.23", Metadata),
        ("169.254.10.10", Metadata),
        ("100.96.0.96", Metadata),
        ("192.0.0.192", Metadata),
        ("168.63.129.16", Metadata),
        ("fd00:ec2::254", Metadata),
        ("fd00:ec2::23", Metadata),
        ("fd20:ce::254", Metadata),
        ("fd00:c1::a9fe:a9fe", Metadata),
        ("fd00:42::42", Metadata),
        ("fd00:a9fe:a9fe::1", Metadata),
        ("fd00:100::100:200", Metadata),
        ("fe80::a9fe:a9fe", Metadata),
        ("fd00:ec3::254", Private),
        ("100.100.100.200", Metadata),
        ("0.1.2.3", Special),
        ("224.0.0.1", Special),
        ("255.255.255.255", Special),
        ("::", Special),
        ("ff02::1", Special),
        ("2001:0:1::", Special),
        ("64:ff9b:1::1", Special),
        ("::ffff:0:10.0.0.1", Special),
        // Judged as what they reach.
        ("::ffff:169.254.169.254", Metadata),
        ("64:ff9b::127.0.0.1", Loopback),
        ("2002:a00:1::", Private),
        ("::8.8.8.8", Public),
    ] {
        assert_eq!(address_class(ip(text)), class, "{text}");
    }
}

#[test]
fn every_numeric_spelling_is_one_address() {
    for spelling in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0177.0x0.0.01",
    ] {
        let host = parse_numeric_host(spelling).unwrap_or_else(|| panic!("{spelling} is an address"));
        assert_eq!((host.ip, host.scope_id), (ip("127.0.0.1"), 0), "{spelling}");
    }
    assert_eq!(parse_numeric_host("0").map(|host| host.ip), Some(ip("0.0.0.0")));
    assert_eq!(
        parse_numeric_host("1.65535").map(|host| host.ip),
        Some(ip("1.0.255.255"))
    );
    assert_eq!(
        parse_numeric_host("4294967295").map(|host| host.ip),
        Some(ip("255.255.255.255"))
    );
}

#[test]
fn ipv6_hosts_keep_their_form_and_scope() {
    let host = parse_numeric_host("fe80::1%2").expect("an address");
    assert_eq!((host.ip, host.scope_id), (ip("fe80::1"), 2));
    let host = parse_numeric_host("::ffff:1.2.3.4").expect("an address");
    assert_eq!((host.ip, host.scope_id), (ip("::ffff:1.2.3.4"), 0));
}

#[test]
fn what_is_not_quite_a_number_is_no_numeric_host() {
    for text in [
        "",
        ".",
        "1.",
        ".1",
        "1..2",
        "256.1.1.1",
        "1.256.1",
        "1.2.3.256",
        "1.16777216",
        "4294967296",
        "08",
        "0x",
        "0xg",
        "1.2.3.4.5",
        "+1",
        "-1",
        "1e3",
        " 1",
        "1 ",
        "a",
        "1.2.3.4a",
        "fe80::1%",
        "fe80::1%eth0",
        "fe80::1%-1",
        "[::1]",
        "::1%4294967296",
        "1.2.3.4%1",
        "\u{ff11}.1.1.1",
        "0x7f.1\0",
    ] {
        assert_eq!(parse_numeric_host(text), None, "{text:?}");
    }
}
