//! Emscripten, from Debian's packages of a newer release than the machine runs.
//!
//! The packages are unpacked into a directory, not installed: nothing of the machine changes, and no program of the
//! tree runs in a root of its own. Its programs find their loader and libraries in the tree by patchelf's doing.

use super::apt::Apt;
use super::mirror;
use crate::Result;
use crate::cache::Cache;
use crate::process::{self, capture, progress};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release whose Emscripten is new enough.
const SUITE: &str = "forky";

/// The oldest version that is supported.
const OLDEST: [u32; 3] = [6, 0, 5];

/// Raised when what `install` does changes, so that caches are made anew.
const LAYOUT: u32 = 1;

/// What of Emscripten is called by name.
const SCRIPTS: [&str; 5] = ["emcc", "em++", "emar", "emranlib", "emstrip"];

/// The system libraries are built per threading model: the flags of one small program for each.
const LIBRARIES: [(&str, &[&str]); 2] = [("single", &[]), ("threads", &["-pthread", "-sPROXY_TO_PTHREAD"])];

/// An installed Emscripten.
#[derive(Debug, Clone)]
pub(crate) struct Emscripten {
    /// The directory of `emcc` and its like, for the `PATH` of configure scripts.
    pub(crate) bin: PathBuf,
    /// As in `6.0.5`.
    pub(crate) version: String,
    /// CMake's file about it.
    toolchain: PathBuf,
}

impl Emscripten {
    /// `emcc` that compiles and does not link: settings of the link are a warning there.
    pub(crate) fn compiler(&self) -> Command {
        Command::new(self.bin.join("emcc"))
    }

    /// `em++`, for C++.
    pub(crate) fn emxx(&self) -> Command {
        Command::new(self.bin.join("em++"))
    }

    /// `cmake` that configures a project for Emscripten.
    pub(crate) fn cmake(&self) -> Command {
        let mut command = self.cmake_command();
        command.arg(format!("-DCMAKE_TOOLCHAIN_FILE={}", self.toolchain.display()));
        command
    }

    /// `cmake` that builds one that was configured.
    pub(crate) fn cmake_build(&self) -> Command {
        let mut command = self.cmake_command();
        command.arg("--build");
        command
    }

    /// CMake calls Emscripten's own scripts, which are not those of `bin`.
    fn cmake_command(&self) -> Command {
        let mut command = Command::new("cmake");
        command.env("EM_CONFIG", self.bin.join("config"));
        command
    }

    /// `emcc` for C: a program in C does not need libc++ to be built.
    pub(crate) fn emcc(&self) -> Command {
        let mut command = Command::new(self.bin.join("emcc"));
        command.arg("-sDEFAULT_TO_CXX=0");
        command
    }
}

/// Emscripten with the system libraries that the tests need; it runs its own scripts with `node`.
pub(super) fn emscripten(cache: &Cache, apt: &Apt, node: &Path) -> Result<Emscripten> {
    let tree = cache.tool(&format!("emscripten-{SUITE}-{LAYOUT}"), |directory| {
        install(cache, apt, directory, node)
    })?;
    let emscripten = Emscripten {
        bin: tree.join("guestnet-bin"),
        version: version(&tree)?,
        toolchain: tree.join("usr/share/emscripten/cmake/Modules/Platform/Emscripten.cmake"),
    };
    for (name, flags) in LIBRARIES {
        warm(cache, &emscripten, name, flags)?;
    }
    Ok(emscripten)
}

/// Unpacks the packages and makes the tree work where it is.
fn install(cache: &Cache, apt: &Apt, tree: &Path, node: &Path) -> Result<()> {
    apt.programs(
        cache,
        &[
            ("mmdebstrap", "mmdebstrap debian-archive-keyring"),
            ("patchelf", "patchelf"),
        ],
    )?;
    // The program itself: what PATH has may be a wrapper that takes longer than emcc.
    let python = capture(
        Command::new("python3").args(["-c", "import sys; print(sys.executable)"]),
        "python3",
    )?;
    progress(
        "emscripten",
        &format!(
            "fetching Debian's packages of {SUITE}: about 180 MB, which become 0.8 GB in {}; a minute or two",
            tree.display()
        ),
    );
    unpack(tree)?;
    let found = version(tree)?;
    if parse(&found).is_none_or(|version| version < OLDEST) {
        return Err(format!(
            "Debian's {SUITE} has Emscripten {found}, which is older than {OLDEST:?}"
        ));
    }
    let layout = Layout::of(tree)?;
    layout.patch()?;
    layout.link()?;
    layout.scripts(python.trim(), node)?;
    progress("emscripten", &format!("version {found} is there"));
    Ok(())
}

fn unpack(tree: &Path) -> Result<()> {
    let mut command = Command::new("mmdebstrap");
    // "extract" unpacks and configures nothing, so that no maintainer script of another release runs here.
    command
        .args(["--quiet", "--variant=extract", "--include=emscripten"])
        .arg("--aptopt=APT::Install-Recommends \"false\"");
    for setting in mirror::settings()? {
        command.arg(format!("--aptopt={setting}"));
    }
    for unused in ["doc", "man", "locale"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{unused}/*"));
    }
    command.arg(SUITE).arg(tree).arg(mirror::site()?);
    capture(&mut command, "mmdebstrap").map(drop)
}

/// Where things are in the unpacked tree.
struct Layout {
    tree: PathBuf,
    llvm: PathBuf,
    libraries: PathBuf,
}

impl Layout {
    fn of(tree: &Path) -> Result<Self> {
        // More than one version would be llvm-9 before llvm-10: the longest name is the newest, then the greatest.
        let llvm = entries(&tree.join("usr/lib"))?
            .into_iter()
            .filter(|path| file_name(path).starts_with("llvm-"))
            .max_by_key(|path| (file_name(path).len(), file_name(path)))
            .ok_or_else(|| format!("{} has no LLVM", tree.display()))?;
        Ok(Self {
            tree: tree.to_path_buf(),
            llvm,
            libraries: tree.join("usr/lib/x86_64-linux-gnu"),
        })
    }

    fn binaryen(&self) -> Result<Vec<PathBuf>> {
        let mut programs = entries(&self.tree.join("usr/bin"))?;
        programs.retain(|path| {
            let name = file_name(path);
            (name.starts_with("wasm-") && !name.starts_with("wasm-ld")) || name == "wasm2js"
        });
        Ok(programs)
    }

    /// Gives every program the tree's loader and library path. Libraries that have a path of their own would look
    /// there instead.
    fn patch(&self) -> Result<()> {
        let loader = self.libraries.join("ld-linux-x86-64.so.2");
        let path = format!("{}:{}", self.libraries.display(), self.llvm.join("lib").display());
        let programs = elf_files(
            entries(&self.llvm.join("bin"))?
                .into_iter()
                .chain(self.binaryen()?),
        );
        let libraries = entries(&self.libraries)?
            .into_iter()
            .chain(entries(&self.llvm.join("lib"))?)
            .filter(|path| {
                ["libLLVM", "libclang", "libbinaryen", "libLTO"]
                    .iter()
                    .any(|start| file_name(path).starts_with(start))
            });
        for library in elf_files(libraries) {
            patchelf(&[], &path, &library)?;
        }
        for program in programs {
            let loader = loader.to_string_lossy();
            patchelf(&["--set-interpreter", &loader], &path, &program)?;
        }
        Ok(())
    }

    /// The names under which Emscripten looks for what Debian keeps elsewhere.
    fn link(&self) -> Result<()> {
        let root = self.tree.join("usr/lib/binaryen-root/bin");
        fs::create_dir_all(&root).map_err(|error| format!("{}: {error}", root.display()))?;
        for program in self.binaryen()? {
            relink(&program, &root.join(file_name(&program)))?;
        }
        let linker = self.llvm.join("bin/wasm-ld");
        if !linker.exists() {
            relink(Path::new("lld"), &linker)?;
        }
        // Debian's own node knows this directory; others look for node_modules next to the script.
        relink(
            Path::new("../nodejs"),
            &self.tree.join("usr/share/emscripten/node_modules"),
        )
    }

    /// The configuration, and a program for each script that gives it.
    fn scripts(&self, python: &str, node: &Path) -> Result<()> {
        let bin = self.tree.join("guestnet-bin");
        fs::create_dir_all(&bin).map_err(|error| format!("{}: {error}", bin.display()))?;
        let config = bin.join("config");
        let text = format!(
            "LLVM_ROOT = '{}'\nBINARYEN_ROOT = '{}'\nNODE_JS = '{}'\nCACHE = '{}'\n",
            self.llvm.join("bin").display(),
            self.tree.join("usr/lib/binaryen-root").display(),
            node.display(),
            self.tree.join("guestnet-libraries").display()
        );
        fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
        for name in SCRIPTS {
            let script = self.tree.join("usr/share/emscripten").join(format!("{name}.py"));
            let program = bin.join(name);
            let text = format!(
                "#!/bin/sh\nEM_CONFIG={} exec {python} -E {} \"$@\"\n",
                config.display(),
                script.display()
            );
            fs::write(&program, text)
                .and_then(|()| fs::set_permissions(&program, fs::Permissions::from_mode(0o755)))
                .map_err(|error| format!("{}: {error}", program.display()))?;
        }
        Ok(())
    }
}

fn patchelf(options: &[&str], path: &str, file: &Path) -> Result<()> {
    let mut command = Command::new("patchelf");
    command.args(options).args(["--force-rpath", "--set-rpath", path]);
    process::capture(command.arg(file), "patchelf").map(drop)
}

/// The ELF files among `paths`, each once, links followed.
fn elf_files(paths: impl Iterator<Item = PathBuf>) -> BTreeSet<PathBuf> {
    paths
        .filter_map(|path| path.canonicalize().ok())
        .filter(|path| starts_with_elf_magic(path))
        .collect()
}

fn starts_with_elf_magic(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 4];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok()) && magic == *b"\x7fELF"
}

/// A symbolic link, in place of whatever has the name.
fn relink(target: &Path, link: &Path) -> Result<()> {
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link).map_err(|error| format!("{}: {error}", link.display()))?;
    }
    symlink(target, link).map_err(|error| format!("{}: {error}", link.display()))
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let named = |error: std::io::Error| format!("{}: {error}", directory.display());
    fs::read_dir(directory)
        .map_err(named)?
        .map(|entry| entry.map(|entry| entry.path()).map_err(named))
        .collect()
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn version(tree: &Path) -> Result<String> {
    let path = tree.join("usr/share/emscripten/emscripten-version.txt");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.trim().trim_matches('"').to_owned())
}

/// The three numbers of `6.0.5`, whatever follows them.
fn parse(version: &str) -> Option<[u32; 3]> {
    let mut numbers = version.split(['.', '-', '~']).map(str::parse::<u32>);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next()?])
}

/// Links a program that needs libc, so that libc is built once and before the parallel builds.
fn warm(cache: &Cache, emscripten: &Emscripten, name: &str, flags: &[&str]) -> Result<()> {
    let tool = format!("emscripten-{SUITE}-{LAYOUT}-{}-{name}", emscripten.version);
    cache
        .tool(&tool, |directory| {
            progress(
                "emscripten",
                &format!("building its libc, {name} (about a minute, once)"),
            );
            let source = directory.join("warm.c");
            fs::write(
                &source,
                "#include <stdio.h>\n#include <sys/socket.h>\nint main(void) { return puts(\"\") + socket(0, 0, 0); }\n",
            )
            .map_err(|error| format!("{}: {error}", source.display()))?;
            let mut emcc = emscripten.emcc();
            emcc.args(["-O1"]).args(flags).arg(&source).arg("-o");
            capture(emcc.arg(directory.join("warm.js")), "emcc").map(drop)
        })
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::{OLDEST, parse};

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(parse("6.0.5"), Some([6, 0, 5]));
        assert_eq!(parse("6.0.10-git"), Some([6, 0, 10]));
        assert_eq!(parse("6.0"), None);
        assert!(parse("6.0.10") > Some(OLDEST));
        assert!(parse("4.0.23") < Some(OLDEST));
    }
}
