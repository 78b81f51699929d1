//! Runs a script that may use the network as it likes, and the directory it lies in: how a program embeds this crate.
//!
//! `cargo run -p guestnet-quickjs --example run -- script.js [ARGS]...`
#![expect(
    clippy::disallowed_methods,
    reason = "an embedder, not the adapter, opens the script"
)]

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Guest};
use guestnet_host_os::OsHost;
use guestnet_quickjs::{End, ScriptBuilder};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = PathBuf::from(args.next().ok_or("which script?")?);
    let source = std::fs::read(&path)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();

    let mut host = OsHost::new()?;
    // A receive that is all that the script waits for is one system call then.
    host.stop_by_signal()?;
    let stdin = host.adopt_stream(io::stdin().as_fd().try_clone_to_owned()?)?;
    let stdout = host.adopt_stream(io::stdout().as_fd().try_clone_to_owned()?)?;
    let stderr = host.adopt_stream(io::stderr().as_fd().try_clone_to_owned()?)?;
    host.add_directory(directory, "/")?;
    let guest = Guest::new(Arc::new(Policy::allow_all()), Capacity::default(), 0).thread(host);
    let mut builder = ScriptBuilder::new(guest);
    builder.stdin(stdin).stdout(stdout).stderr(stderr).arg(&name);
    builder.directory(directory, "/")?.scripts(directory, "")?;
    for arg in args {
        builder.arg(arg);
    }
    Ok(match builder.build()?.run(&name, &source) {
        End::Exit(code) => ExitCode::from(u8::try_from(code & 0xff)?),
        End::Stop => ExitCode::FAILURE,
    })
}
