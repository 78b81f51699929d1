//! The programs of guests/rust/std_net and tokio_net: natively, as components, and the first also as modules of preview 1, where the
//! types of `std::net` are those of the crate `guestnet-guest`. One transcript.

use guestnet_tests::run::{assert_same_transcript, difference};
use guestnet_tests::{Guestnet, Program, ProgramOutput, guest, native_guest};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

/// Lines that a sandbox cannot have as they are natively.
struct Difference {
    sandbox: Sandbox,
    program: &'static str,
    /// Pairs of the native line and of the sandbox's, in their order.
    lines: &'static [(&'static str, &'static str)],
    /// Whose limit it is.
    reason: &'static str,
}

/// In what a program runs besides natively.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sandbox {
    /// A module of preview 1 over `guestnet-guest`.
    Module,
    /// A component over std.
    Component,
}

impl Sandbox {
    /// The program of this name.
    fn program(self, name: &str) -> Program {
        let kind = match self {
            Self::Module => "rust",
            Self::Component => "component",
        };
        Guestnet::run().allow_net().guest(&guest(kind, name))
    }

    /// What the program of this name has to print, from what the native one prints.
    ///
    /// # Panics
    ///
    /// When a line that is known to differ is not there.
    fn expected(self, name: &str, native: &str) -> String {
        let mut lines: Vec<&str> = native.lines().collect();
        for difference in DIFFERS {
            if (difference.sandbox, difference.program) != (self, name) {
                continue;
            }
            let mut rest = lines.iter_mut();
            for (before, after) in difference.lines {
                let line = rest.find(|line| **line == *before);
                *line.unwrap_or_else(|| panic!("{name} prints no line {before:?} natively")) = after;
            }
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// All of them are those of components: a module has no difference.
const DIFFERS: &[Difference] = &[
    Difference {
        sandbox: Sandbox::Component,
        program: "tcp_reset",
        lines: &[("reading: ConnectionReset", "reading: Uncategorized")],
        reason: "a stream of wasi:io fails without an errno, of which the C library makes EIO",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "tcp_after_reset",
        lines: &[
            ("the end of writing: NotConnected", "the end of writing: ()"),
            ("the end of both: NotConnected", "the end of both: ()"),
            ("the peer's: NotConnected", "the peer's: true"),
        ],
        reason: "wasi:sockets has invalid-state for it, at which the C library ends the program: the host says that both \
                 directions have ended, and who the peer was",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "tcp_after_reset",
        lines: &[("a write as the first: true", "a write as the first: false")],
        reason: "as in tcp_reset: the kind of the error is that of EIO",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "tcp_any",
        lines: &[
            ("by 0.0.0.0: 127.0.0.1", "by 0.0.0.0: InvalidInput"),
            ("port 0: ConnectionRefused", "port 0: InvalidInput"),
        ],
        reason: "wasi:sockets says that neither is an address to connect to",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "tcp_any",
        lines: &[(
            "IPv4 to a listener of IPv6: ::ffff:127.0.0.1",
            "IPv4 to a listener of IPv6: ConnectionRefused",
        )],
        reason: "a socket of IPv6 takes no IPv4 in wasi:sockets",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "tcp_clone",
        lines: &[
            ("a clone of a stream: true", "a clone of a stream: Unsupported"),
            ("read: 30", "read: 0"),
            ("\"by the first, and by the clone\"", "\"\""),
            (
                "one ends what the other reads: (true, 1, 0)",
                "one ends what the other reads: Unsupported",
            ),
            (
                "a clone of a listener: (true, true)",
                "a clone of a listener: Unsupported",
            ),
        ],
        reason: "WASI cannot duplicate a descriptor, and std does not share one",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "tcp_peek",
        lines: &[
            ("a look: 9", "a look: Unsupported"),
            ("another: 9", "another: Unsupported"),
            ("a short one: 3", "a short one: Unsupported"),
            ("at the end: 0", "at the end: Unsupported"),
        ],
        reason: "wasi:io reads what it shows, and the C library keeps nothing back",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_clone",
        lines: &[(
            "a clone: (true, [(\"by the first\", true), (\"by the clone\", true)])",
            "a clone: Unsupported",
        )],
        reason: "WASI cannot duplicate a descriptor, and std does not share one",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_errors",
        lines: &[
            (
                "to another when connected: 9",
                "to another when connected: Uncategorized",
            ),
            (
                "to the peer by its address: 14",
                "to the peer by its address: Uncategorized",
            ),
        ],
        reason: "the C library says EISCONN to every address of a socket that is connected, as POSIX lets it",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_multicast",
        lines: &[
            ("loop: true", "loop: Uncategorized"),
            ("switched off: false", "switched off: Uncategorized"),
            ("and on: true", "and on: Uncategorized"),
            ("ttl: 1", "ttl: Uncategorized"),
            ("another: 5", "another: Uncategorized"),
            ("join: ()", "join: Uncategorized"),
            ("again: AddrInUse", "again: Uncategorized"),
            ("no group: InvalidInput", "no group: Uncategorized"),
            ("leave: ()", "leave: Uncategorized"),
            ("again: AddrNotAvailable", "again: Uncategorized"),
            (
                "a member receives: (12, true)",
                "a member receives: Uncategorized",
            ),
            ("loop of IPv6: true", "loop of IPv6: Uncategorized"),
            ("switched off: false", "switched off: Uncategorized"),
            ("no group: InvalidInput", "no group: Uncategorized"),
            (
                "leave what was not joined: AddrNotAvailable",
                "leave what was not joined: Uncategorized",
            ),
        ],
        reason: "there is no multicast in wasi:sockets: ENOPROTOOPT",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_nonblocking",
        lines: &[
            (
                "nothing to receive, and a limit: (Err(WouldBlock), true)",
                "nothing to receive, and a limit: Uncategorized",
            ),
            ("no limit: ()", "no limit: Uncategorized"),
        ],
        reason: "the C library of wasip2 knows SO_RCVTIMEO on streams only",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_nonblocking",
        lines: &[(
            "nothing to look at: WouldBlock",
            "nothing to look at: Unsupported",
        )],
        reason: "wasi:sockets receives what it shows, and the C library keeps nothing back",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_options",
        lines: &[
            ("broadcast: false", "broadcast: Uncategorized"),
            ("switched on: true", "switched on: Uncategorized"),
            ("pending error: None", "pending error: Uncategorized"),
            ("no limit: None", "no limit: Uncategorized"),
            ("no limit: None", "no limit: Uncategorized"),
            ("broadcast of IPv6: false", "broadcast of IPv6: Uncategorized"),
            ("pending error: None", "pending error: Uncategorized"),
        ],
        reason: "there is no broadcast in wasi:sockets; the C library of wasip2 knows SO_ERROR and time limits on streams only",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_peek",
        lines: &[
            ("a look: (10, true)", "a look: Unsupported"),
            ("another: 10", "another: Unsupported"),
            ("a short one: 3", "a short one: Unsupported"),
        ],
        reason: "wasi:sockets receives what it shows, and the C library keeps nothing back",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_queued",
        lines: &[("received \"of another\"", "received \"of the peer\"")],
        reason: "wasi:sockets gives a connected socket's stream its peer's datagrams only; Linux gives what was queued before",
    },
    Difference {
        sandbox: Sandbox::Component,
        program: "udp_queued",
        lines: &[(
            "a limit for what comes: ()",
            "a limit for what comes: Uncategorized",
        )],
        reason: "the C library of wasip2 knows SO_RCVTIMEO on streams only",
    },
];

/// The programs of std_net that need nothing but their own sockets.
const PROGRAMS: [&str; 28] = [
    "addresses",
    "descriptors",
    "lookups",
    "tcp_after_reset",
    "tcp_any",
    "tcp_clone",
    "tcp_echo",
    "tcp_errors",
    "tcp_incoming",
    "tcp_large",
    "tcp_many",
    "tcp_nonblocking",
    "tcp_options",
    "tcp_peek",
    "tcp_reset",
    "tcp_shutdown",
    "tcp_timeouts",
    "tcp_vectored",
    "tcp_write_timeout",
    "udp_clone",
    "udp_connected",
    "udp_echo",
    "udp_errors",
    "udp_multicast",
    "udp_nonblocking",
    "udp_options",
    "udp_peek",
    "udp_queued",
];

/// Those of tokio_net, which are no modules.
const TOKIO_PROGRAMS: [&str; 1] = ["tokio_echo"];

/// What other tests run.
const OTHERS: [&str; 6] = ["app_lookup", "churn", "connects", "limits", "program", "waits"];

fn native(name: &str) -> String {
    Program::new(&native_guest("component", name)).finish().success()
}

#[test]
fn every_program_prints_what_it_prints_natively() {
    for name in PROGRAMS {
        let native = native(name);
        for sandbox in [Sandbox::Module, Sandbox::Component] {
            let printed = sandbox.program(name).finish().success();
            if let Some(difference) = difference(&sandbox.expected(name, &native), &printed) {
                panic!("{name} as a {sandbox:?}: {difference}");
            }
        }
    }
    for name in TOKIO_PROGRAMS {
        assert_same_transcript(
            &native(name),
            &Sandbox::Component.program(name).finish().success(),
        );
    }
}

#[test]
fn every_program_of_the_directories_is_run() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/rust");
    for (directory, run) in [("std_net", &PROGRAMS[..]), ("tokio_net", &TOKIO_PROGRAMS)] {
        let programs = guests.join(directory).join("src/bin");
        for entry in fs::read_dir(programs).expect("list the programs") {
            let name = entry.expect("an entry").file_name();
            let name = name.into_string().expect("a name");
            let name = name.trim_end_matches(".rs");
            assert!(run.contains(&name) || OTHERS.contains(&name), "{name}");
        }
    }
    for difference in DIFFERS {
        assert!(PROGRAMS.contains(&difference.program), "{}", difference.program);
        assert!(!difference.reason.is_empty() && !difference.lines.is_empty());
    }
}

#[test]
fn files_streams_arguments_and_the_exit_code_are_those_of_a_native_program() {
    let scratch = tempfile::tempdir().expect("a directory");
    let run = |program: Program| -> ProgramOutput {
        let (input, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(b"from standard input").expect("write");
        drop(writer);
        program
            .args(["one", "two"])
            .env("GREETING", "hello")
            .stdin(Stdio::from(input))
            .finish()
    };
    let (ours, theirs) = (scratch.path().join("ours"), scratch.path().join("theirs"));
    for directory in [&ours, &theirs] {
        fs::create_dir(directory).expect("a directory");
    }
    let native = run(Program::new(&native_guest("component", "program")).arg(&theirs));
    let sandboxed = run(Guestnet::run()
        .tmp(&ours)
        .option("--env")
        .option("GREETING")
        .guest(&guest("component", "program"))
        .arg("/tmp"));
    assert_same_transcript(&native.stdout, &sandboxed.stdout);
    assert_eq!(native.status.code(), Some(7), "{native}");
    // 0.2's `exit` says success or failure; `exit-with-code` is younger than this toolchain's library.
    assert_eq!(sandboxed.status.code(), Some(1), "{sandboxed}");
    assert_eq!(sandboxed.stderr, "to standard error\n");
    assert!(ours.join("below").is_dir());
}
