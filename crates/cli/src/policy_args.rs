//! The options that make up a policy, shared by `run` and `policy explain`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use guestnet::add_policy_file;
use guestnet::core::policy::{Effect, Policy, PolicyOption, PolicyOptions, Source, Use};

use crate::failure::{Failure, text, wrong_value};

/// The policy as the command line has it so far.
#[derive(Debug, Default)]
pub(crate) struct PolicyArgs {
    options: PolicyOptions,
    files: Vec<PathBuf>,
}

impl PolicyArgs {
    /// Whether a long option is one about the policy.
    pub(crate) fn has_option(name: &str) -> bool {
        name == "policy" || PolicyOption::from_name(name).is_some()
    }

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
            .map_err(|reason| wrong_value(name, &value, &reason.to_string()))?;
        Ok(true)
    }

    /// Denies an address to the guest because `option` has it for something else. It is as good as a rule.
    pub(crate) fn deny_connect(&mut self, option: &str, addr: SocketAddr) {
        let connect = PolicyOption::Rule(Effect::Deny, Use::Connect);
        // All of 127/8 leads to a listener at the wildcard address.
        let targets = match addr.ip() {
            ip if !ip.is_unspecified() => vec![format!("tcp://{addr}")],
            _ => vec![
                format!("tcp://127.0.0.0/8:{}", addr.port()),
                format!("tcp://[::1]:{}", addr.port()),
            ],
        };
        for target in targets {
            // An address with a port is a target.
            let _ = self.options.set(connect, &target, Source::Option(option.into()));
        }
    }

    /// Reads the policy files and compiles everything. A flag wins over a file's limit.
    pub(crate) fn build(mut self) -> Result<Policy, Failure> {
        for path in &self.files {
            add_policy_file(&mut self.options, path)?;
        }
        Ok(self.options.build())
    }
}
