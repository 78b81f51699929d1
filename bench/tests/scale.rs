//! The program as `cargo xtask soak scale` runs it, for seconds: nothing is left of many guests and many connections, and the page of figures is
//! made from what was measured.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use guestnet_tests::paths::{guestnet_bin, target_dir};

/// Runs the program, and gives what it printed.
fn bench(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_guestnet-bench"))
        .args(arguments)
        .arg(directory)
        .env("GUESTNET_BIN", guestnet_bin())
        .env("GUESTNET_GUESTS", target_dir().join("guests"))
        .output()
        .expect("guestnet-bench starts")
}

fn succeed(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn nothing_is_left_of_many_guests_and_many_connections_and_the_page_says_so() {
    let directory = tempfile::tempdir().expect("a directory");
    let figures = directory.path().join("figures");
    succeed(&bench(&["soak", "--seconds", "10", "--json"], &figures));
    succeed(&bench(&["render"], &figures));
    let page = fs::read_to_string(directory.path().join("figures.md")).expect("a page");
    for row in [
        "1000 guests in one process",
        "connections of one guest, 1 % active",
        "connections that come and go, a module",
        "connections that come and go, a component",
    ] {
        assert!(page.contains(row), "{row}\n{page}");
    }
}

#[test]
fn what_cannot_be_rendered_is_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = bench(&["render"], directory.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no figures"));
}
