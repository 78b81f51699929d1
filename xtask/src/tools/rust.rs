//! The Rust targets of the pinned toolchain, and the crates that the workspace depends on.

use crate::process::{capture, find_program, progress};
use crate::{Result, process, project};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each target with the MB of its standard library.
const TARGETS: [(&str, u32); 3] = [
    ("wasm32-wasip1", 23),
    ("wasm32-wasip2", 24),
    ("wasm32-unknown-unknown", 22),
];

/// The MB of all crates that the workspace has on Linux.
pub(super) const WORKSPACE: u32 = 32;

/// The MB of those that one of the guests has.
pub(super) const GUEST: u32 = 6;

/// The MB of those that the examples have.
pub(super) const EXAMPLES: u32 = 19;

/// Adds the targets that are missing with rustup. `rust-toolchain.toml` names them, but with
/// `RUSTUP_AUTO_INSTALL=0`, or a toolchain installed before the file named them, they may not be there.
pub(super) fn targets(root: &Path) -> Result<()> {
    let sysroot = capture(
        Command::new("rustc")
            .current_dir(root)
            .args(["--print", "sysroot"]),
        "rustc --print sysroot",
    )?;
    let sysroot = PathBuf::from(sysroot.trim());
    let (missing, megabytes): (Vec<&str>, Vec<u32>) = TARGETS
        .into_iter()
        .filter(|(target, _)| !sysroot.join("lib/rustlib").join(target).join("lib").is_dir())
        .unzip();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if find_program("rustup").is_none() {
        return Err(format!(
            "the Rust toolchain in {} has no standard library for {list}, and there is no rustup to add it: \
             install rustup (https://rustup.rs) or your distribution's packages for these targets",
            sysroot.display()
        ));
    }
    progress(
        "rustup",
        &format!("adding {list}: about {} MB", megabytes.iter().sum::<u32>()),
    );
    process::run(
        Command::new("rustup")
            .current_dir(root)
            .args(["target", "add"])
            .args(&missing),
        "rustup target add",
    )
}

/// Fetches the crates of a directory's Cargo.lock that cargo has not got: so many MB, if it has none.
pub(super) fn crates(directory: &Path, triple: &str, megabytes: u32) -> Result<()> {
    let fetch = |options: &[&str]| {
        let mut cargo = project::cargo();
        cargo.current_dir(directory);
        cargo
            .args(["fetch", "--locked", "--target", triple])
            .args(options);
        cargo
    };
    if capture(&mut fetch(&["--offline"]), "cargo fetch").is_ok() {
        return Ok(());
    }
    progress(
        "cargo",
        &format!("fetching the crates that are missing: at most {megabytes} MB"),
    );
    process::run(&mut fetch(&["--quiet"]), "cargo fetch")
}
