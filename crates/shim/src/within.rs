//! [`Root`]: paths of a container, resolved by the kernel inside of its root file system.
//!
//! An image is made by somebody else: any path of it can be a symbolic link to any place. openat2(2) with RESOLVE_IN_ROOT
//! takes `/` and `..` for the container's own root on the whole way, whatever is changed meanwhile.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};

/// How many links lead to one place at the most, as for the kernel (path_resolution(7)).
const MOST_LINKS: u32 = 40;

/// A container's root directory, held open.
#[derive(Debug)]
pub(crate) struct Root(OwnedFd);

impl Root {
    /// The directory that containerd names; its path is no image's.
    ///
    /// # Errors
    /// open(2)'s.
    pub(crate) fn open(path: &Path) -> Result<Root> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(path, flags, Mode::empty()).map(Root)
    }

    /// A path of the machine that leads to the directory as long as this is there, also for a user who may not go through the
    /// directories above it.
    pub(crate) fn path(&self) -> PathBuf {
        path_of(&self.0)
    }

    /// Opens a path of the container.
    ///
    /// # Errors
    /// openat2(2)'s.
    pub(crate) fn file(&self, path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        loop {
            // EAGAIN: a directory was renamed meanwhile, and the kernel could not be sure.
            match rustix::fs::openat2(&self.0, path, flags | OFlags::CLOEXEC, mode, resolve) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                done => return done,
            }
        }
    }

    /// A descriptor that stands for a path, and opens nothing.
    ///
    /// # Errors
    /// openat2(2)'s.
    pub(crate) fn handle(&self, path: &Path) -> Result<OwnedFd> {
        self.file(path, OFlags::PATH, Mode::empty())
    }

    /// As [`Root::handle`], and what is missing is made first: directories, and at the end a directory or an empty file. A link
    /// that leads to nothing yet is followed inside of the root, and what it leads to is made, as runc does it.
    ///
    /// # Errors
    /// openat2(2)'s, mkdirat(2)'s.
    pub(crate) fn made(&self, path: &Path, directory: bool) -> Result<OwnedFd> {
        // The names that are left, the next one last.
        let mut left: Vec<OsString> = names(path).rev().collect();
        let mut so_far = PathBuf::from("/");
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                so_far.pop();
                continue;
            }
            let parent = self.file(&so_far, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
            match rustix::fs::readlinkat(&parent, &name, Vec::new()) {
                Ok(target) => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                    if target.is_absolute() {
                        so_far = PathBuf::from("/");
                    }
                    left.extend(names(&target).rev());
                    continue;
                }
                Err(Errno::NOENT) if directory || !left.is_empty() => {
                    match rustix::fs::mkdirat(&parent, &name, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(errno) => return Err(errno),
                    }
                }
                Err(Errno::NOENT) => {
                    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    rustix::fs::openat(&parent, &name, flags, Mode::from_raw_mode(0o644))?;
                }
                // It is there, and is no link.
                Err(Errno::INVAL) => {}
                Err(errno) => return Err(errno),
            }
            so_far.push(name);
        }
        self.handle(&so_far)
    }
}

/// The names of a path, `..` among them.
fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// A path that leads to an open file for as long as it is open, for calls that take paths only.
pub(crate) fn path_of(file: &impl AsRawFd) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_of_an_image_lead_to_no_place_outside_of_it() {
        let image = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let root = Root::open(image.path()).unwrap();
        std::fs::write(outside.path().join("secret"), "").unwrap();
        symlink(outside.path(), image.path().join("absolute")).unwrap();
        symlink("../../../../../../../../etc", image.path().join("relative")).unwrap();
        symlink("/proc/self/fd", image.path().join("magic")).unwrap();
        for path in [
            "absolute/secret",
            "/relative/passwd",
            "../../etc/passwd",
            "magic/0",
            "relative/../../etc/passwd",
        ] {
            assert_eq!(root.handle(Path::new(path)).unwrap_err(), Errno::NOENT, "{path}");
        }
    }

    #[test]
    fn mount_points_are_made_inside_of_the_root() {
        let image = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let root = Root::open(image.path()).unwrap();
        root.made(Path::new("/a/b/c"), true).unwrap();
        assert!(image.path().join("a/b/c").is_dir());
        root.made(Path::new("/a/file"), false).unwrap();
        assert!(image.path().join("a/file").is_file());
        root.made(Path::new("/../../up"), true).unwrap();
        assert!(image.path().join("up").is_dir());
        // A link that leads out of the image leads to the same path inside of it.
        symlink(outside.path(), image.path().join("away")).unwrap();
        root.made(Path::new("/away/x"), true).unwrap();
        let inside = outside.path().strip_prefix("/").unwrap().join("x");
        assert!(image.path().join(inside).is_dir());
        symlink("../../../../deep/er", image.path().join("a/up")).unwrap();
        root.made(Path::new("a/up/file"), false).unwrap();
        assert!(image.path().join("deep/er/file").is_file());
        symlink("loop", image.path().join("loop")).unwrap();
        assert_eq!(root.made(Path::new("/loop/x"), true).unwrap_err(), Errno::LOOP);
        assert!(root.made(Path::new("/a/file/below"), true).is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
