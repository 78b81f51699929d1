//! [`FoundGuest`]: a guest that the caller of this library has found itself.

use std::path::PathBuf;

/// A guest's file, where the path that it is known by means nothing on this machine.
#[derive(Clone, Debug)]
pub struct FoundGuest {
    /// Leads to the file, as `/proc/self/fd/N` does.
    pub file: PathBuf,
    /// Leads to the directory that it is in, from which a script names its imports.
    pub directory: PathBuf,
}
