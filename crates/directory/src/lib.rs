//! Which directories of the host a guest may be given.
//!
//! A file of procfs is not data: `/proc/self/mem` is the memory of the program that opens it, so that a guest with such
//! a file is guestnet. sysfs, cgroupfs, debugfs and their like are controls of the kernel, devtmpfs is its devices. No
//! guest gets one of them, under whatever name it is mounted: [`check`] refuses a directory that is in one or has one
//! below it, and [`is_interface`] checks whether an open file is in one.
//!
//! Not here: how a path stays below its directory (cap-std, wasmtime-wasi and openat2(2) see to that).
//!
//! ```
//! use std::path::Path;
//!
//! let refused = guestnet_directory::check(Path::new("/proc/self")).unwrap_err();
//! assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
//! // An open file is recognized whatever path led to it.
//! assert!(guestnet_directory::is_interface(std::fs::File::open("/proc/self/mem")?)?);
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

mod mounts;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use mounts::{Mount, interface_below};

/// The file systems of Linux whose files are the kernel's or other processes' own, by the names of `/proc/filesystems`.
const INTERFACES: [&str; 22] = [
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "cpuset",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "fusectl",
    "nfsd",
    "nsfs",
    "openpromfs",
    "proc",
    "pstore",
    "resctrl",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sysfs",
];

/// The same as statfs(2) reports them: `linux/magic.h`. devtmpfs says that it is tmpfs, and fusectl, nfsd and
/// openpromfs have little to take; [`check`] knows all of them by name.
const MAGIC: [u64; 17] = [
    0x4249_4e4d, // binfmt_misc
    0xcafe_4a11, // bpf
    0x0027_e0eb, // cgroup, cpuset
    0x6367_7270, // cgroup2
    0x6265_6570, // configfs
    0x6462_6720, // debugfs
    0x0000_1cd1, // devpts
    0xde5e_81e4, // efivarfs
    0x6e73_6673, // nsfs
    0x0000_9fa0, // proc
    0x6165_676c, // pstore
    0x0765_5821, // resctrl
    0x6759_6969, // rpc_pipefs
    0x7363_6673, // securityfs
    0xf97c_ff8c, // selinuxfs
    0x4341_5d53, // smackfs
    0x6265_6572, // sysfs
];

/// tracefs, which is mounted by itself below debugfs.
const TRACEFS: (&str, u64) = ("tracefs", 0x7472_6163);

/// Refuses a directory that is in such a file system or has one mounted below it.
///
/// This is to be asked before the directory is opened for a guest. Who mounts something there later, which takes the
/// rights of an administrator, is trusted with that.
///
/// # Errors
/// What open(2) says of the directory; or a sentence that names the file system and where it is, as the message of an
/// error of kind [`io::ErrorKind::PermissionDenied`]. So it is if the mounts cannot be read: without /proc nothing is
/// known of them.
pub fn check(directory: &Path) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::open(directory, flags, Mode::empty())?;
    if is_interface(&fd)? {
        return Err(Refusal::Inside(None).into());
    }
    let unknown = |_| Refusal::Unknown;
    let table = std::fs::read("/proc/self/mountinfo").map_err(unknown)?;
    let all = mounts::parse(&table).ok_or(Refusal::Unknown)?;
    let id = mount_id(fd.as_fd()).ok_or(Refusal::Unknown)?;
    // Of another mount namespace, or taken out of this one: nothing is known of what is below it.
    let own = all.iter().find(|mount| mount.id == id).ok_or(Refusal::Unknown)?;
    if own.is_interface() {
        return Err(Refusal::Inside(Some(own.kind.clone())).into());
    }
    let path = rustix::fs::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()), Vec::new())?;
    match interface_below(&all, path.as_bytes()) {
        None => Ok(()),
        Some(Mount { kind, point, .. }) => Err(Refusal::Below(kind.clone(), point.clone()).into()),
    }
}

/// Whether an open file or directory is in such a file system, as far as statfs(2) reports it. It opens what is mounted
/// where a directory was checked before.
///
/// # Errors
/// What fstatfs(2) says.
pub fn is_interface(file: impl AsFd) -> io::Result<bool> {
    let stat = rustix::fs::fstatfs(file)?;
    let kind = u64::try_from(stat.f_type).unwrap_or(0);
    // Some of the numbers have the sign bit of 32 bits.
    let kind = kind & 0xffff_ffff;
    Ok(kind == TRACEFS.1 || MAGIC.contains(&kind))
}

/// The mount that a descriptor is on: `mnt_id` of proc(5).
fn mount_id(fd: BorrowedFd<'_>) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?;
    line.trim().parse().ok()
}

impl Mount {
    fn is_interface(&self) -> bool {
        self.kind == TRACEFS.0 || INTERFACES.contains(&self.kind.as_str())
    }
}

/// Why a directory is no guest's.
#[derive(Debug)]
enum Refusal {
    /// It is in a file system of this kind.
    Inside(Option<String>),
    /// One of this kind is mounted there.
    Below(String, PathBuf),
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = "files there are the kernel's and other programs' own, this program's memory among them";
        match self {
            Refusal::Inside(None) => write!(f, "it is in a file system of the kernel's own, and {why}"),
            Refusal::Inside(Some(kind)) => write!(f, "it is in a file system of the type {kind}, and {why}"),
            Refusal::Below(kind, point) => {
                let point = point.display();
                write!(
                    f,
                    "a file system of the type {kind} is mounted in it, at {point}, and {why}"
                )
            }
            Refusal::Unknown => f.write_str(
                "what is mounted below it is not known: /proc does not show it; /proc must be mounted, and know the directory",
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        io::Error::new(io::ErrorKind::PermissionDenied, refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(path: &str) -> String {
        check(Path::new(path)).expect_err(path).to_string()
    }

    #[test]
    fn procfs_is_refused_by_whatever_name() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let link = directory.path().join("p");
        std::os::unix::fs::symlink("/proc/self", &link).expect("symlink");
        let link = link.to_str().expect("UTF-8");
        for path in ["/proc", "/proc/self", "/proc/self/task", "/proc/1", link] {
            assert!(
                refusal(path).starts_with("it is in a file system of the kernel's own"),
                "{path}"
            );
        }
    }

    #[test]
    fn a_directory_with_procfs_below_it_is_refused() {
        let refusal = refusal("/");
        assert!(
            refusal.contains("is mounted in it, at /") && refusal.contains("this program's memory"),
            "{refusal}"
        );
    }

    #[test]
    fn what_leads_through_procfs_and_is_not_in_it_is_taken() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        check(directory.path()).expect("an ordinary directory");
        let open = std::fs::File::open(directory.path()).expect("open");
        check(Path::new(&format!("/proc/self/fd/{}", open.as_raw_fd()))).expect("the same directory");
        assert!(!is_interface(&open).expect("statfs"));
        assert!(is_interface(std::fs::File::open("/proc/self/status").expect("open")).expect("statfs"));
    }

    #[test]
    fn what_is_no_directory_is_told_as_open_tells_it() {
        let missing = check(Path::new("/nothing/here")).expect_err("it is not there");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let file = check(Path::new("/proc/self/status")).expect_err("it is a file");
        assert_eq!(file.kind(), io::ErrorKind::NotADirectory);
    }
}
