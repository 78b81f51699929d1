//! The table of attacks in tests/README.md says what is tested, and all that is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const README: &str = include_str!("../../README.md");

/// The attacks of docs/policy.md: A1 to A43 without the numbers that are none.
const LAST: u32 = 43;
const NONE: [u32; 3] = [13, 22, 23];

/// The tests that a line names, as `file::test`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.contains("::") && !word.starts_with("attacks::"))
}

/// The tests that there are in this directory, as `file::test`.
fn existing() -> BTreeSet<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/attacks");
    let mut tests = BTreeSet::new();
    for entry in fs::read_dir(directory).expect("read the directory") {
        let path = entry.expect("an entry").path();
        let file = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("read a source");
        for after in text.split("#[test]\n").skip(1) {
            let name = after.trim_start().strip_prefix("fn ");
            let name = name.and_then(|rest| rest.split_once('(')).expect("a test");
            tests.insert(format!("{file}::{}", name.0));
        }
    }
    tests.retain(|test| !test.starts_with("table::"));
    tests
}

#[test]
fn every_attack_has_a_test() {
    for number in 1..=LAST {
        let row = README
            .lines()
            .find(|line| line.starts_with(&format!("| A{number} |")));
        let tests = row.map_or(0, |row| named(row).count());
        assert_eq!(tests == 0, NONE.contains(&number), "A{number}: {tests} tests");
    }
}

#[test]
fn the_tests_that_are_named_are_the_ones_that_there_are() {
    let named: BTreeSet<String> = README.lines().flat_map(named).map(str::to_owned).collect();
    let existing = existing();
    assert!(existing.len() > 50, "{existing:?}");
    let missing: Vec<_> = named.difference(&existing).collect();
    assert!(missing.is_empty(), "named and not there: {missing:#?}");
    let unnamed: Vec<_> = existing.difference(&named).collect();
    assert!(unnamed.is_empty(), "there and not named: {unnamed:#?}");
}
