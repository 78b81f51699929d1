//! Where a [`Reporter`] writes on an operating system, and the small files that the owner of a guest names.
//!
//! Not here: what the lines say (the core's).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guestnet_core::policy::Flag;
use guestnet_core::{Reporter, Sink, Sinks};
use rustix::time::ClockId;

use crate::record;
use crate::report_to::{ReportTo, ReporterError};

/// Where a trace goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceTo {
    /// To standard error.
    Stderr,
    /// To a file, which the process's first guest that writes to it makes anew; lines of the others come behind.
    File(PathBuf),
}

/// A reporter that prints the first denial on standard error and, if asked for, writes a trace and an audit. `limit`
/// and `advice` are those of [`Sinks`], and `stderr` makes what writes to standard error, as [`stderr`] does.
///
/// # Errors
/// [`ReporterError`].
pub fn reporter(
    trace: Option<&TraceTo>,
    audit: Option<&ReportTo>,
    limit: u64,
    advice: fn(&Flag) -> String,
    stderr: fn() -> Sink,
) -> Result<Reporter, ReporterError> {
    let trace = trace.map(|to| match to {
        TraceTo::Stderr => Ok(stderr()),
        TraceTo::File(path) => record::open("trace", &path.clone().into(), stderr),
    });
    let audit = audit.map(|to| record::open("audit", to, stderr));
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
