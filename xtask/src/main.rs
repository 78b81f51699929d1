//! Developer tasks: `cargo xtask test`, `demo`, `bench`, and what they are made of.
//!
//! This crate knows tools and processes. It does not depend on any other crate of the workspace, so that it
//! compiles in seconds and can report that the others do not compile.
#![expect(
    clippy::print_stdout,
    reason = "progress and results on stdout are what this program is for"
)]
#![expect(clippy::print_stderr, reason = "usage errors go to stderr")]

mod cache;
mod guests;
mod process;
mod project;
mod tools;

use std::process::ExitCode;

/// Failures are sentences for the person who typed the command; nothing here handles one by kind.
pub(crate) type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  tools            fetch every tool the other commands need
  guests [KIND]... build the guest programs; KIND is c, go, rust or examples (default: all)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["tools"] => project::Project::find().and_then(|project| tools::Tools::new(&project)?.all()),
        ["guests", kinds @ ..] => guests_command(kinds),
        _ => {
            eprintln!("xtask: no such command: {}\n\n{USAGE}", args.join(" "));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn guests_command(kinds: &[&str]) -> Result<()> {
    let project = project::Project::find()?;
    let tools = tools::Tools::new(&project)?;
    guests::build(&project, &tools, &guests::Kind::parse(kinds)?)
}
