//! `cargo xtask soak`: what CI does for seconds, for an hour.

use crate::project::Project;
use crate::tools::Tools;
use crate::{Result, bench, guests, process};

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which<'a> {
    /// Connections through a component.
    Component,
    /// Many guests and many connections, with the options of the measurements.
    Scale(&'a [&'a str]),
    /// The tests of Isolated Web Apps.
    Web,
}

impl<'a> Which<'a> {
    /// What follows `soak`.
    pub(crate) fn parse(args: &'a [&'a str]) -> Option<Self> {
        Some(match args {
            ["component"] => Which::Component,
            ["scale", options @ ..] => Which::Scale(options),
            ["web"] => Which::Web,
            _ => return None,
        })
    }
}

/// Runs one.
///
/// # Errors
/// Something failed, or something was left.
pub(crate) fn run(project: &Project, tools: &Tools, which: Which) -> Result<()> {
    match which {
        Which::Component => component(project, tools),
        Which::Scale(options) => bench::soak(project, tools, options),
        Which::Web => web(project, tools),
    }
}

/// What CI does with some thousand connections, for an hour: what is left of them in the end.
fn component(project: &Project, tools: &Tools) -> Result<()> {
    const SECONDS: &str = "GUESTNET_SOAK_SECONDS";
    guests::build(project, tools, &guests::Kind::parse(&["rust"])?)?;
    build_command(project)?;
    let seconds = std::env::var(SECONDS).unwrap_or_else(|_| "3600".to_owned());
    process::progress(
        "soak",
        &format!("connections through a component, for {seconds} s"),
    );
    run_suite(
        project,
        "component",
        &["churn", "--nocapture"],
        (SECONDS, &seconds),
    )
}

/// What CI has no time for: the browser's sockets with 1 GiB each way, and every guest that runs in an Isolated Web App again and again.
fn web(project: &Project, tools: &Tools) -> Result<()> {
    const TIMES: usize = 10;
    tools.browser()?;
    let kinds = ["c", "emscripten", "emscripten-variants"];
    guests::build(project, tools, &guests::Kind::parse(&kinds)?)?;
    build_command(project)?;
    let test = |suite, rest| run_suite(project, suite, rest, ("GUESTNET_SOAK", "1"));
    for round in 1..=TIMES {
        process::progress("soak", &format!("the guests, {round} of {TIMES}"));
        test("matrix", &["chromium"])?;
        test("web", &[])?;
    }
    process::progress("soak", "the browser's sockets, with long transfers");
    test("chromium", &[])
}

/// The command that [`run_suite`] tests.
fn build_command(project: &Project) -> Result<()> {
    process::run(
        project.cargo().args(["build", "-p", "guestnet-cli"]),
        "cargo build",
    )
}

/// Runs one suite of tests with a variable in its environment. `rest` is for the suite itself.
fn run_suite(project: &Project, suite: &str, rest: &[&str], variable: (&str, &str)) -> Result<()> {
    let mut cargo = project.cargo();
    cargo.args(["test", "-p", "guestnet-tests", "--test", suite, "--"]);
    cargo
        .args(rest)
        .env("GUESTNET_BIN", project.guestnet("debug"))
        .envs([variable]);
    process::run(&mut cargo, suite)
}
