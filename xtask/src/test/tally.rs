//! Counts tests in the output of `cargo test` while it streams past, and stops one that hangs.

use crate::{Result, process};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// No test and no compilation is silent for this long on two cores unless it hangs. The compilation of Wasmtime,
/// which prints to stderr, is the longest silence on stdout.
const SILENCE: Duration = Duration::from_secs(20 * 60);

/// The sums of the result lines of test programs.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) ignored: u64,
}

impl Tally {
    /// Adds a line of output, if it is the result line of libtest or libtest-mimic:
    /// `test result: ok. 4 passed; 0 failed; 0 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .trim()
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, word)) = count.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match word {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// Runs `command`, lets its output through and adds its result lines to `tally`.
pub(super) fn counted(command: &mut Command, what: &str, mut tally: Tally) -> (Result<()>, Tally) {
    let outcome = stream(command, what, |line| {
        println!("{line}");
        tally.add(line);
    });
    (outcome, tally)
}

fn stream(command: &mut Command, what: &str, mut each: impl FnMut(&str)) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{what}: cannot start: {error}"))?;
    let lines = child
        .stdout
        .take()
        .map(read_lines)
        .ok_or("no pipe from the child")?;
    loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => each(&line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                stop_tree(&mut child);
                return Err(format!(
                    "{what} printed nothing for {} min; stopped",
                    SILENCE.as_secs() / 60
                ));
            }
        }
    }
    let status = child.wait().map_err(|error| format!("{what}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{what} failed ({status})"))
    }
}

fn read_lines(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

/// Kills a process and all it started, the youngest first.
fn stop_tree(child: &mut Child) {
    let mut tree = vec![child.id()];
    let mut next = 0;
    while let Some(parent) = tree.get(next).copied() {
        tree.extend(process::children_of(parent));
        next += 1;
    }
    for pid in tree.iter().skip(1).rev() {
        drop(Command::new("kill").args(["-KILL", &pid.to_string()]).status());
    }
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::{Tally, counted};
    use std::process::Command;

    #[test]
    fn result_lines_are_summed_and_nothing_else_is() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "a program that prints 7 passed; 7 failed",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            tally.add(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 5,
                failed: 1,
                ignored: 1
            }
        );
    }

    #[test]
    fn a_program_that_fails_is_an_error_with_what_it_counted() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'test result: ok. 2 passed; 0 failed'; exit 3"]);
        let (outcome, tally) = counted(&mut command, "sh", Tally::default());
        assert!(outcome.is_err_and(|message| message.contains("exit status: 3")));
        assert_eq!(tally.passed, 2);
    }
}
