//! [`Plan`]: which rows are measured, and how often.

/// Failures are sentences for the person who runs the measurements.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// What to measure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// `None` means all families.
    pub(crate) family: Option<&'static str>,
    /// How often each side of a row runs.
    pub(crate) rounds: usize,
    /// Parts of the names of rows; none means all rows.
    pub(crate) rows: Vec<String>,
}

impl Plan {
    /// Whether a row of this name is to be measured.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|part| name.contains(part.as_str()))
    }
}
