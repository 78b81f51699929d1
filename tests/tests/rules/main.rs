//! Every use of the network with every kind of rule, by a guest: what the rule covers happens, its neighbour does not,
//! the guest gets EACCES (or EAI_FAIL), and its owner reads which flag or rule it was.
//!
//! The rows are the table of uses in docs/policy.md, times the kinds of targets there. What a hostile guest tries
//! against them is in `attacks`; how names come to addresses in `names`.

mod accept;
mod connect;
mod listen;
mod names;
mod report;
mod unix;

use guestnet_tests::act::acts;
use guestnet_tests::{Guestnet, ProgramOutput};
use std::net::{TcpListener, UdpSocket};

/// One rule, something it lets a guest do, and the nearest thing that it does not.
#[derive(Debug)]
pub(crate) struct Row {
    /// The kind of rule.
    pub kind: &'static str,
    /// Options of `guestnet run`, with spaces between.
    pub options: String,
    /// An action of app_act that works.
    pub allowed: String,
    /// One that does not.
    pub denied: String,
    /// The line on standard error behind `guestnet: `.
    pub says: String,
}

/// Checks a row: in one run the allowed action and then the denied one; by flags, and by a file with the same rules.
/// `run` makes what both have.
#[track_caller]
pub(crate) fn check(row: &Row, run: impl Fn() -> Guestnet, refusal: &str) {
    let by_flags = row.options.split(' ').fold(run(), Guestnet::option);
    let finished = acts(by_flags, [row.allowed.as_str(), row.denied.as_str()]).finish();
    said(row, &finished);
    decided(row, finished, refusal);
    if let Some(file) = as_file(&row.options) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("policy.toml");
        std::fs::write(&path, file).expect("write the policy");
        let by_file = run().option("--policy").option(&path);
        let finished = acts(by_file, [row.allowed.as_str(), row.denied.as_str()]).finish();
        decided(row, finished, refusal);
    }
}

#[track_caller]
fn decided(row: &Row, finished: ProgramOutput, refusal: &str) {
    let transcript = finished.success();
    let results: Vec<&str> = transcript
        .lines()
        .map(|line| line.rsplit(": ").next().unwrap_or(line))
        .collect();
    let [allowed, denied] = results[..] else {
        panic!("{row:#?}\n{transcript}")
    };
    assert!(!allowed.starts_with('E'), "{row:#?}\n{transcript}");
    assert_eq!(denied, refusal, "{row:#?}\n{transcript}");
}

/// The flags as a policy file; `None` if they name one themselves.
fn as_file(options: &str) -> Option<String> {
    let mut words = options.split(' ');
    let (mut top, mut tables) = (String::new(), std::collections::BTreeMap::new());
    while let Some(option) = words.next() {
        match option {
            "--policy" => return None,
            "--allow-net" => top += "allow-net = true\n",
            _ => {
                let (effect, usage) = option.strip_prefix("--")?.split_once('-')?;
                let keys: &mut std::collections::BTreeMap<_, Vec<_>> = tables.entry(usage).or_default();
                keys.entry(effect).or_default().push(words.next()?);
            }
        }
    }
    for (usage, keys) in tables {
        top += &format!("[{usage}]\n");
        for (effect, targets) in keys {
            top += &format!("{effect} = {targets:?}\n");
        }
    }
    Some(top)
}

/// `guestnet policy explain` decides as the run did, and gives the same reason. `target` makes the target of an action.
#[track_caller]
pub(crate) fn explained(row: &Row, usage: &str, target: impl Fn(&str) -> String) {
    let explain = |action: &str| {
        let target = target(action);
        let program = Guestnet::command("policy").arg("explain");
        let program = row.options.split(' ').fold(program, guestnet_tests::Program::arg);
        (program.arg(usage).arg(&target).finish(), target)
    };
    let (allowed, _) = explain(&row.allowed);
    assert!(allowed.stdout.starts_with("allowed "), "{row:#?}\n{allowed}");
    assert_eq!(allowed.status.code(), Some(0), "{row:#?}\n{allowed}");
    let (denied, target) = explain(&row.denied);
    assert!(denied.stdout.starts_with("denied "), "{row:#?}\n{denied}");
    assert_eq!(denied.status.code(), Some(1), "{row:#?}\n{denied}");
    // A run judges the address that a name was looked up to, and says that.
    let (subject, reason) = row.says.split_once(": ").expect("a reason");
    if subject.ends_with(target.rsplit('/').next().unwrap_or(&target)) {
        assert_eq!(denied.stdout, format!("{reason}\n"), "{row:#?}\n{denied}");
    }
}

/// `HOST PORT` as a target.
pub(crate) fn at(host: &str, port: &str) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// The denial is the one line that is printed.
#[track_caller]
pub(crate) fn said(row: &Row, finished: &ProgramOutput) {
    assert_eq!(
        finished.stderr,
        format!("guestnet: {}\n", row.says),
        "{row:#?}\n{finished}"
    );
}

/// What no rule allows.
pub(crate) fn would(call: &str, target: &str, flag: &str) -> String {
    format!("{call} {target}: denied because no rule allows it; {flag} would")
}

/// The kinds that the rows have, each once, for a test to compare with the ones there are.
#[track_caller]
pub(crate) fn covers(rows: &[Row], kinds: &[&str]) {
    let mut seen: Vec<&str> = rows.iter().map(|row| row.kind).collect();
    seen.sort_unstable();
    seen.dedup();
    let mut kinds = kinds.to_vec();
    kinds.sort_unstable();
    assert_eq!(seen, kinds);
}

/// Servers on TCP and UDP, with one port at each of some addresses of loopback.
pub(crate) struct Net {
    pub port: u16,
    _udp: Vec<UdpSocket>,
}

impl Net {
    pub(crate) fn new(addresses: &[&str]) -> Self {
        // Another program may have the port at one of the addresses.
        for _ in 0..100 {
            let any = TcpListener::bind((addresses[0], 0)).expect("bind");
            let port = any.local_addr().expect("local_addr").port();
            // Its neighbours must be ports too.
            if !(2000..65000).contains(&port) {
                continue;
            }
            let tcp = addresses[1..]
                .iter()
                .map(|ip| TcpListener::bind((*ip, port)))
                .chain([Ok(any)]);
            let udp = addresses.iter().map(|ip| UdpSocket::bind((*ip, port)));
            let (Ok(tcp), Ok(udp)) = (tcp.collect::<Result<Vec<_>, _>>(), udp.collect()) else {
                continue;
            };
            for listener in tcp {
                // So that its backlog never fills. It ends with the test's process.
                std::thread::spawn(move || listener.incoming().for_each(drop));
            }
            return Self { port, _udp: udp };
        }
        panic!("no port is free at all of {addresses:?}");
    }
}
