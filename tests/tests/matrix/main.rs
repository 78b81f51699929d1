//! Every C guest on every guest ABI, with the kernel as the oracle: the same source prints the same transcript and exits
//! with the same status, natively and in the sandbox.
//!
//! An ABI is a column. Emscripten's has several, because a program can be linked in several ways and run by several
//! engines. A script of guests/js is a column too: it must print what the C program of its name prints natively. What is
//! known to differ is in `expectations.toml`, with its reason. `docs/conformance.md` is written from the same lists.

mod calls;
mod page;
mod table;

use guestnet_tests::chromium::GuestPages;
use guestnet_tests::run::difference;
use guestnet_tests::{Guestnet, Program, ProgramOutput, emscripten, guest, native_guest};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use table::{COLUMNS, Column, Difference, Guest, Sandbox, Source, expectations, guests, reason, script};

/// How long one run of one guest may take. They all end by themselves within a second or two.
const DEADLINE: Duration = Duration::from_secs(60);

/// The browser of all columns that need one, started by the first guest.
type Shared = OnceLock<Result<GuestPages, String>>;

/// What a guest did in a sandbox.
struct Sandboxed {
    status: Option<i32>,
    stdout: String,
    /// All of it, for people.
    text: String,
}

impl Column {
    /// Runs the guest of this name.
    fn run(self, name: &str, browser: &Shared) -> Result<Sandboxed, String> {
        let output = match self.sandbox {
            Sandbox::Wasip1 => run(|scratch| wasip1(name, scratch)),
            Sandbox::Js => run(|scratch| js(name, scratch)),
            Sandbox::Emscripten(variant, engine) => {
                run(|scratch| emscripten::program(variant, engine, name).arg(scratch))
            }
            Sandbox::Chromium(place) => {
                let started = browser.get_or_init(|| GuestPages::start().map_err(|error| error.to_string()));
                // Its file system has nothing but an empty /tmp and little else.
                let output = started
                    .as_ref()
                    .map_err(Clone::clone)?
                    .run(place, &[name, "/tmp"], &json!({}))
                    .map_err(|error| error.to_string())?;
                let text = output.to_string();
                return Ok(Sandboxed {
                    status: Some(output.status),
                    stdout: output.stdout,
                    text,
                });
            }
        };
        let text = output.to_string();
        Ok(Sandboxed {
            status: output.status.code(),
            stdout: output.stdout,
            text,
        })
    }
}

fn js(name: &str, scratch: &Path) -> Program {
    Guestnet::run()
        .allow_net()
        .tmp(scratch)
        .guest(&script(name))
        .arg("/tmp")
}

fn wasip1(name: &str, scratch: &Path) -> Program {
    Guestnet::run()
        .allow_net()
        .tmp(scratch)
        .guest(&guest("wasip1", name))
        .arg("/tmp")
}

fn native(guest: &Guest, scratch: &Path) -> Program {
    let kind = match guest.source {
        Source::Everywhere => "wasip1",
        Source::Linux => "native-linux",
    };
    Program::new(&native_guest(kind, &guest.name)).arg(scratch)
}

fn main() {
    let arguments = Arguments::from_args();
    let guests = guests();
    let expectations = Arc::new(expectations());
    let browser = Arc::new(Shared::new());
    let mut trials = Vec::new();
    for guest in &guests {
        // The kernel is asked once for all columns.
        let oracle = Arc::new(OnceLock::new());
        for column in COLUMNS.into_iter().filter(|column| column.can_have(guest)) {
            let known = reason(&expectations, guest, column).map(str::to_owned);
            let runs = known.is_none() || column.runs_what_differs();
            let (guest, oracle, browser) = (guest.clone(), Arc::clone(&oracle), Arc::clone(&browser));
            let trial = Trial::test(format!("{}::{}", column.name, guest.name), move || {
                compare(&guest, column, &oracle, &browser, known.as_deref())
            });
            trials.push(trial.with_ignored_flag(!runs));
        }
    }
    trials.push(Trial::test("js::every_script_has_its_c_program", check_scripts));
    trials.push(page::trial(guests.clone(), Arc::clone(&expectations)));
    trials.push(Trial::test(
        "expectations::every_entry_names_a_guest_an_abi_and_a_reason",
        move || check_expectations(&expectations, &guests),
    ));
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(Ok(pages)) = Arc::into_inner(browser).and_then(OnceLock::into_inner) {
        pages.close();
    }
    conclusion.exit();
}

/// Runs one guest both ways.
fn compare(
    guest: &Guest,
    column: Column,
    oracle: &OnceLock<ProgramOutput>,
    browser: &Shared,
    known_to_differ: Option<&str>,
) -> Result<(), Failed> {
    let oracle = oracle.get_or_init(|| run(|scratch| native(guest, scratch)));
    if !oracle.status.success() || oracle.stdout.is_empty() {
        return Err(format!("the native run is no oracle\n{oracle}").into());
    }
    let fault = match column.run(&guest.name, browser) {
        Ok(Sandboxed { status, stdout, text }) if status == oracle.status.code() => {
            difference(&oracle.stdout, &stdout).map(|difference| format!("{difference}{text}"))
        }
        Ok(Sandboxed { text, .. }) | Err(text) => Some(format!("it ended otherwise than natively\n{text}")),
    };
    match (fault, known_to_differ) {
        (None, None) | (Some(_), Some(_)) => Ok(()),
        (Some(fault), None) => Err(fault.into()),
        (None, Some(reason)) => Err(format!(
            "it passes, though expectations.toml says that it differs ({reason}): remove the entry"
        )
        .into()),
    }
}

/// Runs one guest in an empty directory.
fn run(how: impl FnOnce(&Path) -> Program) -> ProgramOutput {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    how(scratch.path()).deadline(DEADLINE).finish()
}

/// A script without a program to compare it with would never run.
fn check_scripts() -> Result<(), Failed> {
    let known = guests();
    let dir = script("t");
    let entries = fs::read_dir(dir.parent().unwrap_or(&dir)).map_err(|error| error.to_string())?;
    let names = entries.map(|entry| entry.expect("read guests/js").path());
    let lost: Vec<String> = names
        .filter(|path| path.extension().is_some_and(|extension| extension == "js"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_string()))
        .filter(|name| name != "t" && !name.starts_with("attack_"))
        .filter(|name| !known.iter().any(|guest| guest.name == *name))
        .collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(format!("no C program for {}", lost.join(", ")).into())
    }
}

fn check_expectations(expectations: &[Difference], guests: &[Guest]) -> Result<(), Failed> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for Difference { guest, abi, reason } in expectations {
        let Some(known) = guests.iter().find(|known| known.name == *guest) else {
            faults.push(format!("{guest}: there is no such guest"));
            continue;
        };
        if !COLUMNS
            .iter()
            .any(|column| column.is_of(abi) && column.can_have(known))
        {
            faults.push(format!("{guest}: no ABI {abi} can have it"));
        }
        if reason.split_whitespace().count() < 3 {
            faults.push(format!("{guest}: the reason says nothing"));
        }
        for column in COLUMNS.iter().filter(|column| column.is_of(abi)) {
            if !seen.insert((guest, column.name)) {
                faults.push(format!("{guest}: listed twice for {}", column.name));
            }
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n").into())
    }
}
