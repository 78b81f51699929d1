//! [`end`]: what the command says and does last. [`failure`]: what it says of a guest that did not run to its end.

use std::path::Path;

use guestnet::RunError;
use guestnet::core::policy::shell_word;

use crate::assemble;
use crate::failure::{Failure, TRAPPED};
use crate::say;
use crate::units::Bytes;

/// Prints why a command has failed, if it has, and what is left to be printed. Returns the exit code.
pub(crate) fn end(result: Result<i32, Failure>) -> i32 {
    let code = match result {
        Ok(code) => code,
        Err(failure) => {
            say::complain(&failure.message);
            failure.code
        }
    };
    assemble::flush();
    code
}

/// Why a guest did not run to its end.
pub(crate) fn failure(path: &Path, error: &RunError) -> Failure {
    let name = path.display();
    match error {
        RunError::Import { .. } | RunError::Interface { .. } => Failure::failed(format!(
            "{name} {error}; see guestnet inspect {}",
            shell_word(&name.to_string())
        )),
        RunError::Memory(refusal) => Failure::failed(format!(
            "{name} needs {} of memory to start, and --max-memory allows it {}",
            Bytes(refusal.wanted),
            Bytes(refusal.most)
        )),
        RunError::Trap { .. } | RunError::Call(_) => Failure {
            code: TRAPPED,
            message: format!("{name} {error}"),
        },
        _ => Failure::failed(format!("{name} {error}")),
    }
}
