//! The policy of programs built with emcc: the options that `Module.guestnet` (the module options) and the environment take,
//! and what is printed for the person who runs them. What a rule means is tested with the command, which has the same policy.

use guestnet_tests::act::{self, acts};
use guestnet_tests::emscripten::{Engine, Variant, program};
use guestnet_tests::{Guestnet, Program, ProgramOutput};
use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::Path;

/// Engines that run the ES module, which is given the object `Module`.
const ENGINES: [Engine; 4] = [Engine::Node20, Engine::Node26, Engine::Deno, Engine::Bun];

/// The program of actions, with a `Module` that is an expression.
fn with_module(engine: Engine, module: &str) -> Program {
    program(Variant::Module, engine, "act").env("TEST_MODULE", module)
}

/// Its results, one an action.
fn results(finished: ProgramOutput) -> Vec<String> {
    act::results(&finished.success())
}

/// A listener whose queue is enough for a test, and its port.
fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("local_addr").port();
    (listener, port)
}

/// The audit's lines without their times.
fn without_times(audit: &Path) -> Vec<String> {
    let text = fs::read_to_string(audit).expect("an audit");
    let behind = |line: &str| {
        let (time, rest) = line.split_once(',').expect("the time first");
        assert!(time.starts_with("{\"time\":1"), "{line}");
        rest.to_owned()
    };
    text.lines().map(behind).collect()
}

#[test]
fn audit_and_trace_and_first_denial_are_those_of_the_command() {
    let (_listener, port) = listener();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    let (allowed, denied) = (at("allowed"), at("denied"));
    fs::write(at("hosts"), "192.0.2.1 a.test\n").expect("write the hosts file");
    let rules = [
        ("--allow-connect", "127.0.0.1".to_owned()),
        ("--deny-connect", "127.0.0.3".to_owned()),
        ("--allow-listen", "127.0.0.1:0".to_owned()),
        ("--allow-resolve", "a.test".to_owned()),
        ("--allow-unix", allowed.clone()),
        ("--hosts", at("hosts")),
    ];
    let actions = [
        format!("tcp 127.0.0.1 {port}"),
        "tcp 127.0.0.2 9".to_owned(),
        "tcp 127.0.0.3 9".to_owned(),
        "send ::1 9".to_owned(),
        "bind tcp 127.0.0.1 0".to_owned(),
        "bind udp 127.0.0.1 9".to_owned(),
        "resolve a.test".to_owned(),
        "resolve b.test".to_owned(),
        format!("unix-bind {allowed}"),
        format!("unix-bind {denied}"),
    ];
    let command = rules.iter().fold(Guestnet::run(), |run, (option, value)| {
        run.option(option).option(value)
    });
    let command = command
        .option("--dir")
        .option(directory.path())
        .option("--audit")
        .option(at("command.audit"))
        .option(format!("--trace={}", at("command.trace")));
    let command = acts(command, actions.iter().map(String::as_str)).finish();
    let flags: Vec<String> = rules
        .iter()
        .map(|(option, value)| format!("{option} \"{value}\""))
        .collect();
    let emcc = program(Variant::Plain, Engine::Node20, "act")
        .env("GUESTNET_OPTIONS", flags.join(" "))
        .env("GUESTNET_AUDIT", at("emcc.audit"))
        .env("GUESTNET_TRACE", at("emcc.trace"))
        .args(&actions)
        .finish();
    let first = "guestnet: connect 127.0.0.2:9: denied because no rule allows it; --allow-connect 127.0.0.2:9 would\n";
    assert_eq!(command.stderr, first);
    assert_eq!(emcc.stderr, first.replace(" would", " in GUESTNET_OPTIONS would"));
    assert_eq!(
        without_times(Path::new(&at("emcc.audit"))),
        without_times(Path::new(&at("command.audit")))
    );
    let denials = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(at(name)).expect("a trace");
        // The command's trace begins with how it is confined.
        let denials = text
            .lines()
            .filter(|line| line.starts_with("--- ") && !line.starts_with("--- confined: "));
        denials
            .map(|line| line.replace(" in GUESTNET_OPTIONS would", " would"))
            // What needs quotes comes with the variable, and with quotes for both.
            .map(|line| {
                let quoted = r#"GUESTNET_OPTIONS='--allow-connect "udp://[::1]:9"'"#;
                line.replace(quoted, "--allow-connect 'udp://[::1]:9'")
            })
            .collect()
    };
    assert_eq!(denials("emcc.trace"), denials("command.trace"));
    assert_eq!(denials("emcc.trace").len(), 6);
    assert_eq!(results(emcc), results(command));
}

#[test]
fn a_denial_names_the_module_option_that_would_allow_it() {
    let (_listener, port) = listener();
    let actions = [
        format!("tcp 127.0.0.1 {port}"),
        "tcp 127.0.0.2 9".to_owned(),
        "bind udp ::1 0".to_owned(),
    ];
    for engine in ENGINES {
        for rules in [
            format!("{{ allowConnect: ['127.0.0.1:{port}', '10.0.0.0/8'] }}"),
            format!("{{ allowConnect: '127.0.0.1:{port}', allowNet: false, trace: undefined }}"),
        ] {
            let finished = with_module(engine, &format!("{{ guestnet: {rules} }}"))
                .args(&actions)
                .finish();
            assert_eq!(
                finished.stderr,
                "guestnet: connect 127.0.0.2:9: denied because no rule allows it; \
                 allowConnect: \"127.0.0.2:9\" in Module.guestnet would\n"
            );
            assert_eq!(results(finished), ["ok", "EACCES", "EACCES"], "{engine:?}");
        }
        for module in [
            "{ guestnet: { allowNet: true, denyConnect: '127.0.0.2' } }",
            // What a listing leaves out is said nevertheless.
            "{ guestnet: Object.defineProperty({ allowNet: true }, 'denyConnect', { value: '127.0.0.2' }) }",
        ] {
            let finished = with_module(engine, module).args(&actions).finish();
            assert_eq!(
                finished.stderr,
                "guestnet: connect 127.0.0.2:9: denied by denyConnect \"127.0.0.2\"\n"
            );
            assert_eq!(results(finished), ["ok", "EACCES", "ok"], "{engine:?}");
        }
    }
}

#[test]
fn no_rule_allows_everything_and_so_do_limits_alone() {
    for engine in ENGINES {
        for module in [
            "{}",
            "{ guestnet: undefined }",
            "{ guestnet: {} }",
            "{ guestnet: { maxSockets: 5 } }",
        ] {
            let finished = with_module(engine, module)
                .args(["tcp 127.0.0.2 9", "sockets"])
                .finish();
            let limited = module.contains("maxSockets");
            assert_eq!(finished.stderr, "");
            let results = results(finished);
            assert_eq!(results.first().map(String::as_str), Some("ECONNREFUSED"));
            assert_eq!(
                results.get(1).is_some_and(|opened| opened == "5 then EMFILE"),
                limited,
                "{results:?}"
            );
        }
    }
}

#[test]
fn an_empty_list_of_rules_allows_nothing() {
    for module in ["{ allowConnect: [] }", "{ denyResolve: [] }", "{ policy: [] }"] {
        let finished = with_module(Engine::Node20, &format!("{{ guestnet: {module} }}"))
            .env("GUESTNET_OPTIONS", "--allow-net")
            .arg("tcp 127.0.0.2 9")
            .finish();
        assert_eq!(results(finished), ["EACCES"], "{module}");
    }
}

#[test]
fn files_of_a_policy_add_up_with_the_rules_next_to_them() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    fs::write(at("one.toml"), "[connect]\nallow = [\"127.0.0.2\"]\n").expect("write a policy");
    fs::write(
        at("two.toml"),
        "[connect]\ndeny = [\"127.0.0.3\"]\n[limits]\nsockets = 9\n",
    )
    .expect("write a policy");
    let (one, two) = (at("one.toml"), at("two.toml"));
    let actions = ["tcp 127.0.0.2 9", "tcp 127.0.0.3 9", "tcp 127.0.0.4 9", "sockets"];
    let expected = ["ECONNREFUSED", "EACCES", "ECONNREFUSED", "7 then EMFILE"];
    let module = format!(
        "{{ guestnet: {{ policy: ['{one}', '{two}'], allowConnect: ['127.0.0.3', '127.0.0.4'], maxSockets: 7 }} }}"
    );
    let by_module = with_module(Engine::Node20, &module).args(actions).finish();
    assert_eq!(
        by_module.stderr,
        format!("guestnet: connect 127.0.0.3:9: denied by connect.deny \"127.0.0.3\" ({two}:2:10)\n")
    );
    assert_eq!(results(by_module), expected);
    let by_environment = program(Variant::Plain, Engine::Node20, "act")
        .env("GUESTNET_POLICY", &one)
        .env(
            "GUESTNET_OPTIONS",
            format!("--policy={two} --allow-connect 127.0.0.3 --allow-connect=127.0.0.4\t--max-sockets 7 "),
        )
        .args(actions)
        .finish();
    assert_eq!(results(by_environment), expected);
}

#[test]
fn module_options_replace_those_of_the_environment() {
    let run = |module: &str| {
        with_module(Engine::Node20, module)
            .env("GUESTNET_OPTIONS", "--allow-connect 127.0.0.2 --max-sockets 9")
            .args(["tcp 127.0.0.2 9", "tcp 127.0.0.3 9", "sockets"])
            .finish()
    };
    let in_place = run("{ guestnet: { allowConnect: '127.0.0.3' } }");
    assert!(
        in_place
            .stderr
            .contains("allowConnect: \"127.0.0.2:9\" in Module.guestnet would"),
        "{in_place}"
    );
    let in_place = results(in_place);
    assert_eq!(
        in_place.get(..2),
        Some(&["EACCES".to_owned(), "ECONNREFUSED".to_owned()][..])
    );
    assert_ne!(in_place.last().map(String::as_str), Some("9 then EMFILE"));
    // A module without rules leaves those of the environment as they are.
    for module in [
        "{ guestnet: { maxSockets: 4 } }",
        "{ guestnet: { maxSockets: 4, policy: undefined } }",
    ] {
        assert_eq!(
            results(run(module)),
            ["ECONNREFUSED", "EACCES", "4 then EMFILE"],
            "{module}"
        );
    }
    // That not everything is allowed is a rule.
    assert_eq!(
        results(run("{ guestnet: { maxSockets: 4, allowNet: false } }")),
        ["EACCES", "EACCES", "4 then EMFILE"]
    );
}

#[test]
fn wrong_options_are_one_clear_sentence_and_nothing_is_run() {
    let modules = [
        (
            "5",
            "Module.guestnet must be a plain object that Module itself has",
        ),
        (
            "'allow-net'",
            "Module.guestnet must be a plain object that Module itself has",
        ),
        (
            "null",
            "Module.guestnet must be a plain object that Module itself has",
        ),
        (
            "['allowNet']",
            "Module.guestnet must be a plain object that Module itself has",
        ),
        (
            "new (class { allowNet = true })",
            "Module.guestnet must be a plain object that Module itself has",
        ),
        (
            "Object.create({ denyConnect: '10.0.0.1' })",
            "Module.guestnet must be a plain object that Module itself has",
        ),
        (
            "{ denyConnections: '10.0.0.1' }",
            "Module.guestnet has no option \"denyConnections\"; docs/emscripten.md lists them",
        ),
        (
            "{ 'allow-connect': '10.0.0.1' }",
            "Module.guestnet has no option \"allow-connect\"; docs/emscripten.md lists them",
        ),
        (
            "{ denyUnix: '/x' }",
            "Module.guestnet has no option \"denyUnix\"; docs/emscripten.md lists them",
        ),
        (
            "{ allowNet: 'yes' }",
            "Module.guestnet.allowNet takes true or false",
        ),
        (
            "{ allowConnect: 80 }",
            "Module.guestnet.allowConnect takes a string or an array of strings",
        ),
        (
            "{ allowConnect: ['10.0.0.1', null] }",
            "Module.guestnet.allowConnect takes a string or an array of strings",
        ),
        (
            "{ denyConnect: null }",
            "Module.guestnet.denyConnect takes a string or an array of strings",
        ),
        (
            "{ maxSockets: {} }",
            "Module.guestnet.maxSockets takes a number or a string",
        ),
        (
            "{ maxSockets: -1 }",
            "Module.guestnet.maxSockets \"-1\": it takes a whole number from 0 to 4294967295",
        ),
        (
            "{ maxRate: '10 parsecs' }",
            "Module.guestnet.maxRate \"10 parsecs\": it takes a number of bytes, as 256MiB, 1GiB or 500MB",
        ),
        (
            "{ dns: 'wrong' }",
            "Module.guestnet.dns \"wrong\": `wrong` is not `system` and not an IP address, with a port or without",
        ),
        ("{ trace: true }", "Module.guestnet.trace takes a path, or '-'"),
        (
            "{ audit: '/nonexistent/audit' }",
            "cannot write the audit to /nonexistent/audit: No such file or directory",
        ),
        (
            "{ hosts: '/nonexistent/hosts' }",
            "cannot read the hosts file /nonexistent/hosts: No such file or directory",
        ),
        (
            "{ policy: '/nonexistent.toml' }",
            "cannot read the policy file /nonexistent.toml: No such file or directory",
        ),
        (
            "{ allowConnect: '10.0.0.5/8' }",
            "Module.guestnet.allowConnect \"10.0.0.5/8\": ",
        ),
    ];
    for (guestnet, says) in modules {
        let module = format!("{{ guestnet: {guestnet} }}");
        refused(with_module(Engine::Node20, &module), says);
    }
    let options = [
        ("--allow-net=yes", "GUESTNET_OPTIONS: "),
        (
            "--listen tcp://127.0.0.1:0",
            "GUESTNET_OPTIONS: unknown option --listen",
        ),
        (
            "--allow-connect",
            "GUESTNET_OPTIONS: --allow-connect needs a value",
        ),
        (
            "--allow-connect 10.0.0.5/8",
            "GUESTNET_OPTIONS: --allow-connect 10.0.0.5/8: ",
        ),
        ("-x", "GUESTNET_OPTIONS: unknown option -x"),
        ("allow-net", "GUESTNET_OPTIONS: \"allow-net\" is no option"),
        ("--policy \"a", "GUESTNET_OPTIONS: a double quote is missing"),
        ("--policy \"a\\", "GUESTNET_OPTIONS: a backslash at the end"),
        (
            "--max-sockets many",
            "GUESTNET_OPTIONS: --max-sockets many: it takes a whole number from 0 to 4294967295",
        ),
    ];
    for (text, says) in options {
        let plain = program(Variant::Plain, Engine::Node20, "act").env("GUESTNET_OPTIONS", text);
        refused(plain, says);
    }
    refused(
        program(Variant::Plain, Engine::Node20, "act").env("GUESTNET_POLICY", ""),
        "cannot read the policy file : No such file or directory",
    );
}

#[track_caller]
fn refused(program: Program, says: &str) {
    let finished = program.arg("tcp 127.0.0.2 9").finish();
    assert!(!finished.status.success(), "{says}\n{finished}");
    assert!(
        !finished.stdout.contains("tcp 127.0.0.2 9: E"),
        "{says}\n{finished}"
    );
    assert!(
        finished.stderr.contains(&format!("guestnet: {says}")),
        "{says}\n{finished}"
    );
}

#[test]
fn what_stands_in_a_prototype_is_no_option() {
    // One who can write to Object.prototype, as a careless merge of untrusted JSON lets one, gains nothing.
    let polluted = |what: &str, module: &str| format!("(Object.assign(Object.prototype, {what}), {module})");
    for engine in ENGINES {
        let module = polluted(
            "{ allowNet: true, allowConnect: '0.0.0.0/0' }",
            "{ guestnet: { denyConnect: '10.0.0.1' } }",
        );
        let finished = with_module(engine, &module).arg("tcp 127.0.0.2 9").finish();
        assert_eq!(results(finished), ["EACCES"], "{engine:?}");
        let environment = "{ GUESTNET_OPTIONS: '--allow-net', GUESTNET_AUDIT: '/nonexistent/audit', GUESTNET_ADDON: '/nonexistent' }";
        let finished = with_module(engine, &polluted(environment, "{}"))
            .env("GUESTNET_POLICY", "/dev/null")
            .arg("tcp 127.0.0.2 9")
            .finish();
        assert_eq!(results(finished), ["EACCES"], "{engine:?}");
        let module = polluted("{ guestnet: { allowNet: true } }", "{}");
        refused(
            with_module(engine, &module),
            "Module.guestnet must be a plain object that Module itself has",
        );
    }
}

#[test]
fn names_come_from_the_hosts_file_and_the_servers_that_were_given() {
    let (_listener, port) = listener();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hosts = directory.path().join("hosts");
    fs::write(&hosts, "127.0.0.1 db\n").expect("write the hosts file");
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let dns = server.local_addr().expect("local_addr");
    let (sender, asked) = std::sync::mpsc::channel();
    // It ends with the test's process.
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = server.recv_from(&mut query) {
            let mut answer = query.get(..length).expect("its bytes").to_vec();
            // A response, and no such name.
            answer[2] |= 0x80;
            answer[3] = (answer[3] & 0xf0) | 3;
            let _ = (server.send_to(&answer, from), sender.send(answer));
        }
    });
    let module = format!(
        "{{ guestnet: {{ hosts: '{}', dns: ['{dns}'], allowConnect: 'db:{port}', allowResolve: 'missing.test' }} }}",
        hosts.display()
    );
    let finished = with_module(Engine::Node20, &module)
        .args([
            &format!("tcp db {port}"),
            "resolve missing.test",
            "resolve other.test",
        ])
        .finish();
    assert_eq!(results(finished), ["ok", "EAI_NONAME", "EAI_FAIL"]);
    for query in asked.try_iter() {
        assert!(
            query.windows(14).any(|part| part == b"\x07missing\x04test\0"),
            "{query:?}"
        );
    }
}

#[test]
fn gethostbyname_gives_no_address_for_a_denied_name() {
    let finished = program(Variant::Plain, Engine::Node20, "gethostbyname")
        .env("GUESTNET_OPTIONS", "--allow-connect 127.0.0.1:1")
        .finish();
    assert!(
        finished.stderr.contains("getaddrinfo no.such.invalid: denied"),
        "{}",
        finished.stderr
    );
    // What the guest expects of h_errno is what goes with the error of getaddrinfo. A denial is NO_RECOVERY, whose result is no 0.
    let denied = "a name that does not exist\n  gethostbyname: NULL\n  h_errno: yes\n  the result says whether to try again: no\n  gethostbyname_r: NULL\n  h_errno: yes\n";
    let printed = finished.success();
    assert!(printed.contains(denied), "{printed}");
}

#[test]
fn a_program_cannot_write_lines_of_its_own_into_an_audit_or_a_trace() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| directory.path().join(name).display().to_string();
    // A path with the end of a line, quotes, and what drives a terminal.
    let path = format!(
        "{}/a\n{{\"outcome\":\"allowed\"}}\u{1b}[2J\u{9b}\"\\",
        directory.path().display()
    );
    let finished = program(Variant::Plain, Engine::Node20, "act")
        .env("GUESTNET_OPTIONS", "--allow-connect 10.0.0.1")
        .env("GUESTNET_AUDIT", at("audit"))
        .env("GUESTNET_TRACE", at("trace"))
        .arg(format!("unix-bind {path}"))
        .finish();
    let clean = |text: &str| text.lines().all(|line| !line.chars().any(char::is_control));
    assert!(
        clean(&finished.stderr) && finished.stderr.lines().count() == 1,
        "{finished}"
    );
    let audit = fs::read_to_string(at("audit")).expect("an audit");
    assert!(clean(&audit) && audit.lines().count() == 1, "{audit}");
    assert!(audit.contains("\",\"outcome\":\"denied\","), "{audit}");
    let trace = fs::read_to_string(at("trace")).expect("a trace");
    assert!(
        clean(&trace) && trace.lines().all(|line| !line.starts_with('{')),
        "{trace}"
    );
    assert!(finished.stdout.ends_with(": EACCES\n"), "{finished}");
}
