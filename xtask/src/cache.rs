//! The cache directory: tools fetched once and shared by every clone of one user.
//!
//! Holds only what can be fetched again. Deleting it is always safe.

use crate::{Result, process};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The cache directory, created on first use.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$GUESTNET_CACHE`, else `$XDG_CACHE_HOME/guestnet`, else `~/.cache/guestnet`.
    pub(crate) fn open() -> Result<Self> {
        let set = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let root = set("GUESTNET_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|base| base.join("guestnet")))
            .or_else(|| set("HOME").map(|home| home.join(".cache/guestnet")))
            .ok_or("no cache directory: set GUESTNET_CACHE to a directory for fetched tools")?;
        let root = std::path::absolute(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        fs::create_dir_all(root.join("tools")).map_err(|error| {
            format!(
                "cannot create the cache directory {}: {error}; set GUESTNET_CACHE to move it",
                root.display()
            )
        })?;
        Ok(Self { root })
    }

    /// A path inside the cache.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The directory of a tool at one version, made by `install` if it is not there.
    ///
    /// `install` gets the empty directory. A directory counts as installed only once `install` returned Ok, so an
    /// interrupted one is done again. Another clone that wants the same tool waits.
    pub(crate) fn tool(&self, name: &str, install: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let directory = self.root.join("tools").join(name);
        let ready = directory.join(".ready");
        if ready.exists() {
            return Ok(directory);
        }
        let _lock = lock(&self.root.join("tools").join(format!("{name}.lock")), name)?;
        if ready.exists() {
            return Ok(directory);
        }
        if directory.exists() {
            fs::remove_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        install(&directory)?;
        fs::write(&ready, "").map_err(|error| format!("{}: {error}", ready.display()))?;
        Ok(directory)
    }
}

/// Takes an exclusive lock, saying so when it has to wait. Dropping the file gives the lock back.
pub(crate) fn lock(path: &Path, what: &str) -> Result<File> {
    let named = |error: std::io::Error| format!("cannot lock {}: {error}", path.display());
    let file = File::create(path).map_err(named)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => {
            process::progress(what, "another xtask is at it; waiting");
            file.lock().map_err(named)?;
        }
        Err(fs::TryLockError::Error(error)) => return Err(named(error)),
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::Cache;

    /// A cache in a directory of its own, removed on drop.
    struct Scratch(Cache);

    impl Scratch {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("guestnet-xtask-{name}-{}", std::process::id()));
            std::fs::create_dir_all(root.join("tools")).expect("a temporary directory");
            Self(Cache { root })
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0.root));
        }
    }

    #[test]
    fn a_tool_is_installed_once() {
        let cache = Scratch::new("once");
        let first = cache.0.tool("t", |dir| {
            std::fs::write(dir.join("bin"), "1").map_err(|e| e.to_string())
        });
        let again = cache.0.tool("t", |_| Err("installed twice".into()));
        assert_eq!(first, again);
        assert!(first.expect("installed").join("bin").exists());
    }

    #[test]
    fn a_failed_install_is_done_again_from_empty() {
        let cache = Scratch::new("again");
        let failed = cache.0.tool("t", |dir| {
            std::fs::write(dir.join("half"), "").map_err(|e| e.to_string())?;
            Err("cut off".into())
        });
        assert_eq!(failed, Err("cut off".into()));
        let dir = cache.0.tool("t", |_| Ok(())).expect("the second try succeeds");
        assert!(!dir.join("half").exists());
    }
}
