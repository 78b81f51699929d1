//! Every C guest on every guest ABI, with the kernel as the oracle: the same source prints the same transcript and exits
//! with the same status, natively and in the sandbox.
//!
//! guests/js has scripts for many of them, which must print what the C program of the same name prints natively.
//!
//! What is known to differ is in `expectations.toml`, with its reason.

use guestnet_tests::run::difference;
use guestnet_tests::{Finished, Guestnet, Program, guest, native_guest};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long one run of one guest may take. They all end by themselves within a second or two.
const DEADLINE: Duration = Duration::from_secs(60);

/// A way to run a C guest in the sandbox.
struct Abi {
    name: &'static str,
    /// Runs the guest of this name with a scratch directory.
    run: fn(&str, &Path) -> Program,
    /// Whether it has this guest.
    has: fn(&str) -> bool,
}

const ABIS: [Abi; 2] = [
    Abi {
        name: "wasip1",
        run: wasip1,
        has: |_| true,
    },
    // The same behaviour written again, with the calls of `os`: those of guests/c that JavaScript can say.
    Abi {
        name: "js",
        run: js,
        has: |name| script(name).is_file(),
    },
];

/// guests/js/NAME.js.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../guests/js")
        .join(format!("{name}.js"))
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

fn native(name: &str, scratch: &Path) -> Program {
    Program::new(&native_guest("wasip1", name)).arg(scratch)
}

/// expectations.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    #[serde(default)]
    differs: Vec<Difference>,
}

/// A guest that is known to differ on one ABI.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    guest: String,
    abi: String,
    reason: String,
}

fn main() {
    let arguments = Arguments::from_args();
    let guests = guests();
    let expectations = expectations();
    let reasons: Arc<BTreeMap<(String, String), String>> = Arc::new(
        expectations
            .iter()
            .map(|entry| ((entry.guest.clone(), entry.abi.clone()), entry.reason.clone()))
            .collect(),
    );
    let mut trials = Vec::new();
    for abi in &ABIS {
        for guest in guests.iter().filter(|guest| (abi.has)(guest)) {
            let (guest, reasons) = (guest.clone(), Arc::clone(&reasons));
            trials.push(Trial::test(format!("{}::{guest}", abi.name), move || {
                compare(&guest, abi, reasons.get(&(guest.clone(), abi.name.to_string())))
            }));
        }
    }
    trials.push(Trial::test("js::every_script_has_its_c_program", check_scripts));
    trials.push(Trial::test(
        "expectations::every_entry_names_a_guest_an_abi_and_a_reason",
        move || check_expectations(&expectations, &guests),
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Runs one guest both ways.
fn compare(guest: &str, abi: &Abi, known_to_differ: Option<&String>) -> Result<(), Failed> {
    let oracle = run(native, guest);
    if !oracle.status.success() || oracle.stdout.is_empty() {
        return Err(format!("the native run is no oracle\n{oracle}").into());
    }
    let sandboxed = run(abi.run, guest);
    let fault = if sandboxed.status.code() == oracle.status.code() {
        difference(&oracle.stdout, &sandboxed.stdout).map(|difference| format!("{difference}{sandboxed}"))
    } else {
        Some(format!("it ended otherwise than natively\n{sandboxed}"))
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
fn run(how: fn(&str, &Path) -> Program, guest: &str) -> Finished {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    how(guest, scratch.path()).deadline(DEADLINE).finish()
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
        .filter(|name| name != "t" && !known.contains(name))
        .collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(format!("no C program for {}", lost.join(", ")).into())
    }
}

fn check_expectations(expectations: &[Difference], guests: &BTreeSet<String>) -> Result<(), Failed> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for Difference { guest, abi, reason } in expectations {
        if !guests.contains(guest) {
            faults.push(format!("{guest}: there is no such guest"));
        }
        if !ABIS.iter().any(|known| known.name == abi) {
            faults.push(format!("{guest}: there is no ABI {abi}"));
        }
        if reason.split_whitespace().count() < 3 {
            faults.push(format!("{guest}: the reason says nothing"));
        }
        if !seen.insert((guest, abi)) {
            faults.push(format!("{guest}: listed twice for {abi}"));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n").into())
    }
}

/// The names of guests/c/*.c. Those that begin with `app_` or `attack_` are programs for other tests.
fn guests() -> BTreeSet<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/c");
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let sources = entries.map(|entry| entry.expect("read guests/c").path());
    let guests: BTreeSet<String> = sources
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .filter_map(|path: PathBuf| Some(path.file_stem()?.to_str()?.to_string()))
        .filter(|name| !["app_", "attack_"].iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    assert!(!guests.is_empty(), "{} has no guests", dir.display());
    guests
}

fn expectations() -> Vec<Difference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("expectations.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parsed: Expectations =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parsed.differs
}
