//! Rust guests: crates of their own outside the workspace, built for wasip1, and some natively as well.

use super::{Job, entries, stem};
use crate::Result;
use crate::process::capture;
use crate::process::progress;
use crate::project::{self, Project};
use crate::tools::Tools;
use std::fs;
use std::path::{Path, PathBuf};

const TARGET: &str = "wasm32-wasip1";

/// The guests that are built natively too: those on guestnet-guest, which has the same API there.
const NATIVE: [&str; 1] = ["sockets"];

/// The jobs of guests/rust: a directory for each crate, whose binary has the directory's name.
pub(super) fn jobs(project: &Project, tools: &Tools) -> Result<Vec<Job>> {
    let mut crates: Vec<PathBuf> = entries(&project.root.join("guests/rust"))?
        .into_iter()
        .filter(|path| path.join("Cargo.toml").is_file())
        .collect();
    crates.sort();
    if crates.is_empty() {
        progress("guests", "guests/rust: no programs there");
        return Ok(Vec::new());
    }
    tools.rust_targets()?;
    let build = project.guests().join(".rust-build");
    let job = |directory: PathBuf, native: bool| {
        let name = stem(&directory);
        let (output, name) = if native {
            (
                project.guests().join("rust-native").join(&name),
                format!("rust {name} native"),
            )
        } else {
            let output = project.guests().join("rust").join(format!("{name}.wasm"));
            (output, format!("rust {name}"))
        };
        let (build, to) = (build.clone(), output.clone());
        Job {
            name,
            output,
            // cargo knows better than we do; it takes a moment when nothing changed.
            inputs: None,
            make: Box::new(move || make(&directory, native, &build, &to).map(|()| String::new())),
        }
    };
    let native = crates.iter().filter(|path| NATIVE.contains(&stem(path).as_str()));
    let native: Vec<Job> = native.map(|path| job(path.clone(), true)).collect();
    Ok(crates
        .into_iter()
        .map(|path| job(path, false))
        .chain(native)
        .collect())
}

fn make(directory: &Path, native: bool, build: &Path, output: &Path) -> Result<()> {
    let mut command = project::cargo();
    // The flags of a surrounding build (coverage, sanitizers) are not for wasm.
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
        .current_dir(directory)
        .args(["build", "--target-dir"])
        .arg(build);
    if !native {
        command.args(["--release", "--target", TARGET]);
    }
    if directory.join("Cargo.lock").exists() {
        command.arg("--locked");
    }
    capture(&mut command, "cargo build")?;
    let name = stem(directory);
    let (products, extension) = if native {
        (build.join("debug"), "")
    } else {
        (build.join(TARGET).join("release"), ".wasm")
    };
    // cargo keeps hyphens in the names of binaries; a directory may spell either.
    let made = [name.clone(), name.replace('_', "-")]
        .map(|name| products.join(format!("{name}{extension}")))
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| format!("{} builds no binary of the name {name}", directory.display()))?;
    let part = output.with_extension("part");
    fs::copy(&made, &part)
        .and_then(|_| fs::rename(&part, output))
        .map_err(|error| format!("{}: {error}", output.display()))
}
