//! What the owner of a guest reads about its denials: one line, the audit, the trace.

use guestnet_tests::Guestnet;
use guestnet_tests::act::acts;
use std::net::{TcpListener, UdpSocket};

/// An action of each use, first one that a rule allows and then one that none does: the use, the call, the protocol, the
/// targets of both, and the rule.
struct Decision {
    usage: &'static str,
    call: &'static str,
    protocol: &'static str,
    allowed: (String, String),
    denied: (String, String),
    rule: &'static str,
}

fn decisions(tcp: u16, udp: u16) -> Vec<Decision> {
    let pair = |action: &str, target: &str| (action.to_owned(), target.to_owned());
    vec![
        Decision {
            usage: "connect",
            call: "connect",
            protocol: "tcp",
            allowed: pair(&format!("tcp 127.0.0.1 {tcp}"), &format!("127.0.0.1:{tcp}")),
            denied: pair("tcp 127.0.0.2 9", "127.0.0.2:9"),
            rule: "--allow-connect 127.0.0.1",
        },
        Decision {
            usage: "connect",
            call: "sendto",
            protocol: "udp",
            allowed: pair(&format!("send 127.0.0.1 {udp}"), &format!("127.0.0.1:{udp}")),
            denied: pair("send ::1 9", "[::1]:9"),
            rule: "--allow-connect 127.0.0.1",
        },
        Decision {
            usage: "listen",
            call: "bind",
            protocol: "tcp",
            allowed: pair("bind tcp 127.0.0.1 0", "127.0.0.1:0"),
            denied: pair("bind tcp 127.0.0.1 9", "127.0.0.1:9"),
            rule: "--allow-listen 127.0.0.1:0",
        },
        Decision {
            usage: "resolve",
            call: "getaddrinfo",
            protocol: "",
            allowed: pair("resolve a.test", "a.test"),
            denied: pair("resolve b.test", "b.test"),
            rule: "--allow-resolve a.test",
        },
        Decision {
            usage: "unix",
            call: "bind",
            protocol: "",
            allowed: pair("unix-bind /tmp/a", "/tmp/a"),
            denied: pair("unix-bind /tmp/b", "/tmp/b"),
            rule: "--allow-unix /tmp/a",
        },
    ]
}

/// Runs all of the actions; standard error, and what `--trace` and `--audit` wrote.
fn reports() -> (Vec<Decision>, String, String, String) {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("bind");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let decisions = decisions(
        tcp.local_addr().expect("local_addr").port(),
        udp.local_addr().expect("local_addr").port(),
    );
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [hosts, trace, audit] = ["hosts", "trace", "audit"].map(|name| directory.path().join(name));
    std::fs::write(&hosts, "192.0.2.1 a.test\n").expect("write the hosts file");
    let mut run = Guestnet::run()
        .option("--hosts")
        .option(&hosts)
        .option(format!("--trace={}", trace.display()))
        .option("--audit")
        .option(&audit)
        .tmp(directory.path());
    let mut rules: Vec<&str> = decisions.iter().map(|decision| decision.rule).collect();
    rules.dedup();
    for rule in rules {
        let (option, target) = rule.split_once(' ').expect("an option and its target");
        run = run.option(option).option(target);
    }
    let actions = decisions
        .iter()
        .flat_map(|decision| [decision.allowed.0.as_str(), decision.denied.0.as_str()]);
    let finished = acts(run, actions).finish();
    let stderr = finished.stderr.clone();
    let results = finished.success();
    for (line, number) in results.lines().zip(0..) {
        let refused = line.ends_with(": EACCES") || line.ends_with(": EAI_FAIL");
        assert_eq!(refused, number % 2 == 1, "{results}");
    }
    let read = |path| std::fs::read_to_string(path).expect("a report");
    (decisions, stderr, read(trace), read(audit))
}

#[test]
fn only_the_first_denial_is_printed() {
    let (_, stderr, ..) = reports();
    assert_eq!(
        stderr,
        "guestnet: connect 127.0.0.2:9: denied because no rule allows it; --allow-connect 127.0.0.2:9 would\n"
    );
}

#[test]
fn the_audit_has_each_decision_of_each_use_with_its_rule() {
    let (decisions, _, _, audit) = reports();
    let mut lines = audit.lines();
    let mut next = |decision: &Decision, target: &str, outcome: &str, end: &str| {
        let line = lines.next().expect("another line");
        let (_, line) = line.split_once(r#","call""#).expect("the time first");
        let protocol = match decision.protocol {
            "" => String::new(),
            protocol => format!(r#""protocol":"{protocol}","#),
        };
        assert_eq!(
            format!(r#"{{"call"{line}"#),
            format!(
                r#"{{"call":"{}","use":"{}",{protocol}"target":"{target}","outcome":"{outcome}",{end}}}"#,
                decision.call, decision.usage
            )
        );
    };
    for decision in &decisions {
        let rule = decision.rule;
        let allowed = format!(r#""reason":"allowed by {rule}","rule":"{rule}""#);
        next(decision, &decision.allowed.1, "allowed", &allowed);
        let denied = r#""reason":"denied because no rule allows it""#;
        next(decision, &decision.denied.1, "denied", denied);
    }
    assert_eq!(lines.next(), None, "{audit}");
}

#[test]
fn the_trace_has_each_denial_with_what_would_allow_it() {
    let (decisions, _, trace, _) = reports();
    for decision in &decisions {
        let start = format!(
            "--- {} {}: denied because no rule allows it; --allow-{} ",
            decision.call, decision.denied.1, decision.usage
        );
        let lines = trace.lines().filter(|line| line.starts_with(&start));
        assert_eq!(lines.count(), 1, "{start}\n{trace}");
    }
    // The first line says how the process is confined.
    let all = trace.lines().skip(1).filter(|line| line.starts_with("--- "));
    assert!(trace.starts_with("--- confined: "), "{trace}");
    assert_eq!(all.count(), decisions.len(), "{trace}");
}
