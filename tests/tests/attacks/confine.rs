//! A42: an engine has a defect, and the guest has the whole process. The defect is planted (`crates/cli/src/planted.rs`):
//! growing a memory to a certain size, or asking for a certain signal, does what no ABI offers, on the guest's thread.

use guestnet_tests::paths::planted_bin;
use guestnet_tests::{Guestnet, Program, ProgramOutput};
use std::fs;
use std::net::TcpListener;
use std::path::Path;

/// The sizes that start the defect: one page, and the others.
const MODULE: &str = r#"(module (memory (export "memory") 1)
    (func (export "_start") (drop (memory.grow (i32.const 1233)))))"#;

const COMPONENT: &str = r#"(component
    (core module $m (memory (export "memory") 1)
        (func (export "run") (result i32) (drop (memory.grow (i32.const 1233))) (i32.const 0)))
    (core instance $i (instantiate $m))
    (func $run (result (result)) (canon lift (core func $i "run")))
    (instance $program (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $program)))"#;

const SCRIPT: &str = "import * as os from 'os'; os.signal(1234, null);";

/// A guest of each engine that uses its defect for this.
fn planted(directory: &Path, guest: &str, options: &[&str], what: &str) -> ProgramOutput {
    // A script may read the files next to it.
    let place = directory.join("guests");
    fs::create_dir_all(&place).expect("create");
    let path = place.join(guest);
    let text = match guest {
        "guest.js" => SCRIPT,
        "component.wat" => COMPONENT,
        _ => MODULE,
    };
    fs::write(&path, text).expect("write the guest");
    Program::new(&planted_bin())
        .arg("run")
        .args(options)
        .arg(&path)
        .env("GUESTNET_PLANTED", what)
        .env("GUESTNET_CACHE", directory.join("cache"))
        .finish()
}

const GUESTS: [&str; 3] = ["guest.wat", "component.wat", "guest.js"];

#[test]
fn a_guest_that_has_the_process_opens_no_file_outside_of_its_directories_and_starts_no_program() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (own, other) = (directory.path().join("own"), directory.path().join("other"));
    for path in [&own, &other] {
        fs::create_dir(path).expect("create");
        fs::write(path.join("file"), "as it was").expect("write");
    }
    let file = other.join("file");
    let file = file.display();
    let new = other.join("new");
    let dir = format!("{}::/own", own.display());
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let addr = listener.local_addr().expect("local_addr");
    let pid = std::process::id();
    let what = format!(
        "read {file},write {file},write {},chmod {file},remove {file},memory,spawn /bin/true,connect {addr},\
         listen 127.0.0.1:0,kill {pid},read {own}/file,write {own}/new,exec /bin/true",
        new.display(),
        own = own.display()
    );
    for guest in GUESTS {
        let finished = planted(directory.path(), guest, &["--dir", &dir], &what);
        let refused = "PermissionDenied";
        let expected = [
            ("read", refused),
            ("write", refused),
            ("write", refused),
            ("chmod", refused),
            ("remove", refused),
            ("memory", refused),
            ("spawn", refused),
            ("connect", refused),
            ("listen", refused),
            ("kill", refused),
            // What it was given it has.
            ("read", "done"),
            ("write", "done"),
            ("exec", refused),
        ];
        let expected: String = expected.map(|(word, how)| format!("{word}: {how}\n")).concat();
        assert_eq!(finished.stdout, expected, "{guest}: {finished}");
        assert_eq!(fs::read_to_string(other.join("file")).expect("read"), "as it was");
        assert!(!new.exists(), "{guest}");
    }
    // The same defect, with nothing that holds it back: so the test can fail.
    for guest in GUESTS {
        let finished = planted(directory.path(), guest, &["--no-confine", "--dir", &dir], &what);
        let done = "read write write chmod remove memory spawn connect listen kill read write";
        let done: String = done.split(' ').map(|word| format!("{word}: done\n")).collect();
        // exec does not come back.
        assert_eq!(finished.stdout, done, "{guest}: {finished}");
        assert!(new.exists() && !other.join("file").exists(), "{guest}");
        fs::write(other.join("file"), "as it was").expect("write");
        fs::remove_file(&new).expect("remove");
    }
}

#[test]
fn a_guest_that_has_the_process_connects_and_listens_on_the_ports_of_its_rules_only() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let [one, two] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("bind"));
    let [one, two] = [&one, &two].map(|listener| listener.local_addr().expect("local_addr"));
    let rule = format!("--allow-connect={one}");
    let what = format!("connect {one},connect {two},listen 127.0.0.1:0");
    for guest in GUESTS {
        let run = |options: &[&str]| planted(directory.path(), guest, options, &what).stdout;
        assert_eq!(
            run(&[&rule, "--allow-listen=127.0.0.1:0"]),
            "connect: done\nconnect: PermissionDenied\nlisten: done\n"
        );
        assert_eq!(
            run(&[&rule]),
            "connect: done\nconnect: PermissionDenied\nlisten: PermissionDenied\n"
        );
        assert_eq!(
            run(&["--allow-net"]),
            "connect: done\nconnect: done\nlisten: done\n"
        );
    }
}

#[test]
fn every_thread_is_confined_workers_and_the_resolvers_too() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let script = "
        import * as os from 'os';
        if (os.Worker.parent) {
            os.Worker.parent.onmessage = () => {};
            os.Worker.parent.postMessage('up');
        } else {
            const worker = new os.Worker('./guest.js');
            worker.onmessage = async () => {
                // Starts the resolver's thread; what comes of it does not matter.
                await os.getaddrinfoAsync('nothing.invalid', null).catch(() => {});
                console.log('ready');
            };
        }";
    let path = directory.path().join("guest.js");
    fs::write(&path, script).expect("write the guest");
    let run = Guestnet::run()
        .option("--allow-resolve=nothing.invalid")
        .option("--dns=127.0.0.1:1");
    let mut running = run.guest(&path).start();
    let _ = running.line("ready");
    let mut threads = 0;
    for task in fs::read_dir(format!("/proc/{}/task", running.id())).expect("its threads") {
        let status = fs::read_to_string(task.expect("an entry").path().join("status")).expect("a thread");
        let value = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        assert_eq!(value("Seccomp:"), Some("2"), "{status}");
        assert_eq!(value("NoNewPrivs:"), Some("1"), "{status}");
        threads += 1;
    }
    assert!(threads >= 3, "{threads} threads");
}

#[test]
fn the_trace_says_once_what_is_on() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for guest in GUESTS {
        let trace = |option: &[&str]| {
            let file = directory.path().join("trace");
            let to = format!("--trace={}", file.display());
            let finished = planted(
                directory.path(),
                guest,
                &[&[to.as_str()], option].concat(),
                "kill 0",
            );
            let text = fs::read_to_string(&file).expect("read the trace");
            (
                finished.stdout,
                text.lines().next().unwrap_or_default().to_owned(),
            )
        };
        let (_, line) = trace(&[]);
        assert_eq!(
            line,
            "--- confined: files and TCP connect to no port, TCP bind to no port by Landlock; system calls by seccomp ---"
        );
        let (_, line) = trace(&["--no-confine"]);
        assert_eq!(line, "--- not confined: --no-confine ---");
    }
}
