//! What a module's name stands for: the whole name, and the file that has the source.

use std::path::{Component, Path, PathBuf};

use guestnet_core::{Errno, Host};

use crate::state::State;
use crate::sys::heap::Bytes;

/// Why a module's file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceError {
    /// open(2) or read(2) failed.
    Errno(Errno),
    /// The name leads to no directory that the script may read.
    Outside,
}

impl SourceError {
    pub(crate) fn message(self) -> &'static str {
        match self {
            SourceError::Errno(errno) => errno.message(),
            SourceError::Outside => {
                "outside of the script's directory, and of every directory that the script was given"
            }
        }
    }
}

/// The whole name of a module that `base` calls `name`.
pub(crate) fn whole<H: Host + 'static>(state: &State<H>, base: &str, name: &str) -> String {
    match name {
        "qjs:os" => "os".to_owned(),
        "qjs:std" => "std".to_owned(),
        _ if name.starts_with("./") || name.starts_with("../") => {
            let name = join(base, name);
            // One module has one name, also where the way to it leads through the parent of the script's directory.
            let back = state.scripts.root().filter(|_| climbs(&name)).and_then(|root| {
                let path = host_path(root, &name);
                Some(path.strip_prefix(root).ok()?.to_str()?.to_owned())
            });
            back.unwrap_or(name)
        }
        _ => name.to_owned(),
    }
}

/// The source of a module that is a file.
///
/// # Errors
/// [`SourceError`]: `ENOENT`, `EACCES`, …, `EFBIG`, `ENOMEM`.
pub(crate) fn source<H: Host + 'static>(state: &State<H>, name: &str) -> Result<Bytes, SourceError> {
    // Without a directory of its own a script is in `/`, which has no parent.
    if let Some(root) = state.scripts.root().filter(|_| climbs(name)) {
        let path = state.directories.guest_path(&host_path(root, name));
        let path = path.ok_or(SourceError::Outside)?;
        return state.read_file(&path).map_err(SourceError::Errno);
    }
    let most = state.max_text();
    state.scripts.read(name, &state.memory, most).or_else(|first| {
        let given = state.directories.resolve(name).is_ok();
        match state.read_file(name) {
            Ok(bytes) => Ok(bytes),
            Err(second) if given => Err(SourceError::Errno(second)),
            // A name in the script's own directory says more than that no other directory has it.
            Err(_) if first == Errno::ENOENT && name.starts_with('/') => Err(SourceError::Outside),
            Err(_) => Err(SourceError::Errno(first)),
        }
    })
}

/// Whether a whole name leads out of the script's directory.
fn climbs(name: &str) -> bool {
    name.starts_with("../")
}

/// The host's path of a name that is seen from `root`, which has no symbolic links in it.
fn host_path(root: &Path, name: &str) -> PathBuf {
    let mut path = root.to_owned();
    for part in Path::new(name).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path
}

/// `name` as seen from the file `base`.
fn join(base: &str, name: &str) -> String {
    let directory = base.rsplit_once('/').map_or("", |(directory, _)| directory);
    let root = if base.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // Above the root there is nothing; above a relative name there may be.
            ".." if !root.is_empty() => {}
            _ => parts.push(part),
        }
    }
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{host_path, join};

    #[test]
    fn names_are_joined_as_paths_are() {
        for (base, name, whole) in [
            ("main.js", "./b.js", "b.js"),
            ("a/main.js", "./b.js", "a/b.js"),
            ("a/main.js", "../b.js", "b.js"),
            ("a/main.js", "../../b.js", "../b.js"),
            ("/a/main.js", "../../../b.js", "/b.js"),
            ("/a/b/main.js", "./../c/./d.js", "/a/c/d.js"),
        ] {
            assert_eq!(join(base, name), whole, "{name} from {base}");
        }
    }

    #[test]
    fn a_name_that_climbs_is_a_path_of_the_host() {
        for (name, path) in [
            ("../lib/x.js", "/home/lib/x.js"),
            ("../app/x.js", "/home/app/x.js"),
            ("../../../../x.js", "/x.js"),
        ] {
            assert_eq!(host_path(Path::new("/home/app"), name), Path::new(path), "{name}");
        }
    }
}
