//! What a module's name stands for: the whole name, and the file that has the source.

use guestnet_core::{Errno, Host};

use crate::state::State;
use crate::sys::heap::Bytes;

/// The whole name of a module that `base` calls `name`.
pub(crate) fn whole(base: &str, name: &str) -> String {
    match name {
        "qjs:os" => "os".to_owned(),
        "qjs:std" => "std".to_owned(),
        _ if name.starts_with("./") || name.starts_with("../") => join(base, name),
        _ => name.to_owned(),
    }
}

/// The source of a module that is a file.
///
/// # Errors
/// `ENOENT`, `EACCES`, …, `EFBIG`, `ENOMEM`.
pub(crate) fn source<H: Host + 'static>(state: &State<H>, name: &str) -> guestnet_core::Result<Bytes> {
    let most = state.max_text();
    state.scripts.read(name, &state.memory, most).or_else(|first| {
        // EACCES, of a path in no directory of the guest, says less than the first error.
        let second = state.read_file(name);
        second.map_err(|second| if second == Errno::EACCES { first } else { second })
    })
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
    use super::join;

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
}
