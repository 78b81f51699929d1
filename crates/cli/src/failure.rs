//! [`Failure`]: why the command ends without a guest's own exit code, and the codes that say so. Also the mistakes that every
//! command line may have in it.

use std::ffi::{OsStr, OsString};

use guestnet::{Error, reason};

use crate::usage::Topic;

/// Something went wrong that is not the guest's doing as a program: a missing file, a full disk.
pub(crate) const FAILED: i32 = 1;
/// The command line is wrong, or asks for what this build does not do.
pub(crate) const USAGE: i32 = 2;
/// `--timeout` is over; the number that timeout(1) has for it.
pub(crate) const TIMEOUT: i32 = 124;
/// The guest trapped; what a shell shows for a program that abort(3) ended, and what `wasmtime run` exits with.
pub(crate) const TRAPPED: i32 = 134;
/// A signal ended the run: this, and the signal's number, as shells count.
pub(crate) const SIGNALLED: i32 = 128;

/// The end of the command, with one sentence for the person who called it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: i32,
    /// One sentence without a full stop, which names the thing and what to do.
    pub(crate) message: String,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure {
            code: USAGE,
            message: message.into(),
        }
    }

    /// The command line is right, and it could not be done.
    pub(crate) fn failed(message: impl Into<String>) -> Failure {
        Failure {
            code: FAILED,
            message: message.into(),
        }
    }
}

impl From<Error> for Failure {
    /// What could not be done, with the option that asked for it.
    fn from(error: Error) -> Self {
        let message = match error {
            Error::Policy(error) => return Failure::usage(error.to_string()),
            Error::Socket { number, source } => {
                format!("descriptor {number} of LISTEN_FDS cannot be a guest's socket: {source}")
            }
            Error::Listen { addr, source } => format!("--listen tcp://{addr}: cannot listen: {source}"),
            Error::Directory { path, source } => format!(
                "--dir {}: cannot open the directory: {}",
                path.display(),
                reason(&*source)
            ),
            Error::Dns(errno) => format!("--dns: cannot ask these servers: {errno}"),
            Error::Hosts { path, source } => format!(
                "--hosts {}: cannot read the file: {}",
                path.display(),
                reason(&source)
            ),
            other => other.to_string(),
        };
        Failure::failed(message)
    }
}

/// The value of an option, which stands behind `=` or as the next argument.
pub(crate) fn value(parser: &mut lexopt::Parser, name: &str) -> Result<OsString, Failure> {
    parser
        .value()
        .map_err(|_| Failure::usage(format!("--{name} needs a value")))
}

/// A value that is text.
pub(crate) fn text(name: &str, value: OsString) -> Result<String, Failure> {
    value
        .into_string()
        .map_err(|value| Failure::usage(format!("--{name} {value:?}: it is not UTF-8")))
}

/// A value that an option does not take, and why.
pub(crate) fn wrong_value(name: &str, value: &str, reason: &str) -> Failure {
    Failure::usage(format!("--{name} {value}: {reason}"))
}

/// An option that the command does not have.
pub(crate) fn unknown_option(option: &str, topic: Topic) -> Failure {
    Failure::usage(format!("unknown option {option}; see {}", topic.help_command()))
}

/// Something that the command line lacks, and how it goes.
pub(crate) fn missing(what: &str, usage: &str) -> Failure {
    Failure::usage(format!("{what} is missing: {usage}; see guestnet help"))
}

/// Mistakes that lexopt itself sees: a value for an option that takes none.
pub(crate) fn lexopt(error: lexopt::Error) -> Failure {
    match error {
        lexopt::Error::UnexpectedValue { option, value } => {
            Failure::usage(format!("{option} takes no value, and was given {value:?}"))
        }
        other => Failure::usage(other.to_string()),
    }
}

/// An argument that the command has no use for.
pub(crate) fn too_many(value: &OsStr, reason: &str) -> Failure {
    Failure::usage(format!(
        "`{}` is one argument too many: {reason}",
        value.display()
    ))
}
