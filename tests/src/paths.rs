//! Where the build products are. Building them is `cargo xtask guests`; this only finds them.

use std::env;
use std::path::{Path, PathBuf};

/// Cargo's target directory, that of the running test binary.
///
/// # Panics
///
/// When the running program is not inside a target directory.
#[must_use]
pub fn target_dir() -> PathBuf {
    let program = env::current_exe().expect("the path of the running program");
    // Cargo tags the directory; `target/debug/deps/x` and `target/TRIPLE/debug/deps/x` both lead to it.
    let target = program.ancestors().find(|dir| dir.join("CACHEDIR.TAG").is_file());
    match target {
        Some(target) => target.to_path_buf(),
        None => panic!("{} is not inside a cargo target directory", program.display()),
    }
}

/// The module of a guest: `guest("go", "http_server")`, `guest("wasip1", "tcp_refused")`. A `component` is one of WASI 0.2.
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn guest(kind: &str, name: &str) -> PathBuf {
    built(
        target_dir()
            .join("guests")
            .join(kind)
            .join(format!("{name}.wasm")),
        kind,
    )
}

/// The same guest as a native program, which is the oracle. `kind` is that of [`guest`].
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn native_guest(kind: &str, name: &str) -> PathBuf {
    let directory = match kind {
        "wasip1" => "native".to_string(),
        "native-linux" => kind.to_string(),
        kind => format!("{kind}-native"),
    };
    built(target_dir().join("guests").join(directory).join(name), kind)
}

/// The command with a defect in it (`crates/cli/src/planted.rs`), next to the ordinary one.
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn planted_bin() -> PathBuf {
    let command = guestnet_bin();
    let path = command.with_file_name("examples").join("planted-bug");
    assert!(
        path.is_file(),
        "{} is not there: run `cargo build -p guestnet-cli --example planted-bug --features planted-bug`",
        path.display()
    );
    path
}

/// containerd's shim, next to the ordinary command.
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn shim_bin() -> PathBuf {
    let path = guestnet_bin().with_file_name("containerd-shim-guestnet-v1");
    assert!(
        path.is_file(),
        "{} is not there: run `cargo build -p guestnet-shim`",
        path.display()
    );
    path
}

/// The `guestnet` binary: `GUESTNET_BIN`, or the one of cargo's debug profile.
///
/// # Panics
///
/// When it has not been built.
#[must_use]
pub fn guestnet_bin() -> PathBuf {
    let path = env::var_os("GUESTNET_BIN")
        .map_or_else(|| target_dir().join("debug").join("guestnet"), PathBuf::from);
    assert!(
        path.is_file(),
        "{} is not there: run `cargo build -p guestnet-cli`, or set GUESTNET_BIN",
        path.display()
    );
    path
}

fn built(path: PathBuf, kind: &str) -> PathBuf {
    let kind = match kind {
        "native" | "wasip1" => "c",
        "native-linux" => "emscripten",
        "component" => "rust",
        "examples-rust-component" => "examples-rust",
        kind => kind,
    };
    assert!(
        path.is_file(),
        "{} is not there: run `cargo xtask guests {kind}`",
        path.display()
    );
    path
}

/// Finds a program on `PATH`, or in the directories of the system administrator's programs.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|candidate| Path::is_file(candidate))
}
