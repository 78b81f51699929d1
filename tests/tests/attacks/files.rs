//! A38: procfs and its like, whose files are guestnet's own memory and the kernel's controls, under a directory's name.

use guestnet_tests::{Guestnet, Program};
use std::fs;
use std::path::Path;

/// The attack itself: what is written there is written into the host's own memory.
const SCRIPT: &str = "
import * as std from 'std';
for (const path of ['/p/self/mem', '/p/mem', '/p/proc/self/mem', '/p/sub/self/mem']) {
    const file = std.open(path, 'r+');
    if (file) { print(`opened ${path}`); file.close(); }
}
";

fn program(directory: &Path, name: &str, text: &str, dir: &str) -> Program {
    let path = directory.join(name);
    fs::write(&path, text).expect("write the guest");
    Guestnet::run()
        .option("--dir")
        .option(format!("{dir}::/p"))
        .guest(&path)
}

#[test]
fn no_directory_in_procfs_nor_one_that_holds_it_is_a_guests() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/proc/self", &link).expect("symlink");
    let link = link.to_str().expect("UTF-8");
    for (name, text) in [
        ("a.js", SCRIPT),
        ("a.wat", r#"(module (func (export "_start")))"#),
    ] {
        for dir in ["/proc", "/proc/self", "/proc/1/task", "/", "/proc/..", link] {
            let finished = program(directory.path(), name, text, dir).finish();
            assert_eq!(finished.status.code(), Some(1), "{dir}: {finished}");
            assert_eq!(finished.stdout, "", "{dir}: {finished}");
            let begin = format!("guestnet: --dir {dir}: cannot open the directory: ");
            assert!(finished.stderr.starts_with(&begin), "{finished}");
            assert!(
                finished.stderr.contains("this program's memory among them"),
                "{finished}"
            );
            assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
        }
    }
}

#[test]
fn a_link_to_procfs_in_a_directory_of_a_guest_leads_nowhere() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::os::unix::fs::symlink("/proc", directory.path().join("sub")).expect("symlink");
    let dir = directory.path().to_str().expect("UTF-8");
    let finished = program(directory.path(), "a.js", SCRIPT, dir).finish();
    assert!(finished.status.success(), "{finished}");
    assert_eq!(
        (finished.stdout.as_str(), finished.stderr.as_str()),
        ("", ""),
        "{finished}"
    );
}
