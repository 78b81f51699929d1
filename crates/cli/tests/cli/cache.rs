//! The module cache, from the outside: what is used again, what is not, and what is said.

use crate::scratch::Scratch;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A guest that prints `word`, which has six bytes.
fn printing(scratch: &Scratch, name: &str, word: &str) {
    let body = format!(
        r#"(data (i32.const 0) "{word}") (func (export "_start") (call $print (i32.const 0) (i32.const 6)))"#
    );
    scratch.guest(name, &[], &body);
}

fn identity(path: &Path) -> (u64, i64, i64) {
    let metadata = fs::metadata(path).unwrap();
    (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

#[test]
fn the_second_start_runs_what_the_first_one_compiled() {
    let scratch = Scratch::new();
    printing(&scratch, "a.wat", "hello\\n");
    scratch.run(&["run", "a.wat"]).assert(0, "hello\n", "");
    let [entry] = scratch.entries().try_into().expect("one entry");
    let before = identity(&entry);
    scratch.run(&["run", "a.wat"]).assert(0, "hello\n", "");
    assert_eq!(scratch.entries().as_slice(), std::slice::from_ref(&entry));
    assert_eq!(identity(&entry), before);

    // The proof: with another guest's code in its place, that is what runs.
    printing(&scratch, "b.wat", "world\\n");
    scratch.run(&["run", "b.wat"]).assert(0, "world\n", "");
    let other = scratch
        .entries()
        .into_iter()
        .find(|each| *each != entry)
        .expect("a second entry");
    fs::rename(other, &entry).unwrap();
    scratch.run(&["run", "a.wat"]).assert(0, "world\n", "");
}

/// [`printing`], in a file so large that it is not read again while it is unchanged.
fn printing_large(scratch: &Scratch, name: &str, word: &str) {
    printing(scratch, name, word);
    let path = scratch.path().join(name);
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str(&" ".repeat(1 << 20));
    fs::write(path, text).unwrap();
}

/// Runs a guest until its file is so old that its mark is in the cache, and returns the file of the mark.
fn run_until_remembered(scratch: &Scratch, name: &str, prints: &str, known: &[PathBuf]) -> PathBuf {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        scratch.run(&["run", name]).assert(0, prints, "");
        let is_new = |path: &PathBuf| path.extension().is_some_and(|is| is == "key") && !known.contains(path);
        if let Some(mark) = scratch.entries().into_iter().find(is_new) {
            return mark;
        }
        assert!(Instant::now() < deadline, "no mark of {name}");
    }
}

#[test]
fn a_large_guest_is_recognised_by_its_file_and_a_changed_one_is_not() {
    let scratch = Scratch::new();
    printing_large(&scratch, "a.wat", "hello\\n");
    printing_large(&scratch, "b.wat", "world\\n");
    let a = run_until_remembered(&scratch, "a.wat", "hello\n", &[]);
    let b = run_until_remembered(&scratch, "b.wat", "world\n", std::slice::from_ref(&a));

    // The proof: with another guest's key under its mark, that guest's code is what runs.
    fs::rename(&b, &a).unwrap();
    scratch.run(&["run", "a.wat"]).assert(0, "world\n", "");

    printing_large(&scratch, "a.wat", "again\\n");
    scratch.run(&["run", "a.wat"]).assert(0, "again\n", "");
    run_until_remembered(&scratch, "a.wat", "again\n", &[a]);
}

#[test]
fn a_changed_guest_is_compiled_again() {
    let scratch = Scratch::new();
    printing(&scratch, "a.wat", "hello\\n");
    scratch.run(&["run", "a.wat"]).assert(0, "hello\n", "");
    printing(&scratch, "a.wat", "world\\n");
    scratch.run(&["run", "a.wat"]).assert(0, "world\n", "");
    assert_eq!(scratch.entries().len(), 2);
}

#[test]
fn a_guest_can_come_from_a_pipe() {
    let scratch = Scratch::new();
    printing(&scratch, "a.wat", "hello\\n");
    let text = fs::read(scratch.path().join("a.wat")).unwrap();
    for _ in 0..2 {
        let (read, mut write) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut write, &text).unwrap();
        drop(write);
        let mut command = scratch.guestnet(&["run", "/dev/stdin"]);
        command.stdin(read);
        crate::scratch::finish(command).assert(0, "hello\n", "");
    }
    assert_eq!(scratch.entries().len(), 1);
}

#[test]
fn a_damaged_entry_is_replaced() {
    let scratch = Scratch::new();
    printing(&scratch, "a.wat", "hello\\n");
    scratch.run(&["run", "a.wat"]).assert(0, "hello\n", "");
    let [entry] = scratch.entries().try_into().expect("one entry");
    let whole = fs::read(&entry).unwrap();
    for damaged in [&b""[..], b"nonsense", whole.get(..whole.len() / 2).unwrap()] {
        fs::remove_file(&entry).unwrap();
        fs::write(&entry, damaged).unwrap();
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o400)).unwrap();
        scratch.run(&["run", "a.wat"]).assert(0, "hello\n", "");
        assert_eq!(fs::read(&entry).unwrap().len(), whole.len());
    }
}

#[test]
fn a_cache_that_others_can_write_is_not_used_and_the_guest_runs() {
    let scratch = Scratch::new();
    let directory = scratch.cache().join("modules");
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
    printing(&scratch, "a.wat", "hello\\n");
    let line = format!(
        "guestnet: compiled guests are not kept, {}: it must belong to you, and no other user may be able to write it \
         (chmod 700)\n",
        directory.display()
    );
    scratch.run(&["run", "a.wat"]).assert(0, "hello\n", &line);
    assert!(scratch.entries().is_empty());
}

#[test]
fn without_any_place_for_a_cache_the_guest_runs() {
    let scratch = Scratch::new();
    printing(&scratch, "a.wat", "hello\\n");
    let mut command = scratch.guestnet(&["run", "a.wat"]);
    command.env_remove("GUESTNET_CACHE").env_remove("HOME");
    let line =
        "guestnet: compiled guests are not kept, there is no place for it: set HOME or GUESTNET_CACHE\n";
    crate::scratch::finish(command).assert(0, "hello\n", line);
}
