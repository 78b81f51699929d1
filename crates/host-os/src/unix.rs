//! UNIX socket paths inside the guest's directories.
//!
//! The kernel takes a path, and a path can be changed between a check and its use. So a place is held by
//! descriptor: openat2(2) resolves the guest's path beneath its directory, and bind(2) or connect(2) is given
//! `/proc/PID/fd/N`, which is that very directory or socket. No symbolic link, no rename and no mount in between
//! leads anywhere else. A bound socket keeps its directory open: the name that its peers see stays reachable.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use guestnet_core::{Errno, Result, SockAddr};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::net::{SocketAddrAny, SocketAddrUnix};

use crate::convert::errno;

/// How often a path is looked up again because something was renamed meanwhile: a program that renames without end
/// holds no guest up.
const ATTEMPTS: usize = 64;

/// The guest's directories and the names of its bound sockets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unix {
    roots: Vec<Arc<Root>>,
    names: Names,
    /// Relative paths are taken from this process's working directory, and not from the guest's root.
    from_working_directory: bool,
}

/// The kernel's name → what the guest called it.
type Names = Arc<Mutex<HashMap<Vec<u8>, Box<str>>>>;

fn lock(names: &Names) -> MutexGuard<'_, HashMap<Vec<u8>, Box<str>>> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Root {
    /// Absolute, without a slash at the end; empty for the root directory.
    guest: String,
    fd: OwnedFd,
}

/// A place beneath one of the guest's directories.
#[derive(Debug)]
pub struct UnixNode {
    /// The directory, or with `name` `None` the socket itself.
    fd: OwnedFd,
    name: Option<String>,
}

/// What a bound socket keeps: its directory, and its entry in the guest's names.
#[derive(Debug)]
pub(crate) struct BoundPath {
    _directory: OwnedFd,
    kernel_name: Vec<u8>,
    names: Names,
}

impl Drop for BoundPath {
    fn drop(&mut self) {
        lock(&self.names).remove(&self.kernel_name);
    }
}

impl Unix {
    pub(crate) fn add_directory(&mut self, host: &Path, guest: &str) -> Result<()> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(host, flags, Mode::empty()).map_err(errno)?;
        // It must have a name that a guest can be given.
        target_of(fd.as_fd())?;
        let guest = components(guest).fold(String::new(), |path, part| path + "/" + part);
        self.roots.push(Arc::new(Root { guest, fd }));
        Ok(())
    }

    pub(crate) fn follow_working_directory(&mut self) {
        self.from_working_directory = true;
    }

    /// See [`guestnet_core::Host::unix_node`].
    pub(crate) fn node(&self, path: &str, create: bool) -> Result<(UnixNode, String)> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let absolute;
        let path = if self.from_working_directory && !path.starts_with('/') {
            let directory = rustix::process::getcwd(Vec::new()).map_err(errno)?;
            let directory = directory.to_str().map_err(|_| Errno::EILSEQ)?;
            absolute = format!("{directory}/{path}");
            &absolute
        } else {
            path
        };
        let (root, relative) = self.root_of(path).ok_or(Errno::EXDEV)?;
        if create {
            let (parent, name) = relative.rsplit_once('/').unwrap_or((".", &relative));
            if matches!(name, "" | "." | "..") {
                // The name of a directory: it exists.
                return Err(Errno::EADDRINUSE);
            }
            let parent = if parent.is_empty() { "." } else { parent };
            let fd = beneath(root, parent, OFlags::PATH | OFlags::DIRECTORY)?;
            let guest = root.guest_path(&target_of(fd.as_fd())?)?;
            let resolved = format!("{}/{name}", guest.trim_end_matches('/'));
            Ok((
                UnixNode {
                    fd,
                    name: Some(name.to_owned()),
                },
                resolved,
            ))
        } else {
            let fd = beneath(root, &relative, OFlags::PATH)?;
            let resolved = root.guest_path(&target_of(fd.as_fd())?)?;
            Ok((UnixNode { fd, name: None }, resolved))
        }
    }

    pub(crate) fn bind(&self, socket: BorrowedFd<'_>, node: &UnixNode, name: &str) -> Result<BoundPath> {
        let file = node.name.as_deref().ok_or(Errno::EINVAL)?;
        // The descriptor's number is part of the name, so the bound socket needs one of its own.
        let directory = rustix::io::fcntl_dupfd_cloexec(&node.fd, 0).map_err(errno)?;
        let kernel_name = format!("{}/{file}", proc_path(directory.as_fd())).into_bytes();
        let addr = SocketAddrUnix::new(kernel_name.as_slice()).map_err(errno)?;
        rustix::net::bind(socket, &addr).map_err(errno)?;
        lock(&self.names).insert(kernel_name.clone(), name.into());
        Ok(BoundPath {
            _directory: directory,
            kernel_name,
            names: Arc::clone(&self.names),
        })
    }

    /// A kernel name as the guest knows it: as it said itself, else the path in its directories, else unnamed.
    pub(crate) fn guest_name(&self, addr: SocketAddrAny) -> SockAddr {
        let Ok(addr) = SocketAddrUnix::try_from(addr) else {
            return SockAddr::UnixUnnamed;
        };
        let Some(path) = addr.path_bytes() else {
            return SockAddr::UnixUnnamed;
        };
        if let Some(name) = lock(&self.names).get(path) {
            return SockAddr::Unix(name.clone());
        }
        let Ok(path) = std::str::from_utf8(path) else {
            return SockAddr::UnixUnnamed;
        };
        let Some((directory, file)) = path.rsplit_once('/') else {
            return SockAddr::UnixUnnamed;
        };
        // Another guestnet process names its directory by descriptor, as ours does.
        let directory = if directory.starts_with("/proc/") {
            // No other path below /proc: the sender may have chosen one that hangs.
            is_descriptor(directory)
                .then(|| std::fs::read_link(directory).ok())
                .flatten()
                .and_then(|target| target.into_os_string().into_string().ok())
        } else {
            Some(directory.to_owned())
        };
        let guest = directory.and_then(|directory| {
            self.roots
                .iter()
                .find_map(|root| root.guest_path(&directory).ok())
        });
        guest.map_or(SockAddr::UnixUnnamed, |guest| {
            SockAddr::Unix(format!("{}/{file}", guest.trim_end_matches('/')).into())
        })
    }

    /// The directory with the longest path that `path` begins with, and what follows it.
    fn root_of(&self, path: &str) -> Option<(&Root, String)> {
        let matching = self.roots.iter().filter_map(|root| {
            let mut rest = path.split('/').filter(|part| !matches!(*part, "" | "."));
            let fits = components(&root.guest).all(|part| rest.next() == Some(part));
            fits.then(|| (&**root, rest.collect::<Vec<_>>().join("/")))
        });
        let (root, mut relative) = matching.max_by_key(|(root, _)| root.guest.len())?;
        // What follows decides whether a slash at the end was given: a socket is not a directory.
        if path.ends_with('/') {
            relative.push('/');
        }
        if relative.is_empty() {
            relative.push('.');
        }
        Some((root, relative))
    }
}

impl Root {
    /// A path of the host as the guest sees it.
    fn guest_path(&self, host: &str) -> Result<String> {
        // Asked each time: the directory itself may be renamed.
        let root = target_of(self.fd.as_fd())?;
        let rest = host.strip_prefix(root.as_str()).ok_or(Errno::EXDEV)?;
        if !(rest.is_empty() || rest.starts_with('/') || root.ends_with('/')) {
            return Err(Errno::EXDEV);
        }
        Ok(format!("{}/{}", self.guest, rest.trim_start_matches('/')))
    }
}

impl UnixNode {
    /// The address that connects to this node.
    pub(crate) fn reach(&self) -> Result<SocketAddrUnix> {
        match &self.name {
            None => SocketAddrUnix::new(proc_path(self.fd.as_fd())).map_err(errno),
            Some(_) => Err(Errno::EINVAL),
        }
    }
}

fn beneath(root: &Root, path: &str, flags: OFlags) -> Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    for _ in 0..ATTEMPTS {
        match openat2(&root.fd, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            // EAGAIN: something was renamed meanwhile (openat2(2)).
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            // EXDEV too: it would have left the directory.
            done => return done.map_err(errno),
        }
    }
    Err(Errno::EAGAIN)
}

/// By process, so that the name leads other programs of the same user to the same directory.
fn proc_path(fd: BorrowedFd<'_>) -> String {
    format!("/proc/{}/fd/{}", std::process::id(), fd.as_raw_fd())
}

/// Whether a path is what [`proc_path`] makes.
fn is_descriptor(path: &str) -> bool {
    let number = |part: Option<&str>| {
        part.is_some_and(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut parts = path.split('/').skip(1);
    parts.next() == Some("proc")
        && number(parts.next())
        && parts.next() == Some("fd")
        && number(parts.next())
        && parts.next().is_none()
}

fn target_of(fd: BorrowedFd<'_>) -> Result<String> {
    let target = rustix::fs::readlink(proc_path(fd), Vec::new()).map_err(errno)?;
    target.into_string().map_err(|_| Errno::EILSEQ)
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_through_procfs_is_a_socket() {
        let mut unix = Unix::default();
        unix.add_directory(Path::new("/"), "/").unwrap();
        let listener = tempfile::tempdir().unwrap();
        let socket = listener.path().join("s");
        let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let socket = socket.to_str().unwrap();
        assert_eq!(unix.node(socket, false).unwrap().1, socket);
        // The links of procfs lead anywhere, so none of them is followed; nothing else in it is a socket.
        for path in ["/proc/self/root", "/proc/self/cwd/..", "/proc/thread-self/root"] {
            let path = format!("{path}{socket}");
            assert_eq!(unix.node(&path, false).unwrap_err(), Errno::ELOOP, "{path}");
            assert_eq!(unix.node(&path, true).unwrap_err(), Errno::ELOOP, "{path}");
        }
    }

    #[test]
    fn only_descriptors_of_proc_are_read() {
        assert!(is_descriptor("/proc/1/fd/0") && is_descriptor("/proc/4194304/fd/1023"));
        for path in [
            "/proc/1/root/mnt/x",
            "/proc/self/fd/3",
            "/proc/1/fd/3/..",
            "/proc/1/fd/",
            "/proc//fd/3",
            "/x/1/fd/3",
        ] {
            assert!(!is_descriptor(path), "{path}");
        }
    }
}
