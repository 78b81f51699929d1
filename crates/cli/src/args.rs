//! The command line: which command, and what all of them share. Nothing is opened or printed here.

use std::ffi::OsString;
use std::path::PathBuf;

use guestnet::core::policy::{Question, Use, shell_word};
use lexopt::Arg;

use crate::failure::{Failure, lexopt, missing, too_many, unknown_option, value};
use crate::policy_args::PolicyArgs;
use crate::run_args::{self, RunArgs};
use crate::usage::Topic;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Command {
    Run(Box<RunArgs>),
    /// A run whose guest is typed.
    Repl(Box<RunArgs>),
    Inspect(PathBuf),
    Explain(Box<ExplainArgs>),
    Help(Topic),
    Version,
}

/// `guestnet policy explain`.
#[derive(Debug)]
pub(crate) struct ExplainArgs {
    pub(crate) policy: PolicyArgs,
    pub(crate) question: Question,
}

/// Reads the arguments behind the program's name.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, Failure> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let command = match parser.next().map_err(lexopt)? {
        Some(Arg::Short('h') | Arg::Long("help")) => return Ok(Command::Help(Topic::Main)),
        Some(Arg::Short('V') | Arg::Long("version")) => return Ok(Command::Version),
        Some(Arg::Long(name)) => return Err(unknown_option(&format!("--{name}"), Topic::Main)),
        Some(Arg::Short(letter)) => return Err(unknown_option(&format!("-{letter}"), Topic::Main)),
        Some(Arg::Value(command)) => command,
        None => {
            return Err(missing(
                "a command",
                "guestnet run, repl, inspect, policy or help",
            ));
        }
    };
    match command.to_str() {
        Some("run") => {
            Ok(run_args::parse(&mut parser)?
                .map_or(Command::Help(Topic::Run), |run| Command::Run(run.into())))
        }
        Some("repl") => {
            let options = run_args::parse_repl(&mut parser)?;
            Ok(options.map_or(Command::Help(Topic::Run), |options| Command::Repl(options.into())))
        }
        Some("inspect") => inspect(&mut parser),
        Some("policy") => policy(&mut parser),
        Some("help") => help(&mut parser),
        _ => Err(Failure::usage(unknown_command(&command))),
    }
}

fn inspect(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    let mut guest: Option<PathBuf> = None;
    while let Some(arg) = parser.next().map_err(lexopt)? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help(Topic::Inspect)),
            Arg::Value(value) if guest.is_none() => guest = Some(value.into()),
            Arg::Value(value) => return Err(too_many(&value, "guestnet inspect takes one guest")),
            other => return Err(unexpected(other, Topic::Inspect)),
        }
    }
    guest
        .map(Command::Inspect)
        .ok_or_else(|| missing("a guest to inspect", "guestnet inspect GUEST"))
}

fn policy(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    match parser.next().map_err(lexopt)? {
        Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help(Topic::Explain)),
        Some(Arg::Value(word)) if word == "explain" => explain(parser),
        Some(Arg::Value(word)) => Err(Failure::usage(format!(
            "unknown command `policy {}`; there is guestnet policy explain",
            word.display()
        ))),
        Some(other) => Err(unexpected(other, Topic::Explain)),
        None => Err(missing(
            "a command",
            "guestnet policy explain [POLICY OPTIONS] USE TARGET",
        )),
    }
}

fn explain(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    let mut policy = PolicyArgs::default();
    let mut words = Vec::new();
    while let Some(arg) = parser.next().map_err(lexopt)? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help(Topic::Explain)),
            Arg::Long(name) => {
                let name = name.to_owned();
                if !policy.option(&name, || value(parser, &name))? {
                    return Err(unknown_option(&format!("--{name}"), Topic::Explain));
                }
            }
            Arg::Short(_) => return Err(unexpected(arg, Topic::Explain)),
            Arg::Value(word) => words.push(word.into_string().map_err(|word| {
                Failure::usage(format!("{word:?} is not UTF-8, so no rule can be about it"))
            })?),
        }
    }
    let (usage, target) = match words.as_slice() {
        [usage, target] => (usage, target),
        [] | [_] => {
            return Err(missing(
                "a use and a target",
                "guestnet policy explain [POLICY OPTIONS] USE TARGET",
            ));
        }
        [_, _, more, ..] => {
            return Err(too_many(
                more.as_ref(),
                "guestnet policy explain takes one use and one target",
            ));
        }
    };
    let usage = Use::from_word(usage).ok_or_else(|| {
        let words = Use::ALL.map(Use::word).join(", ");
        Failure::usage(format!("`{usage}` is not a use; there are {words}"))
    })?;
    let question = Question::parse(usage, target).map_err(|error| {
        Failure::usage(format!(
            "{usage} {target}: {} (column {})",
            error.message(),
            error.column()
        ))
    })?;
    Ok(Command::Explain(ExplainArgs { policy, question }.into()))
}

fn help(parser: &mut lexopt::Parser) -> Result<Command, Failure> {
    match parser.next().map_err(lexopt)? {
        None | Some(Arg::Short('h') | Arg::Long("help")) => Ok(Command::Help(Topic::Main)),
        Some(Arg::Value(word)) => match word.to_str() {
            Some("run") => Ok(Command::Help(Topic::Run)),
            Some("inspect") => Ok(Command::Help(Topic::Inspect)),
            Some("policy") => Ok(Command::Help(Topic::Explain)),
            Some("help") => Ok(Command::Help(Topic::Main)),
            _ => Err(Failure::usage(unknown_command(&word))),
        },
        Some(other) => Err(unexpected(other, Topic::Main)),
    }
}

fn unexpected(arg: Arg<'_>, topic: Topic) -> Failure {
    match arg {
        Arg::Long(name) => unknown_option(&format!("--{name}"), topic),
        Arg::Short(letter) => unknown_option(&format!("-{letter}"), topic),
        Arg::Value(value) => too_many(&value, &format!("see {}", topic.help_command())),
    }
}

fn unknown_command(word: &std::ffi::OsStr) -> String {
    let word = word.display().to_string();
    if word.ends_with(".wasm") || word.ends_with(".wat") {
        return format!(
            "`{word}` is not a command; to run it: guestnet run {}",
            shell_word(&word)
        );
    }
    format!("unknown command `{word}`; there are run, inspect, policy and help")
}

#[cfg(test)]
mod tests;
