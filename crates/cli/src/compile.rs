//! Compiles a guest in a process of its own, which may have only so much memory and time.
//!
//! A compiler is the largest program that a guest's bytes get to, and it runs before any limit of the guest counts. So
//! guestnet starts itself a second time, as [`job`]: it reads the guest from one descriptor, writes the machine code to
//! another, may open nothing else, and ends with the process that wants it. Not here: the cache of what came of it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use guestnet::host_os::io_reason;
use guestnet::reason;
use guestnet::wasi::{CompileLimits, check_compile};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal};

use crate::confine;
use crate::engine::engine;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::run_args::CompileBudget;
use crate::units::Bytes;
use crate::waiting::{self, Waiting};

/// The first argument of a process that compiles; no command of the user's is called so.
const JOB: &str = "compile-for-guestnet";

/// The job's exit code when it has written a sentence in place of a module.
const REFUSED: i32 = 3;
/// The job's exit code when the compiler had no memory left.
const NO_MEMORY: i32 = 4;

/// Compiles a guest, binary or as text, and returns a file that only this process has, with what came of it.
///
/// # Errors
/// One sentence that says what is wrong with the guest, or which limit was reached.
pub(crate) fn compile(name: &str, guest: &[u8], budget: &CompileBudget) -> Result<File, Failure> {
    let failed =
        |error: std::io::Error| Failure::failed(format!("cannot start the compiler: {}", io_reason(&error)));
    let mut input = memory_file("guest").map_err(failed)?;
    input
        .write_all(guest)
        .and_then(|()| input.rewind())
        .map_err(failed)?;
    let mut output = memory_file("compiled").map_err(failed)?;
    let mut command = Command::new("/proc/self/exe");
    command
        .arg0("guestnet")
        .args([JOB, &std::process::id().to_string(), &budget.memory.to_string()])
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output.try_clone().map_err(failed)?))
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let in_time = ends_within(&child, budget.time.duration, Waiting::new(name));
    if !matches!(in_time, Ok(true)) {
        // Either fails if it has ended meanwhile, which is as good.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    if !in_time.map_err(failed)? {
        return Err(Failure::failed(format!(
            "{name} was not compiled within --compile-timeout {}",
            budget.time.written
        )));
    }
    output.rewind().map_err(failed)?;
    match status.code() {
        Some(0) => {}
        Some(REFUSED) => {
            let mut sentence = String::new();
            let _ = output.take(4096).read_to_string(&mut sentence);
            return Err(Failure::failed(format!("{name} {sentence}")));
        }
        // Rust ends a process that gets no memory with abort(3); the kernel ends it with these when it writes a file
        // that is too large, or when the machine itself has no more.
        _ if status.code() == Some(NO_MEMORY)
            || matches!(
                status.signal(),
                Some(libc::SIGABRT | libc::SIGXFSZ | libc::SIGKILL)
            ) =>
        {
            return Err(Failure::failed(format!(
                "{name} needs more than --max-compile-memory {} to be compiled",
                Bytes(budget.memory)
            )));
        }
        _ => {
            return Err(Failure::failed(format!(
                "{name} cannot be compiled: the compiler failed on it ({status})"
            )));
        }
    }
    // No other process has it, and now no process can change it.
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&output, seals).map_err(|errno| failed(errno.into()))?;
    Ok(output)
}

fn memory_file(name: &str) -> std::io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    Ok(File::from(rustix::fs::memfd_create(name, flags)?))
}

/// Waits for a process, but not longer than this; whether it has ended.
fn ends_within(child: &Child, time: Duration, mut waiting: Waiting) -> std::io::Result<bool> {
    let fd = rustix::process::pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let began = Instant::now();
    loop {
        let left = time.saturating_sub(began.elapsed());
        let turn = Timespec::try_from(left.min(waiting::INTERVAL)).ok();
        match poll(&mut fds, turn.as_ref()) {
            // No handler of ours is set yet, so only a stop and a continuation of the process interrupt this.
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) if left > waiting::INTERVAL => waiting.show(began.elapsed()),
            done => return Ok(done? > 0),
        }
    }
}

/// Does what [`compile`] started this process for, and returns its exit code; `None` if that is not what it is.
pub(crate) fn job(arguments: &[OsString]) -> Option<i32> {
    let [job, parent, memory] = arguments else {
        return None;
    };
    if job != JOB {
        return None;
    }
    let number = |text: &OsString| text.to_str().and_then(|text| text.parse::<u64>().ok());
    let (Some(parent), Some(memory)) = (number(parent), number(memory)) else {
        return Some(REFUSED);
    };
    // If its parent has gone, or the system refuses a limit, nothing is compiled, and there is no message.
    Some(prepare(parent, memory).and_then(|()| perform()).unwrap_or(1))
}

/// Binds this process to its parent and to its budget.
fn prepare(parent: u64, memory: u64) -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before it was asked for.
    let now = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if u64::try_from(now) != Ok(parent) {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    // What counts as data is memory that can be written, and not what is only reserved.
    for (resource, most) in [
        (Resource::Data, memory),
        (Resource::Fsize, memory),
        (Resource::Core, 0),
    ] {
        let most = match rustix::process::getrlimit(resource).maximum {
            Some(maximum) => most.min(maximum),
            None => most,
        };
        rustix::process::setrlimit(
            resource,
            Rlimit {
                current: Some(most),
                maximum: Some(most),
            },
        )?;
    }
    // What a guest's bytes make of the compiler stays here.
    confine::compiler()
}

/// From standard input to standard output.
fn perform() -> std::io::Result<i32> {
    let mut guest = Vec::new();
    std::io::stdin().lock().read_to_end(&mut guest)?;
    let (text, code) = match compiled(&guest) {
        Ok(compiled) => (compiled, 0),
        Err(CompileError::Sentence(sentence)) => (sentence.into_bytes(), REFUSED),
        Err(CompileError::Memory) => (Vec::new(), NO_MEMORY),
    };
    // Not through std's buffer: it is written as it is.
    let output = std::io::stdout().lock();
    let mut rest = text.as_slice();
    while !rest.is_empty() {
        let written = rustix::io::write(&output, rest)?;
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(code)
}

enum CompileError {
    Sentence(String),
    Memory,
}

fn compiled(guest: &[u8]) -> Result<Vec<u8>, CompileError> {
    let engine = engine(true).map_err(|failure| CompileError::Sentence(failure.message))?;
    check_compile(guest, &CompileLimits::default()).map_err(|error| {
        CompileError::Sentence(format!("costs too much to compile: {}", reason(error.as_ref())))
    })?;
    let (compiled, what) = match Kind::of(guest) {
        Kind::Module => (engine.precompile_module(guest), "module"),
        Kind::Component => (engine.precompile_component(guest), "component"),
    };
    compiled.map_err(|error| {
        if error.is::<wasmtime::error::OutOfMemory>() {
            CompileError::Memory
        } else {
            CompileError::Sentence(format!(
                "is not a valid WebAssembly {what}: {}",
                reason(error.as_ref())
            ))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_of_a_user_is_a_job() {
        for arguments in [
            &[][..],
            &["run"],
            &["run", "1", "2"],
            &[JOB],
            &[JOB, "1"],
            &[JOB, "1", "2", "3"],
        ] {
            let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
            assert_eq!(job(&arguments), None, "{arguments:?}");
        }
    }
}
