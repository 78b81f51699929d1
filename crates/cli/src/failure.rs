//! [`Failure`]: why the command ends without a guest's own exit code, and the codes that say so.

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
