//! One rule as it was written, kept so that a decision can name it. Matching is in `matcher.rs`.

use super::Use;
use std::fmt;
use std::sync::Arc;

/// Whether a rule permits or forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The rule permits what it covers, unless a deny rule covers it too.
    Allow,
    /// The rule forbids what it covers, whatever the allow rules say.
    Deny,
}

impl Effect {
    /// `allow` or `deny`, as in flags and policy files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }
    }
}

/// Where a rule came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Source {
    /// A command line flag.
    Flag,
    /// A policy file.
    File {
        /// The file's name, as the user gave it.
        file: Arc<str>,
        /// The line of the rule, from 1.
        line: usize,
        /// The column of the rule's first character, from 1, in characters.
        column: usize,
    },
    /// An option of the embedder, by its name in the embedder's code, such as `allowConnect`.
    Option(Arc<str>),
    /// A call of the embedder.
    #[default]
    Api,
}

/// A rule: its use, its effect, its text and its source.
///
/// [`Display`](fmt::Display) writes it as a user would look for it: `--allow-connect 10.0.0.0/8:443` for a flag,
/// `connect.allow "10.0.0.0/8:443" (policy.toml:3:10)` for a file, `allowConnect "10.0.0.0/8:443"` for an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) usage: Use,
    pub(super) effect: Effect,
    pub(super) text: Box<str>,
    pub(super) source: Source,
}

impl Rule {
    /// The use that this rule is about.
    #[must_use]
    pub fn usage(&self) -> Use {
        self.usage
    }

    /// Whether it allows or denies.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The target as the user wrote it, such as `*.example.com:443`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the rule came from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (effect, usage, text) = (self.effect.word(), self.usage.word(), &self.text);
        match &self.source {
            Source::Flag => write!(f, "--{effect}-{usage} {text}"),
            Source::File { file, line, column } => {
                write!(f, "{usage}.{effect} \"{text}\" ({file}:{line}:{column})")
            }
            Source::Option(name) => write!(f, "{name} \"{text}\""),
            Source::Api => write!(f, "{effect} {usage} {text}"),
        }
    }
}
