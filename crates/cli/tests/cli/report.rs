//! `--metrics` and `--audit`: files and addresses, and what becomes of both when the other side does not play along.

use crate::scratch::{Running, SLEEP, Scratch, finish};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Stdio};

/// A script that connects to each address in turn, by TCP, and prints what came of it.
fn connecter(addrs: &[SocketAddr]) -> String {
    let mut text = String::from("import * as os from 'os';\n");
    for addr in addrs {
        text += &format!(
            "try {{ const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
               console.log(await os.connect(fd, {{ family: os.AF_INET, addr: '{}', port: {} }}) === 0 ? 'ok' : 'failed');
             }} catch {{ console.log('failed'); }}\n",
            addr.ip(),
            addr.port()
        );
    }
    text
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

fn nowhere() -> SocketAddr {
    "10.0.0.5:5432".parse().unwrap()
}

fn get(mut client: impl Read + Write) -> String {
    client
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: guest\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

#[track_caller]
fn has(metrics: &str, line: &str) {
    assert!(
        metrics.lines().any(|each| each == line),
        "{line} is not in\n{metrics}"
    );
}

#[test]
fn a_file_of_metrics_has_what_the_guest_did_at_its_end() {
    let scratch = Scratch::new();
    let (_listener, to) = listener();
    scratch.file("a.js", connecter(&[to, nowhere(), nowhere()]));
    let finished = scratch.run(&[
        "run",
        "--metrics=m.prom",
        &format!("--allow-connect={to}"),
        "a.js",
    ]);
    assert_eq!(finished.stdout, "ok\nfailed\nfailed\n", "{finished:?}");
    let metrics = std::fs::read_to_string(scratch.path().join("m.prom")).unwrap();
    has(
        &metrics,
        "guestnet_connections_total{direction=\"out\",protocol=\"tcp\"} 1",
    );
    has(&metrics, "guestnet_denials_total{use=\"connect\"} 2");
    has(&metrics, "guestnet_errors_total{errno=\"EACCES\"} 2");
    // They went with the guest.
    has(&metrics, "guestnet_sockets 0");
    // Nothing else is left in the directory, which is the process's to write to while it runs.
    let mut names: Vec<_> = std::fs::read_dir(scratch.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a.js", "m.prom"]);
}

#[test]
fn a_module_and_a_component_have_metrics_too() {
    let scratch = Scratch::new();
    scratch.guest("module.wat", &[], "(func (export \"_start\"))");
    scratch.file(
        "component.wat",
        r#"(component
            (core module $program (func (export "run") (result i32) (i32.const 0)))
            (core instance $program (instantiate $program))
            (func $run (result (result)) (canon lift (core func $program "run")))
            (instance $command (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $command)))"#,
    );
    for guest in ["module.wat", "component.wat"] {
        scratch.run(&["run", "--metrics=m.prom", guest]).assert(0, "", "");
        let metrics = std::fs::read_to_string(scratch.path().join("m.prom")).unwrap();
        has(&metrics, "guestnet_sockets 0");
        std::fs::remove_file(scratch.path().join("m.prom")).unwrap();
    }
}

#[test]
fn a_guest_that_runs_is_asked_at_its_address_and_the_address_goes_with_it() {
    let scratch = Scratch::new();
    scratch.guest("sleep.wat", SLEEP.0, SLEEP.1);
    let path = scratch.path().join("m.sock");
    for signal in [Signal::TERM, Signal::KILL] {
        let running = Running::start(scratch.guestnet(&["run", "--metrics=unix:m.sock", "sleep.wat"]));
        let answer = get(UnixStream::connect(&path).unwrap());
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        has(&answer, "guestnet_sockets 0");
        running.signal(signal);
        let finished = running.finish();
        // The next run replaces what a killed one leaves.
        assert_eq!(path.exists(), signal == Signal::KILL, "{finished:?}");
    }
    let running = Running::start(scratch.guestnet(&["run", "--metrics=unix:m.sock", "sleep.wat"]));
    let second = scratch.run(&["run", "--metrics=unix:m.sock", "sleep.wat"]);
    second.assert(
        1,
        "",
        "guestnet: cannot write the metrics to unix:m.sock: Address already in use\n",
    );
    assert!(get(UnixStream::connect(&path).unwrap()).starts_with("HTTP/1.1 200"));
    running.signal(Signal::INT);
    running.finish();
}

/// The address is the owner's: `--allow-net` does not open it to the guest.
#[test]
fn a_guest_does_not_reach_the_address_of_its_own_metrics_or_of_its_audit() {
    let scratch = Scratch::new();
    // It reads the port from its standard input.
    scratch.file(
        "a.js",
        "import * as os from 'os'; import * as std from 'std';
         const port = Number(std.in.getline());
         for (const addr of ['127.0.0.1', '0.0.0.0', '127.9.9.9']) {
           const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
           let outcome;
           try { outcome = await os.connect(fd, { family: os.AF_INET, addr, port }); } catch (error) { outcome = error; }
           console.log(outcome === -std.Error.EACCES ? 'EACCES' : outcome);
         }",
    );
    for wildcard in [false, true] {
        let host = if wildcard { "0.0.0.0" } else { "127.0.0.1" };
        let mut command =
            scratch.guestnet(&["run", "--allow-net", &format!("--metrics=tcp://{host}:0"), "a.js"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let local = line
            .trim_end()
            .strip_prefix(&format!("guestnet: --metrics tcp://{host}:0: listening on "))
            .unwrap_or_else(|| panic!("{line:?}"));
        let port = local.parse::<SocketAddr>().unwrap().port();
        // Its owner does.
        let answer = get(TcpStream::connect(("127.0.0.1", port)).unwrap());
        has(&answer, "guestnet_sockets 0");
        writeln!(child.stdin.take().unwrap(), "{port}").unwrap();
        let output = child.wait_with_output().unwrap();
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<_> = stdout.lines().collect();
        if wildcard {
            assert_eq!(lines, ["EACCES"; 3], "{rest}");
        } else {
            // Of 127/8 it is one address that is listened at; the last is refused by the kernel.
            assert_eq!(lines[..2], ["EACCES"; 2], "{rest}");
            assert_ne!(lines[2], "EACCES", "{rest}");
        }
        let rule = if wildcard {
            format!("tcp://127.0.0.0/8:{port}")
        } else {
            format!("tcp://127.0.0.1:{port}")
        };
        assert_eq!(
            rest,
            format!("guestnet: connect 127.0.0.1:{port}: denied by --metrics \"{rule}\"\n")
        );
    }
    let (collector, to) = listener();
    scratch.file("b.js", connecter(&[to]));
    let finished = scratch.run(&["run", "--allow-net", &format!("--audit=tcp://{to}"), "b.js"]);
    assert_eq!(finished.stdout, "failed\n", "{finished:?}");
    let mut lines = String::new();
    collector.accept().unwrap().0.read_to_string(&mut lines).unwrap();
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert!(lines.contains("\"outcome\":\"denied\""), "{lines}");
}

/// A guest chooses neither how many numbers there are nor what they are called.
#[test]
fn metrics_are_as_long_for_a_guest_that_tries_everything_as_for_any_other() {
    let scratch = Scratch::new();
    scratch.file(
        "a.js",
        "import * as os from 'os';
         for (let index = 0; index < 2000; index++) {
           const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
           try { await os.connect(fd, { family: os.AF_INET, addr: `10.1.${index >> 8}.${index & 255}`, port: 1 + index }); } catch {}
           os.close(fd);
           try { await os.getaddrinfoAsync(`evil-${index}.example`, null); } catch {}
         }",
    );
    let finished = scratch.run(&["run", "--metrics=m.prom", "a.js"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let metrics = std::fs::read_to_string(scratch.path().join("m.prom")).unwrap();
    has(&metrics, "guestnet_denials_total{use=\"connect\"} 2000");
    has(&metrics, "guestnet_denials_total{use=\"resolve\"} 2000");
    assert!(
        !metrics.contains("evil") && !metrics.contains("10.1."),
        "{metrics}"
    );
    scratch.file("b.js", "");
    scratch
        .run(&["run", "--metrics=m.prom", "b.js"])
        .assert(0, "", "");
    let least = std::fs::read_to_string(scratch.path().join("m.prom")).unwrap();
    // One errno has occurred.
    assert_eq!(metrics.lines().count(), least.lines().count() + 1, "{metrics}");
}

#[test]
fn a_collector_gets_each_line_whole_and_in_order_and_the_end() {
    let scratch = Scratch::new();
    let unix = UnixListener::bind(scratch.path().join("a.sock")).unwrap();
    let (tcp, at) = listener();
    let addrs: Vec<SocketAddr> = (1..=200)
        .map(|port| SocketAddr::from(([10, 0, 0, 5], port)))
        .collect();
    scratch.file("a.js", connecter(&addrs));
    for to in ["unix:a.sock".to_owned(), format!("tcp://{at}")] {
        let finished = scratch.run(&["run", &format!("--audit={to}"), "a.js"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let mut text = String::new();
        if to.starts_with("unix") {
            unix.accept().unwrap().0.read_to_string(&mut text).unwrap();
        } else {
            tcp.accept().unwrap().0.read_to_string(&mut text).unwrap();
        }
        let targets: Vec<_> = text
            .lines()
            .map(|line| {
                assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
                let (_, rest) = line.split_once("\"target\":\"").unwrap();
                rest.split_once('"').unwrap().0.parse::<SocketAddr>().unwrap()
            })
            .collect();
        assert_eq!(targets, addrs, "{to}");
    }
}

/// So many decisions that each are a line.
const LINES: usize = 5000;

/// A guest whose audit is more than a socket's buffers hold, and the connection to its collector.
fn flood(scratch: &Scratch) -> (Child, UnixStream) {
    let collector = UnixListener::bind(scratch.path().join("a.sock")).unwrap();
    scratch.file(
        "a.js",
        format!(
            "import * as os from 'os';
             for (let index = 0; index < {LINES}; index++) {{
               const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
               try {{ await os.connect(fd, {{ family: os.AF_INET, addr: '10.0.0.5', port: 1 + index }}); }} catch {{}}
               os.close(fd);
             }}
             console.log('all');"
        ),
    );
    let mut child = scratch
        .guestnet(&["run", "--audit=unix:a.sock", "a.js"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (collected, _) = collector.accept().unwrap();
    // It sleeps in a write: the kernel says of its thread what it waits for.
    let tasks = format!("/proc/{}/task", child.id());
    let waits = || {
        let tasks = std::fs::read_dir(&tasks).unwrap();
        tasks.flatten().any(|task| {
            let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
            read("comm").trim() == "guest" && read("syscall").split(' ').next() == Some(SENDTO)
        })
    };
    while !waits() {
        assert_eq!(child.try_wait().unwrap(), None, "it has ended without waiting");
        std::thread::yield_now();
    }
    (child, collected)
}

#[test]
fn a_guest_waits_for_a_collector_that_reads_slowly_and_nothing_is_lost() {
    let scratch = Scratch::new();
    let (mut child, collected) = flood(&scratch);
    assert_eq!(BufReader::new(collected).lines().count(), LINES);
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "all\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_guest_that_waits_for_its_collector_is_ended_by_a_signal() {
    let scratch = Scratch::new();
    let (mut child, collected) = flood(&scratch);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    // What it took is whole but for the line that it was in.
    let lines: Vec<_> = BufReader::new(collected).lines().map(Result::unwrap).collect();
    let whole = lines.iter().filter(|line| line.ends_with('}')).count();
    assert!(whole > 0 && whole + 1 >= lines.len() && whole < LINES, "{whole}");
}

/// Its number as /proc has it (proc_pid_syscall(5)).
#[cfg(target_arch = "x86_64")]
const SENDTO: &str = "44";
#[cfg(not(target_arch = "x86_64"))]
const SENDTO: &str = "206";

#[test]
fn a_guest_whose_collector_goes_away_goes_on_and_its_owner_is_told_once() {
    let scratch = Scratch::new();
    let (collector, to) = listener();
    let addrs: Vec<SocketAddr> = (1..=50)
        .map(|port| SocketAddr::from(([10, 0, 0, 5], port)))
        .collect();
    let text = format!(
        "import * as std from 'std'; std.in.getline();\n{}",
        connecter(&addrs)
    );
    scratch.file("a.js", text);
    let mut child = scratch
        .guestnet(&["run", &format!("--audit=tcp://{to}"), "a.js"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(collector.accept().unwrap());
    drop(collector);
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "failed\n".repeat(50));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let said: Vec<_> = stderr.lines().filter(|line| line.contains("the audit")).collect();
    let [line] = said[..] else { panic!("{stderr}") };
    assert!(
        line.starts_with(&format!(
            "guestnet: cannot write the audit to tcp://{to} any more: "
        )) && line.ends_with("; it ends here"),
        "{line}"
    );
}

#[test]
fn a_full_disk_does_not_end_the_guest_and_its_owner_is_told_once() {
    let scratch = Scratch::new();
    scratch.file("a.js", connecter(&[nowhere(), "10.0.0.6:1".parse().unwrap()]));
    let finished = scratch.run(&["run", "--audit=/dev/full", "a.js"]);
    finished.assert(
        0,
        "failed\nfailed\n",
        "guestnet: cannot write the audit to /dev/full any more: No space left on device; lines are lost until it can\n\
         guestnet: connect 10.0.0.5:5432: denied because no rule allows it; --allow-connect 10.0.0.5:5432 would\n",
    );
}

#[test]
fn an_address_where_nothing_answers_is_an_error_before_the_guest_starts() {
    let scratch = Scratch::new();
    scratch.guest("a.wat", &[], "(func (export \"_start\") (call $ready))");
    let (gone, to) = listener();
    drop(gone);
    for (option, line) in [
        (
            format!("--audit=tcp://{to}"),
            format!("cannot write the audit to tcp://{to}: Connection refused"),
        ),
        (
            "--audit=unix:no.sock".to_owned(),
            "cannot write the audit to unix:no.sock: No such file or directory".to_owned(),
        ),
        (
            "--metrics=no/m.prom".to_owned(),
            "cannot write the metrics to no/m.prom: No such file or directory".to_owned(),
        ),
        (
            "--metrics=tcp://192.0.2.1:9100".to_owned(),
            "cannot write the metrics to tcp://192.0.2.1:9100: Cannot assign requested address".to_owned(),
        ),
    ] {
        scratch
            .run(&["run", &option, "a.wat"])
            .assert(1, "", &format!("guestnet: {line}\n"));
    }
    for option in [
        "--audit=tcp://db:1",
        "--metrics=tcp://127.0.0.1",
        "--metrics=unix:",
        "--audit=",
    ] {
        let finished = finish(scratch.guestnet(&["run", option, "a.wat"]));
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(2), ""),
            "{finished:?}"
        );
    }
}
