//! Tools that ship as Python wheels: pip finds the right binary for the machine, nothing is compiled.

use super::apt::{self, Apt};
use crate::cache::Cache;
use crate::process::{self, progress};
use crate::{Result, process::capture};
use std::path::PathBuf;
use std::process::Command;

/// A virtual environment in the cache that holds one wheel at one version.
pub(super) fn wheel(cache: &Cache, apt: &Apt, name: &str, version: &str) -> Result<PathBuf> {
    cache.tool(&format!("{name}-{version}"), |directory| {
        venv_works(cache, apt)?;
        progress(
            name,
            &format!("fetching version {version} with pip into {}", directory.display()),
        );
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
