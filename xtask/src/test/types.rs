//! The type declarations that are shipped, under the TypeScript compiler: files that use all of them, rightly, and wrongly
//! where the compiler must say so.

use crate::process::{self, progress};
use crate::tools::{Engine, Tools};
use crate::{Result, project::Project};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that use declarations.
struct Uses {
    /// Their directory, or one of them.
    path: &'static str,
    /// The declarations that they take for granted; a file that imports its own needs none.
    declarations: &'static [&'static str],
    /// The compiler's own declarations of what is there.
    lib: &'static str,
    /// Whether Node's are there as well.
    node: bool,
}

/// Ours: `guestnet.d.ts` lives beside those of browsers and of Node, the other two beside nothing.
const SCRIPTS: &str = "crates/guest-quickjs/guestnet.d.ts";
const SCRIPTS_OS: &str = "crates/guest-quickjs/os.d.ts";
const SCRIPTS_GLOBALS: &str = "crates/guest-quickjs/globals.d.ts";

const USES: [Uses; 4] = [
    Uses {
        path: "crates/guest-quickjs/tests/types",
        declarations: &[SCRIPTS, SCRIPTS_OS, SCRIPTS_GLOBALS],
        lib: "esnext",
        node: false,
    },
    Uses {
        path: "crates/guest-quickjs/tests/types/beside/dom.ts",
        declarations: &[SCRIPTS, SCRIPTS_OS],
        lib: "esnext,dom",
        node: false,
    },
    Uses {
        path: "crates/guest-quickjs/tests/types/beside/node.ts",
        declarations: &[SCRIPTS],
        lib: "esnext,dom",
        node: true,
    },
    Uses {
        path: "crates/guest-emscripten/tests/types",
        declarations: &[],
        lib: "esnext",
        node: false,
    },
];

/// The strictest rules.
const OPTIONS: [&str; 8] = [
    "--noEmit",
    "--strict",
    "--target",
    "es2024",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
];

/// Compiles them.
///
/// # Errors
/// What the compiler says of the first ones that it refuses.
pub(super) fn check(project: &Project, tools: &Tools) -> Result<()> {
    let (node, tsc) = (tools.engine(Engine::Node20)?, tools.typescript()?);
    for uses in &USES {
        let files = sources(&project.root.join(uses.path))?;
        let mut command = Command::new(&node);
        command.arg(&tsc).args(OPTIONS).current_dir(&project.root);
        command.arg("--lib").arg(uses.lib);
        if uses.node {
            command.arg("--types").arg("node");
            command.arg("--typeRoots").arg(tools.node_types()?);
        }
        command.args(uses.declarations).args(
            files
                .iter()
                .map(|file| file.strip_prefix(&project.root).unwrap_or(file)),
        );
        process::capture(&mut command, "tsc")?;
        progress("types", &format!("{}: {} files", uses.path, files.len()));
    }
    Ok(())
}

/// The TypeScript files of a directory, or the file.
fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    if directory.is_file() {
        return Ok(vec![directory.to_owned()]);
    }
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
