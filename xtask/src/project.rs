//! Where the repository and its build products are.

use crate::Result;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The paths every command starts from.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    /// The root of the repository.
    pub(crate) root: PathBuf,
    /// Cargo's target directory; `CARGO_TARGET_DIR` and cargo's configuration are honoured.
    pub(crate) target: PathBuf,
}

impl Project {
    /// Finds the repository this xtask belongs to.
    pub(crate) fn find() -> Result<Self> {
        let manifest_dir =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest_dir)
            .parent()
            .ok_or_else(|| format!("{} has no parent directory", Path::new(&manifest_dir).display()))?
            .to_path_buf();
        let metadata = cargo_metadata(&root, &["--no-deps"])?;
        let target = metadata["target_directory"]
            .as_str()
            .map(PathBuf::from)
            .ok_or("cargo metadata did not name a target directory")?;
        Ok(Self { root, target })
    }

    /// `cargo` at the root of the repository.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }

    /// The built `guestnet` of one profile, `debug` or `release`.
    pub(crate) fn guestnet(&self, profile: &str) -> PathBuf {
        self.target.join(profile).join("guestnet")
    }

    /// Where links to the engines are that run JavaScript.
    pub(crate) fn engines(&self) -> PathBuf {
        self.target.join("engines")
    }

    /// Where the built guests are.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }
}

/// The cargo that runs this program, without the variables it set for this one package.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST") || name == "CARGO_CRATE_NAME"
        {
            command.env_remove(&key);
        }
    }
    command
}

/// The triple of the machine, as rustc names it.
pub(crate) fn host_triple(project: &Project) -> Result<String> {
    let version = process::capture(
        Command::new("rustc").current_dir(&project.root).arg("-vV"),
        "rustc -vV",
    )?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| "rustc -vV names no host".into())
}

/// `cargo metadata` with `args`, parsed.
pub(crate) fn cargo_metadata(root: &Path, args: &[&str]) -> Result<serde_json::Value> {
    let text = process::capture(
        cargo()
            .current_dir(root)
            .args(["metadata", "--format-version", "1"])
            .args(args),
        "cargo metadata",
    )?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata printed bad JSON: {error}"))
}
