//! The Rust targets of the pinned toolchain.

use crate::process::{capture, find_program, progress};
use crate::{Result, process};
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGETS: [&str; 3] = ["wasm32-wasip1", "wasm32-wasip2", "wasm32-unknown-unknown"];

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
    let missing: Vec<&str> = TARGETS
        .into_iter()
        .filter(|target| !sysroot.join("lib/rustlib").join(target).join("lib").is_dir())
        .collect();
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
    progress("rustup", &format!("adding {list}"));
    process::run(
        Command::new("rustup")
            .current_dir(root)
            .args(["target", "add"])
            .args(&missing),
        "rustup target add",
    )
}
