//! A process that serves while it is measured from outside: it prints its port, and later ends by itself.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::run::ended;
use crate::{Result, sys};

/// A program at work. It is killed when it is dropped before it has ended.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    has_ended: bool,
}

impl Server {
    /// Starts a program.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(command: &mut Command) -> Result<Server> {
        let program = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot start {program}: {error}"))?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        Ok(Server {
            child,
            stdin,
            stdout,
            has_ended: false,
        })
    }

    /// The next line that it prints.
    ///
    /// # Errors
    /// It prints none any more.
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.stdout.read_line(&mut line) {
            Ok(0) => Err("the program has ended".into()),
            Ok(_) => Ok(line.trim_end().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The port at the end of the next line: `4711`, `port 4711` or `listening 127.0.0.1:4711`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn port(&mut self) -> Result<u16> {
        let line = self.line()?;
        let number = line.rsplit([' ', ':']).next().and_then(|word| word.parse().ok());
        number.ok_or_else(|| format!("not a port: {line:?}"))
    }

    /// Sends it a line.
    ///
    /// # Errors
    /// It does not read.
    pub(crate) fn order(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().ok_or("its standard input is closed")?;
        writeln!(stdin, "{line}").map_err(|error| format!("{line}: {error}"))
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The CPU time that it has used.
    ///
    /// # Errors
    /// It has ended.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        sys::cpu_time(self.id()).map_err(|error| format!("the CPU time of a server: {error}"))
    }

    /// Closes its standard input, and waits for its end.
    ///
    /// # Errors
    /// It failed, or did not end.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.stdin = None;
        self.has_ended = true;
        ended(&mut self.child).map(drop)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.has_ended {
            // It may have ended by itself meanwhile.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
