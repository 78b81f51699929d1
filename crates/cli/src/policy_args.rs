//! The options that make up a policy, shared by `run` and `policy explain`.

use std::ffi::OsString;
use std::path::PathBuf;

use guestnet_core::policy::{Effect, Policy, PolicyBuilder, Source, Use};

use crate::args::{text, wrong_value};
use crate::failure::Failure;

/// The policy as the command line has it so far.
#[derive(Debug, Default)]
pub(crate) struct PolicyArgs {
    rules: PolicyBuilder,
    files: Vec<PathBuf>,
    max_sockets: Option<u32>,
}

impl PolicyArgs {
    /// Takes a long option if it is one about the policy; `value` reads its value. Returns whether it was.
    pub(crate) fn option(
        &mut self,
        name: &str,
        value: impl FnOnce() -> Result<OsString, Failure>,
    ) -> Result<bool, Failure> {
        match name {
            "allow-net" => {
                self.rules.allow_net();
            }
            "policy" => self.files.push(value()?.into()),
            "max-sockets" => {
                let number = text(name, value()?)?;
                let parsed = number.parse().map_err(|_| {
                    wrong_value(
                        name,
                        &number,
                        &format!("it takes a whole number from 0 to {}", u32::MAX),
                    )
                })?;
                self.max_sockets = Some(parsed);
            }
            _ => {
                let Some((effect, usage)) = rule_option(name) else {
                    return Ok(false);
                };
                let target = text(name, value()?)?;
                self.rules
                    .rule(usage, effect, &target, Source::Flag)
                    .map_err(|error| {
                        let message = format!("{} (column {})", error.message(), error.column());
                        wrong_value(name, &target, &message)
                    })?;
            }
        }
        Ok(true)
    }

    /// Reads the policy files and compiles everything. `--max-sockets` wins over a file's `limits.sockets`.
    pub(crate) fn build(mut self) -> Result<Policy, Failure> {
        for path in &self.files {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                Failure::failed(format!(
                    "cannot read the policy file {name}: {}",
                    io_reason(&error)
                ))
            })?;
            self.rules
                .file(&text, &name)
                .map_err(|error| Failure::usage(error.to_string()))?;
        }
        if let Some(sockets) = self.max_sockets {
            self.rules.limits_mut().sockets = sockets;
        }
        Ok(self.rules.build())
    }
}

/// `allow-connect` and its like.
fn rule_option(name: &str) -> Option<(Effect, Use)> {
    let (effect, usage) = name.split_once('-')?;
    let effect = [Effect::Allow, Effect::Deny]
        .into_iter()
        .find(|each| each.word() == effect)?;
    let usage = Use::from_word(usage)?;
    // Design and documentation know no --deny-unix: the guest has no path but those that are allowed one by one.
    (effect == Effect::Allow || usage != Use::Unix).then_some((effect, usage))
}

/// What the system says, without the number that std adds.
pub(crate) fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}
