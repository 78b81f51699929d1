//! The few things that this program takes on trust, and the only unsafe code in it.
#![expect(
    unsafe_code,
    reason = "loads compiled code, from the cache and from the process that compiled it, takes over inherited descriptors, \
              and leaves the guest's"
)]

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use guestnet::host_os::leave_descriptors;
use wasmtime::component::Component;
use wasmtime::{Engine, Module};

/// A descriptor that this process was started with.
///
/// # Errors
/// `EBADF` if it is not open.
pub(crate) fn inherited_descriptor(number: RawFd) -> std::io::Result<OwnedFd> {
    // SAFETY: F_GETFD takes no pointer, and any number may be asked about.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: The descriptor is open, and no other part of this process owns it: `inherit` asks for each number once,
    // from 3 on, before this program has opened anything and before it has started a thread.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Maps a compiled module of the cache.
///
/// # Errors
/// Wasmtime sees that it is damaged, or made for another engine.
pub(crate) fn cached_module(engine: &Engine, entry: File) -> wasmtime::Result<Module> {
    // SAFETY: Wasmtime asks that the file be its own output, and that it stay unchanged while it is mapped.
    // `cache::Cache` opens it below a directory that it holds open and that belongs to this user and can be written by
    // no other user (checked on the open directory, not on a path), as a regular file of this user that no other user can
    // write. Into that directory guestnet alone writes: what Wasmtime gave it, under a name made of the hash of the
    // guest and of the engine's settings; on disk before it has that name; read-only, never changed in place, only
    // replaced or removed as a whole, which leaves the mapped file as it is. A process that can forge such a file acts as this
    // user already and could as well replace the guestnet binary.
    unsafe { Module::deserialize_open_file(engine, entry) }
}

/// Maps a module that `compile` has just had compiled.
///
/// # Errors
/// Wasmtime sees that it is damaged.
pub(crate) fn compiled_module(engine: &Engine, compiled: File) -> wasmtime::Result<Module> {
    // SAFETY: As above. It is the output of `Engine::precompile_module` of this very program, which ran as a process of
    // its own with the same settings and ended as it should. The file has no name, and is sealed against any change.
    unsafe { Module::deserialize_open_file(engine, compiled) }
}

/// [`cached_module`] for a component.
///
/// # Errors
/// Wasmtime sees that it is damaged, or made for another engine.
pub(crate) fn cached_component(engine: &Engine, entry: &File) -> wasmtime::Result<Component> {
    // SAFETY: As for a module of the cache.
    unsafe { Component::deserialize_file(engine, opened(entry)) }
}

/// [`compiled_module`] for a component.
///
/// # Errors
/// Wasmtime sees that it is damaged.
pub(crate) fn compiled_component(engine: &Engine, compiled: &File) -> wasmtime::Result<Component> {
    // SAFETY: As for a module that was compiled just now.
    unsafe { Component::deserialize_file(engine, opened(compiled)) }
}

/// The path of an open file: Wasmtime opens a component's itself. It is the same file, whatever became of its name.
fn opened(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Takes the calling thread, which is `stop::Watch`'s, out of the table of descriptors of the guest's thread, if the kernel can do
/// that. It keeps `keep`.
pub(crate) fn leave_guest_descriptors(keep: &[RawFd]) {
    // SAFETY: The thread uses what `Watch::descriptors` has and the standard streams, opens nothing, and drops only what is in
    // `keep`. `supervise::Apart` exists only where no trace, audit or metrics would have it write elsewhere in the end.
    // Where the kernel cannot do it, the table stays shared.
    let _ = unsafe { leave_descriptors(keep) };
}

/// Leaves signals that end the run to the other threads of this process. A guest whose call one of them ended would go on a
/// little before it is stopped.
pub(crate) fn block_signals(signals: &[i32]) {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset(3) fills it in.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for signal in signals {
        // SAFETY: it was filled in; a number that is no signal is an error, and changes nothing.
        unsafe { libc::sigaddset(set.as_mut_ptr(), *signal) };
    }
    // SAFETY: the set outlives the call, and only the calling thread's mask changes.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut()) };
}
