//! Policy files.

use super::{connects, listens, tcp};
use crate::limits::Limits;
use crate::policy::{Name, Policy, PolicyBuilder, Source, Use};

fn read(text: &str) -> Policy {
    Policy::from_toml(text, "p.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn fault(text: &str) -> String {
    match Policy::from_toml(text, "p.toml") {
        Ok(_) => panic!("no mistake was found in {text}"),
        Err(error) => error.to_string(),
    }
}

const WHOLE: &str = r#"
[connect]
allow = ["db:5432", "tcp://10.0.0.0/8:443"]
deny = [
    "10.6.6.6",   # never
]

[listen]
allow = ["127.0.0.1:8080"]

[accept]
allow = ["127.0.0.0/8"]
deny = ["127.0.0.9"]

[resolve]
allow = ["*.example.com"]
deny = ["evil.example.com"]

[unix]
allow = ["/run/app/*"]
deny = ["/run/app/secret"]

[limits]
sockets = 10
descriptors = 30
buffers = '64MiB'
pending = 20
bytes-per-second = "10MiB"
bytes-total = 1_000_000
lookups-per-second = 5
log = "1MiB"
"#;

#[test]
fn a_file_says_all_that_flags_say() {
    let policy = read(WHOLE);
    assert!(
        connects(&policy, "10.0.0.1:443")
            && !connects(&policy, "10.6.6.6:443")
            && !connects(&policy, "10.0.0.1:80")
    );
    assert!(listens(&policy, "127.0.0.1:8080") && !listens(&policy, "127.0.0.1:8081"));
    assert!(
        tcp(&policy, Use::Accept, "127.0.0.1:1").is_allowed()
            && tcp(&policy, Use::Accept, "127.0.0.9:1").is_denied()
    );
    let resolves = |text: &str| {
        policy
            .decide_name(&Name::parse(text).expect("a name"))
            .is_allowed()
    };
    assert!(resolves("a.example.com") && resolves("db") && !resolves("evil.example.com"));
    assert!(
        policy.decide_unix("/run/app/x").is_allowed() && policy.decide_unix("/run/app/secret").is_denied()
    );
    let limits = Limits {
        sockets: 10,
        descriptors: Some(30),
        buffers: Some(64 << 20),
        pending: 20,
        bytes_per_second: Some(10 << 20),
        bytes_total: Some(1_000_000),
        lookups_per_second: 5,
        log: 1 << 20,
    };
    assert_eq!(*policy.limits(), limits);
}

#[test]
fn an_empty_file_allows_nothing_and_has_the_default_limits() {
    for text in ["", "# nothing\n", "allow-net = false\n", "[connect]\n[limits]\n"] {
        let policy = read(text);
        assert!(!connects(&policy, "8.8.8.8:1"));
        assert_eq!(*policy.limits(), Limits::default());
    }
}

#[test]
fn a_file_can_allow_everything_but() {
    let policy = read("allow-net = true\n[connect]\ndeny = ['8.8.8.8']\n");
    assert!(connects(&policy, "9.9.9.9:1") && !connects(&policy, "8.8.8.8:1"));
}

#[test]
fn a_rule_knows_where_it_stands() {
    let policy = read(WHOLE);
    let rule = tcp(&policy, Use::Connect, "10.6.6.6:1").rule().expect("a rule");
    assert_eq!(
        *rule.source(),
        Source::File {
            file: "p.toml".into(),
            line: 5,
            column: 6
        }
    );
    assert_eq!(rule.to_string(), "connect.deny \"10.6.6.6\" (p.toml:5:6)");
    let rule = tcp(&policy, Use::Connect, "10.0.0.1:443").rule().expect("a rule");
    assert_eq!(
        rule.to_string(),
        "connect.allow \"tcp://10.0.0.0/8:443\" (p.toml:3:22)"
    );
}

#[test]
fn files_and_flags_add_up() {
    let mut builder = PolicyBuilder::new();
    builder.allow(Use::Connect, "10.0.0.1").expect("a target");
    builder
        .file("[connect]\nallow = ['10.0.0.2']", "a.toml")
        .expect("a file");
    builder
        .file(
            "[connect]\ndeny = ['10.0.0.1:22']\n[limits]\nsockets = 3",
            "b.toml",
        )
        .expect("a file");
    builder.limits_mut().pending = 7;
    let policy = builder.build();
    assert!(
        connects(&policy, "10.0.0.1:80")
            && connects(&policy, "10.0.0.2:22")
            && !connects(&policy, "10.0.0.1:22")
    );
    assert_eq!((policy.limits().sockets, policy.limits().pending), (3, 7));
}

#[test]
fn a_wrong_file_leaves_the_builder_as_it_was() {
    let mut builder = PolicyBuilder::new();
    assert!(
        builder
            .file(
                "allow-net = true\n[connect]\nallow = ['8.8.8.8', 'a..b']",
                "a.toml"
            )
            .is_err()
    );
    assert!(!connects(&builder.build(), "8.8.8.8:1"));
    assert!(builder.build().rules().is_empty());
}

#[test]
fn every_mistake_is_reported_with_line_and_column() {
    for (text, message) in [
        (
            "[connect]\nallow = [\"10.0.0.0/8:x\"]",
            "p.toml:2:22: `x` is not a port, a range FROM-TO or `*`",
        ),
        (
            "[connect]\nallow = ['bü..b']",
            "p.toml:2:14: the name has an empty label (two dots in a row or a leading dot)",
        ),
        (
            "[connect]\nallow = [\n  'a.b',\n  'a.b:70000',\n]",
            "p.toml:4:8: port 70000 is above 65535",
        ),
        (
            "[connect]\nallow = [\"a\\u002eb:x\"]",
            "p.toml:2:10: `x` is not a port, a range FROM-TO or `*` (column 5 of \"a.b:x\")",
        ),
        (
            "[listen]\nallow = ['a.b:80']",
            "p.toml:2:11: a rule for listen takes addresses; of names only localhost is one",
        ),
        (
            "[unix]\ndeny = ['x']",
            "p.toml:2:10: a UNIX path begins with `/`; it is the path as the guest sees it",
        ),
        (
            "[resolve]\nallow = ['a:1']",
            "p.toml:2:12: a resolve rule takes a name only: no protocol, port or range",
        ),
        (
            "[conect]\nallow = []",
            "p.toml:1:2: unknown key `conect`; there are allow-net, connect, listen, accept, resolve, unix and limits",
        ),
        (
            "[connect]\npermit = []",
            "p.toml:2:1: unknown key `permit` in [connect]; there are allow and deny",
        ),
        (
            "[limits]\nmemory = 1",
            "p.toml:2:1: unknown key `memory` in [limits]; there are sockets, descriptors, buffers, pending, bytes-per-second, \
             bytes-total, lookups-per-second and log",
        ),
        (
            "connect = 1",
            "p.toml:1:11: `connect` is a table, [connect], not this integer",
        ),
        (
            "[connect]\nallow = 'x'",
            "p.toml:2:9: `allow` in [connect] is an array of strings, not this string",
        ),
        (
            "[connect]\nallow = ['x', 1]",
            "p.toml:2:15: a rule is a string, not this integer",
        ),
        (
            "allow-net = 1",
            "p.toml:1:13: `allow-net` is true or false, not this integer",
        ),
        (
            "[limits]\nsockets = -1",
            "p.toml:2:11: `sockets` is a whole number from 0 to 4294967295, not this integer",
        ),
        (
            "[limits]\nbytes-total = '10 apples'",
            "p.toml:2:15: `bytes-total` is a number of bytes, or a string such as \"10MiB\", not this string",
        ),
        // The first mistake is the one that is reported.
        (
            "[listen]\nx = 1\n[accept]\ny = 1",
            "p.toml:2:1: unknown key `x` in [listen]; there are allow and deny",
        ),
    ] {
        assert_eq!(fault(text), message, "{text}");
    }
}

#[test]
fn what_is_no_toml_is_reported_with_line_and_column() {
    for (text, place) in [
        ("[connect]\nallow = [", "p.toml:2:"),
        ("[connect", "p.toml:1:"),
        ("a b", "p.toml:1:"),
        ("[connect]\nallow=[]\nallow=[]", "p.toml:3:1: "),
    ] {
        let error = fault(text);
        assert!(error.starts_with(place), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn sizes_have_units() {
    use crate::limits::parse_size;
    for (text, bytes) in [
        ("0", 0),
        ("17", 17),
        ("17B", 17),
        ("2kB", 2000),
        ("3KiB", 3072),
        ("1MiB", 1 << 20),
        ("5MB", 5_000_000),
        ("6GB", 6_000_000_000),
        ("7TB", 7_000_000_000_000),
        ("3GiB", 3 << 30),
        ("2TiB", 2 << 40),
    ] {
        assert_eq!(parse_size(text), Some(bytes), "{text}");
    }
    for text in [
        "",
        "B",
        "-1",
        "1 MiB",
        "1mib",
        "1.5MiB",
        "18446744073709551616",
        "18446744073709551615KiB",
    ] {
        assert_eq!(parse_size(text), None, "{text}");
    }
}

#[test]
fn a_mistake_is_reported_in_its_parts_too() {
    let error = Policy::from_toml("[connect]\nallow = [7]\n", "p.toml").unwrap_err();
    assert_eq!((error.file(), error.line(), error.column()), ("p.toml", 2, 10));
    assert!(
        error.message().contains("a rule is a string"),
        "{}",
        error.message()
    );
}

#[test]
fn what_the_toml_parser_says_is_one_line() {
    for text in [
        "[connect",
        "a = \"",
        "[connect]\nallow = [\"x\"\n[listen]\n",
        "= 1",
    ] {
        let error = Policy::from_toml(text, "p.toml").unwrap_err();
        let message = error.message();
        assert!(
            message.len() > 8 && !message.contains('\n'),
            "{text:?}: {message:?}"
        );
        assert!(message.contains(' '), "{text:?}: {message:?}");
    }
}

/// A mistake in a string is shown where it stands in the file, whatever quotes the string has.
#[test]
fn a_mistake_within_a_string_of_any_quotes_has_its_own_column() {
    for (quoted, column) in [
        ("\"10.0.0.5:x\"", 20),
        ("'10.0.0.5:x'", 20),
        ("\"\"\"10.0.0.5:x\"\"\"", 22),
        ("\'\'\'10.0.0.5:x\'\'\'", 22),
    ] {
        let text = format!("[connect]\nallow = [{quoted}]\n");
        let error = Policy::from_toml(&text, "p.toml").unwrap_err();
        assert_eq!((error.line(), error.column()), (2, column), "{quoted}: {error}");
    }
}
