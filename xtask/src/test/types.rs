//! The type declarations that are shipped, under the TypeScript compiler: files that use all of them, rightly, and wrongly
//! where the compiler must say so.

use crate::process::{self, progress};
use crate::tools::{Engine, Tools};
use crate::{Result, project::Project};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Directories of such files, each with the declarations that they take for granted; a file that imports its own needs none.
const USES: [(&str, Option<&str>); 2] = [
    (
        "crates/guest-quickjs/tests/types",
        Some("crates/guest-quickjs/guestnet.d.ts"),
    ),
    ("crates/guest-emscripten/tests/types", None),
];

/// The strictest rules; of the environment, nothing but what ECMAScript itself has.
const OPTIONS: [&str; 10] = [
    "--noEmit",
    "--strict",
    "--target",
    "es2024",
    "--lib",
    "esnext",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
];

/// Compiles them.
///
/// # Errors
/// What the compiler says of the first directory that it refuses.
pub(super) fn check(project: &Project, tools: &Tools) -> Result<()> {
    let (node, tsc) = (tools.engine(Engine::Node20)?, tools.typescript()?);
    for (directory, declarations) in USES {
        let files = sources(&project.root.join(directory))?;
        let mut command = Command::new(&node);
        command.arg(&tsc).args(OPTIONS).current_dir(&project.root);
        command.args(declarations).args(
            files
                .iter()
                .map(|file| file.strip_prefix(&project.root).unwrap_or(file)),
        );
        process::capture(&mut command, "tsc")?;
        progress("types", &format!("{directory}: {} files", files.len()));
    }
    Ok(())
}

/// The TypeScript files of a directory.
fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "ts"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(format!("{}: there is no TypeScript in it", directory.display()));
    }
    Ok(files)
}
