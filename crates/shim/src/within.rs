//! [`Root`]: paths of a container, resolved by the kernel inside of its root file system.
//!
//! An image is made by somebody else: any path of it can be a symbolic link to any place. openat2(2) with RESOLVE_IN_ROOT
//! takes `/` and `..` for the container's own root on the whole way, whatever is changed meanwhile.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::{Errno, Result};

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

    /// As [`Root::handle`], and what is missing is made first: directories, and at the end a directory or an empty file.
    ///
    /// # Errors
    /// openat2(2)'s, mkdirat(2)'s.
    pub(crate) fn made(&self, path: &Path, directory: bool) -> Result<OwnedFd> {
        match self.handle(path) {
            Err(Errno::NOENT) => {}
            done => return done,
        }
        let mut so_far = PathBuf::from("/");
        let mut names = path.components().peekable();
        while let Some(name) = names.next() {
            if let Component::Normal(name) = name {
                let parent = self.file(&so_far, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
                so_far.push(name);
                if self.handle(&so_far).is_ok() {
                    continue;
                }
                if directory || names.peek().is_some() {
                    match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(errno) => return Err(errno),
                    }
                } else {
                    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                    rustix::fs::openat(&parent, name, flags, Mode::from_raw_mode(0o644))?;
                }
            } else if name == Component::ParentDir {
                so_far.push("..");
            }
        }
        self.handle(path)
    }
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
        symlink(outside.path(), image.path().join("away")).unwrap();
        // The link leads to a place of the image that is not there.
        assert!(root.made(Path::new("/away/x"), true).is_err());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}
