//! Source files stay short enough to be read in one sitting.

use crate::{Result, process};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Lines. The aim is 400.
const LIMIT: usize = 800;

const SOURCES: [&str; 10] = ["rs", "c", "h", "go", "js", "mjs", "ts", "py", "sh", "wat"];

/// Every source file that git tracks, or would if it were added.
pub(super) fn check(root: &Path) -> Result<()> {
    let listed = process::capture(
        Command::new("git")
            .current_dir(root)
            .args(["ls-files", "-z", "-co", "--exclude-standard"]),
        "git ls-files",
    )?;
    let mut sources = 0;
    let mut long = Vec::new();
    for name in listed.split('\0').filter(|name| is_source(name)) {
        // A file that was removed and not committed is still listed.
        let Ok(text) = fs::read(root.join(name)) else {
            continue;
        };
        sources += 1;
        long.extend(too_long(&text).map(|lines| format!("{name} has {lines} lines; the limit is {LIMIT}")));
    }
    match (sources, long.is_empty()) {
        (0, _) => Err("git lists no source file at all".into()),
        (_, true) => Ok(()),
        (_, false) => Err(long.join("\n")),
    }
}

fn is_source(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| SOURCES.iter().any(|source| extension == *source))
}

fn too_long(text: &[u8]) -> Option<usize> {
    let lines = text.split(|byte| *byte == b'\n').count() - usize::from(text.ends_with(b"\n"));
    (lines > LIMIT).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::{LIMIT, is_source, too_long};

    #[test]
    fn the_limit_itself_is_allowed() {
        assert_eq!(too_long("x\n".repeat(LIMIT).as_bytes()), None);
        assert_eq!(too_long("x\n".repeat(LIMIT + 1).as_bytes()), Some(LIMIT + 1));
        assert_eq!(
            too_long(format!("{}x", "x\n".repeat(LIMIT)).as_bytes()),
            Some(LIMIT + 1)
        );
    }

    #[test]
    fn lock_files_and_documents_are_not_sources() {
        assert!(is_source("crates/core/src/lib.rs"));
        assert!(!is_source("Cargo.lock"));
        assert!(!is_source("README.md"));
    }
}
