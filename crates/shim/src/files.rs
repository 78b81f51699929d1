//! Reading files of which the size is not ours to choose.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Reads a file that is no larger than this.
///
/// # Errors
/// The system's, or [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_all(File::open(path)?, most)
}

/// Reads an open file that is no larger than this.
///
/// # Errors
/// As [`read_bounded`].
pub(crate) fn read_all(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > most {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(content)
}
