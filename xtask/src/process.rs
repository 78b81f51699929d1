//! Running other programs and saying what happens: progress lines, errors that name the program.

use crate::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Prints one progress line with the seconds since the program began.
pub(crate) fn progress(what: &str, message: &str) {
    println!("[{:7.1}s] {what}: {message}", START.elapsed().as_secs_f64());
}

/// Runs `command` with its output streamed through.
///
/// # Errors
/// When it cannot be started or does not exit with 0.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| cannot_start(command, what, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{what} failed ({status}): {}", shown(command)))
    }
}

/// Runs `command` and gives its standard output.
///
/// # Errors
/// When it cannot be started or does not exit with 0; the message holds what it printed.
pub(crate) fn capture(command: &mut Command, what: &str) -> Result<String> {
    Ok(capture_both(command, what)?.0)
}

/// Runs `command` and gives its standard output and standard error.
///
/// # Errors
/// As [`capture`].
pub(crate) fn capture_both(command: &mut Command, what: &str) -> Result<(String, String)> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_start(command, what, &error))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok((stdout, stderr));
    }
    let printed = [stdout.trim_end(), stderr.trim_end()].join("\n");
    Err(format!(
        "{what} failed ({}): {}\n{}",
        output.status,
        shown(command),
        printed.trim()
    ))
}

/// The first executable file of this name on `PATH`, or in the directories of system daemons, which are not on
/// the `PATH` of every user.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn cannot_start(command: &Command, what: &str, error: &std::io::Error) -> String {
    format!(
        "{what}: cannot start {}: {error}",
        command.get_program().to_string_lossy()
    )
}

fn shown(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

/// The processes that this one started and that still live.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|candidate| parent_of(*candidate) == Some(pid))
        .collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may hold anything.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
