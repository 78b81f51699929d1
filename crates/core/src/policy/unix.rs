//! Patterns of UNIX socket paths as a guest sees them. The caller has resolved symlinks before.

use super::ParseError;
use super::matcher::{Matches, RuleId};
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// Which UNIX socket paths a rule covers. Paths are absolute, in the guest's view of the file system.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UnixPattern {
    /// `/run/db.sock`: this path.
    Exact(Box<str>),
    /// `/run/app/*`: everything below this directory, at any depth, but not the directory itself. Held without the
    /// `/*`, so that `/*` is the empty string.
    Below(Box<str>),
}

impl UnixPattern {
    /// Whether the pattern covers this path, which is absolute and normalised.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        match self {
            UnixPattern::Exact(exact) => **exact == *path,
            UnixPattern::Below(directory) => path
                .strip_prefix(&**directory)
                .is_some_and(|rest| rest.len() > 1 && rest.starts_with('/')),
        }
    }
}

/// Whether `path` is absolute, without empty, `.` or `..` components, a slash at the end, or a NUL.
pub(super) fn is_normal(path: &str) -> bool {
    fault(path).is_none()
}

/// The first thing that keeps `path` from being normal: its byte offset and a sentence.
fn fault(path: &str) -> Option<(usize, &'static str)> {
    if !path.starts_with('/') {
        return Some((
            0,
            "a UNIX path begins with `/`; it is the path as the guest sees it",
        ));
    }
    if let Some(at) = path.find(|each: char| each.is_control()) {
        return Some((at, "a UNIX path has no control characters"));
    }
    let mut at = 1;
    for component in path.get(1..).unwrap_or_default().split('/') {
        match component {
            "" => {
                return Some((
                    at,
                    "a UNIX path has no empty component; write PATH/* for what is below a directory",
                ));
            }
            "." | ".." => return Some((at, "a UNIX path has no `.` or `..` component")),
            _ => at += component.len() + 1,
        }
    }
    None
}

impl FromStr for UnixPattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<UnixPattern, ParseError> {
        let (path, below) = match text.strip_suffix("/*") {
            Some(directory) => (directory, true),
            None => (text, false),
        };
        if let Some(at) = path.find('*') {
            return Err(ParseError::new(
                text,
                at,
                "`*` stands only at the end, as in /run/app/*",
            ));
        }
        if below && path.is_empty() {
            return Ok(UnixPattern::Below("".into()));
        }
        if let Some((at, message)) = fault(path) {
            return Err(ParseError::new(text, at, message));
        }
        Ok(if below {
            UnixPattern::Below(path.into())
        } else {
            UnixPattern::Exact(path.into())
        })
    }
}

impl fmt::Display for UnixPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnixPattern::Exact(path) => f.write_str(path),
            UnixPattern::Below(directory) => write!(f, "{directory}/*"),
        }
    }
}

/// Rules about paths in the form in which they are looked up: a hash look-up for the path and one for each directory
/// above it.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    exact: HashMap<Box<str>, Matches>,
    below: HashMap<Box<str>, Matches>,
}

impl Paths {
    /// What covers this path, which is absolute and normalised.
    pub(super) fn find(&self, path: &str) -> Matches {
        let mut found = self.exact.get(path).copied().unwrap_or_default();
        if !self.below.is_empty() {
            let mut rest = path;
            while let Some((directory, _)) = rest.rsplit_once('/') {
                found = found.or(self.below.get(directory).copied().unwrap_or_default());
                rest = directory;
            }
        }
        found
    }
}

/// [`Paths`] while rules are still being added.
#[derive(Clone, Debug, Default)]
pub(super) struct PathsBuilder {
    paths: Paths,
    denies: bool,
}

impl PathsBuilder {
    pub(super) fn add(&mut self, pattern: &UnixPattern, deny: bool, rule: RuleId) {
        let found = match pattern {
            UnixPattern::Exact(path) => self.paths.exact.entry(path.clone()).or_default(),
            UnixPattern::Below(directory) => self.paths.below.entry(directory.clone()).or_default(),
        };
        if deny {
            found.deny = found.deny.or(Some(rule));
        } else {
            found.allow = found.allow.or(Some(rule));
        }
        self.denies |= deny;
    }

    /// Whether any deny rule was added.
    pub(super) fn has_denials(&self) -> bool {
        self.denies
    }

    pub(super) fn build(self) -> Paths {
        self.paths
    }
}
