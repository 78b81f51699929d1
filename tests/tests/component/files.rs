//! The files that components are in: broken ones, those that need what guestnet does not have, and compiled ones.

use guestnet_tests::{Guestnet, ProgramOutput, guest};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

fn run(component: &Path) -> ProgramOutput {
    Guestnet::run().guest(component).finish()
}

/// That a run and `inspect` both fail, and what a run says: one line that has all of these words.
fn refused(component: &Path, words: &[&str]) {
    let finished = run(component);
    assert_eq!(finished.status.code(), Some(1), "{finished}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
    assert_eq!(finished.stdout, "", "{finished}");
    for word in words {
        assert!(finished.stderr.contains(word), "{word}\n{finished}");
    }
    let inspected = Guestnet::command("inspect").arg(component).finish();
    assert_eq!(inspected.status.code(), Some(1), "{inspected}");
}

#[test]
fn a_component_that_is_cut_or_of_another_version_is_refused_in_one_sentence() {
    let scratch = tempfile::tempdir().expect("a directory");
    let whole = fs::read(guest("component", "tcp_echo")).expect("read");
    let write = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).expect("write");
        path
    };
    // Within the header, behind it, in a section, and all but the last byte.
    for len in [9, 100, whole.len() / 2, whole.len() - 1] {
        refused(
            &write("cut.wasm", &whole[..len]),
            &["cut.wasm is not a valid WebAssembly component: "],
        );
    }
    let mut other = whole.clone();
    other[4] = 0x0e;
    refused(
        &write("version.wasm", &other),
        &["version.wasm is a WebAssembly file of an unknown version"],
    );
    // Bytes that are wrong in the middle.
    let mut wrong = whole;
    let middle = wrong.len() / 2;
    wrong[middle..middle + 64].fill(0xff);
    refused(
        &write("wrong.wasm", &wrong),
        &["wrong.wasm is not a valid WebAssembly component: "],
    );
}

#[test]
fn an_interface_that_guestnet_does_not_have_is_named() {
    let scratch = tempfile::tempdir().expect("a directory");
    for interface in [
        "wasi:http/outgoing-handler@0.2.3",
        "wasi:http/types@0.2.0",
        "wasi:keyvalue/store@0.2.0-draft",
        "wasi:sockets/tcp@0.9.0",
        "acme:app/host@1.0.0",
    ] {
        let path = scratch.path().join("unknown.wat");
        let text = format!(r#"(component (import "{interface}" (instance (export "f" (func)))))"#);
        fs::write(&path, text).expect("write");
        refused(
            &path,
            &["unknown.wat imports ", interface, "see guestnet inspect"],
        );
    }
    // A function that an interface of ours does not have.
    let path = scratch.path().join("function.wat");
    let text = r#"(component (import "wasi:cli/environment@0.2.0" (instance (export "no-such" (func)))))"#;
    fs::write(&path, text).expect("write");
    refused(
        &path,
        &[
            "function.wat cannot be run: ",
            "wasi:cli/environment@0.2.0",
            "no-such",
        ],
    );
}

/// A component that ends well or badly.
fn ending(code: u32) -> String {
    format!(
        r#"(component
             (core module $program (func (export "run") (result i32) (i32.const {code})))
             (core instance $program (instantiate $program))
             (func $run (result (result)) (canon lift (core func $program "run")))
             (instance $command (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $command)))"#
    )
}

#[test]
fn the_second_start_of_a_component_compiles_nothing() {
    let scratch = tempfile::tempdir().expect("a directory");
    let cache = scratch.path().join("cache");
    let entries = || -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut directories = vec![cache.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("the cache") {
                let entry = entry.expect("an entry");
                if entry.file_type().expect("a type").is_dir() {
                    directories.push(entry.path());
                } else if entry.metadata().expect("metadata").len() > 0 {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        found
    };
    let run = |name: &str| {
        let program = Guestnet::run().guest(&scratch.path().join(name));
        program.env("GUESTNET_CACHE", &cache).finish().status.code()
    };
    for (name, code) in [("good.wat", 0), ("bad.wat", 1)] {
        fs::write(scratch.path().join(name), ending(code)).expect("write");
    }
    assert_eq!(run("good.wat"), Some(0));
    let good = entries();
    let identity = |path: &PathBuf| {
        let metadata = fs::metadata(path).expect("metadata");
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    };
    let before: Vec<_> = good.iter().map(identity).collect();
    assert_eq!(run("good.wat"), Some(0));
    assert_eq!(entries(), good);
    assert_eq!(good.iter().map(identity).collect::<Vec<_>>(), before);

    // The proof: with the other one's code in its place, that is what runs.
    assert_eq!(run("bad.wat"), Some(1));
    let other = entries()
        .into_iter()
        .find(|entry| !good.contains(entry))
        .expect("an entry");
    let [entry] = &good[..] else {
        panic!("one entry: {good:?}");
    };
    fs::rename(other, entry).expect("rename");
    assert_eq!(run("good.wat"), Some(1));
}
