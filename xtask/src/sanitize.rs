//! `cargo xtask sanitize`: the tests of scripts with every access to memory checked, by AddressSanitizer.
//!
//! The C of the engine is instrumented by the C compiler, our Rust by the pinned rustc, and what system calls read and write
//! is checked because rustix goes through libc here, whose functions the sanitizer knows. What is never freed is reported at the
//! end of the crate's own tests. Not a part of `cargo xtask test`: everything is compiled once more.

use crate::process::{self, capture, progress};
use crate::project::{Project, host_triple};
use crate::tools::Tools;
use crate::{Result, project};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The flag is unstable, which is why `RUSTC_BOOTSTRAP` has to be set; the toolchain stays the pinned one.
const RUSTFLAGS: &str = "-Zsanitizer=address --cfg rustix_use_libc -Cforce-frame-pointers=yes";

const CFLAGS: &str = "-fsanitize=address -fno-omit-frame-pointer -g1";

/// The engine measures its stack by the addresses of its frames, and takes a null pointer of malloc for an error of its own.
const ASAN_OPTIONS: &str =
    "detect_stack_use_after_return=0:allocator_may_return_null=1:detect_odr_violation=0";

/// What is known to be lost: the engine's list of shared buffers, where it fails in the middle of a message. What a script can
/// lose of it is limited (`MAX_FAILED` of guest-quickjs).
const KNOWN: &str = "leak:JS_WriteSharedArrayBuffer\n";

/// Frames are some times as large as they are otherwise. In bytes.
const STACK: &str = "67108864";

/// The tests: arguments of `cargo test`, parts of the names of those that run, and whether leaks are looked for. What looks
/// for them is a process that traces the one that ends, which the command does not let itself be done (`confine.rs`).
const TESTS: [(&[&str], &[&str], u8); 2] = [
    (&["-p", "guestnet-quickjs", "--lib", "--tests"], &[], 1),
    // Of the command, what runs scripts.
    (
        &["-p", "guestnet-cli", "--test", "cli"],
        &["script::", "signal::", "repl::", "terminal::"],
        0,
    ),
];

/// Builds and runs them.
///
/// # Errors
/// When a test fails or the sanitizer has found something; its report is in what was printed.
pub(crate) fn run(project: &Project, tools: &Tools) -> Result<()> {
    tools.c_compiler()?;
    runtime(project)?;
    let host = host_triple(project)?;
    let target = project.target.join("sanitize");
    std::fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
    let known = target.join("known-leaks");
    std::fs::write(&known, KNOWN).map_err(|error| format!("{}: {error}", known.display()))?;
    let leaks = format!("suppressions={}:print_suppressions=0", known.display());
    let flags_of_c = format!("CFLAGS_{}", host.replace('-', "_"));
    for (what, names, leaks_of) in TESTS {
        progress("sanitize", &format!("cargo test {}", what.join(" ")));
        let mut cargo = project::cargo();
        cargo
            .current_dir(&project.root)
            .arg("test")
            .args(what)
            .args(["--no-fail-fast", "--target", &host, "--target-dir"])
            .arg(&target)
            .arg("--")
            .args(names);
        cargo
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", RUSTFLAGS)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env(&flags_of_c, CFLAGS)
            .env("ASAN_OPTIONS", format!("detect_leaks={leaks_of}:{ASAN_OPTIONS}"))
            .env("LSAN_OPTIONS", &leaks)
            .env("RUST_MIN_STACK", STACK);
        process::run(&mut cargo, "the tests under AddressSanitizer")?;
    }
    instrumented(&target.join(host).join("debug/build"))?;
    progress("sanitize", "nothing found");
    Ok(())
}

/// The pinned toolchain must have the sanitizer's runtime.
fn runtime(project: &Project) -> Result<()> {
    let directory = capture(
        Command::new("rustc")
            .current_dir(&project.root)
            .args(["--print", "target-libdir"]),
        "rustc --print target-libdir",
    )?;
    let directory = PathBuf::from(directory.trim());
    let found = files(&directory)?
        .iter()
        .any(|file| file.to_string_lossy().ends_with("_rt.asan.a"));
    if found {
        return Ok(());
    }
    Err(format!(
        "the Rust toolchain has no AddressSanitizer ({} has no librustc-stable_rt.asan.a): install the one of \
         rust-toolchain.toml with rustup, for a system that it is built for, such as x86-64 Linux",
        directory.display()
    ))
}

/// Whether the engine was compiled as it was asked for: a compiler that ignored the flags would find nothing.
fn instrumented(builds: &Path) -> Result<()> {
    let mut libraries = Vec::new();
    for build in files(builds)? {
        let library = build.join("out/libquickjs.a");
        if library.is_file() {
            libraries.push(library);
        }
    }
    let mut any = false;
    for library in libraries {
        let bytes = std::fs::read(&library).map_err(|error| format!("{}: {error}", library.display()))?;
        let name = b"__asan_report_";
        if !bytes.windows(name.len()).any(|window| window == name) {
            return Err(format!(
                "{} is not instrumented: does the C compiler know -fsanitize=address?",
                library.display()
            ));
        }
        any = true;
    }
    if any {
        Ok(())
    } else {
        Err(format!(
            "there is no libquickjs.a of the engine below {}",
            builds.display()
        ))
    }
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}
