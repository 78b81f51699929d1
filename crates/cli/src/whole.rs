//! Reads the file of a guest whole, if it is not too large. The limits of a guest count its own memory, and this is guestnet's.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use guestnet::host_os::io_reason;

use crate::failure::Failure;
use crate::units::Bytes;

/// The most bytes of a WebAssembly guest: no engine takes a larger one (`MAX_WASM_MODULE_SIZE` of wasmparser).
pub(crate) const MODULE: u64 = 1 << 30;

/// The most bytes of a script: a hundred times as many as the largest bundles have.
pub(crate) const SCRIPT: u64 = 256 << 20;

/// That a file of this length is not too large; `name` is what messages call it.
///
/// # Errors
/// One sentence.
pub(crate) fn check(name: &Path, length: u64, most: u64) -> Result<(), Failure> {
    if length <= most {
        return Ok(());
    }
    let name = name.display();
    Err(Failure::failed(format!(
        "the guest {name} is larger than {}",
        Bytes(most)
    )))
}

/// Everything that is left of a file.
///
/// # Errors
/// One sentence: it cannot be read, or is too large.
pub(crate) fn read(name: &Path, mut file: impl Read, most: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // One more, to see whether that was all.
    file.by_ref()
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(name, &error))?;
    check(name, bytes.len() as u64, most)?;
    Ok(bytes)
}

/// As [`read`], a whole file by its path.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_file(name: &Path, file: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    let file = File::open(file).map_err(|error| unreadable(name, &error))?;
    let length = file.metadata().map_err(|error| unreadable(name, &error))?.len();
    check(name, length, most)?;
    read(name, file, most)
}

/// That a guest's file cannot be read.
pub(crate) fn unreadable(name: &Path, error: &std::io::Error) -> Failure {
    let name = name.display();
    Failure::failed(format!("cannot read the guest {name}: {}", io_reason(error)))
}
