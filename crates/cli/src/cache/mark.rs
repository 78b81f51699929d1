//! [`Mark`]: what the system says of a guest's file, so that a large one need not be read to find what was compiled from it.

use std::fs::Metadata;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasmtime::Engine;

use super::{KeyHasher, MARK_SUFFIX};

/// A smaller file is read and hashed within a quarter of a millisecond.
const LARGE: u64 = 1 << 20;

/// A file that has been changed since a mark was made has another one only if the file system's clock has ticked meanwhile. The coarsest
/// in use, FAT's, ticks every two seconds.
const COARSEST_TICK: Duration = Duration::from_secs(2);

/// Changes whenever what a mark means changes.
const MARK_VERSION: &[u8] = b"guestnet guest file 1";

/// Which file it is, and when it was changed last (stat(2)). Only the file system sets `st_ctime`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark(String);

impl Mark {
    /// The mark of a file for an engine; none of a small file, and of one that was changed too recently to tell it from its next change.
    pub(crate) fn new(engine: &Engine, file: &Metadata, now: SystemTime) -> Option<Mark> {
        let nanoseconds = u32::try_from(file.ctime_nsec()).ok()?;
        let changed = UNIX_EPOCH + Duration::new(u64::try_from(file.ctime()).ok()?, nanoseconds);
        let age = now.duration_since(changed).ok()?;
        if !file.is_file() || file.size() < LARGE || age <= COARSEST_TICK {
            return None;
        }
        let mut hash = KeyHasher(blake3::Hasher::new());
        hash.write(MARK_VERSION);
        for number in [file.dev(), file.ino(), file.size()] {
            hash.write_u64(number);
        }
        for number in [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()] {
            hash.write_i64(number);
        }
        engine.precompile_compatibility_hash().hash(&mut hash);
        Some(Mark(hash.0.finalize().to_hex().to_string()))
    }

    pub(super) fn file_name(&self) -> String {
        format!("{}{MARK_SUFFIX}", self.0)
    }
}
