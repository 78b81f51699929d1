//! Every C guest on every guest ABI, with the kernel as the oracle: the same source prints the same transcript and exits
//! with the same status, natively and in the sandbox.
//!
//! An ABI is a column. Emscripten's has several, because a program can be linked in several ways and run by several
//! engines. A script of guests/js is a column too: it must print what the C program of its name prints natively. What is
//! known to differ is in `expectations.toml`, with its reason.

use guestnet_tests::emscripten::{Engine, Variant};
use guestnet_tests::run::difference;
use guestnet_tests::{Finished, Guestnet, Program, emscripten, guest, native_guest};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long one run of one guest may take. They all end by themselves within a second or two.
const DEADLINE: Duration = Duration::from_secs(60);

/// A way to run a C guest in the sandbox.
#[derive(Debug, Clone, Copy)]
struct Column {
    name: &'static str,
    sandbox: Sandbox,
}

/// What runs it.
#[derive(Debug, Clone, Copy)]
enum Sandbox {
    Wasip1,
    /// The same behaviour written again, with the calls of `os`: those of guests/c that JavaScript can say.
    Js,
    Emscripten(Variant, Engine),
}

const COLUMNS: [Column; 12] = [
    Column {
        name: "wasip1",
        sandbox: Sandbox::Wasip1,
    },
    Column {
        name: "js",
        sandbox: Sandbox::Js,
    },
    Column {
        name: "emscripten-node20",
        sandbox: Sandbox::Emscripten(Variant::Plain, Engine::Node20),
    },
    Column {
        name: "emscripten-node26",
        sandbox: Sandbox::Emscripten(Variant::Plain, Engine::Node26),
    },
    Column {
        name: "emscripten-bun",
        sandbox: Sandbox::Emscripten(Variant::Plain, Engine::Bun),
    },
    Column {
        name: "emscripten-pthread",
        sandbox: Sandbox::Emscripten(Variant::Pthread, Engine::Node20),
    },
    Column {
        name: "emscripten-jspi",
        sandbox: Sandbox::Emscripten(Variant::Jspi, Engine::Node26),
    },
    Column {
        name: "emscripten-jspi-pthread",
        sandbox: Sandbox::Emscripten(Variant::JspiPthread, Engine::Node26),
    },
    Column {
        name: "emscripten-deno",
        sandbox: Sandbox::Emscripten(Variant::Module, Engine::Deno),
    },
    Column {
        name: "emscripten-deno-pthread",
        sandbox: Sandbox::Emscripten(Variant::Pthread, Engine::Deno),
    },
    Column {
        name: "emscripten-bun-pthread",
        sandbox: Sandbox::Emscripten(Variant::Pthread, Engine::Bun),
    },
    Column {
        name: "emscripten-proxy",
        sandbox: Sandbox::Emscripten(Variant::Proxy, Engine::Node20),
    },
];

impl Column {
    /// Runs the guest of this name with a scratch directory.
    fn program(self, name: &str, scratch: &Path) -> Program {
        match self.sandbox {
            Sandbox::Wasip1 => wasip1(name, scratch),
            Sandbox::Js => js(name, scratch),
            Sandbox::Emscripten(variant, engine) => emscripten::program(variant, engine, name).arg(scratch),
        }
    }

    /// Whether it can have this guest at all.
    fn can_have(self, guest: &Guest) -> bool {
        match self.sandbox {
            Sandbox::Wasip1 => guest.source == Source::Everywhere,
            Sandbox::Js => guest.source == Source::Everywhere && script(&guest.name).is_file(),
            // All others are in a column of the engine without threads.
            Sandbox::Emscripten(Variant::Pthread, Engine::Deno | Engine::Bun) => {
                guest.name.starts_with("thread_")
            }
            Sandbox::Emscripten(variant, _) => variant.has_threads() || !guest.name.starts_with("thread_"),
        }
    }

    /// Whether an entry for `abi` is about this column: its own name, or the family that it begins with.
    fn is_of(self, abi: &str) -> bool {
        self.name
            .strip_prefix(abi)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

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

fn native(guest: &Guest, scratch: &Path) -> Program {
    let kind = match guest.source {
        Source::Everywhere => "wasip1",
        Source::Linux => "native-linux",
    };
    Program::new(&native_guest(kind, &guest.name)).arg(scratch)
}

/// A program of guests/c or guests/linux.
#[derive(Debug, Clone)]
struct Guest {
    name: String,
    source: Source,
}

/// Where a guest's source is, which says who can have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// guests/c.
    Everywhere,
    /// guests/linux.
    Linux,
}

/// expectations.toml.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectations {
    #[serde(default)]
    differs: Vec<Difference>,
}

/// A guest that is known to differ in one column, or in all of a family.
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
    let expectations = Arc::new(expectations());
    let mut trials = Vec::new();
    for guest in &guests {
        // The kernel is asked once for all columns.
        let oracle = Arc::new(OnceLock::new());
        for column in COLUMNS.into_iter().filter(|column| column.can_have(guest)) {
            let (guest, oracle, expectations) =
                (guest.clone(), Arc::clone(&oracle), Arc::clone(&expectations));
            trials.push(Trial::test(
                format!("{}::{}", column.name, guest.name),
                move || {
                    let reason = expectations
                        .iter()
                        .find(|entry| entry.guest == guest.name && column.is_of(&entry.abi))
                        .map(|entry| entry.reason.as_str());
                    compare(&guest, column, &oracle, reason)
                },
            ));
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
fn compare(
    guest: &Guest,
    column: Column,
    oracle: &OnceLock<Finished>,
    known_to_differ: Option<&str>,
) -> Result<(), Failed> {
    let oracle = oracle.get_or_init(|| run(|scratch| native(guest, scratch)));
    if !oracle.status.success() || oracle.stdout.is_empty() {
        return Err(format!("the native run is no oracle\n{oracle}").into());
    }
    let sandboxed = run(|scratch| column.program(&guest.name, scratch));
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
fn run(how: impl FnOnce(&Path) -> Program) -> Finished {
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

/// guests/c/*.c and guests/linux/*.c. Those that begin with `app_` or `attack_` are programs for other tests.
fn guests() -> Vec<Guest> {
    let mut guests = Vec::new();
    for (directory, source) in [("c", Source::Everywhere), ("linux", Source::Linux)] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../guests")
            .join(directory);
        let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        let sources = entries.map(|entry| entry.expect("read a directory of guests").path());
        let before = guests.len();
        guests.extend(
            sources
                .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
                .filter_map(|path: PathBuf| Some(path.file_stem()?.to_str()?.to_string()))
                .filter(|name| !["app_", "attack_"].iter().any(|prefix| name.starts_with(prefix)))
                .map(|name| Guest { name, source }),
        );
        assert!(guests.len() > before, "{} has no guests", dir.display());
    }
    guests.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(
        guests.is_sorted_by(|a, b| a.name < b.name),
        "two guests have one name"
    );
    guests
}

fn expectations() -> Vec<Difference> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("expectations.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parsed: Expectations =
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parsed.differs
}
