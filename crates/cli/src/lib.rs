//! The `guestnet` command: arguments become a policy and a guest, and the guest runs.
//!
//! This is the only crate of the project that prints. It is a library so that a test can build the same command with a
//! defect in it (`planted.rs`). What a guest may do is decided in the core, what it can call in the adapter, and the crate
//! `guestnet` joins them with the host; here are the arguments, the messages, the exit codes and the confinement of the
//! process. `docs/cli.md` is the description for users.
//!
//! What the command does with its arguments, as a function:
//!
//! ```
//! let explain = ["policy", "explain", "--allow-connect", "10.0.0.0/8:443", "connect"];
//! let code = |target| guestnet_cli::run(explain.into_iter().chain([target]).map(Into::into));
//! // Prints "allowed by --allow-connect 10.0.0.0/8:443".
//! assert_eq!(code("10.1.2.3:443"), 0);
//! // Prints why it is denied, and what would allow it.
//! assert_eq!(code("10.1.2.3:80"), 1);
//! ```

mod args;
mod assemble;
mod cache;
mod compile;
mod component;
mod confine;
mod ending;
mod engine;
mod explain;
mod failure;
mod found;
mod inherit;
mod inspect;
mod kind;
mod module;
#[cfg(feature = "planted-bug")]
mod planted;
mod policy_args;
mod repl;
mod run;
mod run_args;
mod say;
mod screen;
mod script;
mod signals;
mod stop;
mod supervise;
mod trust;
mod units;
mod usage;
mod waiting;
mod whole;

use std::ffi::OsString;

use args::Command;
use ending::end;
use failure::Failure;
pub use found::FoundGuest;

/// The command: does what the arguments of the process say, and ends the process.
pub fn main() {
    let code = run(std::env::args_os().skip(1));
    // Not a return from main: a guest that could not be stopped may still be on its thread.
    std::process::exit(code)
}

/// Does what the arguments say, which begin behind the name of the command, and returns the exit code. A guest may still be on its
/// thread then, if it could not be stopped.
///
/// It is for the whole of a process: it takes descriptors of a service manager over, handles signals, and confines the process
/// to what a guest needs.
pub fn run(arguments: impl Iterator<Item = OsString>) -> i32 {
    let arguments: Vec<_> = arguments.collect();
    if let Some(code) = compile::job(&arguments) {
        return code;
    }
    // First of all: descriptors of a service manager have fixed numbers, so nothing may be opened before.
    let inherited = inherit::take_over();
    end(args::parse(arguments.into_iter()).and_then(|command| perform(command, inherited)))
}

/// As [`run`], for a guest that the caller has found: the path among the arguments is only what messages call it.
pub fn run_found(arguments: impl Iterator<Item = OsString>, guest: FoundGuest) -> i32 {
    let inherited = inherit::take_over();
    end(args::parse(arguments).and_then(|mut command| {
        if let Command::Run(options) = &mut command {
            options.found = Some(guest);
        }
        perform(command, inherited)
    }))
}

/// Checks arguments without doing what they say: the options, their values, and the policy with its files.
///
/// # Errors
/// The sentence that [`run`] would print.
pub fn check(arguments: impl Iterator<Item = OsString>) -> Result<(), String> {
    let policy = match args::parse(arguments).map_err(|failure| failure.message)? {
        Command::Run(options) => options.policy,
        Command::Explain(question) => question.policy,
        _ => return Ok(()),
    };
    policy.build().map(drop).map_err(|failure| failure.message)
}

/// A text for one line of a terminal: characters that would act on it are spelled out, as in every message of [`run`].
pub fn visible(text: &str) -> String {
    guestnet::core::visible(text).to_string()
}

/// Does what [`run`] starts the program for that this process is of, to compile a guest, and returns its exit code; `None` if the
/// arguments are not of such a process. A program that calls [`run`] with arguments of its own making must ask this first.
pub fn compile_job(arguments: &[OsString]) -> Option<i32> {
    compile::job(arguments)
}

/// Does what the command line asks for and returns the exit code.
fn perform(command: Command, inherited: Result<inherit::Listeners, Failure>) -> Result<i32, Failure> {
    match command {
        Command::Run(options) => run::run(*options, inherited?),
        Command::Repl(options) => repl::repl(*options, inherited?),
        Command::Inspect(guest) => inspect::inspect(&guest),
        Command::Explain(question) => explain::explain(*question),
        Command::Help(topic) => {
            say::print(usage::text(topic));
            Ok(0)
        }
        Command::Version => {
            say::print(concat!("guestnet ", env!("CARGO_PKG_VERSION"), "\n"));
            Ok(0)
        }
    }
}
