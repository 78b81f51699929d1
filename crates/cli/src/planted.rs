//! A defect of an engine, as it were: a guest has this process do something, on the guest's own thread, that no call of any
//! ABI offers. Only with the feature `planted-bug`, which no build for users has.
//!
//! WebAssembly gets here by growing its memory to [`PAGES`], a script by asking for signal [`SIGNAL`]. What is done is in the
//! environment of the command, as a word and what it is about; how that went is printed.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use guestnet::{MemoryLimit, MemoryRefusal};
use wasmtime::ResourceLimiter;

use crate::say;

/// The size of a memory that starts it.
pub(crate) const PAGES: usize = 1234;
/// The signal that starts it.
pub(crate) const SIGNAL: i32 = 1234;

const WHAT: &str = "GUESTNET_PLANTED";

/// A limit of memory that a growth to [`PAGES`] starts it from.
#[derive(Debug)]
pub(crate) struct PlantedLimit(MemoryLimit);

impl PlantedLimit {
    pub(crate) fn new(max_memory: u64) -> PlantedLimit {
        PlantedLimit(MemoryLimit::new(max_memory))
    }

    pub(crate) fn refusal(&self) -> Option<MemoryRefusal> {
        self.0.refusal()
    }
}

impl ResourceLimiter for PlantedLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired == PAGES << 16 {
            run();
        }
        self.0.memory_growing(current, desired, maximum)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.0.table_growing(current, desired, maximum)
    }
}

/// Does what the environment says.
pub(crate) fn run() {
    for what in std::env::var(WHAT).unwrap_or_default().split(',') {
        let (word, about) = what.split_once(' ').unwrap_or((what, ""));
        let done = perform(word, about);
        say::print(match done {
            Ok(()) => format!("{word}: done\n"),
            Err(error) => format!("{word}: {:?}\n", error.kind()),
        });
    }
}

fn perform(word: &str, about: &str) -> std::io::Result<()> {
    match word {
        "read" => std::fs::read(about).map(drop),
        "write" => std::fs::write(about, "planted"),
        "remove" => std::fs::remove_file(about),
        "chmod" => std::fs::set_permissions(about, std::fs::Permissions::from_mode(0o777)),
        "memory" => std::fs::OpenOptions::new()
            .write(true)
            .open("/proc/self/mem")
            .map(drop),
        "spawn" => std::process::Command::new(about).status().map(drop),
        "connect" => std::net::TcpStream::connect(about).map(drop),
        "listen" => std::net::TcpListener::bind(about).map(drop),
        "kill" => {
            let pid = about.parse().ok().and_then(rustix::process::Pid::from_raw);
            let pid = pid.ok_or(std::io::ErrorKind::InvalidInput)?;
            Ok(rustix::process::test_kill_process(pid)?)
        }
        // Only if it fails does it come back.
        "exec" => Err(std::process::Command::new(about).exec()),
        _ => Err(std::io::ErrorKind::InvalidInput.into()),
    }
}
