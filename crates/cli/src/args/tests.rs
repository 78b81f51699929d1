//! Tests of the command line.

use super::*;
use crate::failure::USAGE;
use crate::run_args::{Directory, Variable};
use crate::units::Timeout;
use guestnet::TraceTo;
use guestnet::core::policy::{NoPins, Policy, Protocol};
use std::time::Duration;

fn parse_words(words: &[&str]) -> Result<Command, Failure> {
    parse(words.iter().map(OsString::from).collect::<Vec<_>>().into_iter())
}

fn run(words: &[&str]) -> RunArgs {
    match parse_words(&[&["run"], words].concat()) {
        Ok(Command::Run(run)) => *run,
        other => panic!("{words:?}: {other:?}"),
    }
}

/// The message of a command line that is wrong.
fn wrong(words: &[&str]) -> String {
    let failure = parse_words(words).expect_err("it must be refused");
    assert_eq!(failure.code, USAGE, "{failure:?}");
    assert!(
        !failure.message.contains('\n') && !failure.message.ends_with('.'),
        "{failure:?}"
    );
    failure.message
}

fn policy(words: &[&str]) -> Policy {
    run(&[words, &["g.wasm"]].concat())
        .policy
        .build()
        .expect("a policy")
}

#[test]
fn everything_behind_the_guest_is_the_guests() {
    let run = run(&[
        "--env",
        "A=1",
        "g.wasm",
        "--verbose",
        "-e",
        "B",
        "--",
        "-x",
        "--help",
    ]);
    assert_eq!(run.guest, PathBuf::from("g.wasm"));
    assert_eq!(run.args, ["--verbose", "-e", "B", "--", "-x", "--help"]);
    assert_eq!(run.env, [Variable::Set("A".into(), "1".into())]);
}

#[test]
fn an_option_of_ours_behind_the_guest_is_an_error_unless_two_dashes_stand_before_it() {
    assert_eq!(
        wrong(&["run", "app.wasm", "x", "--allow-net"]),
        "--allow-net behind app.wasm would do nothing: \
         put it before app.wasm, or -- before app.wasm to hand it to the guest"
    );
    for option in [
        "--policy",
        "--deny-connect=10.0.0.1",
        "--timeout=1s",
        "--trace",
        "--no-confine",
    ] {
        let name = option.split('=').next().unwrap();
        assert!(
            wrong(&["run", "g", option]).starts_with(&format!("{name} behind g ")),
            "{option}"
        );
        for words in [
            &["--", "g", "x", option][..],
            &["--allow-net", "--", "g", "x", option],
            &["g", "x", "--", option],
        ] {
            assert_eq!(run(words).args.last().unwrap(), option);
        }
        assert_eq!(run(&["--", "g", option]).args, [option]);
        assert_eq!(run(&["g", "--", option]).args, ["--", option]);
    }
    // Not ours: help, what is no option, and what only begins like one.
    for argument in [
        "--help",
        "-h",
        "--version",
        "--policy-file",
        "--allow",
        "--deny-unix",
        "policy",
        "---trace",
    ] {
        assert_eq!(run(&["g", argument]).args, [argument]);
    }
    // A value of ours is no sign.
    assert_eq!(
        wrong(&["run", "--env", "--", "g", "--trace"]),
        wrong(&["run", "g", "--trace"])
    );
}

#[test]
fn the_options_that_are_looked_for_behind_the_guest_are_those_that_there_are() {
    for name in crate::run_args::OPTIONS {
        let mistake = parse_words(&["run", &format!("--{name}")]).expect_err("something is missing");
        assert!(!mistake.message.contains("unknown option"), "{name}");
    }
    let help = crate::usage::text(Topic::Run);
    let options = help
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("--"));
    for line in options {
        let name = line
            .split(|end: char| !end.is_ascii_lowercase() && end != '-')
            .next();
        assert!(crate::run_args::has_option(name.unwrap()), "{line}");
    }
}

#[test]
fn a_guest_whose_name_begins_with_a_dash_stands_behind_two_dashes() {
    let run = run(&["--", "-g.wasm", "--", "a"]);
    assert_eq!(run.guest, PathBuf::from("-g.wasm"));
    assert_eq!(run.args, ["--", "a"]);
}

#[test]
fn values_stand_behind_an_equals_sign_or_as_the_next_argument() {
    for words in [&["--timeout=30s", "g"][..], &["--timeout", "30s", "g"]] {
        let timeout = Timeout {
            duration: Duration::from_secs(30),
            written: "30s".into(),
        };
        assert_eq!(run(words).timeout, Some(timeout));
    }
}

#[test]
fn lists_accumulate_and_of_single_values_the_last_counts() {
    let run = run(&[
        "--listen",
        "tcp://127.0.0.1:80",
        "--listen=tcp://[::1]:0",
        "--listen",
        "tcp://localhost:1",
        "--dir",
        ".",
        "--dir",
        "/var/tmp::/tmp",
        "--env=A=",
        "--env",
        "B=x=y",
        "--env",
        "C",
        "--max-memory",
        "1KiB",
        "--max-memory",
        "256MiB",
        "g",
    ]);
    let listen: Vec<_> = run.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:80", "[::1]:0", "127.0.0.1:1"]);
    let directory = |host: &str, guest: &str| Directory {
        host: host.into(),
        guest: guest.into(),
    };
    assert_eq!(
        run.directories,
        [directory(".", "."), directory("/var/tmp", "/tmp")]
    );
    let set = |name: &str, value: &str| Variable::Set(name.into(), value.into());
    assert_eq!(
        run.env,
        [set("A", ""), set("B", "x=y"), Variable::Inherit("C".into())]
    );
    assert_eq!(run.max_memory, 256 << 20);
}

#[test]
fn without_options_nothing_is_given_and_memory_is_what_32_bits_can_address() {
    let run = run(&["g"]);
    assert_eq!(run.max_memory, 4 << 30);
    assert_eq!((run.timeout, run.trace), (None, None));
    let policy = run.policy.build().unwrap();
    let addr = "127.0.0.1:80".parse().unwrap();
    assert!(
        policy
            .decide(Use::Connect, Protocol::Tcp, addr, &NoPins)
            .is_denied()
    );
    assert!(
        policy
            .decide(Use::Listen, Protocol::Udp, addr, &NoPins)
            .is_denied()
    );
}

#[test]
fn the_trace_goes_to_standard_error_or_to_a_file() {
    assert_eq!(run(&["--trace", "g"]).trace, Some(TraceTo::Stderr));
    assert_eq!(
        run(&["--trace=t.txt", "g"]).trace,
        Some(TraceTo::File("t.txt".into()))
    );
    assert!(wrong(&["run", "--trace=", "g"]).contains("--trace"));
}

#[test]
fn rules_become_a_policy() {
    let policy = policy(&[
        "--allow-connect",
        "10.0.0.0/8:443",
        "--deny-connect=10.6.6.6",
        "--allow-listen",
        "127.0.0.1:0",
        "--allow-resolve",
        "*.example.com",
        "--deny-resolve",
        "bad.example.com",
        "--allow-unix",
        "/tmp/*",
        "--max-sockets",
        "7",
    ]);
    let connect = |addr: &str| policy.decide(Use::Connect, Protocol::Tcp, addr.parse().unwrap(), &NoPins);
    assert!(connect("10.1.2.3:443").is_allowed());
    assert!(connect("10.6.6.6:443").is_denied());
    assert_eq!(
        connect("10.6.6.6:443").to_string(),
        "denied by --deny-connect 10.6.6.6"
    );
    assert!(policy.decide_unix("/tmp/a").is_allowed());
    assert_eq!(policy.limits().sockets, 7);
    assert_eq!(policy.rules().len(), 6);
}

#[test]
fn a_policy_file_has_the_same_rules_and_the_flag_wins_over_its_limit() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("p.toml");
    std::fs::write(
        &file,
        "[connect]\nallow = [\"127.0.0.1:80\"]\n[limits]\nsockets = 3\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(policy(&["--policy", file]).limits().sockets, 3);
    let policy = policy(&["--max-sockets", "5", "--policy", file]);
    assert_eq!((policy.limits().sockets, policy.rules().len()), (5, 1));
}

#[test]
fn a_wrong_policy_file_is_named_with_line_and_column() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("p.toml");
    std::fs::write(&file, "[connect]\nalow = []\n").unwrap();
    let failure = run(&["--policy", file.to_str().unwrap(), "g"])
        .policy
        .build()
        .unwrap_err();
    assert_eq!(failure.code, USAGE);
    assert!(
        failure
            .message
            .starts_with(&format!("{}:2:1: unknown key `alow`", file.display())),
        "{failure:?}"
    );
    let missing = run(&["--policy", "/nonexistent/p.toml", "g"])
        .policy
        .build()
        .unwrap_err();
    assert_eq!(missing.code, crate::failure::FAILED);
    assert_eq!(
        missing.message,
        "cannot read the policy file /nonexistent/p.toml: No such file or directory"
    );
}

#[test]
fn what_is_wrong_is_said_with_the_option_and_the_value() {
    let table: &[(&[&str], &str)] = &[
        (
            &["--frobnicate", "g"],
            "unknown option --frobnicate; see guestnet help run",
        ),
        (&["-x", "g"], "unknown option -x; see guestnet help run"),
        (
            &["--allow-everything", "x", "g"],
            "unknown option --allow-everything; see guestnet help run",
        ),
        (
            &["--deny-unix", "/x", "g"],
            "unknown option --deny-unix; see guestnet help run",
        ),
        (&["--timeout"], "--timeout needs a value"),
        (
            &["--timeout", "30", "g"],
            "--timeout 30: it takes a whole number with ms, s, m or h, as 30s",
        ),
        (
            &["--timeout", "0s", "g"],
            "--timeout 0s: it would end the guest before it starts",
        ),
        (
            &["--max-memory", "lots", "g"],
            "--max-memory lots: it takes a number of bytes, as 256MiB, 1GiB or 500MB",
        ),
        (
            &["--max-sockets", "-1", "g"],
            "--max-sockets -1: it takes a whole number from 0 to 4294967295",
        ),
        (
            &["--allow-net=yes", "g"],
            "--allow-net takes no value, and was given \"yes\"",
        ),
        (
            &["--allow-connect", "10.0.0.1:99999", "g"],
            "--allow-connect 10.0.0.1:99999: port 99999 is above 65535 (column 10)",
        ),
        (
            &["--allow-connect", "", "g"],
            "--allow-connect : the target is empty (column 1)",
        ),
        (
            &["--listen", "8080", "g"],
            "--listen 8080: it takes tcp:// and an address with a port, as tcp://127.0.0.1:8080",
        ),
        (
            &["--listen", "udp://127.0.0.1:1", "g"],
            "--listen udp://127.0.0.1:1: it takes tcp:// and an address with a port, as tcp://127.0.0.1:8080",
        ),
        (
            &["--dir", "::/x", "g"],
            "--dir ::/x: it takes HOST or HOST::GUEST, and neither may be empty",
        ),
        (
            &["--env", "=x", "g"],
            "--env =x: it takes NAME=VALUE, or NAME for the value that it has here",
        ),
        (
            &["--dns", "1.1.1.1,dns.example", "g"],
            "--dns 1.1.1.1,dns.example: `dns.example` is not `system` and not an IP address, with a port or without",
        ),
        (
            &["--allow-net"],
            "a guest to run is missing: guestnet run [OPTIONS] GUEST [ARGS]...; see guestnet help",
        ),
    ];
    for (words, message) in table {
        assert_eq!(wrong(&[&["run"], *words].concat()), *message);
    }
    for addr in [
        "tcp://",
        "tcp://127.0.0.1",
        "tcp://example.com:80",
        "tcp://127.0.0.1:99999",
        "tcp://localhost:x",
    ] {
        assert!(
            wrong(&["run", "--listen", addr, "g"]).starts_with(&format!("--listen {addr}: ")),
            "{addr}"
        );
    }
}

#[test]
fn what_is_not_utf8_is_refused_by_name() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = OsString::from_vec(vec![b'a', 0xff]);
    let words = |before: &[&str]| {
        before
            .iter()
            .map(OsString::from)
            .chain([bytes.clone()])
            .collect::<Vec<_>>()
    };
    for before in [
        &["run", "--env"][..],
        &["run", "--allow-connect"],
        &["run", "g.wasm"],
        &["policy", "explain"],
    ] {
        let failure = parse(words(before).into_iter()).expect_err("it must be refused");
        assert!(
            failure.code == USAGE && failure.message.contains("not UTF-8"),
            "{before:?}: {failure:?}"
        );
    }
}

#[test]
fn commands_are_told_apart() {
    assert!(
        matches!(parse_words(&["inspect", "g.wasm"]), Ok(Command::Inspect(path)) if path.as_os_str() == "g.wasm")
    );
    assert!(matches!(parse_words(&["--version"]), Ok(Command::Version)));
    for (words, expected) in [
        (&["--help"][..], Topic::Main),
        (&["-h"], Topic::Main),
        (&["help"], Topic::Main),
        (&["help", "run"], Topic::Run),
        (&["help", "inspect"], Topic::Inspect),
        (&["help", "policy"], Topic::Explain),
        (&["run", "--allow-net", "--help"], Topic::Run),
        (&["inspect", "-h"], Topic::Inspect),
        (&["policy", "--help"], Topic::Explain),
        (&["policy", "explain", "--help"], Topic::Explain),
    ] {
        assert!(
            matches!(parse_words(words), Ok(Command::Help(topic)) if topic == expected),
            "{words:?}"
        );
    }
    assert_eq!(
        wrong(&[]),
        "a command is missing: guestnet run, repl, inspect, policy or help; see guestnet help"
    );
    assert_eq!(
        wrong(&["rum"]),
        "unknown command `rum`; there are run, inspect, policy and help"
    );
    assert_eq!(
        wrong(&["app.wasm"]),
        "`app.wasm` is not a command; to run it: guestnet run app.wasm"
    );
    assert_eq!(
        wrong(&["--allow-net"]),
        "unknown option --allow-net; see guestnet help"
    );
    assert_eq!(
        wrong(&["policy", "judge"]),
        "unknown command `policy judge`; there is guestnet policy explain"
    );
    assert_eq!(
        wrong(&["inspect", "a", "b"]),
        "`b` is one argument too many: guestnet inspect takes one guest"
    );
    assert!(wrong(&["inspect"]).starts_with("a guest to inspect is missing"));
}

#[test]
fn a_question_has_a_use_and_a_target_among_policy_options() {
    let words = [
        "policy",
        "explain",
        "--allow-net",
        "connect",
        "--deny-connect=1.2.3.4",
        "udp://1.2.3.4:53",
    ];
    let Ok(Command::Explain(explain)) = parse_words(&words) else {
        panic!("a question")
    };
    let addr = "1.2.3.4:53".parse().unwrap();
    assert_eq!(
        explain.question,
        Question::Address(Use::Connect, Protocol::Udp, addr)
    );
    assert_eq!(explain.policy.build().unwrap().rules().len(), 1);

    assert_eq!(
        wrong(&["policy", "explain", "dial", "x"]),
        "`dial` is not a use; there are connect, listen, accept, resolve, unix"
    );
    assert!(wrong(&["policy", "explain", "connect", "1.2.3.4"]).contains("a port is needed"));
    assert!(wrong(&["policy", "explain", "connect"]).starts_with("a use and a target is missing"));
    assert!(wrong(&["policy", "explain", "connect", "a:1", "b"]).starts_with("`b` is one argument too many"));
    assert_eq!(
        wrong(&["policy", "explain", "--timeout", "1s"]),
        "unknown option --timeout; see guestnet help policy"
    );
}

#[test]
fn the_help_has_a_line_for_every_option_of_run() {
    let help = crate::usage::text(Topic::Run);
    for option in [
        "--allow-net",
        "--allow-connect",
        "--deny-connect",
        "--allow-listen",
        "--deny-listen",
        "--allow-accept",
        "--deny-accept",
        "--allow-resolve",
        "--deny-resolve",
        "--allow-unix",
        "--policy",
        "--listen",
        "--dir",
        "--env",
        "--timeout",
        "--max-memory",
        "--max-sockets",
        "--trace",
    ] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(option)),
            "{option}"
        );
    }
    assert!(help.lines().all(|line| line.len() <= 110));
}
