//! `containerd-shim-guestnet-v1`: what containerd starts for containers of the runtime `io.containerd.guestnet.v1`.
//!
//! One program with four purposes, by its arguments: containerd's commands `start` and `delete`, the shim of a pod,
//! the process of one container, and the compiler of a guest. Whatever a guest may do is decided where it is for the
//! command `guestnet`: the process of a container becomes that command (`guest.rs`). Here is what a container is to
//! containerd: its life, its streams, its namespaces, mounts and limits.

mod annotations;
mod artifact;
mod bootstrap;
mod cgroup;
mod clock;
mod command;
mod container;
mod containerd;
mod controllers;
mod events;
mod files;
mod grpc;
mod guest;
mod mounts;
mod namespaces;
mod oci;
mod plan;
mod privileges;
mod refusal;
mod spec;
#[cfg(test)]
mod stand_in;
mod stats;
mod stdio;
mod sync;
mod system;
mod task;
mod terminal;
mod within;

use std::ffi::OsString;

fn main() {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let code = if let Some(code) = guestnet_cli::compile_job(&arguments) {
        code
    } else if guest::is_container(&arguments) {
        guest::main()
    } else {
        command::main(&arguments)
    };
    // Not a return from main: a guest that could not be stopped may still be on its thread.
    std::process::exit(code)
}
