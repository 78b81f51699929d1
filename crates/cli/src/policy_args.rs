//! The options that make up a policy, shared by `run` and `policy explain`.

use std::ffi::OsString;
use std::path::PathBuf;

use guestnet_core::policy::{Policy, PolicyOption, PolicyOptions, Source};
use guestnet_host_os::io_reason;

use crate::args::{text, wrong_value};
use crate::failure::Failure;

/// The policy as the command line has it so far.
#[derive(Debug, Default)]
pub(crate) struct PolicyArgs {
    options: PolicyOptions,
    files: Vec<PathBuf>,
}

impl PolicyArgs {
    /// Takes a long option if it is one about the policy; `value` reads its value. Returns whether it was.
    pub(crate) fn option(
        &mut self,
        name: &str,
        value: impl FnOnce() -> Result<OsString, Failure>,
    ) -> Result<bool, Failure> {
        if name == "policy" {
            self.files.push(value()?.into());
            return Ok(true);
        }
        let Some(option) = PolicyOption::from_name(name) else {
            return Ok(false);
        };
        let value = if option.takes_value() {
            text(name, value()?)?
        } else {
            String::new()
        };
        self.options
            .set(option, &value, Source::Flag)
            .map_err(|reason| wrong_value(name, &value, &reason))?;
        Ok(true)
    }

    /// Reads the policy files and compiles everything. A flag wins over a file's limit.
    pub(crate) fn build(mut self) -> Result<Policy, Failure> {
        for path in &self.files {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::failed(format!(
                    "cannot read the policy file {name}: {}",
                    io_reason(&error)
                ))
            })?;
            self.options
                .file(&text, &name)
                .map_err(|error| Failure::usage(error.to_string()))?;
        }
        Ok(self.options.build())
    }
}
