//! [`PolicyOptions`]: a policy as options say it, by the names of the command line's flags.
//!
//! Not here: how options are written (the command line's, or an embedder's), and the reading of files.

use std::fmt;

use super::{Effect, Policy, PolicyBuilder, PolicyFileError, Source, Use};
use crate::limits::parse_size;

/// An option that is about the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyOption {
    /// `allow-net`: everything that no deny rule covers. It takes no value.
    AllowNet,
    /// `allow-connect` and its like: one rule.
    Rule(Effect, Use),
    /// `max-sockets`.
    MaxSockets,
    /// `max-descriptors`.
    MaxDescriptors,
    /// `max-buffers`, bytes.
    MaxBuffers,
    /// `max-pending`.
    MaxPending,
    /// `max-lookups`, a second.
    MaxLookups,
    /// `max-rate`, bytes a second.
    MaxRate,
    /// `max-bytes` in all.
    MaxBytes,
    /// `max-log`, bytes of the trace and of the audit.
    MaxLog,
}

impl PolicyOption {
    /// The option of this name, such as `allow-connect`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "allow-net" => PolicyOption::AllowNet,
            "max-sockets" => PolicyOption::MaxSockets,
            "max-descriptors" => PolicyOption::MaxDescriptors,
            "max-buffers" => PolicyOption::MaxBuffers,
            "max-pending" => PolicyOption::MaxPending,
            "max-lookups" => PolicyOption::MaxLookups,
            "max-rate" => PolicyOption::MaxRate,
            "max-bytes" => PolicyOption::MaxBytes,
            "max-log" => PolicyOption::MaxLog,
            _ => {
                let (effect, usage) = name.split_once('-')?;
                let effect = [Effect::Allow, Effect::Deny]
                    .into_iter()
                    .find(|each| each.word() == effect)?;
                let usage = Use::from_word(usage)?;
                // Design and documentation know no --deny-unix: the guest has no path but those that are allowed one
                // by one.
                if (effect, usage) == (Effect::Deny, Use::Unix) {
                    return None;
                }
                PolicyOption::Rule(effect, usage)
            }
        })
    }

    /// Whether it takes a value.
    #[must_use]
    pub fn takes_value(self) -> bool {
        self != PolicyOption::AllowNet
    }
}

/// What is wrong with the value of an option: a sentence without its full stop, and without the option's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionError(String);

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OptionError {}

/// A policy as options have it so far. Rules and files add up; of a limit the last option holds, and any option rather
/// than a file.
#[derive(Clone, Debug, Default)]
pub struct PolicyOptions {
    rules: PolicyBuilder,
    has_rules: bool,
    max_sockets: Option<u32>,
    max_descriptors: Option<u32>,
    max_buffers: Option<u64>,
    max_pending: Option<u32>,
    max_lookups: Option<u32>,
    max_rate: Option<u64>,
    max_bytes: Option<u64>,
    max_log: Option<u64>,
}

impl PolicyOptions {
    /// Adds an option; `value` is not looked at where it takes none.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub fn set(&mut self, option: PolicyOption, value: &str, source: Source) -> Result<(), OptionError> {
        match option {
            PolicyOption::AllowNet => {
                self.rules.allow_net();
                self.has_rules = true;
            }
            PolicyOption::Rule(effect, usage) => {
                self.rules.rule(usage, effect, value, source).map_err(|error| {
                    OptionError(format!("{} (column {})", error.message(), error.column()))
                })?;
                self.has_rules = true;
            }
            PolicyOption::MaxSockets => self.max_sockets = Some(count(value)?),
            PolicyOption::MaxDescriptors => self.max_descriptors = Some(count(value)?),
            PolicyOption::MaxBuffers => self.max_buffers = Some(bytes(value)?),
            PolicyOption::MaxPending => self.max_pending = Some(count(value)?),
            PolicyOption::MaxLookups => self.max_lookups = Some(count(value)?),
            PolicyOption::MaxRate => self.max_rate = Some(bytes(value)?),
            PolicyOption::MaxBytes => self.max_bytes = Some(bytes(value)?),
            PolicyOption::MaxLog => self.max_log = Some(bytes(value)?),
        }
        Ok(())
    }

    /// Adds what a policy file says: [`PolicyBuilder::file`].
    ///
    /// # Errors
    /// The first mistake in the file.
    pub fn file(&mut self, text: &str, file_name: &str) -> Result<(), PolicyFileError> {
        self.rules.file(text, file_name)?;
        self.has_rules = true;
        Ok(())
    }

    /// Whether a rule or a file was given, or `allow-net`, and not limits alone.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.has_rules
    }

    /// Compiles everything.
    #[must_use]
    pub fn build(mut self) -> Policy {
        let limits = self.rules.limits_mut();
        limits.sockets = self.max_sockets.unwrap_or(limits.sockets);
        limits.descriptors = self.max_descriptors.or(limits.descriptors);
        limits.buffers = self.max_buffers.or(limits.buffers);
        limits.pending = self.max_pending.unwrap_or(limits.pending);
        limits.lookups_per_second = self.max_lookups.unwrap_or(limits.lookups_per_second);
        limits.bytes_per_second = self.max_rate.or(limits.bytes_per_second);
        limits.bytes_total = self.max_bytes.or(limits.bytes_total);
        limits.log = self.max_log.unwrap_or(limits.log);
        self.rules.build()
    }
}

fn count(value: &str) -> Result<u32, OptionError> {
    value
        .parse()
        .map_err(|_| OptionError(format!("it takes a whole number from 0 to {}", u32::MAX)))
}

fn bytes(value: &str) -> Result<u64, OptionError> {
    parse_size(value)
        .ok_or_else(|| OptionError("it takes a number of bytes, as 256MiB, 1GiB or 500MB".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn an_option_wins_over_a_files_limit_whichever_comes_first() {
        for file_first in [true, false] {
            let mut options = PolicyOptions::default();
            if file_first {
                options
                    .file("[limits]\nsockets = 5\npending = 6\n", "p.toml")
                    .unwrap();
            }
            options.set(PolicyOption::MaxSockets, "7", Source::Flag).unwrap();
            if !file_first {
                options
                    .file("[limits]\nsockets = 5\npending = 6\n", "p.toml")
                    .unwrap();
            }
            let policy = options.build();
            assert_eq!((policy.limits().sockets, policy.limits().pending), (7, 6));
        }
    }

    #[test]
    fn limits_alone_are_no_rules() {
        let mut options = PolicyOptions::default();
        options.set(PolicyOption::MaxBytes, "1GiB", Source::Flag).unwrap();
        assert!(!options.has_rules());
        options.set(PolicyOption::AllowNet, "", Source::Flag).unwrap();
        assert!(options.has_rules());
    }

    /// The limit that an option has set.
    fn limit(name: &str, value: &str) -> Result<Limits, OptionError> {
        let option = PolicyOption::from_name(name).expect("an option");
        let mut options = PolicyOptions::default();
        options.set(option, value, Source::Flag)?;
        Ok(options.build().limits().clone())
    }

    #[test]
    fn each_limit_has_an_option_of_its_own() {
        let unlimited = Limits::default();
        let with = |change: fn(&mut Limits)| {
            let mut limits = unlimited.clone();
            change(&mut limits);
            Ok(limits)
        };
        assert_eq!(limit("max-sockets", "7"), with(|limits| limits.sockets = 7));
        assert_eq!(
            limit("max-descriptors", "7"),
            with(|limits| limits.descriptors = Some(7))
        );
        assert_eq!(
            limit("max-buffers", "7KiB"),
            with(|limits| limits.buffers = Some(7168))
        );
        assert_eq!(limit("max-pending", "7"), with(|limits| limits.pending = 7));
        assert_eq!(
            limit("max-lookups", "7"),
            with(|limits| limits.lookups_per_second = 7)
        );
        assert_eq!(
            limit("max-rate", "7MB"),
            with(|limits| limits.bytes_per_second = Some(7_000_000))
        );
        assert_eq!(
            limit("max-bytes", "7GB"),
            with(|limits| limits.bytes_total = Some(7_000_000_000))
        );
        assert_eq!(
            limit("max-log", "7TB"),
            with(|limits| limits.log = 7_000_000_000_000)
        );
        for name in ["max-sockets", "max-rate"] {
            assert!(
                limit(name, "many")
                    .unwrap_err()
                    .to_string()
                    .starts_with("it takes a"),
                "{name}"
            );
        }
    }

    #[test]
    fn only_what_allows_everything_takes_no_value() {
        let takes_value = |name| PolicyOption::from_name(name).map(PolicyOption::takes_value);
        assert_eq!(takes_value("allow-net"), Some(false));
        for name in ["allow-connect", "deny-accept", "allow-unix", "max-log"] {
            assert_eq!(takes_value(name), Some(true), "{name}");
        }
    }

    #[test]
    fn what_is_no_option_of_the_policy_is_none() {
        for name in [
            "",
            "allow",
            "allow-",
            "deny-net",
            "deny-unix",
            "allow-Connect",
            "max-",
            "trace",
            "policy",
        ] {
            assert_eq!(PolicyOption::from_name(name), None, "{name}");
        }
        let rule = PolicyOption::Rule(Effect::Deny, Use::Connect);
        assert_eq!(PolicyOption::from_name("deny-connect"), Some(rule));
    }
}
