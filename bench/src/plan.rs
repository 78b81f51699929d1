//! [`Plan`]: which rows are measured, how often, and where the figures go.

use std::path::PathBuf;
use std::time::Duration;

/// Failures are sentences for the person who runs the measurements.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// `None` means all families but the soak.
    pub(crate) family: Option<&'static str>,
    /// How often each side of a row runs.
    pub(crate) rounds: usize,
    /// How long the soak goes on.
    pub(crate) soak: Duration,
    /// The directory of the families' files; `None`: the figures are only printed.
    pub(crate) json: Option<PathBuf>,
    /// Parts of the names of rows; none means all rows.
    pub(crate) rows: Vec<String>,
}

impl Plan {
    /// Whether a row of this name is to be measured.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| name.contains(part.as_str()))
    }
}
