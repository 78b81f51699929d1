//! `cargo xtask bench` and `soak scale`. The measurements are a package of their own; this makes sure of what they run.

use crate::Result;
use crate::guests::{self, Kind};
use crate::process::{self, progress};
use crate::project::Project;
use crate::tools::{Engine, Tools};
use std::process::Command;

/// Where the figures are, and beside it the page that is made from them.
const FIGURES: &str = "docs/benchmarks";

/// The family that is no part of the whole.
const SOAK: &str = "soak";

/// What a family needs.
struct Family {
    name: &'static str,
    /// The guests, by the names of their kinds.
    guests: &'static [&'static str],
    /// Tools besides those that build the guests.
    tools: fn(&Tools) -> Result<()>,
    engines: bool,
    /// Programs of the workspace besides the command and the measurements.
    programs: &'static [&'static str],
}

/// Without needs.
const PLAIN: Family = Family {
    name: "",
    guests: &["bench"],
    tools: |_| Ok(()),
    engines: false,
    programs: &[],
};

const FAMILIES: [Family; 9] = [
    Family {
        name: "wasi",
        guests: &["bench", "bench-go"],
        ..PLAIN
    },
    Family {
        name: "p2",
        guests: &["bench", "bench-rust"],
        ..PLAIN
    },
    Family {
        name: "emscripten",
        guests: &["bench", "bench-emscripten"],
        engines: true,
        ..PLAIN
    },
    Family {
        name: "quickjs",
        engines: true,
        ..PLAIN
    },
    Family {
        name: "web",
        guests: &["bench", "bench-web"],
        tools: Tools::browser,
        ..PLAIN
    },
    Family {
        name: "policy",
        ..PLAIN
    },
    Family {
        name: "apps",
        guests: &["bench", "go"],
        tools: Tools::load_generators,
        ..PLAIN
    },
    Family {
        name: "containers",
        guests: &["bench", "examples", "go"],
        tools: Tools::containers,
        programs: &["guestnet-shim"],
        ..PLAIN
    },
    Family {
        name: SOAK,
        guests: &["bench", "rust"],
        ..PLAIN
    },
];

/// Measures one family, or all, which writes the page of figures.
///
/// # Errors
/// When something does not build, or a measurement failed.
pub(crate) fn run(project: &Project, tools: &Tools, names: &[&str]) -> Result<()> {
    measure(project, tools, names)
}

/// The soak of many guests and connections.
///
/// # Errors
/// As of [`run`], and when something was left.
pub(crate) fn soak(project: &Project, tools: &Tools, options: &[&str]) -> Result<()> {
    let names: Vec<&str> = [SOAK].iter().chain(options).copied().collect();
    measure(project, tools, &names)
}

fn measure(project: &Project, tools: &Tools, names: &[&str]) -> Result<()> {
    let family = names.first().copied().filter(|name| !name.starts_with('-'));
    let writes = family.is_none() || names.contains(&"--write");
    let needed: Vec<&Family> = FAMILIES
        .iter()
        .filter(|one| family.map_or(one.name != SOAK, |name| name == one.name))
        .collect();
    if needed.is_empty() {
        let known = FAMILIES.map(|family| family.name).join(", ");
        return Err(format!("no such family; there are: {known}"));
    }
    let kinds: Vec<&str> = needed.iter().flat_map(|family| family.guests).copied().collect();
    needed.iter().try_for_each(|family| (family.tools)(tools))?;
    guests::build(project, tools, &Kind::parse(&kinds)?)?;
    if needed.iter().any(|family| family.engines) {
        guests::engines(project, tools, &Engine::ALL)?;
    }
    progress("bench", "building guestnet and the measurements for release");
    // Together: each by itself would choose other features of their dependencies, and compile Wasmtime once more.
    let mut cargo = project.cargo();
    cargo.args(["build", "--release", "-p", "guestnet-cli", "-p", "guestnet-bench"]);
    for program in needed.iter().flat_map(|family| family.programs) {
        cargo.args(["-p", program]);
    }
    process::run(&mut cargo, "cargo build")?;
    let mut command = program(project);
    command.args(names.iter().filter(|name| **name != "--write"));
    if writes {
        command.args(["--json", FIGURES]);
    }
    let measured = process::run(&mut command, "guestnet-bench");
    if writes {
        // Also of what was measured before one family failed.
        process::run(
            program(project).args(["render", FIGURES]),
            "guestnet-bench render",
        )?;
    }
    measured
}

fn program(project: &Project) -> Command {
    let mut command = Command::new(project.target.join("release/guestnet-bench"));
    command
        .current_dir(&project.root)
        .env("GUESTNET_BIN", project.guestnet("release"))
        .env("GUESTNET_GUESTS", project.guests())
        .env("GUESTNET_ENGINES", project.engines());
    command
}
