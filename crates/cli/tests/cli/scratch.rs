//! What the tests of the command share: a scratch directory with a cache of its own, guests in the text format, and
//! a deadline for every process.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// A process that takes longer hangs.
const DEADLINE: Duration = Duration::from_secs(60);

/// A scratch directory, in which the command runs and keeps its cache.
pub(crate) struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch {
            dir: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).expect("write a file");
        path
    }

    /// Writes a guest: `imports` are names of preview 1 or of WasmEdge, `body` is the rest of the module.
    pub(crate) fn guest(&self, name: &str, imports: &[&str], body: &str) -> PathBuf {
        self.file(name, guest(imports, body))
    }

    /// The command, with nothing of this process's environment that could change what it does.
    pub(crate) fn guestnet(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guestnet"));
        command
            .args(args)
            .current_dir(self.path())
            .env("GUESTNET_CACHE", self.cache())
            .stdin(Stdio::null());
        for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.path().join("cache")
    }

    /// The files of the module cache.
    pub(crate) fn entries(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.cache().join("modules")).expect("the cache");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> ProgramOutput {
        finish(self.guestnet(args))
    }
}

/// The text of a module with a page of memory and a function `$print` (address, length) for standard output.
pub(crate) fn guest(imports: &[&str], body: &str) -> String {
    let types = [
        ("fd_write", "i32 i32 i32 i32"),
        ("fd_read", "i32 i32 i32 i32"),
        ("fd_close", "i32"),
        ("fd_fdstat_set_flags", "i32 i32"),
        ("fd_prestat_dir_name", "i32 i32 i32"),
        ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
        ("poll_oneoff", "i32 i32 i32 i32"),
        ("args_sizes_get", "i32 i32"),
        ("args_get", "i32 i32"),
        ("environ_sizes_get", "i32 i32"),
        ("environ_get", "i32 i32"),
        ("sock_accept", "i32 i32 i32"),
        ("sock_open", "i32 i32 i32"),
        ("sock_connect", "i32 i32 i32"),
        ("sock_send", "i32 i32 i32 i32 i32"),
    ];
    let mut text = String::from("(module\n");
    for name in ["fd_write"].iter().chain(imports) {
        if *name == "proc_exit" {
            text += "(import \"wasi_snapshot_preview1\" \"proc_exit\" (func $proc_exit (param i32)))\n";
            continue;
        }
        let (_, params) = types
            .iter()
            .find(|(each, _)| each == name)
            .expect("the import's type is in the table");
        text += &format!(
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {params}) (result i32)))\n"
        );
    }
    text += r#"(memory (export "memory") 1)
        (data (i32.const 60000) "ready\n")
        (func $print (param $at i32) (param $len i32)
          (i32.store (i32.const 60016) (local.get $at))
          (i32.store (i32.const 60020) (local.get $len))
          (drop (call $fd_write (i32.const 1) (i32.const 60016) (i32.const 1) (i32.const 60024))))
        (func $ready (call $print (i32.const 60000) (i32.const 6)))
    "#;
    text + body + "\n)\n"
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct ProgramOutput {
    /// `None`: a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl ProgramOutput {
    /// Checks how it ended and that it printed exactly this.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, stdout: &str, stderr: &str) {
        let got = (self.code, self.stdout.as_str(), self.stderr.as_str());
        assert_eq!(got, (Some(code), stdout, stderr));
    }
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command) -> ProgramOutput {
    wait(
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start it"),
    )
}

fn wait(child: Child) -> ProgramOutput {
    let pid = Pid::from_child(&child);
    let (sender, output) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match output.recv_timeout(DEADLINE) {
        Ok(output) => finished(&output.expect("its output")),
        Err(_) => {
            // It is not waited for yet, so the number is still its own.
            let _ = kill_process(pid, Signal::KILL);
            panic!("it has not ended in time");
        }
    }
}

fn finished(output: &Output) -> ProgramOutput {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ProgramOutput {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// A guest that runs and has printed `ready`.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Running {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start it");
        let line = next_line(&mut child);
        if line != "ready\n" {
            panic!("it did not start: {line:?} {:?}", wait(child));
        }
        Running { child }
    }

    /// The next line that it prints; empty at the end.
    pub(crate) fn line(&mut self) -> String {
        next_line(&mut self.child)
    }

    /// The next line of its standard error.
    pub(crate) fn error_line(&mut self) -> String {
        line_of(self.child.stderr.as_mut().expect("a pipe"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("send a signal");
    }

    pub(crate) fn finish(self) -> ProgramOutput {
        wait(self.child)
    }
}

/// Not more than the line, because the rest is for `finish`. It ends at the latest when the process does.
fn next_line(child: &mut Child) -> String {
    line_of(child.stdout.as_mut().expect("a pipe"))
}

fn line_of(pipe: impl Read) -> String {
    let mut line = String::new();
    BufReader::with_capacity(1, pipe)
        .read_line(&mut line)
        .expect("read a line");
    line
}

/// Bodies of guests that print `ready` and never end, with their imports.
pub(crate) const SPIN: (&[&str], &str) = (
    &[],
    r#"(func (export "_start") (call $ready) (loop $again (br $again)))"#,
);

/// Sleeps for an hour in poll_oneoff.
pub(crate) const SLEEP: (&[&str], &str) = (
    &["poll_oneoff"],
    r#"(func (export "_start")
      (call $ready)
      ;; A clock: the monotonic one, an hour from now.
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 3600000000000))
      (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))))"#,
);

/// Waits in a blocking accept on descriptor 3.
pub(crate) const ACCEPT: (&[&str], &str) = (
    &["fd_fdstat_set_flags", "sock_accept"],
    r#"(func (export "_start")
      (drop (call $fd_fdstat_set_flags (i32.const 3) (i32.const 0)))
      (call $ready)
      (drop (call $sock_accept (i32.const 3) (i32.const 0) (i32.const 0))))"#,
);
