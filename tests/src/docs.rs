//! The repository's pages: where they are, and those that tests write.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Set, it has the tests write the pages that they would find stale.
const WRITE: &str = "GUESTNET_WRITE_DOCS";

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Whether the file of this name has this text. With `GUESTNET_WRITE_DOCS` set it is written first.
///
/// # Panics
///
/// When it cannot be written.
#[must_use]
pub fn is_current(name: &str, text: &str) -> bool {
    let path = root().join(name);
    let is_same = || fs::read_to_string(&path).is_ok_and(|old| old == text);
    if !is_same() && env::var_os(WRITE).is_some() {
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    is_same()
}
