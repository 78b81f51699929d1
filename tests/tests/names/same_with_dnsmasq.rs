//! The same names by C with getaddrinfo, Go and Rust with both getaddrinfo and DNS of their own, Rust by the crate guestnet-guest and as
//! a component by std, and JavaScript with both forms of os.getaddrinfo. One transcript.

use guestnet_tests::peers::Dnsmasq;
use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Guestnet, guest};

const SERVER: &str = "192.0.2.4 v4.test\n2001:db8::6 v6.test\n192.0.2.5 both.test\n2001:db8::5 both.test\n\
    192.0.2.21 several.test\n192.0.2.22 several.test\n192.0.2.23 several.test\n127.0.0.9 single\n\
    198.51.100.1 shadowed.test\n";

const ALIASES: [(&str, &str); 3] = [
    ("alias.test", "both.test"),
    ("longer.test", "alias.test"),
    ("six.test", "v6.test"),
];

/// These come before the server.
const HOSTS: &str =
    "203.0.113.5 shadowed.test\n203.0.113.6 hosts.test second.test\n2001:db8::66 hosts.test\n";

const NAMES: [&str; 18] = [
    "v4.test",
    "v6.test",
    "both.test",
    "several.test",
    "alias.test",
    "longer.test",
    "six.test",
    "single",
    "hosts.test",
    "second.test",
    "shadowed.test",
    "V4.Test",
    "both.TEST.",
    "localhost",
    "none.test",
    "deeper.none.test",
    "denied.example",
    "a..test",
];

#[test]
fn c_and_go_with_both_resolvers_print_one_transcript_for_every_name_and_family() {
    let server = Dnsmasq::start(SERVER, &ALIASES).expect("dnsmasq");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, HOSTS).expect("write the hosts file");
    let guests = [
        guest("wasip1", "app_lookup"),
        guest("go", "names"),
        guest("go", "names_getaddrinfo"),
    ];
    let [c, go, go_getaddrinfo] = guests.map(|guest| {
        let run = Guestnet::run()
            .option("--dns")
            .option(server.addr().to_string())
            .option("--hosts")
            .option(&hosts)
            .option("--allow-resolve=*.test")
            .option("--allow-resolve=single");
        let mut program = run.guest(&guest);
        for family in ["-4", "-6", "-46"] {
            program = NAMES
                .iter()
                .fold(program.arg(family), |program, name| program.arg(name));
            // With the other family the library of C has an error of its own, as glibc has: EAI_ADDRFAMILY.
            if family != "-6" {
                program = program.arg("192.0.2.44");
            }
        }
        program.finish().success()
    });
    for (line, times) in [
        ("v4.test: 192.0.2.4", 2),
        ("v4.test: EAI_NODATA", 1),
        ("longer.test: 192.0.2.5 2001:db8::5", 1),
        ("several.test: 192.0.2.21 192.0.2.22 192.0.2.23", 2),
        ("single: 127.0.0.9", 2),
        ("shadowed.test: 203.0.113.5", 2),
        ("none.test: EAI_NONAME", 3),
        ("denied.example: EAI_FAIL", 3),
        ("a..test: EAI_NONAME", 3),
    ] {
        assert_eq!(
            c.lines().filter(|seen| *seen == line).count(),
            times,
            "{line}\n{c}"
        );
    }
    assert_same_transcript(&c, &go_getaddrinfo);
    // Go's own resolver has one error for both.
    assert_same_transcript(&c.replace("EAI_NODATA", "EAI_NONAME"), &go);
}

#[test]
fn javascript_with_both_forms_prints_the_transcript_of_c() {
    let server = Dnsmasq::start(SERVER, &ALIASES).expect("dnsmasq");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, HOSTS).expect("write the hosts file");
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/names/lookup.js");
    let seen = |guest: &std::path::Path, first: &[&str]| {
        let mut program = Guestnet::run()
            .option("--dns")
            .option(server.addr().to_string())
            .option("--hosts")
            .option(&hosts)
            .option("--allow-resolve=*.test")
            .option("--allow-resolve=single")
            .guest(guest);
        for arg in first {
            program = program.arg(arg);
        }
        for family in ["-4", "-6", "-46"] {
            program = NAMES
                .iter()
                .fold(program.arg(family), |program, name| program.arg(name));
        }
        program.finish().success()
    };
    let c = seen(&guest("wasip1", "app_lookup"), &[]);
    assert!(c.contains("longer.test: 192.0.2.5 2001:db8::5\n"), "{c}");
    assert_same_transcript(&c, &seen(&script, &[]));
    assert_same_transcript(&c, &seen(&script, &["--async"]));
}

#[test]
fn rust_by_the_crate_and_as_a_component_by_std_prints_the_transcript_of_c() {
    let server = Dnsmasq::start(SERVER, &ALIASES).expect("dnsmasq");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, HOSTS).expect("write the hosts file");
    let seen = |guest: &std::path::Path, first: &[&str]| {
        let run = Guestnet::run()
            .option("--dns")
            .option(server.addr().to_string())
            .option("--hosts")
            .option(&hosts)
            .option("--allow-resolve=*.test")
            .option("--allow-resolve=single");
        let program = run.guest(guest).args(first).args(NAMES).arg("192.0.2.44");
        program.finish().success()
    };
    // std asks for both families, and so does the crate.
    let c = seen(&guest("wasip1", "app_lookup"), &["-46"]);
    assert!(c.contains("longer.test: 192.0.2.5 2001:db8::5\n"), "{c}");
    assert!(c.contains("denied.example: EAI_FAIL\n"), "{c}");
    assert_same_transcript(&c, &seen(&guest("rust", "app_lookup"), &[]));
    // WASI 0.2 tells what is no name from a name that is not there, and its C library makes EINVAL of the first.
    let component = c.replace("a..test: EAI_NONAME", "a..test: Invalid argument (os error 28)");
    assert_ne!(c, component);
    assert_same_transcript(&component, &seen(&guest("component", "app_lookup"), &[]));
}

#[test]
fn rust_with_both_resolvers_of_its_crate_prints_the_transcript_of_c() {
    let server = Dnsmasq::start(SERVER, &ALIASES).expect("dnsmasq");
    let run = || {
        Guestnet::run()
            .option("--dns")
            .option(server.addr().to_string())
            .option("--hosts=/dev/null")
            .option("--allow-resolve=*.test")
            .option("--allow-resolve=single")
    };
    let seen = |run: Guestnet, guest: &std::path::Path| {
        let program = run.guest(guest);
        NAMES
            .iter()
            .fold(program, |program, name| program.arg(name))
            .finish()
            .success()
    };
    let c = seen(run(), &guest("wasip1", "app_lookup"));
    assert_same_transcript(&c, &seen(run(), &guest("rust", "names")));
    // By DNS it has one error for all, and makes an empty label of a dot at the end.
    let one_error = |transcript: &str| {
        let lines = transcript
            .lines()
            .filter(|line| !line.contains(".: "))
            .map(|line| match line.split_once(": EAI_") {
                Some((name, _)) => format!("{name}: failed\n"),
                None => format!("{line}\n"),
            });
        lines.collect::<String>()
    };
    let dns = seen(
        run().option("--env=DNS_SERVER=192.0.2.53:53"),
        &guest("rust", "names"),
    );
    assert_same_transcript(&one_error(&c), &one_error(&dns));
}
