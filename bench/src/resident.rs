//! The largest resident set of a program.
//!
//! The kernel counts in what the process had before it became that program (getrusage(2)): a copy of the process that has started it.
//! So a small process starts it, this program anew, whose own 4 MiB are the least that is seen.

use std::process::{Command, Stdio};

use crate::{Result, run};

/// The argument with which this program is the small process: behind it a program and its arguments.
pub(crate) const ARGUMENT: &str = "--resident";

/// The largest resident set of what a command runs, in bytes.
///
/// # Errors
/// It failed, or took too long.
pub(crate) fn of(command: &Command) -> Result<u64> {
    let mut starter = Command::new("/proc/self/exe");
    starter
        .arg(ARGUMENT)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => starter.env(name, value),
            None => starter.env_remove(name),
        };
    }
    let output = starter.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    printed
        .trim()
        .parse()
        .map_err(|_| format!("no number: {printed}"))
}

/// Runs a program and prints its largest resident set.
///
/// # Errors
/// As [`of`].
pub(crate) fn run(args: &[String]) -> Result<()> {
    let [program, args @ ..] = args else {
        return Err(format!("{ARGUMENT} PROGRAM [ARGUMENT...]"));
    };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    println!("{}", run::ended(&mut child)?.memory);
    Ok(())
}
