//! README's table of what a program can call where. Each row names behaviours of the matrix, which say whether its cells are true.

use crate::table::{COLUMNS, Difference, Guest, Sandbox, reason};
use guestnet_tests::docs;
use std::fmt::Write as _;
use std::fs;

/// A column of the table: several of the matrix.
struct System {
    name: &'static str,
    has: fn(Sandbox) -> bool,
}

/// Beside Linux, which has every behaviour: it is the oracle.
const SYSTEMS: [System; 4] = [
    System {
        name: "WASI preview 1",
        has: |sandbox| matches!(sandbox, Sandbox::Wasip1),
    },
    System {
        name: "Emscripten on Node, Deno, Bun",
        has: |sandbox| matches!(sandbox, Sandbox::Emscripten(..)),
    },
    System {
        name: "Emscripten in Chrome",
        has: |sandbox| matches!(sandbox, Sandbox::Chromium(_)),
    },
    System {
        name: "scripts",
        has: |sandbox| matches!(sandbox, Sandbox::Js),
    },
];

struct Row {
    calls: &'static str,
    /// The behaviours that it stands for.
    guests: &'static [&'static str],
    /// In the order of [`SYSTEMS`].
    cells: [Cell; SYSTEMS.len()],
}

/// What a cell says, and when that is true.
enum Cell {
    /// All behaviours are as on Linux.
    All(&'static str),
    /// All are, and the words say something more.
    More(&'static str, Proof),
    /// All are but these, for which the words have the reason.
    But(&'static str, &'static [&'static str]),
    /// None is: a dash.
    No,
    /// None is, and something else is there.
    Else(&'static str, Proof),
}

/// What shows the words of a cell where the row's behaviours do not.
enum Proof {
    /// Another behaviour of the matrix, which is as on Linux.
    Guest(&'static str),
    /// A test: its file, from the root of the repository, and its name.
    Test(&'static str, &'static str),
}

use Cell::{All, But, Else, More, No};
use Proof::Test;

const YES: Cell = All("yes");

const ROWS: [Row; 13] = [
    Row {
        calls: "connect, send, recv, shutdown",
        guests: &[
            "tcp_echo_1mib",
            "tcp_full_duplex",
            "tcp_half_close",
            "tcp_half_close_server",
            "tcp_many_connections",
        ],
        cells: [
            YES,
            YES,
            But(
                "yes; `SHUT_WR` only after the peer's end",
                &["tcp_half_close", "tcp_half_close_server"],
            ),
            YES,
        ],
    },
    Row {
        calls: "bind, listen, accept",
        guests: &[
            "tcp_accept_not_listening",
            "tcp_accept_order",
            "tcp_bind_ephemeral",
            "tcp_bind_in_use",
            "tcp_listen_twice",
        ],
        cells: [
            More(
                "yes, and pre-opened listeners",
                Test(
                    "tests/tests/systemd.rs",
                    "a_server_that_systemd_starts_for_its_first_client_serves_as_the_native_one",
                ),
            ),
            YES,
            More(
                "yes, on port 0 or from 32,768",
                Test(
                    "tests/tests/web.rs",
                    "a_server_has_a_port_from_32768_and_a_lower_one_is_refused",
                ),
            ),
            YES,
        ],
    },
    Row {
        calls: "UDP, connected and not",
        guests: &[
            "udp_boundaries",
            "udp_connected_filter",
            "udp_echo",
            "udp_empty_datagram",
            "udp_peek",
            "udp_reconnect",
            "udp_refused",
        ],
        cells: [
            YES,
            YES,
            But(
                "yes; no empty datagram, no ICMP error",
                &["udp_empty_datagram", "udp_refused"],
            ),
            YES,
        ],
    },
    Row {
        calls: "UNIX sockets",
        guests: &[
            "unix_connect_missing",
            "unix_dgram_echo",
            "unix_rights",
            "unix_stream_echo",
        ],
        cells: [
            But("yes, no descriptors in control data", &["unix_rights"]),
            YES,
            No,
            But("yes, no descriptors in control data", &["unix_rights"]),
        ],
    },
    Row {
        calls: "getaddrinfo",
        guests: &["gai_connect", "gai_localhost", "gai_numeric_host", "gai_passive"],
        cells: [
            YES,
            More(
                "yes, also without waiting",
                Test(
                    "tests/tests/emscripten.rs",
                    "a_look_up_is_under_way_while_the_program_goes_on_under_every_engine",
                ),
            ),
            More(
                "yes; a name's real address shows when it is connected to",
                Test("tests/tests/web.rs", "a_name_is_judged_by_where_it_leads"),
            ),
            Else(
                "yes",
                Test(
                    "tests/tests/names/same_with_dnsmasq.rs",
                    "javascript_with_both_forms_prints_the_transcript_of_c",
                ),
            ),
        ],
    },
    Row {
        calls: "poll, select",
        guests: &[
            "poll_connected",
            "poll_level_triggered",
            "poll_listener",
            "poll_timeout",
            "select_read_write",
            "select_timeout",
        ],
        cells: [
            YES,
            YES,
            YES,
            Else(
                "handlers and promises",
                Test(
                    "crates/guest-quickjs/tests/socket/api.rs",
                    "handlers_are_called_while_there_is_something_to_read",
                ),
            ),
        ],
    },
    Row {
        calls: "epoll",
        guests: &[
            "epoll_errors",
            "epoll_many",
            "epoll_nested",
            "epoll_oneshot",
            "epoll_timeout",
        ],
        cells: [
            More("yes, and `epoll_oneoff`", Proof::Guest("poll_epoll_oneoff")),
            YES,
            But("yes, not of another epoll", &["epoll_nested"]),
            No,
        ],
    },
    Row {
        calls: "eventfd, timerfd",
        guests: &["event_counter", "event_timer"],
        cells: [
            No,
            YES,
            YES,
            Else(
                "timers of its own",
                Test(
                    "crates/guest-quickjs/tests/std_modules/misc.rs",
                    "a_script_may_have_many_timers_but_not_any_number",
                ),
            ),
        ],
    },
    Row {
        calls: "sendfile; pipes and splice",
        guests: &["splice_proxy", "tcp_sendfile"],
        cells: [
            YES,
            YES,
            No,
            Else(
                "pipes",
                Test(
                    "crates/guest-quickjs/tests/std_modules/io.rs",
                    "a_read_of_a_pipe_ends_when_the_pipe_is_closed",
                ),
            ),
        ],
    },
    Row {
        calls: "sendmsg, recvmsg, batches",
        guests: &[
            "message_many",
            "message_pktinfo",
            "message_rights",
            "tcp_sendmsg_recvmsg",
            "udp_sendmsg_recvmsg",
        ],
        cells: [
            But(
                "yes, without control data",
                &["message_pktinfo", "message_rights"],
            ),
            YES,
            But(
                "yes, without control data; what a program sends itself comes a moment later",
                &["message_many", "message_pktinfo", "message_rights"],
            ),
            No,
        ],
    },
    Row {
        calls: "multicast",
        guests: &["opt_multicast_ttl_loop", "udp_multicast"],
        cells: [
            YES,
            YES,
            But(
                "yes, on an interface of the browser's choice, a moment after joining",
                &["udp_multicast"],
            ),
            YES,
        ],
    },
    Row {
        calls: "socket options",
        guests: &[
            "opt_bindtodevice",
            "opt_broadcast",
            "opt_ip_ttl",
            "opt_keepalive",
            "opt_linger",
            "opt_nodelay",
            "opt_read_only",
            "opt_reuseaddr",
        ],
        cells: [
            But(
                "[those that a policy can allow](docs/options.md)",
                &["opt_bindtodevice"],
            ),
            But("the same", &["opt_bindtodevice"]),
            But(
                "the few that the browser has",
                &[
                    "opt_bindtodevice",
                    "opt_broadcast",
                    "opt_ip_ttl",
                    "opt_keepalive",
                    "opt_linger",
                ],
            ),
            But("the same", &["opt_bindtodevice"]),
        ],
    },
    Row {
        calls: "threads that share sockets",
        guests: &[
            "thread_epoll",
            "thread_event",
            "thread_share",
            "thread_shutdown_wakes",
            "thread_timeout",
        ],
        cells: [
            No,
            All("pthreads"),
            All("pthreads, through the main thread"),
            Else(
                "workers, without sharing",
                Test(
                    "crates/guest-quickjs/tests/std_modules/worker.rs",
                    "workers_behave_as_those_of_qjs",
                ),
            ),
        ],
    },
];

impl Cell {
    fn words(&self) -> &'static str {
        match self {
            All(words) | More(words, _) | But(words, _) | Else(words, _) => words,
            No => "-",
        }
    }

    fn proof(&self) -> Option<&Proof> {
        match self {
            More(_, proof) | Else(_, proof) => Some(proof),
            All(_) | But(..) | No => None,
        }
    }
}

/// What the matrix asserts.
pub(crate) struct Matrix<'a> {
    pub(crate) guests: &'a [Guest],
    pub(crate) differences: &'a [Difference],
}

impl Matrix<'_> {
    /// Whether a behaviour is as on Linux in a system: at least one of its columns has it, and all of these have it so.
    fn is_same(&self, name: &str, system: &System) -> Result<bool, String> {
        let known = self.guests.iter().find(|guest| guest.name == name);
        let guest = known.ok_or_else(|| format!("there is no guest {name}"))?;
        let mut columns = COLUMNS
            .into_iter()
            .filter(|column| (system.has)(column.sandbox) && column.can_have(guest))
            .peekable();
        Ok(columns.peek().is_some()
            && columns.all(|column| reason(self.differences, guest, column).is_none()))
    }

    /// The behaviours of a row that a system has otherwise, or not at all.
    fn otherwise(&self, row: &Row, system: &System) -> Result<Vec<&'static str>, String> {
        let mut names = Vec::new();
        for name in row.guests {
            if !self.is_same(name, system)? {
                names.push(*name);
            }
        }
        Ok(names)
    }

    /// Why a cell is not true.
    fn fault(&self, row: &Row, system: &System, cell: &Cell) -> Result<(), String> {
        let expected = match cell {
            All(_) | More(..) => &[],
            But(_, lacks) => *lacks,
            No | Else(..) => row.guests,
        };
        let otherwise = self.otherwise(row, system)?;
        if otherwise != expected {
            return Err(format!(
                "otherwise or not at all: {otherwise:?}, and the cell is for {expected:?}"
            ));
        }
        match cell.proof() {
            None => Ok(()),
            Some(Proof::Guest(name)) if self.is_same(name, system)? => Ok(()),
            Some(Proof::Guest(name)) => Err(format!("{name} does not show it")),
            Some(Test(file, name)) => has_test(file, name),
        }
    }

    /// The table.
    ///
    /// # Errors
    /// The cells that are not true.
    pub(crate) fn readme(&self) -> Result<String, String> {
        let mut text = String::from("| | Linux |");
        for system in &SYSTEMS {
            let _ = write!(text, " {} |", system.name);
        }
        text.push_str("\n|---|---|");
        text.push_str(&"---|".repeat(SYSTEMS.len()));
        text.push('\n');
        let mut faults = Vec::new();
        for row in &ROWS {
            let _ = write!(text, "| {} | yes |", row.calls);
            for (system, cell) in SYSTEMS.iter().zip(&row.cells) {
                let words = cell.words();
                let _ = write!(text, " {words} |");
                if let Err(fault) = self.fault(row, system, cell) {
                    faults.push(format!("{} | {} | {words}: {fault}", row.calls, system.name));
                }
            }
            text.push('\n');
        }
        if faults.is_empty() {
            Ok(text)
        } else {
            Err(format!(
                "cells of README's table are not true:\n{}",
                faults.join("\n")
            ))
        }
    }
}

/// The part of docs/conformance.md that says what the table stands for.
pub(crate) fn page() -> String {
    let mut text = String::from(
        "\n## Calls\n\n\
         Each row of the table of calls in README.md stands for these behaviours. A plain yes is a cell where all of them are the same as \
         on\nLinux, and a dash one where none is or can be compared. Where a cell says more, the last two columns have which behaviours \
         differ, and\nwhat else shows it.\n\n\
         | calls | behaviours | but in | also shown by |\n|---|---|---|---|\n",
    );
    for row in &ROWS {
        let quoted = |names: &[&str]| {
            names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut differ = Vec::new();
        let mut shown = Vec::new();
        for (system, cell) in SYSTEMS.iter().zip(&row.cells) {
            if let But(_, lacks) = cell {
                differ.push(format!("{}: {}", system.name, quoted(lacks)));
            }
            match cell.proof() {
                Some(Proof::Guest(name)) => shown.push(format!("{}: `{name}`", system.name)),
                Some(Test(file, name)) => {
                    shown.push(format!("{}: `{name}` of [{file}](../{file})", system.name))
                }
                None => {}
            }
        }
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            row.calls,
            quoted(row.guests),
            differ.join("; "),
            shown.join("; ")
        );
    }
    text
}

/// Whether a file has a test of this name.
fn has_test(file: &str, name: &str) -> Result<(), String> {
    let text = fs::read_to_string(docs::root().join(file)).map_err(|error| format!("{file}: {error}"))?;
    if text.contains(&format!("fn {name}(")) || text.contains(&format!("\"{name}\"")) {
        Ok(())
    } else {
        Err(format!("{file} has no test {name}"))
    }
}
