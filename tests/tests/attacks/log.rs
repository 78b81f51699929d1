//! A36 decisions that leave no line. A39 a trace and an audit that a denied guest fills.

use super::support::{decisions, script};
use guestnet_tests::Guestnet;
use guestnet_tests::act::{acts, component_acts};
use guestnet_tests::emscripten::{Engine, Variant, program};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn dns_is_denied_to_a_guest_that_may_look_nothing_up_and_served_to_others_with_a_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let read = |name: &str| decisions(&fs::read_to_string(at(name)).expect("an audit"));
    let actions = ["tcp 192.0.2.53 53", "udp 192.0.2.53 53", "send 192.0.2.53 53"];
    let script_text = r#"
        import * as os from "os";
        import * as std from "std";
        const addr = {family: os.AF_INET, addr: "192.0.2.53", port: 53};
        for (const type of [os.SOCK_STREAM, os.SOCK_DGRAM]) {
            const fd = os.socket(os.AF_INET, type);
            let outcome;
            try { outcome = await os.connect(fd, addr); } catch (error) { outcome = error; }
            print(`tcp: ${outcome === -std.Error.EACCES ? "EACCES" : outcome === 0 ? "ok" : outcome}`);
        }
    "#;
    for (rule, outcome, result) in [
        ("--allow-connect=10.0.0.1", "denied", "EACCES"),
        ("--allow-resolve=*.test", "served", "ok"),
        ("--allow-net", "served", "ok"),
    ] {
        let line = |call: &str| (format!("{call} 192.0.2.53:53 {outcome}"), 1);
        let all = ["connect", "connect", "sendto"].map(line);
        let run = || {
            Guestnet::run()
                .option(rule)
                .option(format!("--audit={}", at("audit")))
        };
        // One is denied because of its protocol no more than the other.
        let check_results = |transcript: String| {
            let results = transcript
                .lines()
                .map(|line| line.rsplit(": ").next().unwrap_or(line).to_owned());
            assert_eq!(
                results.collect::<BTreeSet<_>>(),
                BTreeSet::from([result.to_owned()]),
                "{transcript}"
            );
        };
        check_results(acts(run(), actions).finish().success());
        assert_eq!(read("audit"), all, "{rule}");
        // A component binds its sockets of UDP itself, which is a decision too.
        let bound = run().option("--allow-listen=udp://0.0.0.0:0");
        check_results(component_acts(bound, actions).finish().success());
        let (binds, others): (Vec<_>, Vec<_>) = read("audit")
            .into_iter()
            .partition(|(line, _)| line.starts_with("bind "));
        assert_eq!(others, all, "{rule}");
        assert_eq!(binds.iter().map(|(_, count)| count).sum::<u64>(), 2, "{binds:?}");
        check_results(script(run(), script_text).success());
        // A connect that does not wait is asked for again when the connection is there.
        let lines: BTreeSet<_> = read("audit").into_iter().collect();
        assert_eq!(lines, BTreeSet::from([line("connect")]), "{rule}");
        let emcc = program(Variant::Plain, Engine::Node20, "act")
            .env("GUESTNET_OPTIONS", rule)
            .env("GUESTNET_AUDIT", at("audit"));
        check_results(emcc.args(actions).finish().success());
        assert_eq!(read("audit"), all, "{rule}");
    }
}

/// So many times the same denied call.
const OFTEN: usize = 2000;

#[test]
fn what_a_denied_guest_tries_again_and_again_is_a_line_a_second_with_a_count() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let read = |name: &str| fs::read_to_string(at(name)).expect("a file");
    let action = "send 127.0.0.2 9";
    let counted = || {
        let (audit, trace) = (read("audit"), read("trace"));
        let mut lines = decisions(&audit);
        // A component binds its sockets, as often.
        lines.retain(|(line, _)| line != "bind 0.0.0.0:0 allowed");
        assert!(
            lines.iter().all(|(line, _)| line == "sendto 127.0.0.2:9 denied"),
            "{audit}"
        );
        let decided: u64 = lines.iter().map(|(_, count)| count).sum();
        assert_eq!(decided, OFTEN as u64);
        // Two lines for each second that it took at the most, and one more.
        assert!(lines.len() < OFTEN / 10, "{audit}");
        let denials = trace
            .lines()
            .filter(|line| line.starts_with("--- sendto 127.0.0.2:9: "));
        let times = |line: &str| {
            let count = line
                .rsplit_once(" (")
                .and_then(|(_, end)| end.strip_suffix(" times)"));
            count.map_or(1, |count| count.parse::<usize>().expect("a count"))
        };
        let denials: Vec<_> = denials.map(times).collect();
        assert_eq!(denials.iter().sum::<usize>(), OFTEN);
        assert!(denials.len() < OFTEN / 10, "{}", denials.len());
    };
    let run = || {
        Guestnet::run()
            .option(format!("--trace={}", at("trace")))
            .option(format!("--audit={}", at("audit")))
    };
    let _ = acts(run(), std::iter::repeat_n(action, OFTEN)).finish().success();
    counted();
    let bound = run().option("--allow-listen=udp://0.0.0.0:0");
    let _ = component_acts(bound, std::iter::repeat_n(action, OFTEN))
        .finish()
        .success();
    counted();
    let text = format!(
        r#"
        import * as os from "os";
        const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
        const addr = {{family: os.AF_INET, addr: "127.0.0.2", port: 9}};
        for (let i = 0; i < {OFTEN}; i++) try {{ await os.sendto(fd, addr, new Uint8Array(1)); }} catch {{}}
        "#
    );
    assert_eq!(script(run(), &text).success(), "");
    counted();
    let emcc = program(Variant::Plain, Engine::Node20, "act")
        .env("GUESTNET_OPTIONS", "--allow-connect 10.0.0.1")
        .env("GUESTNET_AUDIT", at("audit"))
        .env("GUESTNET_TRACE", at("trace"));
    let _ = emcc.args(std::iter::repeat_n(action, OFTEN)).finish().success();
    counted();
}

#[test]
fn a_log_at_its_limit_loses_no_first_occurrence() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let read = |name: &str| fs::read_to_string(at(name)).expect("a file");
    // Each of 300 destinations twice, with all others in between.
    let actions: Vec<String> = (1..=300).map(|port| format!("send 127.0.0.2 {port}")).collect();
    let twice = || actions.iter().chain(&actions).map(String::as_str);
    let complete = || {
        let audit = read("audit");
        let own: Vec<_> = audit.lines().filter(|line| line.contains("\"log\":")).collect();
        assert!(own[0].ends_with(",\"log\":\"limit\"}"), "{own:?}");
        assert!(
            own.last()
                .is_some_and(|line| line.contains("\"log\":\"left out\",\"count\":")),
            "{own:?}"
        );
        let rest: Vec<_> = audit.lines().filter(|line| !own.contains(line)).collect();
        let seen: Vec<_> = decisions(&rest.join("\n"))
            .into_iter()
            .map(|(line, _)| line)
            .collect();
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), 300, "{audit}");
        assert!(seen.len() < 330, "{audit}");
        let trace = read("trace");
        for port in 1..=300 {
            let start = format!("--- sendto 127.0.0.2:{port}: denied");
            assert!(trace.lines().any(|line| line.starts_with(&start)), "{start}");
        }
        assert!(
            trace.contains("\n--- the limit of this log is reached"),
            "{trace}"
        );
        assert!(trace.trim_end().ends_with(" lines were left out ---"), "{trace}");
    };
    let run = Guestnet::run()
        .option("--max-log=2KiB")
        .option(format!("--trace={}", at("trace")))
        .option(format!("--audit={}", at("audit")));
    let _ = acts(run, twice()).finish().success();
    complete();
    let emcc = program(Variant::Plain, Engine::Node20, "act")
        .env("GUESTNET_OPTIONS", "--allow-connect 10.0.0.1 --max-log 2KiB")
        .env("GUESTNET_AUDIT", at("audit"))
        .env("GUESTNET_TRACE", at("trace"));
    let _ = emcc.args(twice()).finish().success();
    complete();
}

#[test]
fn a_trace_of_calls_that_succeed_ends_at_its_limit_too() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let trace = directory.path().join("trace");
    let run = Guestnet::run()
        .option("--max-log=4KiB")
        .option(format!("--trace={}", trace.display()));
    let text = r#"
        import * as os from "os";
        for (let i = 0; i < 5000; i++) os.close(os.socket(os.AF_INET, os.SOCK_DGRAM));
    "#;
    assert_eq!(script(run, text).success(), "");
    let text = fs::read_to_string(&trace).expect("a trace");
    assert!(text.len() < 5000, "{}", text.len());
    assert!(text.trim_end().ends_with(" lines were left out ---"), "{text}");
}
