//! Where a [`Reporter`] writes on an operating system, and the small files that the owner of a guest names.
//!
//! Not here: what the lines say (the core's).

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use guestnet_core::policy::Flag;
use guestnet_core::{Reporter, Sink, Sinks};
use rustix::time::ClockId;

/// Where a trace goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceTo {
    /// To standard error.
    Stderr,
    /// To a file, which the process's first guest that writes to it makes anew; lines of the others come behind.
    File(PathBuf),
}

/// Why there is no [`Reporter`]: the file of its trace or of its audit cannot be written.
#[derive(Debug)]
pub struct ReporterError {
    /// `trace` or `audit`.
    pub what: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What the system says.
    pub source: std::io::Error,
}

impl fmt::Display for ReporterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReporterError { what, path, source } = self;
        let path = path.display();
        write!(f, "cannot write the {what} to {path}: {}", io_reason(source))
    }
}

impl std::error::Error for ReporterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A reporter that prints the first denial on standard error and, if asked for, writes a trace and an audit. `limit`
/// and `advice` are those of [`Sinks`], and `stderr` makes what writes to standard error, as [`stderr`] does.
///
/// # Errors
/// [`ReporterError`].
pub fn reporter(
    trace: Option<&TraceTo>,
    audit: Option<&Path>,
    limit: u64,
    advice: fn(&Flag) -> String,
    stderr: fn() -> Sink,
) -> Result<Reporter, ReporterError> {
    let trace = trace.map(|to| match to {
        TraceTo::Stderr => Ok(stderr()),
        TraceTo::File(path) => create("trace", path),
    });
    let audit = audit.map(|path| create("audit", path));
    Ok(Reporter::new(Sinks {
        denial: stderr(),
        trace: trace.transpose()?,
        audit: audit.transpose()?,
        clock: unix_time,
        limit,
        advice,
    }))
}

/// Standard error, for the lines of a reporter.
#[must_use]
pub fn stderr() -> Sink {
    // Not buffered, and locked for each line.
    Box::new(std::io::stderr())
}

fn create(what: &'static str, path: &Path) -> Result<Sink, ReporterError> {
    let named = |source| ReporterError {
        what,
        path: path.to_owned(),
        source,
    };
    // Several guests of one process may write to one file. The first of them makes it anew.
    static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let first = !made.contains(&key);
    let mut options = OpenOptions::new();
    let file = options.append(true).create(true).open(path).map_err(named)?;
    // Not so a terminal or a pipe.
    if first && file.metadata().is_ok_and(|data| data.is_file()) {
        file.set_len(0).map_err(named)?;
        made.insert(key);
    }
    Ok(Box::new(file))
}

fn unix_time() -> Duration {
    crate::process::read_clock(ClockId::Realtime)
}

/// At most `cap` bytes of a file as text; what is not UTF-8 is replaced.
///
/// # Errors
/// What the system says.
pub fn read_text(path: &Path, cap: usize) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let cap = u64::try_from(cap).unwrap_or(u64::MAX);
    File::open(path)?.take(cap).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What the system says, without the number that std adds.
#[must_use]
pub fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    #[test]
    fn guests_of_one_process_share_a_file_that_the_first_one_makes_anew() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("audit");
        std::fs::write(&path, "old\n").expect("write");
        let mut one = super::create("audit", &path).expect("open");
        one.write_all(b"one\n").expect("write");
        let mut other = super::create("audit", &path).expect("open");
        other.write_all(b"two\n").expect("write");
        one.write_all(b"three\n").expect("write");
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text, "one\ntwo\nthree\n");
        assert!(super::create("audit", directory.path()).is_err());
    }
}
