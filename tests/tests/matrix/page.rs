//! docs/conformance.md and the tables in README.md, written from the lists that the matrix asserts.
//!
//! No guest runs for it. A behaviour that differs and is not in `expectations.toml` fails the matrix, as does one that
//! is in there and does not differ; so what is written here is what was seen.

use crate::calls::{self, Matrix};
use crate::table::{COLUMNS, Column, Difference, Guest, reason};
use guestnet_tests::docs;
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

/// The whole table.
const PAGE: &str = "docs/conformance.md";

/// What has the table in short and the one of calls, each between two marks.
const SHORT: &str = "README.md";
const COUNTS: [&str; 2] = [
    "<!-- conformance: written by a test -->\n",
    "<!-- end of conformance -->\n",
];
const CALLS: [&str; 2] = ["<!-- calls: written by a test -->\n", "<!-- end of calls -->\n"];

/// How many behaviours a kind has that gets a table of its own; the rest is in the last one.
const KIND: usize = 3;
const OTHERS: &str = "others";

/// What writes both of them.
const REWRITE: &str = "GUESTNET_WRITE_DOCS=1 cargo test -p guestnet-tests --test matrix conformance";

/// The test that both are what the lists say.
pub(crate) fn trial(guests: Vec<Guest>, differences: Arc<Vec<Difference>>) -> Trial {
    Trial::test(
        "conformance::the_page_and_the_readme_say_what_the_matrix_asserts",
        move || {
            let readme = fs::read_to_string(docs::root().join(SHORT)).map_err(|error| error.to_string())?;
            let texts = [
                (PAGE, page(&guests, &differences)?),
                (SHORT, readme_with(&readme, &guests, &differences)?),
            ];
            let stale: Vec<&str> = texts
                .iter()
                .filter(|(name, text)| !docs::is_current(name, text))
                .map(|(name, _)| *name)
                .collect();
            if stale.is_empty() {
                Ok(())
            } else {
                Err(Failed::from(format!(
                    "stale: {}; this writes them: {REWRITE}",
                    stale.join(", ")
                )))
            }
        },
    )
}

/// README.md with its two tables.
///
/// # Errors
/// It has no place for one, or the table of calls is not true.
fn readme_with(readme: &str, guests: &[Guest], differences: &[Difference]) -> Result<String, String> {
    let matrix = Matrix { guests, differences };
    let readme = replace_between(readme, COUNTS, &short(guests, differences))?;
    replace_between(&readme, CALLS, &matrix.readme()?)
}

/// How many behaviours a column has, and how many of them are as on Linux.
fn counts(guests: &[Guest], differences: &[Difference], column: Column) -> (usize, usize) {
    let has: Vec<&Guest> = guests.iter().filter(|guest| column.can_have(guest)).collect();
    let same = has
        .iter()
        .filter(|guest| reason(differences, guest, column).is_none());
    (has.len(), same.count())
}

fn short(guests: &[Guest], differences: &[Difference]) -> String {
    let mut text = String::from("| guest | behaviours compared | the same as on Linux |\n|---|---|---|\n");
    for column in COLUMNS {
        let (has, same) = counts(guests, differences, column);
        let _ = writeln!(text, "| {} | {has} | {same} |", column.about);
    }
    text
}

fn page(guests: &[Guest], differences: &[Difference]) -> Result<String, String> {
    let mut text = format!(
        "# Conformance\n\n\
         <!-- Written by a test: {REWRITE} -->\n\n\
         What programs see in each sandbox, compared with Linux. A behaviour is a program. The same source runs natively and \
         in\neach sandbox, and has to print the same and to exit with the same code: the kernel says what is right. This page \
         is written\nby the test that compares them (`tests/tests/matrix`), and a test fails when it is stale. There are {} \
         behaviours.\n",
        guests.len()
    );
    columns(&mut text, guests, differences);
    text.push_str(&calls::page());
    let numbers = numbers(&mut text, guests, differences);
    behaviours(&mut text, guests, differences, &numbers)?;
    Ok(text)
}

fn columns(text: &mut String, guests: &[Guest], differences: &[Difference]) {
    text.push_str(
        "\n## Sandboxes\n\n\
         | | name in `tests/expectations.toml` | guest | compared | the same | differ | not compared |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (number, column) in COLUMNS.into_iter().enumerate() {
        let (has, same) = counts(guests, differences, column);
        let differ = has - same;
        let lacks = match guests.len() - has {
            0 => String::new(),
            left => format!("{left}: {}", column.lacks),
        };
        let _ = writeln!(
            text,
            "| {} | `{}` | {} | {has} | {same} | {differ} | {lacks} |",
            letter(number),
            column.name,
            column.about
        );
    }
}

/// Writes the list of what differs, a row for each behaviour and reason; gives the rows' numbers.
fn numbers<'a>(
    text: &mut String,
    guests: &'a [Guest],
    differences: &'a [Difference],
) -> BTreeMap<(&'a str, &'a str), usize> {
    text.push_str("\n## What differs, and why\n\n| | behaviour | where | reason |\n|---|---|---|---|\n");
    let mut numbers = BTreeMap::new();
    for guest in guests {
        let mut places: Vec<(&str, String)> = Vec::new();
        for (number, column) in COLUMNS.into_iter().enumerate() {
            let has = column.can_have(guest);
            let Some(why) = reason(differences, guest, column).filter(|_| has) else {
                continue;
            };
            match places.iter_mut().find(|(known, _)| *known == why) {
                Some((_, letters)) => letters.push_str(&format!(", {}", letter(number))),
                None => places.push((why, letter(number))),
            }
        }
        for (why, letters) in places {
            let number = numbers.len() + 1;
            numbers.insert((guest.name.as_str(), why), number);
            let _ = writeln!(text, "| {number} | `{}` | {letters} | {why} |", guest.name);
        }
    }
    numbers
}

fn behaviours(
    text: &mut String,
    guests: &[Guest],
    differences: &[Difference],
    numbers: &BTreeMap<(&str, &str), usize>,
) -> Result<(), String> {
    text.push_str(
        "\n## All behaviours\n\n\
         `=` is the same as on Linux, a number is the row above that says why it differs, and an empty cell is not compared.\n",
    );
    let kind_of = |guest: &Guest| guest.name.split('_').next().unwrap_or_default().to_owned();
    let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
    for guest in guests {
        *sizes.entry(kind_of(guest)).or_default() += 1;
    }
    let kind = |guest: &Guest| {
        let kind = kind_of(guest);
        let is_small = sizes.get(&kind).is_some_and(|size| *size < KIND);
        if is_small { OTHERS.to_owned() } else { kind }
    };
    let mut sorted: Vec<&Guest> = guests.iter().collect();
    // Stable, so that they stay sorted by name within a kind.
    sorted.sort_by_key(|guest| (kind(guest) == OTHERS, kind(guest)));
    let mut last = String::new();
    for guest in sorted {
        let kind = kind(guest);
        if kind != last {
            last.clone_from(&kind);
            let letters: Vec<String> = (0..COLUMNS.len()).map(letter).collect();
            let _ = writeln!(
                text,
                "\n| {kind} | | {} |\n|---|---|{}",
                letters.join(" | "),
                "---|".repeat(letters.len())
            );
        }
        let _ = write!(
            text,
            "| [{}](../{}) | {} |",
            guest.name,
            guest.path(),
            sentence(guest)?
        );
        for column in COLUMNS {
            let cell = match reason(differences, guest, column) {
                _ if !column.can_have(guest) => String::new(),
                None => "=".to_owned(),
                Some(why) => numbers
                    .get(&(guest.name.as_str(), why))
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    Ok(())
}

/// A, B, C …
fn letter(number: usize) -> String {
    (b'A'..=b'Z')
        .nth(number)
        .map(|byte| char::from(byte).to_string())
        .unwrap_or_default()
}

/// The first sentence of the comment at the head of a guest.
fn sentence(guest: &Guest) -> Result<String, String> {
    let path = docs::root().join(guest.path());
    let source = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let comment = source
        .strip_prefix("/*")
        .and_then(|rest| rest.split_once("*/"))
        .ok_or_else(|| format!("{}: it does not begin with a comment", path.display()))?
        .0;
    let lines = comment.lines().map(|line| line.trim().trim_start_matches("* "));
    let words = lines.collect::<Vec<_>>().join(" ");
    let first = words.split(". ").next().unwrap_or_default().trim();
    let first = first.trim_end_matches('.');
    // What Markdown would take for its own.
    Ok(first
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace('*', "\\*")
        .replace('_', "\\_"))
}

/// The text with what is between the marks replaced.
fn replace_between(text: &str, [begin, end]: [&str; 2], between: &str) -> Result<String, String> {
    let replaced = || {
        let (before, rest) = text.split_once(begin)?;
        let (_, after) = rest.split_once(end)?;
        Some(format!("{before}{begin}{between}{end}{after}"))
    };
    replaced().ok_or_else(|| format!("{SHORT} has no {begin} or no {end}"))
}
