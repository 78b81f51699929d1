//! Where a [`Reporter`] writes on an operating system, and the small files that whoever runs a guest names.
//!
//! Not here: what the lines say (the core's).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guestnet_core::{Outlet, Outlets, Reporter};
use rustix::time::ClockId;

/// Where a trace goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceTo {
    /// To standard error.
    Stderr,
    /// To a file, which is made anew.
    File(PathBuf),
}

/// A reporter that tells the first denial on standard error and, if asked for, writes a trace and an audit. `advice` is
/// that of [`Outlets`].
///
/// # Errors
/// The trace's or the audit's file cannot be written: a sentence without its full stop.
pub fn reporter(
    trace: Option<&TraceTo>,
    audit: Option<&Path>,
    advice: fn(&str) -> String,
) -> Result<Reporter, String> {
    let trace = trace.map(|to| match to {
        TraceTo::Stderr => Ok(stderr()),
        TraceTo::File(path) => create("trace", path),
    });
    let audit = audit.map(|path| create("audit", path));
    Ok(Reporter::new(Outlets {
        denial: stderr(),
        trace: trace.transpose()?,
        audit: audit.transpose()?,
        clock: unix_time,
        advice,
    }))
}

fn stderr() -> Outlet {
    // Not buffered, and locked for each line.
    Box::new(std::io::stderr())
}

fn create(what: &str, path: &Path) -> Result<Outlet, String> {
    let named = |error| {
        let path = path.display();
        format!("cannot write the {what} to {path}: {}", io_reason(&error))
    };
    Ok(Box::new(File::create(path).map_err(named)?))
}

fn unix_time() -> Duration {
    crate::read_clock(ClockId::Realtime)
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
