//! Runs a program under test once, natively or in guestnet, with its peer, and takes its CPU time.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::peer::Peer;
use crate::{Result, sys};

/// The processor of the program under test.
pub(crate) const CPU: usize = 0;

/// The processor of the peer.
pub(crate) const PEER_CPU: usize = 1;

/// No program runs as long as this.
const DEADLINE: Timespec = Timespec {
    tv_sec: 60,
    tv_nsec: 0,
};

/// Where the built things are, as `cargo xtask bench` says.
#[derive(Debug)]
pub(crate) struct Places {
    guestnet: PathBuf,
    guests: PathBuf,
    cache: PathBuf,
}

/// What is measured: a program of bench/c, its arguments, and its peer. `PORT` among the arguments stands for the
/// peer's port.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) program: &'static str,
    pub(crate) args: Vec<String>,
    pub(crate) peer: Peer,
}

/// How it is run.
#[derive(Clone, Debug)]
pub(crate) enum Side {
    Native,
    /// In guestnet, with these options.
    Guest(Vec<String>),
}

/// What one run took and printed.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// User and system time of the program under test, and of nothing else.
    pub(crate) cpu: Duration,
    pub(crate) printed: String,
}

impl Places {
    /// Reads `GUESTNET_BIN` and `GUESTNET_GUESTS`.
    ///
    /// # Errors
    /// They are missing, or there is nothing there.
    pub(crate) fn find() -> Result<Places> {
        let place = |name: &str| {
            let place = std::env::var_os(name)
                .ok_or_else(|| format!("{name} is not set: run this with `cargo xtask bench wasi`"))?;
            fs::canonicalize(&place).map_err(|error| format!("{}: {error}", PathBuf::from(place).display()))
        };
        let guests = place("GUESTNET_GUESTS")?;
        let cache = guests.join(".bench-cache");
        fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
        Ok(Places {
            guestnet: place("GUESTNET_BIN")?,
            guests,
            cache,
        })
    }

    /// The module of a program.
    pub(crate) fn module(&self, program: &str) -> PathBuf {
        self.guests
            .join("bench-wasip1")
            .join(program)
            .with_extension("wasm")
    }

    fn command(&self, work: &Work, side: &Side) -> Command {
        match side {
            Side::Native => Command::new(self.guests.join("bench-native").join(work.program)),
            Side::Guest(options) => {
                let mut command = Command::new(&self.guestnet);
                command.arg("run").args(options).arg(self.module(work.program));
                command.env("GUESTNET_CACHE", &self.cache);
                command
            }
        }
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// It or its peer failed, or took too long.
    pub(crate) fn run(&self, work: &Work, side: &Side) -> Result<Outcome> {
        let mut command = self.command(work, side);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut peer = None;
        let mut port = String::new();
        if work.peer.listens() {
            let (running, number) = work.peer.listen(PEER_CPU)?;
            peer = Some(running);
            port = number.to_string();
        }
        command.args(
            work.args
                .iter()
                .map(|arg| if arg == "PORT" { &port } else { arg }),
        );
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", work.program))?;
        let mut stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut printed = String::new();
        if matches!(work.peer, Peer::TcpConnect(_) | Peer::UdpSource(_)) {
            let mut line = String::new();
            // A program that ends without saying its port is noticed below, by its exit code.
            let read = stdout.read_line(&mut line).map_err(|error| error.to_string())?;
            if let (Ok(port), true) = (line.trim().parse(), read != 0) {
                peer = Some(work.peer.connect(PEER_CPU, port));
            }
        }
        let result = ended(&mut child).and_then(|cpu| {
            stdout
                .read_to_string(&mut printed)
                .map_err(|error| error.to_string())?;
            Ok(Outcome { cpu, printed })
        });
        match (result, peer) {
            (Ok(outcome), Some(peer)) => peer.join().map(|()| outcome),
            (Ok(outcome), None) => Ok(outcome),
            (Err(message), peer) => {
                if let Some(peer) = peer {
                    peer.abandon();
                }
                Err(format!(
                    "{} {}, {side:?}: {message}",
                    work.program,
                    work.args.join(" ")
                ))
            }
        }
    }
}

/// Waits until a child has ended well; ends it when it takes too long.
fn ended(child: &mut Child) -> Result<Duration> {
    let pid = Pid::from_child(child);
    let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(|error| format!("pidfd_open: {error}"))?;
    let mut fds = [PollFd::new(&handle, PollFlags::IN)];
    let ready = poll(&mut fds, Some(&DEADLINE)).map_err(|error| format!("poll: {error}"))?;
    if ready == 0 {
        pidfd_send_signal(&handle, Signal::KILL).map_err(|error| format!("kill: {error}"))?;
    }
    let (status, cpu) = sys::wait(child).map_err(|error| format!("wait4: {error}"))?;
    if ready == 0 {
        return Err(format!("did not end within {} s", DEADLINE.tv_sec));
    }
    if status.success() {
        Ok(cpu)
    } else {
        Err(format!("failed: {status}"))
    }
}
