//! [`Cache`]: compiled modules on disk, so that a large guest starts in milliseconds the second time.
//!
//! The directory is `modules` in `$GUESTNET_CACHE`, or in `guestnet` of the user's cache directory. It is trusted with
//! machine code (`trust.rs` says why it may be), so it is used only if it belongs to this user and no other user can
//! write it.

mod mark;

use std::ffi::OsString;
use std::fs::File;
use std::hash::{BuildHasher, Hash, Hasher};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

use crate::trust;

pub(crate) use mark::Mark;

/// What all entries may take together. The least recently used go first.
const MAX_BYTES: u64 = 1 << 30;

/// How old the mark of an entry's last use gets before it is renewed: a write a day, not one a start.
const MARK_EVERY: Duration = Duration::from_secs(24 * 3600);

/// A temporary file older than this was left by a process that died.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A file whose mark was not used for so long is read again at its next start.
const FORGOTTEN: Duration = Duration::from_secs(30 * 24 * 3600);

const ENTRY_SUFFIX: &str = ".cwasm";
const MARK_SUFFIX: &str = ".key";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Changes whenever what an entry means changes in a way that the engine's own hash does not see.
const KEY_VERSION: &[u8] = b"guestnet module cache 1";

/// The directory of compiled modules, held open.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: OwnedFd,
}

/// The name of one compiled module: a hash of the guest and of everything that its compilation depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key(String);

impl Key {
    /// The key of a guest for an engine. The guest is `beginning` and what `rest` reads, piece by piece: a large file
    /// in one buffer would cost three times as much, for the pages of that buffer.
    ///
    /// # Errors
    /// Those of `rest`.
    pub(crate) fn new(engine: &Engine, beginning: &[u8], rest: impl Read) -> std::io::Result<Key> {
        let mut guest = blake3::Hasher::new();
        guest.update(beginning).update_reader(rest)?;
        let mut hash = KeyHasher(blake3::Hasher::new());
        hash.write(KEY_VERSION);
        hash.write(guest.finalize().as_bytes());
        engine.precompile_compatibility_hash().hash(&mut hash);
        Ok(Key(hash.0.finalize().to_hex().to_string()))
    }

    fn file_name(&self) -> String {
        format!("{}{ENTRY_SUFFIX}", self.0)
    }
}

/// Gives what Wasmtime hashes to blake3: std's hashers are too short for a name that must not collide.
struct KeyHasher(blake3::Hasher);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Hasher asks for it; the key is taken from the whole hash.
        let hash = self.0.finalize();
        u64::from_le_bytes(hash.as_bytes().first_chunk().copied().unwrap_or_default())
    }
}

impl Cache {
    /// Opens the directory, and makes it if it is not there.
    ///
    /// # Errors
    /// One sentence on why it cannot be used, for the user to read.
    pub(crate) fn open() -> Result<Cache, String> {
        let Some(root) = root(|name| std::env::var_os(name)) else {
            return Err("there is no place for it: set HOME or GUESTNET_CACHE".to_owned());
        };
        Cache::open_in(&root)
    }

    fn open_in(root: &Path) -> Result<Cache, String> {
        let path = root.join("modules");
        let failed = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(|error| failed(&guestnet::host_os::io_reason(&error)))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&path, flags, Mode::empty())
            .map_err(|error| failed(&guestnet::host_os::io_reason(&error.into())))?;
        let stat =
            rustix::fs::fstat(&dir).map_err(|error| failed(&guestnet::host_os::io_reason(&error.into())))?;
        if !is_ours_alone(&stat) {
            return Err(failed(
                &"it must belong to you, and no other user may be able to write it (chmod 700)",
            ));
        }
        Ok(Cache { dir })
    }

    /// The compiled module, if it is there and whole.
    pub(crate) fn load(&self, engine: &Engine, key: &Key) -> Option<Module> {
        // What is damaged is compiled again, and replaced by that.
        trust::cached_module(engine, self.entry(key)?).ok()
    }

    /// [`Cache::load`] for a component.
    pub(crate) fn load_component(&self, engine: &Engine, key: &Key) -> Option<Component> {
        trust::cached_component(engine, &self.entry(key)?).ok()
    }

    /// A compiled module's file, if it is there and no other user can have changed it.
    pub(crate) fn entry(&self, key: &Key) -> Option<File> {
        self.file(&key.file_name())
    }

    /// The key of the guest that had this mark at an earlier start.
    pub(crate) fn recall(&self, mark: &Mark) -> Option<Key> {
        let mut key = String::new();
        // One byte more than a key has, so that a longer text is seen.
        let most = 1 + blake3::OUT_LEN as u64 * 2;
        let file = self.file(&mark.file_name())?;
        file.take(most).read_to_string(&mut key).ok()?;
        blake3::Hash::from_hex(&key).ok()?;
        Some(Key(key))
    }

    /// Keeps which guest has this mark.
    ///
    /// # Errors
    /// What the system says; the cache is then as it was.
    pub(crate) fn remember(&self, mark: &Mark, key: &Key) -> std::io::Result<()> {
        self.write(&mark.file_name(), &mut key.0.as_bytes())
    }

    fn file(&self, name: &str) -> Option<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, name, flags, Mode::empty()).ok()?;
        let stat = rustix::fs::fstat(&file).ok()?;
        if !is_ours_alone(&stat) || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        if age(&stat) > MARK_EVERY {
            mark_used(file.as_fd());
        }
        Some(File::from(file))
    }

    /// Keeps a compiled module under a key, for later starts.
    ///
    /// # Errors
    /// What the system says; the cache is then as it was.
    pub(crate) fn store(&self, key: &Key, compiled: &mut impl Read) -> std::io::Result<()> {
        self.write(&key.file_name(), compiled)?;
        self.shrink(&key.file_name(), MAX_BYTES)
    }

    /// Writes a file of the cache, which is whole or not there.
    fn write(&self, name: &str, content: &mut impl Read) -> std::io::Result<()> {
        let unique = std::hash::RandomState::new().hash_one(std::process::id());
        let temporary = format!("{}-{unique:016x}{TEMPORARY_SUFFIX}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.dir, &temporary, flags, Mode::RUSR)?;
        let mut file = File::from(file);
        // On disk before it has its name: after a crash an entry is whole or not there.
        let written = std::io::copy(content, &mut file)
            .and_then(|_| file.sync_data())
            .and_then(|()| rustix::fs::renameat(&self.dir, &temporary, &self.dir, name).map_err(Into::into));
        if written.is_err() {
            // It would be removed as abandoned later.
            let _ = rustix::fs::unlinkat(&self.dir, &temporary, AtFlags::empty());
        }
        written
    }

    /// Removes what was used longest ago until `most` bytes are left, but never `newest`.
    fn shrink(&self, newest: &str, most: u64) -> std::io::Result<()> {
        let mut entries = Vec::new();
        for item in rustix::fs::Dir::read_from(&self.dir)? {
            let name = item?.file_name().to_owned();
            let text = name.to_str().unwrap_or_default();
            let kept_for = if text.ends_with(TEMPORARY_SUFFIX) {
                Some(ABANDONED)
            } else if text.ends_with(MARK_SUFFIX) {
                Some(FORGOTTEN)
            } else {
                None
            };
            if text == newest || !(kept_for.is_some() || text.ends_with(ENTRY_SUFFIX)) {
                continue;
            }
            // Another guestnet may have removed it meanwhile.
            let Ok(stat) = rustix::fs::statat(&self.dir, &name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            match kept_for {
                None => entries.push((age(&stat), size(&stat), name)),
                Some(time) if age(&stat) > time => {
                    let _ = rustix::fs::unlinkat(&self.dir, &name, AtFlags::empty());
                }
                Some(_) => {}
            }
        }
        let kept =
            rustix::fs::statat(&self.dir, newest, AtFlags::SYMLINK_NOFOLLOW).map_or(0, |stat| size(&stat));
        let mut total = entries
            .iter()
            .fold(kept, |total, (_, size, _)| total.saturating_add(*size));
        entries.sort_unstable_by_key(|(age, ..)| std::cmp::Reverse(*age));
        for (_, size, name) in entries {
            if total <= most {
                break;
            }
            // A guest that runs from it keeps its mapping.
            if rustix::fs::unlinkat(&self.dir, &name, AtFlags::empty()).is_ok() {
                total = total.saturating_sub(size);
            }
        }
        Ok(())
    }
}

/// The user's cache directory of guestnet. The toolchains of `cargo xtask` are in it too, next to `modules`.
fn root(var: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let var = |name| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG specification has relative paths ignored.
    let base = || var("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    var("GUESTNET_CACHE").or_else(|| {
        Some(
            base()
                .or_else(|| Some(var("HOME")?.join(".cache")))?
                .join("guestnet"),
        )
    })
}

/// Whether only this user can change it.
fn is_ours_alone(stat: &Stat) -> bool {
    let others = (Mode::WGRP | Mode::WOTH).bits();
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & others == 0
}

/// Since the last use; zero if the clock was set back.
fn age(stat: &Stat) -> Duration {
    let used = u64::try_from(stat.st_mtime).unwrap_or(0);
    SystemTime::now()
        .duration_since(UNIX_EPOCH + Duration::from_secs(used))
        .unwrap_or_default()
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn mark_used(file: std::os::fd::BorrowedFd<'_>) {
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        },
    };
    // On a read-only file system nothing is removed either.
    let _ = rustix::fs::futimens(file, &times);
}

#[cfg(test)]
mod tests;
