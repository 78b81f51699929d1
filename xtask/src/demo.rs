//! `cargo xtask demo`: everything the demonstration needs, then the demonstration.
//!
//! The rows themselves are the program in demo/, which may use the helpers of the tests; this crate stays apart.

use crate::Result;
use crate::guests::{self, Kind};
use crate::process::{self, progress};
use crate::project::Project;
use crate::tools::Tools;
use std::thread;

/// Fetches the tools, builds the guests and `guestnet`, and shows the table.
///
/// # Errors
/// When something cannot be had or built, or when a row does not hold.
pub(crate) fn run(project: &Project, tools: &Tools) -> Result<()> {
    progress("demo", "1/3: the crates");
    tools.crates(project)?;
    progress(
        "demo",
        "2/3: guestnet itself (cargo build --release; some minutes the first time), and meanwhile the real servers that \
         the guests talk to, the browser, and the guest programs",
    );
    // While something is fetched the compiler has both cores.
    thread::scope(|scope| {
        let guestnet = scope.spawn(|| {
            process::run(
                project
                    .cargo()
                    .args(["build", "--release", "-p", "guestnet-cli"])
                    // Nothing is measured here, and the last tenth of the speed takes minutes more.
                    .envs([
                        ("CARGO_PROFILE_RELEASE_LTO", "thin"),
                        ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "4"),
                    ]),
                "cargo build",
            )
        });
        let rest = prepare(project, tools);
        let guestnet = guestnet.join().map_err(|_| "a thread panicked".to_owned());
        rest.and(guestnet.flatten())
    })?;
    progress("demo", "3/3: the demonstration");
    let mut demo = project.cargo();
    demo.args(["run", "--quiet", "-p", "guestnet-demo"])
        .env("GUESTNET_BIN", project.guestnet("release"));
    process::run(&mut demo, "the demonstration")
}

/// All but `guestnet` itself.
fn prepare(project: &Project, tools: &Tools) -> Result<()> {
    tools.demo_peers()?;
    tools.browser()?;
    let kinds = ["go", "rust-demo", "examples", "examples-emscripten"];
    guests::build(project, tools, &Kind::parse(&kinds)?)
}
