//! The guest's directories: where its paths lead, and nowhere else.
//!
//! A path is looked up below the directory whose name it begins with, the longest one; from there cap-std follows it,
//! `..` and symbolic links too, and refuses to leave. Not here: the calls of scripts (`path.rs`), open files (`file.rs`).

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::{self, Dir, OpenOptions};
use guestnet_core::{Errno, Result};

use crate::errno;
use crate::file::File;
use crate::sys::heap::{Bytes, Memory, NoMemory};

/// The longest path, in bytes (`PATH_MAX` of Linux).
pub(crate) const MAX_PATH: usize = 4_096;

/// How much of a file is read at once, in bytes.
const PIECE: usize = 32 << 10;

/// The directories that a script may see, each with its name in the guest, and the one it is in.
#[derive(Debug, Default)]
pub(crate) struct Directories {
    list: Vec<Directory>,
    current: RefCell<Vec<String>>,
}

#[derive(Debug)]
struct Directory {
    name: Vec<String>,
    dir: Dir,
    /// Its path on the host, without symbolic links. Only names of modules are compared with it: see [`Directories::guest_path`].
    path: Option<PathBuf>,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) struct PathTarget<'a> {
    /// The directory that holds it.
    pub(crate) dir: &'a Dir,
    /// The path from there; `.` for the directory itself.
    pub(crate) rest: String,
    /// The directory's name in the guest.
    name: &'a [String],
}

impl Directories {
    /// Adds a directory under a name of the guest's. A name that is no absolute path counts from `/`, where the guest
    /// begins.
    pub(crate) fn add(&mut self, guest: &str, dir: Dir, path: Option<PathBuf>) {
        let name = without_dots(parts(guest));
        self.list.push(Directory { name, dir, path });
    }

    /// The host's path of the directory that has no name: relative names begin there.
    pub(crate) fn root(&self) -> Option<&Path> {
        let root = self.list.iter().find(|directory| directory.name.is_empty())?;
        root.path.as_deref()
    }

    /// The guest's path of a file of the host, if a directory of the guest has it.
    pub(crate) fn guest_path(&self, host: &Path) -> Option<String> {
        let below = |directory: &'_ Directory| -> Option<(usize, String)> {
            let path = directory.path.as_deref()?;
            let rest = text(host.strip_prefix(path).ok()?).ok()?;
            let mut whole = directory.name.clone();
            whole.extend(parts(rest).map(str::to_owned));
            Some((path.components().count(), format!("/{}", whole.join("/"))))
        };
        let deepest = self
            .list
            .iter()
            .filter_map(below)
            .max_by_key(|(depth, _)| *depth)?;
        Some(deepest.1)
    }

    /// The same directories for another thread, which begins in `/`.
    ///
    /// # Errors
    /// `EMFILE` of the host.
    pub(crate) fn share(&self) -> io::Result<Directories> {
        let mut list = Vec::new();
        for Directory { name, dir, path } in &self.list {
            list.push(Directory {
                name: name.clone(),
                dir: dir.try_clone()?,
                path: path.clone(),
            });
        }
        Ok(Directories {
            list,
            current: RefCell::new(self.current.borrow().clone()),
        })
    }

    /// Finds where a path leads.
    ///
    /// # Errors
    /// `ENOENT` for an empty path, `EINVAL` for one with a NUL, `ENAMETOOLONG`, `EACCES` outside of every directory.
    pub(crate) fn resolve(&self, path: &str) -> Result<PathTarget<'_>> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if path.contains('\0') {
            return Err(Errno::EINVAL);
        }
        if path.len() > MAX_PATH {
            return Err(Errno::ENAMETOOLONG);
        }
        let mut whole = if path.starts_with('/') {
            Vec::new()
        } else {
            self.current.borrow().clone()
        };
        whole.extend(parts(path).map(str::to_owned));
        // A trailing slash asks for a directory.
        let slash = path.ends_with('/') || path.ends_with("/.");
        self.find(&whole, slash)
            .or_else(|| self.find(&without_dots(whole.iter().map(String::as_str)), slash))
            .ok_or(Errno::EACCES)
    }

    fn find(&self, whole: &[String], slash: bool) -> Option<PathTarget<'_>> {
        self.list
            .iter()
            .filter_map(|directory| Some((directory, whole.strip_prefix(directory.name.as_slice())?)))
            .filter(|(_, rest)| stays_inside(rest))
            .max_by_key(|(directory, _)| directory.name.len())
            .map(|(directory, rest)| PathTarget {
                dir: &directory.dir,
                name: &directory.name,
                rest: match rest {
                    [] => ".".to_owned(),
                    rest => format!("{}{}", rest.join("/"), if slash { "/" } else { "" }),
                },
            })
    }

    /// getcwd(3).
    pub(crate) fn current(&self) -> String {
        format!("/{}", self.current.borrow().join("/"))
    }

    /// chdir(2).
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `EACCES`.
    pub(crate) fn change(&self, path: &str) -> Result<()> {
        let whole = self.real(path)?;
        *self.current.borrow_mut() = parts(&whole).map(str::to_owned).collect();
        Ok(())
    }

    fn real(&self, path: &str) -> Result<String> {
        let place = self.resolve(path)?;
        let metadata = place
            .dir
            .metadata(&place.rest)
            .map_err(|error| errno::of_io(&error))?;
        if !metadata.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        place.real()
    }

    /// The whole content of a file.
    ///
    /// # Errors
    /// `ENOENT`, `EISDIR`, `EACCES`, …; `EFBIG` for one of more than `most` bytes, `ENOMEM`.
    pub(crate) fn read(&self, path: &str, memory: &Arc<Memory>, most: usize) -> Result<Bytes> {
        let place = self.resolve(path)?;
        let file = place
            .open_with(OpenOptions::new().read(true))
            .map_err(|error| errno::of_io(&error))?;
        let file = File::new(file);
        let (mut bytes, mut piece) = (Bytes::new(memory), [0; PIECE]);
        loop {
            let count = file.read(&mut piece)?;
            let read = piece.get(..count).unwrap_or_default();
            if bytes.len().saturating_add(count) > most {
                return Err(Errno::EFBIG);
            }
            if read.is_empty() {
                return Ok(bytes);
            }
            bytes.extend(read).map_err(|NoMemory| Errno::ENOMEM)?;
        }
    }
}

impl PathTarget<'_> {
    /// open(2). A file of the kernel's own is refused, whatever has been mounted since the directory was added.
    ///
    /// # Errors
    /// open(2)'s; `EACCES` for such a file.
    pub(crate) fn open_with(&self, options: &OpenOptions) -> io::Result<fs::File> {
        let file = self.dir.open_with(&self.rest, options)?;
        if guestnet_directory::is_interface(&file)? {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(file)
    }

    /// realpath(3): the guest's name of the place, without symbolic links.
    ///
    /// # Errors
    /// `ENOENT`, `ENOTDIR`, `ELOOP`, `EACCES`.
    pub(crate) fn real(&self) -> Result<String> {
        let inner = self
            .dir
            .canonicalize(&self.rest)
            .map_err(|error| errno::of_io(&error))?;
        let mut whole = self.name.to_vec();
        whole.extend(
            text(&inner)?
                .split('/')
                .filter(|part| !matches!(*part, "" | "."))
                .map(str::to_owned),
        );
        Ok(format!("/{}", whole.join("/")))
    }
}

/// The parts of a path, without those that mean nothing.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !matches!(*part, "" | "."))
}

/// Takes `..` out by the text alone; above the root there is nothing.
fn without_dots<'a>(parts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut whole = Vec::new();
    for part in parts {
        if part == ".." {
            whole.pop();
        } else {
            whole.push(part.to_owned());
        }
    }
    whole
}

/// Whether a path's `..` never climb above where it begins.
fn stays_inside(rest: &[String]) -> bool {
    let mut depth = 0_usize;
    rest.iter().all(|part| {
        let next = if part == ".." {
            depth.checked_sub(1)
        } else {
            Some(depth + 1)
        };
        depth = next.unwrap_or(0);
        next.is_some()
    })
}

/// A path of the host as a script sees it.
///
/// # Errors
/// `EILSEQ` if it is not UTF-8.
fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or(Errno::EILSEQ)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directories(names: &[&str]) -> Directories {
        let mut directories = Directories::default();
        for name in names {
            let dir = Dir::open_ambient_dir(env!("CARGO_MANIFEST_DIR"), cap_std::ambient_authority());
            directories.add(name, dir.unwrap(), None);
        }
        directories
    }

    #[track_caller]
    fn leads(directories: &Directories, path: &str, name: &str, rest: &str) {
        let place = directories.resolve(path).unwrap();
        assert_eq!(
            (place.name.join("/").as_str(), place.rest.as_str()),
            (name, rest),
            "{path}"
        );
    }

    #[test]
    fn a_path_leads_to_the_directory_with_the_longest_name() {
        let all = directories(&["/", "data", "/data/deep"]);
        leads(&all, "x", "", "x");
        leads(&all, "/x/y", "", "x/y");
        leads(&all, "data", "data", ".");
        leads(&all, "/data/x", "data", "x");
        leads(&all, "./data//./x/", "data", "x/");
        leads(&all, "data/deep/x", "data/deep", "x");
        leads(&all, "database", "", "database");
        leads(&all, "/", "", ".");
        leads(&all, "..", "", ".");
    }

    #[test]
    fn a_path_of_the_host_is_the_guests_in_the_deepest_directory_that_has_it() {
        let mut all = Directories::default();
        for (name, path) in [("/all", "/home/me"), ("lib", "/home/me/lib"), ("/other", "/opt")] {
            let dir = Dir::open_ambient_dir(env!("CARGO_MANIFEST_DIR"), cap_std::ambient_authority());
            all.add(name, dir.unwrap(), Some(path.into()));
        }
        for (host, guest) in [
            ("/home/me/app/x.js", Some("/all/app/x.js")),
            ("/home/me/lib/x.js", Some("/lib/x.js")),
            ("/home/me", Some("/all")),
            ("/home/you/x.js", None),
            ("/home/me2/x.js", None),
            ("/", None),
        ] {
            assert_eq!(all.guest_path(Path::new(host)).as_deref(), guest, "{host}");
        }
        assert_eq!(all.root(), None);
    }

    #[test]
    fn dots_are_left_to_the_file_system_where_they_stay_inside() {
        let all = directories(&["data", "other"]);
        leads(&all, "data/a/../b", "data", "a/../b");
        leads(&all, "data/../other/b", "other", "b");
        leads(&all, "data/../../../other/b", "other", "b");
        assert_eq!(all.resolve("data/../x").unwrap_err(), Errno::EACCES);
    }

    #[test]
    fn what_is_in_no_directory_of_the_guest_is_refused() {
        let all = directories(&["data"]);
        for path in ["/etc/passwd", "x", "/", "..", "../data2", "/dat"] {
            assert_eq!(all.resolve(path).unwrap_err(), Errno::EACCES, "{path}");
        }
        assert_eq!(all.resolve("").unwrap_err(), Errno::ENOENT);
        assert_eq!(all.resolve("data/\0").unwrap_err(), Errno::EINVAL);
        assert_eq!(
            all.resolve(&"x/".repeat(MAX_PATH)).unwrap_err(),
            Errno::ENAMETOOLONG
        );
    }

    #[test]
    fn a_file_of_procfs_is_refused_wherever_it_appears() {
        let mut all = Directories::default();
        // As if it had been mounted later: `ScriptBuilder::directory` checks a directory before it is added.
        let root = Dir::open_ambient_dir("/", cap_std::ambient_authority());
        all.add("/host", root.unwrap(), None);
        for path in [
            "/host/proc/self/mem",
            "/host/proc/self/maps",
            "/host/proc/version",
        ] {
            let place = all.resolve(path).unwrap();
            let opened = place.open_with(OpenOptions::new().read(true));
            assert_eq!(
                opened.unwrap_err().kind(),
                io::ErrorKind::PermissionDenied,
                "{path}"
            );
            assert_eq!(
                all.read(path, &Memory::new(0), 100).unwrap_err(),
                Errno::EACCES,
                "{path}"
            );
        }
        assert!(
            all.resolve("/host/etc")
                .unwrap()
                .open_with(OpenOptions::new().read(true))
                .is_ok()
        );
    }

    #[test]
    fn a_guest_without_a_name_for_its_directory_is_in_it() {
        let here = directories(&["."]);
        leads(&here, "src/lib.rs", "", "src/lib.rs");
        let memory = Memory::new(0);
        assert!(
            here.read("src/lib.rs", &memory, usize::MAX)
                .unwrap()
                .starts_with(b"//!")
        );
        assert_eq!(here.read("src", &memory, 9).unwrap_err(), Errno::EISDIR);
        assert_eq!(here.read("none", &memory, 9).unwrap_err(), Errno::ENOENT);
        assert_eq!(here.read("src/lib.rs", &memory, 9).unwrap_err(), Errno::EFBIG);
        let small = Memory::new(1000);
        assert_eq!(
            here.read("src/lib.rs", &small, usize::MAX).unwrap_err(),
            Errno::ENOMEM
        );
        here.change("src").unwrap();
        assert_eq!(here.current(), "/src");
        leads(&here, "lib.rs", "", "src/lib.rs");
        assert_eq!(here.change("lib.rs").unwrap_err(), Errno::ENOTDIR);
        here.change("..").unwrap();
        assert_eq!(here.current(), "/");
    }
}
