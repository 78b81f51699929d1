//! The two calls of Linux that no crate here has a safe function for, and the only unsafe code of the shim.
#![expect(
    unsafe_code,
    reason = "unshare(2) and mount_setattr(2) have no safe function in rustix"
)]

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::{Errno, Result};
use rustix::thread::UnshareFlags;

/// Gives this process namespaces of its own: of mounts or of the network.
///
/// # Errors
/// unshare(2)'s.
pub(crate) fn unshare(namespaces: Namespaces) -> Result<()> {
    let flags = match namespaces {
        Namespaces::Mount => UnshareFlags::NEWNS,
        Namespaces::Network => UnshareFlags::NEWNET,
    };
    // SAFETY: What makes unshare(2) unsafe is CLONE_FILES, which is not among the flags.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// Which namespace.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Namespaces {
    Mount,
    Network,
}

/// `struct mount_attr` of mount_setattr(2).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// What may not be done on a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MountFlags {
    pub(crate) read_only: bool,
}

/// No programs are started from it, no device of it can be opened, and, if asked for, nothing on it can be written. `tree`
/// stands for a mount and for all that are below it.
///
/// # Errors
/// mount_setattr(2)'s.
pub(crate) fn restrict_mount(tree: impl AsFd, flags: MountFlags) -> Result<()> {
    // linux/mount.h
    const READ_ONLY: u64 = 1;
    const NO_SUID: u64 = 2;
    const NO_DEVICES: u64 = 4;
    const NO_EXEC: u64 = 8;
    let attr = MountAttr {
        set: NO_SUID | NO_DEVICES | NO_EXEC | if flags.read_only { READ_ONLY } else { 0 },
        ..MountAttr::default()
    };
    // SAFETY: The path is a string that ends with a NUL, and the kernel reads as many bytes of `attr` as the length says that there
    // are; it keeps neither.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | libc::AT_RECURSIVE,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    if done == 0 {
        Ok(())
    } else {
        let number = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        Err(Errno::from_raw_os_error(number))
    }
}
