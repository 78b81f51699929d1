//! Running one program under a deadline: a native one, or a guest under the `guestnet` command.
//!
//! A program that is still running when its deadline passes is killed, and the test fails with all it printed.

use crate::paths;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a program may run when the test does not say. It has to cover the compilation of a 10 MB module by an
/// unoptimised host, with every core busy.
const DEADLINE: Duration = Duration::from_secs(180);

/// How often an exiting program is looked at, once its output has ended.
const REAP_INTERVAL: Duration = Duration::from_millis(2);

/// How long a program that is not needed any more may take to end by itself.
const PARTING: Duration = Duration::from_secs(2);

/// A guest under `guestnet run`: options first, then the guest, then its arguments.
///
/// A guest gets nothing that a test does not give it: no network, no directory.
#[derive(Debug)]
pub struct Guestnet {
    program: Program,
}

impl Guestnet {
    /// `guestnet run`, with no option yet.
    #[must_use]
    pub fn run() -> Self {
        Self {
            program: Self::command("run"),
        }
    }

    /// `guestnet SUBCOMMAND` as a plain program, for what is not a run.
    #[must_use]
    pub fn command(subcommand: &str) -> Program {
        let mut program = Program::new(&paths::guestnet_bin());
        // The cache of compiled modules belongs to the build products, not to the user's home.
        program
            .command
            .env("GUESTNET_CACHE", paths::target_dir().join("guestnet-cache"));
        program.arg(subcommand)
    }

    /// One more option, or the value of the last one.
    #[must_use]
    pub fn option(mut self, option: impl AsRef<OsStr>) -> Self {
        self.program = self.program.arg(option);
        self
    }

    /// `--allow-net`.
    #[must_use]
    pub fn allow_net(self) -> Self {
        self.option("--allow-net")
    }

    /// `--dir HOST::/tmp`.
    #[must_use]
    pub fn tmp(self, host: &Path) -> Self {
        self.option("--dir").option(format!("{}::/tmp", host.display()))
    }

    /// The guest to run. What is added from here on are its arguments.
    #[must_use]
    pub fn guest(self, guest: &Path) -> Program {
        self.program.arg(guest)
    }
}

/// A program, its arguments, and how long it may run.
#[derive(Debug)]
pub struct Program {
    command: Command,
    deadline: Duration,
}

impl Program {
    /// The program at `path`, with no argument and nothing on standard input.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let mut command = Command::new(path);
        command.stdin(Stdio::null());
        Self {
            command,
            deadline: DEADLINE,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// One environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Where the program starts.
    #[must_use]
    pub fn current_dir(mut self, directory: &Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// What the program reads.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.command.stdin(stdin);
        self
    }

    /// How long it may run.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same program with `listener` as descriptor 3, in the way a service manager hands it over: `LISTEN_FDS` and
    /// `LISTEN_PID` say so.
    #[must_use]
    pub fn listen_fd(self, listener: std::net::TcpListener) -> Self {
        // std can only hand a descriptor over as one of the first three, so a shell moves it. It execs the program,
        // which therefore has the process id that LISTEN_PID names.
        let mut moved = self.through("exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$@\"");
        moved.command.stdin(std::os::fd::OwnedFd::from(listener));
        moved
    }

    /// The same program, with a limit of the address space for it and for each that it starts, in KiB.
    #[must_use]
    pub fn address_space(self, kibibytes: u32) -> Self {
        self.through(&format!("ulimit -v {kibibytes}; exec \"$@\""))
    }

    /// The same program, started by a line of the shell that ends with `exec "$@"`.
    fn through(self, line: &str) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", line, "sh"])
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .envs(
                self.command
                    .get_envs()
                    .filter_map(|(key, value)| Some((key, value?))),
            )
            .stdin(Stdio::null());
        Self {
            command: shell,
            deadline: self.deadline,
        }
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut self) -> Running {
        let what = format!("{:?}", self.command);
        let child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {what}: {error}"));
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("stdout was piped");
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            loop {
                let mut line = Vec::new();
                match reader.read_until(b'\n', &mut line) {
                    Ok(0) | Err(_) => return,
                    // The receiver is gone when the test has failed already.
                    Ok(_) if sender.send(line).is_err() => return,
                    Ok(_) => {}
                }
            }
        });
        let mut stderr = child.stderr.take().expect("stderr was piped");
        let stderr = thread::spawn(move || {
            let mut text = Vec::new();
            // What was read before an error is still worth showing.
            let _ = stderr.read_to_end(&mut text);
            text
        });
        let deadline = Instant::now() + self.deadline;
        Running {
            what,
            child,
            lines,
            stdout: Vec::new(),
            stderr: Some(stderr),
            deadline,
        }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// When it cannot be started, or has not ended in time.
    #[must_use]
    pub fn finish(self) -> ProgramOutput {
        self.start().finish()
    }
}

/// A program that has been started. Dropping it kills it.
#[derive(Debug)]
pub struct Running {
    what: String,
    child: Child,
    lines: Receiver<Vec<u8>>,
    stdout: Vec<u8>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    deadline: Instant,
}

impl Running {
    /// Waits for a line of standard output that begins with `prefix`, and returns the rest of it. Lines before it stay
    /// in the transcript.
    ///
    /// # Panics
    ///
    /// When the program ends, or its deadline passes, before it has printed such a line.
    #[must_use]
    pub fn line(&mut self, prefix: &str) -> String {
        loop {
            let Some(line) = self.next_line() else {
                let finished = self.end();
                panic!("no line began with {prefix:?}\n{finished}");
            };
            let line = String::from_utf8_lossy(&line).into_owned();
            if let Some(rest) = line.strip_prefix(prefix) {
                return rest.trim_end_matches('\n').to_string();
            }
        }
    }

    /// The next line of standard output, if there is one within `time`. It stays in the transcript.
    #[must_use]
    pub fn line_within(&mut self, time: Duration) -> Option<String> {
        let line = self.lines.recv_timeout(time).ok()?;
        self.stdout.extend_from_slice(&line);
        Some(String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned())
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, so that it can do nothing about it.
    ///
    /// # Panics
    ///
    /// When it cannot be waited for.
    pub fn kill(mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait().expect("wait for the program");
    }

    /// Whether it has ended by now.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("ask for the program").is_some()
    }

    /// Waits for the program to end.
    ///
    /// # Panics
    ///
    /// When it has not ended in time.
    #[must_use]
    pub fn finish(mut self) -> ProgramOutput {
        while self.next_line().is_some() {}
        self.end()
    }

    /// One line with its end, or `None` at the end of the output.
    fn next_line(&mut self) -> Option<Vec<u8>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                self.stdout.extend_from_slice(&line);
                Some(line)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => self.overdue(),
        }
    }

    /// Waits for the exit of a program whose output has ended.
    fn end(&mut self) -> ProgramOutput {
        let status = loop {
            match self.child.try_wait().expect("wait for the program") {
                Some(status) => break status,
                None if Instant::now() >= self.deadline => self.overdue(),
                None => thread::sleep(REAP_INTERVAL),
            }
        };
        self.finished(status)
    }

    fn overdue(&mut self) -> ! {
        // Killing it ends both of its pipes, so that what it printed can be shown.
        let _ = self.child.kill();
        let status = self.child.wait().expect("wait for the program");
        self.stdout.extend(self.lines.iter().flatten());
        panic!("the deadline has passed\n{}", self.finished(status));
    }

    fn finished(&mut self, status: ExitStatus) -> ProgramOutput {
        let stderr = self
            .stderr
            .take()
            .and_then(|reader| reader.join().ok())
            .unwrap_or_default();
        ProgramOutput {
            what: self.what.clone(),
            status,
            stdout: String::from_utf8_lossy(&self.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It gets the chance to remove what it has made, such as the /etc of a sandbox.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
            && let Ok(None) = self.child.try_wait()
        {
            let _ = kill_process(pid, Signal::TERM);
        }
        let end = Instant::now() + PARTING;
        while let Ok(None) = self.child.try_wait()
            && Instant::now() < end
        {
            thread::sleep(REAP_INTERVAL);
        }
        // Both fail when the program has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct ProgramOutput {
    what: String,
    /// How it ended.
    pub status: ExitStatus,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
}

impl ProgramOutput {
    /// Standard output of a program that exited with status 0.
    ///
    /// # Panics
    ///
    /// When it ended otherwise.
    #[must_use]
    pub fn success(self) -> String {
        assert!(self.status.success(), "it failed\n{self}");
        self.stdout
    }
}

impl std::fmt::Display for ProgramOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\n{}\n--- stdout\n{}--- stderr\n{}",
            self.what, self.status, self.stdout, self.stderr
        )
    }
}

/// Says where two transcripts part: the first line that differs, with those around it. `None` when they are equal.
#[must_use]
pub fn difference(expected: &str, got: &str) -> Option<String> {
    if expected == got {
        return None;
    }
    const AROUND: usize = 3;
    let (expected, got): (Vec<_>, Vec<_>) = (expected.split('\n').collect(), got.split('\n').collect());
    let first = expected.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let mut text = format!("the transcripts part at line {}\n", first + 1);
    for (name, lines) in [("native", &expected), ("sandbox", &got)] {
        let _ = writeln!(text, "--- {name}");
        for (number, line) in lines
            .iter()
            .enumerate()
            .skip(first.saturating_sub(AROUND))
            .take(2 * AROUND)
        {
            let mark = if number == first { '>' } else { ' ' };
            let _ = writeln!(text, "{mark} {line}");
        }
    }
    Some(text)
}

/// Fails the test when two transcripts differ.
///
/// # Panics
///
/// When they differ.
pub fn assert_same_transcript(expected: &str, got: &str) {
    if let Some(difference) = difference(expected, got) {
        panic!("{difference}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::new(Path::new("/bin/sh")).arg("-c").arg(script)
    }

    /// What `failing` says when it panics.
    fn message(failing: impl FnOnce()) -> String {
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(failing));
        let panic = failed.expect_err("it must fail");
        panic.downcast_ref::<String>().expect("a message").clone()
    }

    #[test]
    fn a_program_past_its_deadline_is_killed_and_what_it_printed_is_shown() {
        // exec: what sleeps is the program itself, so that killing it is the end of it.
        let program = shell("echo before; echo $$ >&2; exec sleep 1000").deadline(Duration::from_millis(200));
        let text = message(|| drop(program.finish()));
        assert!(text.starts_with("the deadline has passed"), "{text}");
        assert!(text.contains("--- stdout\nbefore\n"), "{text}");
        let pid: u32 = text
            .lines()
            .last()
            .and_then(|line| line.parse().ok())
            .expect("the process id");
        assert!(
            !Path::new(&format!("/proc/{pid}")).exists(),
            "process {pid} is still there"
        );
    }

    #[test]
    fn a_program_that_ends_before_the_line_that_is_waited_for_fails_at_once() {
        let mut running = shell("echo one; echo reason >&2; exit 3").start();
        let text = message(|| drop(running.line("two")));
        assert!(
            text.contains("exit status: 3") && text.contains("one\n") && text.contains("reason\n"),
            "{text}"
        );
    }

    #[test]
    fn a_listener_is_handed_over_as_descriptor_3_with_the_process_id_it_is_for() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("bind");
        let running = shell("echo $LISTEN_FDS $LISTEN_PID; readlink /proc/$$/fd/3")
            .listen_fd(listener)
            .start();
        let id = running.id();
        let printed = running.finish().success();
        let (variables, link) = printed.split_once('\n').expect("two lines");
        assert_eq!(variables, format!("1 {id}"));
        assert!(link.starts_with("socket:["), "{link}");
    }

    #[test]
    fn equal_transcripts_have_no_difference_and_others_name_their_first_line() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let text = difference("a\nb\n", "a\nc\n").expect("they differ");
        assert!(text.starts_with("the transcripts part at line 2\n"), "{text}");
        assert!(text.contains("> b\n") && text.contains("> c\n"), "{text}");
        // An end that is missing, and a last line without its end, are differences too.
        assert!(difference("a\nb\n", "a\n").is_some());
        assert!(difference("a\n", "a").is_some());
    }
}
