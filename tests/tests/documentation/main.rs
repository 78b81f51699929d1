//! The pages are true: each block of commands in them is run, or says why not, and each block of code is what a block of
//! commands uses, what is in a source file, or says why not.
//!
//! What a block needs stands in a comment before it, which a reader of the page does not see:
//!
//! * `<!-- run: server.wasm = guest examples/echo_server, port 7000 -->`: the files that the commands name
//!   (`markdown::Fixture`). A block without one is run as it is. In `console` blocks what each command prints is compared, and `…` stands for
//!   any text; commands of `sh` blocks have to succeed.
//! * `<!-- file: app.toml -->`: the commands of this page find the block under this name.
//! * `<!-- source: examples/c/fetch.c -->`: the block is a part of this file, which other tests build.
//! * `<!-- not run: the reason -->`
//!
//! A link leads to a file that is there, and to a heading that it has.
//!
//! Programs in Rust are run by rustdoc where a crate includes the page. A block of `text` is no code.

mod manifests;
mod session;

use guestnet_tests::docs;
use guestnet_tests::markdown::{self, Block, Mark};
use libtest_mimic::{Arguments, Failed, Trial};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The pages outside of docs/.
const PAGES: [&str; 5] = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "guest-libs/c/README.md",
    "crates/guest-emscripten/npm/README.md",
];

/// Words that a reason has at least.
const REASON: usize = 3;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for page in pages() {
        let text =
            fs::read_to_string(docs::root().join(&page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        let blocks = Arc::new(markdown::blocks(&text));
        for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.is_run()) {
            // Named by what the developer's loop leaves out.
            let engine = if block.mark.needs_node() {
                "emscripten-node::"
            } else if block.text.contains("systemd-") {
                "systemd::"
            } else {
                ""
            };
            let blocks = Arc::clone(&blocks);
            trials.push(Trial::test(format!("{engine}{page}:{}", block.line), move || {
                session::run(&blocks, index).map_err(Failed::from)
            }));
        }
        let name = page.clone();
        trials.push(Trial::test(
            format!("every_link_leads_somewhere::{page}"),
            move || links(&name, &text),
        ));
        trials.push(Trial::test(
            format!("every_block_is_run_or_says_why_not::{page}"),
            move || standing(&page, &blocks),
        ));
    }
    trials.extend(manifests::trials());
    trials.push(Trial::test("every_suite_is_in_the_table_of_tests_README", suites));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Fails with every suite of `tests/tests` that has no row in tests/README.md.
fn suites() -> Result<(), Failed> {
    let table = fs::read_to_string(docs::root().join("tests/README.md")).map_err(Failed::from)?;
    let mut missing = Vec::new();
    for entry in fs::read_dir(docs::root().join("tests/tests")).map_err(Failed::from)? {
        let entry = entry.map_err(Failed::from)?;
        let mut name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("main.rs").exists() {
            name.push('/');
        } else if entry.path().is_dir() {
            // What suites compare with.
            continue;
        }
        if !table.contains(&format!("| `{name}` |")) {
            missing.push(name);
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("no row in the table of suites: {}", missing.join(", ")).into())
    }
}

/// The pages of the repository, by their names from its root.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(docs::root().join("docs")).expect("read docs");
    let mut pages: Vec<String> = entries
        .filter_map(|entry| entry.expect("read docs").file_name().into_string().ok())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "md")
        })
        .map(|name| format!("docs/{name}"))
        .chain(PAGES.map(str::to_owned))
        .collect();
    pages.sort();
    pages
}

/// Fails with every block of a page that is neither run nor excused.
fn standing(page: &str, blocks: &[Block]) -> Result<(), Failed> {
    let faults: Vec<String> = blocks
        .iter()
        .filter_map(|block| Some(format!("{page}:{}: {}", block.line, fault(page, block, blocks)?)))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n").into())
    }
}

/// Fails with every link of a page to a file that is not there, or to a heading that a page does not have.
fn links(page: &str, text: &str) -> Result<(), Failed> {
    let from = docs::root().join(page);
    let leads = |link: &String| {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let to = if path.is_empty() {
            from.clone()
        } else {
            from.with_file_name(path)
        };
        let is_heading = || {
            fs::read_to_string(&to)
                .is_ok_and(|text| markdown::anchors(&text).iter().any(|name| name == anchor))
        };
        to.exists() && (anchor.is_empty() || is_heading())
    };
    let links = markdown::links(text)
        .into_iter()
        .filter(|link| !link.contains("://"));
    let lost: Vec<String> = links.filter(|link| !leads(link)).collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(format!("these lead nowhere: {}", lost.join(", ")).into())
    }
}

/// What is wrong with how a block stands on its page.
fn fault(page: &str, block: &Block, blocks: &[Block]) -> Option<String> {
    match (&block.mark, block.language.as_str()) {
        (_, "") => Some("it has no language; what is no code is `text`".into()),
        (Mark::Unknown(text), _) => Some(format!(
            "the comment before it says nothing that is known: {text}"
        )),
        (Mark::NotRun(reason), _) => {
            (reason.split_whitespace().count() < REASON).then(|| format!("that is no reason: {reason}"))
        }
        (_, "text") => block
            .text
            .starts_with("$ ")
            .then(|| "what a user types is `console` or `sh`".into()),
        (_, "sh" | "console") => None,
        (Mark::File(name), _) => {
            let used = blocks
                .iter()
                .any(|other| other.is_run() && other.text.contains(name.as_str()));
            (!used).then(|| format!("no command of this page uses {name}"))
        }
        (Mark::Source(path), _) => {
            let source = fs::read_to_string(docs::root().join(path)).unwrap_or_default();
            (!source.contains(&block.text)).then(|| format!("this is not in {path}"))
        }
        (_, "rust") => (!is_included(page)).then(|| "no crate includes this page for rustdoc to run".into()),
        (_, language) => Some(format!(
            "nothing uses this {language}: name it with `file`, `source` or `not run`"
        )),
    }
}

/// Whether the documentation of a crate includes a page, so that rustdoc runs its programs.
fn is_included(page: &str) -> bool {
    let crates = fs::read_dir(docs::root().join("crates")).expect("read crates");
    crates.filter_map(Result::ok).any(|entry| {
        let source = fs::read_to_string(entry.path().join("src/lib.rs")).unwrap_or_default();
        source.contains(&format!("include_str!(\"../../../{page}\")"))
    })
}
