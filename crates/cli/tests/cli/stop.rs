//! What ends a run from outside: `--timeout`, Ctrl-C and SIGTERM, on guests that compute and guests that wait.

use crate::scratch::{ACCEPT, Running, SLEEP, SPIN, Scratch};
use rustix::process::Signal;
use std::process::Command;

/// Every way not to end, as a guest and the options that it needs.
fn endless(scratch: &Scratch) -> [Vec<&'static str>; 3] {
    for (name, (imports, body)) in [("spin.wat", SPIN), ("sleep.wat", SLEEP), ("accept.wat", ACCEPT)] {
        scratch.guest(name, imports, body);
    }
    [
        vec!["spin.wat"],
        vec!["sleep.wat"],
        vec!["--listen=tcp://127.0.0.1:0", "accept.wat"],
    ]
}

/// What the command itself printed, without the line about a listener's port.
fn own_line(stderr: &str) -> String {
    stderr
        .lines()
        .filter(|line| !line.contains(": listening on "))
        .collect()
}

fn running(scratch: &Scratch, args: &[&str]) -> Running {
    Running::start(scratch.guestnet(&[&["run"], args].concat()))
}

#[test]
fn timeout_stops_a_guest_that_spins_or_waits() {
    let scratch = Scratch::new();
    for guest in endless(&scratch) {
        let args = [&["run", "--timeout", "300ms"], guest.as_slice()].concat();
        let finished = scratch.run(&args);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(124), "ready\n"),
            "{finished:?}"
        );
        assert_eq!(
            own_line(&finished.stderr),
            "guestnet: stopped: --timeout 300ms is over",
            "{finished:?}"
        );
    }
}

#[test]
fn a_guest_that_ends_in_time_is_not_stopped() {
    let scratch = Scratch::new();
    scratch.guest(
        "exit.wat",
        &["proc_exit"],
        r#"(func (export "_start") (call $proc_exit (i32.const 5)))"#,
    );
    scratch
        .run(&["run", "--timeout", "1h", "exit.wat"])
        .assert(5, "", "");
}

#[test]
fn ctrl_c_and_sigterm_stop_a_guest_that_spins_or_waits() {
    let scratch = Scratch::new();
    for guest in endless(&scratch) {
        for (signal, code, name) in [(Signal::INT, 130, "SIGINT"), (Signal::TERM, 143, "SIGTERM")] {
            let running = running(&scratch, &guest);
            running.signal(signal);
            let finished = running.finish();
            assert_eq!(finished.code, Some(code), "{finished:?}");
            assert_eq!(
                own_line(&finished.stderr),
                format!("guestnet: stopped: {name}"),
                "{finished:?}"
            );
        }
    }
}

#[test]
fn a_guest_that_waits_for_standard_input_is_stopped() {
    let scratch = Scratch::new();
    scratch.guest(
        "read.wat",
        &["fd_read"],
        r#"(func (export "_start")
             (call $ready)
             (i32.store (i32.const 0) (i32.const 64))
             (i32.store (i32.const 4) (i32.const 1))
             (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
             (unreachable))"#,
    );
    let (read, _write) = std::io::pipe().unwrap();
    let mut command = scratch.guestnet(&["run", "read.wat"]);
    command.stdin(read);
    let running = Running::start(command);
    running.signal(Signal::INT);
    running.finish().assert(130, "", "guestnet: stopped: SIGINT\n");
}

/// Opens a FIFO without a writer: a call that nothing interrupts.
fn stuck(scratch: &Scratch) -> Running {
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(
        rustix::fs::CWD,
        scratch.path().join("fifo"),
        rustix::fs::FileType::Fifo,
        mode,
        0,
    )
    .expect("make a FIFO");
    scratch.guest(
        "stuck.wat",
        &["path_open"],
        r#"(data (i32.const 0) "fifo")
           (func (export "_start")
             (call $ready)
             ;; fd_read and poll_fd_readwrite
             (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 0)
                                    (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 16)))
             (unreachable))"#,
    );
    running(scratch, &["--dir", ".", "stuck.wat"])
}

#[test]
fn a_guest_that_is_stuck_in_the_file_system_does_not_keep_the_process() {
    let scratch = Scratch::new();
    let running = stuck(&scratch);
    running.signal(Signal::INT);
    running.finish().assert(130, "", "guestnet: stopped: SIGINT\n");
}

#[test]
fn a_signal_that_is_ignored_at_the_start_stays_ignored() {
    let scratch = Scratch::new();
    scratch.guest("sleep.wat", SLEEP.0, SLEEP.1);
    let guestnet = scratch.guestnet(&["run", "sleep.wat"]);
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "trap '' INT; exec \"$@\"", "sh"])
        .arg(guestnet.get_program())
        .args(guestnet.get_args());
    shell
        .current_dir(scratch.path())
        .env("GUESTNET_CACHE", scratch.cache())
        .stdin(std::process::Stdio::null());
    let running = Running::start(shell);
    // If it were not ignored, it would come first.
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    running.finish().assert(143, "", "guestnet: stopped: SIGTERM\n");
}
