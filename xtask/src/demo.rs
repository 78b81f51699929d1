//! `cargo xtask demo`: everything the demonstration needs, then the demonstration.
//!
//! The rows themselves are the program in demo/, which may use the helpers of the tests; this crate stays apart.

use crate::Result;
use crate::guests::{self, Kind};
use crate::process::{self, progress};
use crate::project::Project;
use crate::tools::Tools;

/// Fetches the tools, builds the guests and `guestnet`, and shows the table.
///
/// # Errors
/// When something cannot be had or built, or when a row does not hold.
pub(crate) fn run(project: &Project, tools: &Tools) -> Result<()> {
    progress(
        "demo",
        "1/4: the crates, the real servers that the guests talk to, and the browser",
    );
    tools.crates(project)?;
    tools.peers()?;
    tools.browser()?;
    progress("demo", "2/4: the guest programs");
    let kinds = ["go", "rust", "examples", "examples-emscripten"];
    guests::build(project, tools, &Kind::parse(&kinds)?)?;
    progress(
        "demo",
        "3/4: guestnet itself (cargo build --release; some minutes the first time)",
    );
    process::run(
        project.cargo().args(["build", "--release", "-p", "guestnet-cli"]),
        "cargo build",
    )?;
    progress("demo", "4/4: the demonstration");
    let mut demo = project.cargo();
    demo.args(["run", "--quiet", "-p", "guestnet-demo"])
        .env("GUESTNET_BIN", project.guestnet("release"));
    process::run(&mut demo, "the demonstration")
}
