//! The options that make up a policy, shared by `run` and `policy explain`.

use std::ffi::OsString;
use std::path::PathBuf;

use guestnet_core::limits::parse_size;
use guestnet_core::policy::{Effect, Policy, PolicyBuilder, Source, Use};

use crate::args::{text, wrong_value};
use crate::failure::Failure;

/// The policy as the command line has it so far.
#[derive(Debug, Default)]
pub(crate) struct PolicyArgs {
    rules: PolicyBuilder,
    files: Vec<PathBuf>,
    max_sockets: Option<u32>,
    max_pending: Option<u32>,
    max_lookups: Option<u32>,
    max_rate: Option<u64>,
    max_bytes: Option<u64>,
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
            "max-sockets" => self.max_sockets = Some(count(name, value()?)?),
            "max-pending" => self.max_pending = Some(count(name, value()?)?),
            "max-lookups" => self.max_lookups = Some(count(name, value()?)?),
            "max-rate" => self.max_rate = Some(bytes(name, value()?)?),
            "max-bytes" => self.max_bytes = Some(bytes(name, value()?)?),
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
            self.rules
                .file(&text, &name)
                .map_err(|error| Failure::usage(error.to_string()))?;
        }
        let limits = self.rules.limits_mut();
        limits.sockets = self.max_sockets.unwrap_or(limits.sockets);
        limits.pending = self.max_pending.unwrap_or(limits.pending);
        limits.lookups_per_second = self.max_lookups.unwrap_or(limits.lookups_per_second);
        limits.bytes_per_second = self.max_rate.or(limits.bytes_per_second);
        limits.bytes_total = self.max_bytes.or(limits.bytes_total);
        Ok(self.rules.build())
    }
}

fn count(name: &str, value: OsString) -> Result<u32, Failure> {
    let number = text(name, value)?;
    let what = format!("it takes a whole number from 0 to {}", u32::MAX);
    number.parse().map_err(|_| wrong_value(name, &number, &what))
}

fn bytes(name: &str, value: OsString) -> Result<u64, Failure> {
    let size = text(name, value)?;
    let what = "it takes a number of bytes, as 256MiB, 1GiB or 500MB";
    parse_size(&size).ok_or_else(|| wrong_value(name, &size, what))
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
