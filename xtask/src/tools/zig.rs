//! zig, as the C compiler for wasip1: it brings clang, lld and the sources of wasi-libc in one wheel.

use super::apt::Apt;
use super::python;
use super::size::Pinned;
use crate::cache::Cache;
use crate::process::progress;
use crate::{Result, process::capture};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The wheel that holds it.
const WHEEL: Pinned = Pinned {
    name: "ziglang",
    version: "0.17.0",
    megabytes: 101,
};

/// The optimisation level of the C guests. zig builds its libc once for each level.
pub(crate) const OPTIMISE: &str = "-O1";

/// An installed zig.
#[derive(Debug, Clone)]
pub(crate) struct Zig {
    program: PathBuf,
    cache: PathBuf,
}

impl Zig {
    /// What a build made with it depends on.
    pub(crate) const VERSION: &str = WHEEL.version;

    /// `zig cc` for wasip1.
    pub(crate) fn cc(&self) -> Command {
        let mut command = self.command();
        command.args(["cc", "-target", "wasm32-wasi"]);
        command
    }

    /// `zig ar`.
    pub(crate) fn ar(&self) -> Command {
        let mut command = self.command();
        command.arg("ar");
        command
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("ZIG_GLOBAL_CACHE_DIR", &self.cache)
            .env("ZIG_LOCAL_CACHE_DIR", &self.cache);
        command
    }
}

pub(super) fn zig(cache: &Cache, apt: &Apt) -> Result<Zig> {
    let directory = python::wheel(cache, apt, WHEEL)?;
    let zig = Zig {
        program: python::packaged(&directory, "ziglang/zig")?,
        cache: cache.path(&format!("zig-{}-cache", Zig::VERSION)),
    };
    warm(cache, &zig)?;
    Ok(zig)
}

/// Compiles a program that needs libc, so that libc is built once and before the parallel builds.
fn warm(cache: &Cache, zig: &Zig) -> Result<()> {
    let name = format!("ziglang-{}-libc{OPTIMISE}", Zig::VERSION);
    cache
        .tool(&name, |directory| {
            progress("zig", "building its libc for wasip1 (about a minute, once)");
            let source = directory.join("warm.c");
            fs::write(
                &source,
                "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n",
            )
            .map_err(|error| format!("{}: {error}", source.display()))?;
            capture(
                zig.cc()
                    .arg(OPTIMISE)
                    .arg(&source)
                    .arg("-o")
                    .arg(directory.join("warm.wasm")),
                "zig cc -target wasm32-wasi",
            )
            .map(drop)
        })
        .map(drop)
}
