//! The grammar of targets and its errors.

use crate::policy::{HostPattern, NamePattern, PolicyBuilder, PortSet, Protocol, Target, Use};

fn shown(text: &str) -> String {
    text.parse::<Target>()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .to_string()
}

/// The column and the message of the error.
fn fault(text: &str) -> (usize, String) {
    match text.parse::<Target>() {
        Ok(target) => panic!("{text} was read as {target:?}"),
        Err(error) => (error.column(), error.message().to_owned()),
    }
}

#[test]
fn every_form_of_the_grammar_is_read_and_printed_again() {
    for (text, canonical) in [
        ("example.com", "example.com"),
        ("Example.COM.", "example.com"),
        ("tcp://example.com:443", "tcp://example.com:443"),
        ("udp://*.example.com:53", "udp://*.example.com:53"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1:*", "10.0.0.1"),
        ("10.0.0.0/8:80", "10.0.0.0/8:80"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("[::1]:80", "[::1]:80"),
        ("[::1]", "[::1]"),
        ("::1", "[::1]"),
        ("2001:db8::/32", "[2001:db8::]/32"),
        ("2001:db8::/32:443", "[2001:db8::]/32:443"),
        ("[2001:db8::]/32:443", "[2001:db8::]/32:443"),
        ("[2001:db8::/32]:443", "[2001:db8::]/32:443"),
        ("[fe80::1%2]:80", "[fe80::1%2]:80"),
        ("a.b:80,443", "a.b:80,443"),
        ("a.b:8000-8010", "a.b:8000-8010"),
        ("a.b:443,80-82,81,83", "a.b:80-83,443"),
        ("a.b:0", "a.b:0"),
        ("a.b:0-65535", "a.b"),
        ("*", "*"),
        ("*:443", "*:443"),
        ("my_db:5432", "my_db:5432"),
        ("bücher.example:80", "xn--bcher-kva.example:80"),
    ] {
        assert_eq!(shown(text), canonical, "{text}");
        assert_eq!(shown(canonical), canonical, "{text} printed and read again");
    }
}

#[test]
fn an_omitted_port_means_every_port_and_zero() {
    let target: Target = "10.0.0.1".parse().expect("a target");
    assert!(target.ports.is_all() && target.ports.contains(0) && target.ports.contains(65535));
    assert_eq!(target.protocol, None);
}

#[test]
fn a_protocol_restricts_a_target() {
    let target: Target = "udp://10.0.0.1:53".parse().expect("a target");
    assert_eq!(target.protocol, Some(Protocol::Udp));
    assert_eq!(target.ports, PortSet::single(53));
}

#[test]
fn a_mistake_is_reported_with_its_column_and_one_sentence() {
    for (text, column, message) in [
        ("", 1, "the target is empty"),
        (
            "http://a.b",
            1,
            "`http://` is not a protocol; there are tcp:// and udp://",
        ),
        (
            "TCP://a.b",
            1,
            "`TCP://` is not a protocol; there are tcp:// and udp://",
        ),
        ("a.b :80", 4, "a target has no spaces or control characters"),
        (":80", 1, "there is no host before the port; `*` is every host"),
        (
            "tcp://:80",
            7,
            "there is no host before the port; `*` is every host",
        ),
        (
            "a.b:",
            5,
            "there is no port behind the colon; without the colon it is every port",
        ),
        ("a.b:http", 5, "`http` is not a port, a range FROM-TO or `*`"),
        ("a.b:80,", 8, "`` is not a port, a range FROM-TO or `*`"),
        ("a.b:80,70000", 8, "port 70000 is above 65535"),
        ("a.b:+80", 5, "`+80` is not a port, a range FROM-TO or `*`"),
        ("a.b:90-80", 5, "the range 90-80 is empty: write 80-90"),
        ("a.b:80-", 8, "`` is not a port, a range FROM-TO or `*`"),
        ("a.b:*,80", 5, "`*` is not a port, a range FROM-TO or `*`"),
        (
            "a*.b:80",
            2,
            "`*` stands only at the beginning, as in *.example.com",
        ),
        (
            "tcp://*.*.b",
            9,
            "`*` stands only at the beginning, as in *.example.com",
        ),
        ("*.", 3, "the name is empty"),
        (
            "a..b",
            3,
            "the name has an empty label (two dots in a row or a leading dot)",
        ),
        (
            ".a.b",
            1,
            "the name has an empty label (two dots in a row or a leading dot)",
        ),
        (
            "tcp://a/b",
            7,
            "`a` is not an IP address, and only those have ranges",
        ),
        (
            "a.b!c",
            4,
            "the name has a character other than letters, digits, `-`, `_` and `.`",
        ),
        ("127.1:80", 1, "write the address in full: `127.1` is 127.0.0.1"),
        (
            "0177.0.0.1",
            1,
            "write the address in full: `0177.0.0.1` is 127.0.0.1",
        ),
        ("256.0.0.1", 1, "the name ends in a number and is not an address"),
        (
            "10.0.0.0/33",
            10,
            "the length of a prefix is a number from 0 to 32",
        ),
        ("10.0.0.0/", 10, "the length of a prefix is a number from 0 to 32"),
        ("[::]/129", 6, "the length of a prefix is a number from 0 to 128"),
        (
            "10.0.0.5/8",
            1,
            "10.0.0.5 has bits set behind the first 8: the range is 10.0.0.0/8, the address alone 10.0.0.5/32",
        ),
        ("[::1:80", 1, "the bracket is not closed"),
        (
            "[::1]80",
            6,
            "behind the bracket comes `:` and a port, `/` and a length, or nothing",
        ),
        (
            "[10.0.0.1]:80",
            2,
            "`10.0.0.1` is not an IPv6 address; with a port it is written [ADDRESS]:PORT",
        ),
        (
            "a.b:80:90",
            1,
            "`a.b:80:90` is not an IPv6 address; with a port it is written [ADDRESS]:PORT",
        ),
        ("[2001:db8::1%2]", 14, "only a link-local address has a scope"),
        (
            "[fe80::1%eth0]",
            10,
            "the scope is an interface's index, a number from 1",
        ),
        (
            "[fe80::1%0]",
            10,
            "the scope is an interface's index, a number from 1",
        ),
        ("[fe80::%2/64]", 2, "a range has no scope"),
        (
            "bücher..example",
            8,
            "the name has an empty label (two dots in a row or a leading dot)",
        ),
    ] {
        assert_eq!(fault(text), (column, message.to_owned()), "{text}");
    }
}

#[test]
fn an_error_shows_the_text_that_it_is_about() {
    let error = "a.b:80,x".parse::<Target>().expect_err("x is no port");
    assert_eq!(
        error.to_string(),
        "`x` is not a port, a range FROM-TO or `*` (column 8 of \"a.b:80,x\")"
    );
}

#[test]
fn a_resolve_rule_takes_a_name_or_a_wildcard_and_nothing_else() {
    assert!(matches!("*".parse(), Ok(NamePattern::Any)));
    assert!(
        matches!("*.example.com".parse(), Ok(NamePattern::Below(name)) if name.as_str() == "example.com")
    );
    assert!(matches!("Example.com".parse(), Ok(NamePattern::Exact(name)) if name.as_str() == "example.com"));
    for (text, column, message) in [
        ("", 1, "the target is empty"),
        (
            "a.b:53",
            4,
            "a resolve rule takes a name only: no protocol, port or range",
        ),
        (
            "udp://a.b",
            4,
            "a resolve rule takes a name only: no protocol, port or range",
        ),
        (
            "10.0.0.1",
            1,
            "this is an address; it needs no look-up, and a resolve rule takes names",
        ),
        (
            "::1",
            1,
            "this is an address; it needs no look-up, and a resolve rule takes names",
        ),
        (
            "127.1",
            1,
            "this is an address; it needs no look-up, and a resolve rule takes names",
        ),
        (
            "a..b",
            3,
            "the name has an empty label (two dots in a row or a leading dot)",
        ),
    ] {
        let error = text.parse::<NamePattern>().expect_err(text);
        assert_eq!((error.column(), error.message()), (column, message), "{text}");
    }
}

#[test]
fn a_rule_for_listen_or_accept_takes_no_name_but_localhost() {
    for usage in [Use::Listen, Use::Accept] {
        let mut builder = PolicyBuilder::new();
        let error = builder.allow(usage, "tcp://example.com:80").expect_err("a name");
        assert_eq!(error.column(), 7);
        assert_eq!(
            error.message(),
            format!("a rule for {usage} takes addresses; of names only localhost is one")
        );
        assert!(builder.allow(usage, "localhost:80").is_ok());
        assert!(builder.allow(usage, "*:80").is_ok());
    }
}

#[test]
fn a_bare_ipv6_address_has_no_port_because_every_colon_belongs_to_it() {
    let target: Target = "2001:db8::1:443".parse().expect("a target");
    assert!(target.ports.is_all());
    assert!(matches!(target.host, HostPattern::Net(net) if net.base().to_string() == "2001:db8::1:443"));
}

#[test]
fn a_set_of_ports_has_the_ports_of_its_ranges_only() {
    let target: crate::policy::Target = "10.0.0.1:80,90-92".parse().unwrap();
    for (port, has) in [
        (79, false),
        (80, true),
        (81, false),
        (90, true),
        (92, true),
        (93, false),
    ] {
        assert_eq!(target.ports.contains(port), has, "{port}");
    }
}

#[test]
fn the_first_empty_label_of_a_name_is_the_one_that_is_shown() {
    for (text, column) in [(".a..b:80", 1), ("xa..b:80", 4)] {
        let error = text.parse::<crate::policy::Target>().unwrap_err();
        assert_eq!(error.column(), column, "{error}");
    }
}
