//! `os.signal` of scripts: what they may handle, and that each can still be ended.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::scratch::{Running, Scratch};

fn start(scratch: &Scratch, source: &str) -> Running {
    scratch.file("app.js", format!("import * as os from 'os';\n{source}"));
    Running::start(scratch.guestnet(&["run", "--listen=tcp://127.0.0.1:0", "--timeout=50s", "app.js"]))
}

/// The line about the listener's port is not what these tests are about.
fn own(stderr: &str) -> &str {
    match stderr.split_once('\n') {
        Some((first, rest)) if first.contains(": listening on ") => rest,
        _ => stderr,
    }
}

#[test]
fn a_script_closes_its_server_at_a_signal_and_ends_by_itself() {
    let scratch = Scratch::new();
    for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM")] {
        let running = start(
            &scratch,
            &format!(
                "os.signal(os.{name}, (...args) => {{ print('closing', args.length); os.close(3); }});
                 const gone = os.accept(3).catch(error => print(error));
                 print('ready');
                 await gone;"
            ),
        );
        running.signal(signal);
        let finished = running.finish();
        assert_eq!(
            (finished.code, finished.stdout.as_str(), own(&finished.stderr)),
            (Some(0), "closing 0\n-125\n", ""),
            "{name}"
        );
    }
}

#[test]
fn the_second_signal_ends_a_script_that_goes_on() {
    let scratch = Scratch::new();
    for (second, code, name) in [(Signal::INT, 130, "SIGINT"), (Signal::TERM, 143, "SIGTERM")] {
        let mut running = start(
            &scratch,
            "for (const signal of [os.SIGINT, os.SIGTERM]) os.signal(signal, () => print('not yet'));
             os.accept(3);
             print('ready');",
        );
        running.signal(Signal::INT);
        assert_eq!(running.line(), "not yet\n");
        running.signal(second);
        let finished = running.finish();
        assert_eq!(
            (finished.code, finished.stdout.as_str(), own(&finished.stderr)),
            (Some(code), "", format!("guestnet: stopped: {name}\n").as_str())
        );
    }
}

#[test]
fn a_script_that_never_looks_or_ignores_signals_ends_at_the_second_one() {
    let scratch = Scratch::new();
    for source in [
        "os.signal(os.SIGINT, () => print('never')); print('ready'); for (;;);",
        "os.signal(os.SIGINT, undefined); os.signal(os.SIGTERM); print('ready'); for (;;);",
        "os.signal(os.SIGINT, undefined); os.accept(3); print('ready');",
        "os.signal(os.SIGINT, () => { for (;;); }); os.accept(3); print('ready');",
    ] {
        let running = start(&scratch, source);
        // Two kinds, because two of one kind may become one before the process sees them.
        running.signal(Signal::INT);
        running.signal(Signal::TERM);
        let finished = running.finish();
        assert_eq!(
            (finished.code, finished.stdout.as_str(), own(&finished.stderr)),
            (Some(143), "", "guestnet: stopped: SIGTERM\n"),
            "{source}"
        );
    }
}

#[test]
fn null_gives_a_signal_its_action_back() {
    let scratch = Scratch::new();
    let running = start(
        &scratch,
        "os.signal(os.SIGINT, () => print('never')); os.signal(os.SIGINT, null); os.accept(3); print('ready');",
    );
    running.signal(Signal::INT);
    let finished = running.finish();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(130), ""),
        "{finished:?}"
    );
}

#[test]
fn the_timeout_is_kept_whatever_a_script_handles() {
    let scratch = Scratch::new();
    scratch.file(
        "app.js",
        "import * as os from 'os';
         for (const signal of [os.SIGINT, os.SIGTERM, os.SIGHUP, os.SIGUSR1]) os.signal(signal, () => {});
         print('ready'); os.setTimeout(() => {}, 1e9);",
    );
    let running = Running::start(scratch.guestnet(&["run", "--timeout=300ms", "app.js"]));
    running.signal(Signal::USR1);
    running
        .finish()
        .assert(124, "", "guestnet: stopped: --timeout 300ms is over\n");
}

#[test]
fn other_signals_come_as_often_as_they_are_sent() {
    let scratch = Scratch::new();
    let mut running = start(
        &scratch,
        "let count = 0;
         os.signal(os.SIGUSR1, () => print('usr1', ++count));
         os.signal(os.SIGUSR2, () => { os.signal(os.SIGUSR2, null); print('usr2'); });
         os.signal(os.SIGHUP, () => { print('read again'); os.close(3); });
         os.accept(3).catch(() => print('closed'));
         print('ready');",
    );
    for count in 1..=5 {
        running.signal(Signal::USR1);
        assert_eq!(running.line(), format!("usr1 {count}\n"));
    }
    running.signal(Signal::USR2);
    assert_eq!(running.line(), "usr2\n");
    running.signal(Signal::HUP);
    let finished = running.finish();
    assert_eq!(
        (finished.code, finished.stdout.as_str(), own(&finished.stderr)),
        (Some(0), "read again\nclosed\n", "")
    );
}

#[test]
fn a_signal_that_nobody_asked_for_or_that_was_given_back_does_what_the_kernel_says() {
    let scratch = Scratch::new();
    for source in [
        "print('ready'); os.accept(3);",
        "os.signal(os.SIGUSR1, () => print('never')); os.signal(os.SIGUSR1, null); print('ready'); os.accept(3);",
    ] {
        scratch.file("app.js", format!("import * as os from 'os';\n{source}"));
        let mut command = scratch.guestnet(&["run", "--listen=tcp://127.0.0.1:0", "--timeout=50s", "app.js"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start it");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
        assert_eq!(line, "ready\n");
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::USR1)
            .expect("send a signal");
        let status = child.wait().expect("its end");
        assert_eq!(status.signal(), Some(Signal::USR1.as_raw()), "{source}");
    }
}

#[test]
fn a_signal_that_is_ignored_at_the_start_reaches_no_script() {
    let scratch = Scratch::new();
    scratch.file(
        "app.js",
        "import * as os from 'os';
         for (const signal of [os.SIGINT, os.SIGHUP]) print(os.signal(signal, () => print('never')));
         os.signal(os.SIGUSR1, () => { print('done'); os.clearTimeout(timer); });
         const timer = os.setTimeout(() => {}, 1e9);
         print('set');",
    );
    let guestnet = scratch.guestnet(&["run", "--timeout=50s", "app.js"]);
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", "trap '' INT HUP; echo ready; exec \"$@\"", "sh"])
        .arg(guestnet.get_program())
        .args(guestnet.get_args())
        .current_dir(scratch.path())
        .stdin(Stdio::null());
    let mut running = Running::start(shell);
    for expected in ["undefined\n", "undefined\n", "set\n"] {
        assert_eq!(running.line(), expected);
    }
    running.signal(Signal::INT);
    running.signal(Signal::HUP);
    running.signal(Signal::USR1);
    running.finish().assert(0, "done\n", "");
}

#[test]
fn an_error_in_a_handler_ends_the_script() {
    let scratch = Scratch::new();
    let running = start(
        &scratch,
        "os.signal(os.SIGINT, () => { throw new Error('mine'); }); os.accept(3); print('ready');",
    );
    running.signal(Signal::INT);
    let finished = running.finish();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(1), ""),
        "{finished:?}"
    );
    assert!(own(&finished.stderr).starts_with("Error: mine\n"), "{finished:?}");
}
