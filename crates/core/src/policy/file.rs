//! The policy file: TOML with the same content as the flags. Reads text that the caller has loaded.

use super::{Effect, ParseError, Policy, PolicyBuilder, Source, Use};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

/// A mistake in a policy file. Its text is `FILE:LINE:COLUMN: SENTENCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFileError {
    file: Arc<str>,
    line: usize,
    column: usize,
    message: Box<str>,
}

impl PolicyFileError {
    /// The file's name as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// One sentence without its full stop.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for PolicyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for PolicyFileError {}

impl PolicyBuilder {
    /// Adds what a policy file says. `file_name` stands in errors and in [`Source::File`]; nothing is opened.
    /// The schema is in `docs/policy.md`. On an error the builder is as it was before.
    ///
    /// # Errors
    /// The first mistake in the file, with line and column.
    pub fn file(&mut self, text: &str, file_name: &str) -> Result<&mut Self, PolicyFileError> {
        let mut with_file = self.clone();
        read(&mut with_file, text, file_name)?;
        *self = with_file;
        Ok(self)
    }
}

impl Policy {
    /// A policy from a file alone. See [`PolicyBuilder::file`].
    ///
    /// # Errors
    /// The first mistake in the file, with line and column.
    pub fn from_toml(text: &str, file_name: &str) -> Result<Policy, PolicyFileError> {
        Ok(PolicyBuilder::new().file(text, file_name)?.build())
    }
}

/// Adds the rules and limits of a file to a builder.
fn read(builder: &mut PolicyBuilder, text: &str, file_name: &str) -> Result<(), PolicyFileError> {
    let reader = Reader {
        text,
        file: file_name.into(),
    };
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        reader.error(at, one_sentence(error.message()))
    })?;
    reader.document(builder, document.get_ref())
}

/// The TOML parser may say its say in several lines.
fn one_sentence(message: &str) -> String {
    message.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}

struct Reader<'t> {
    text: &'t str,
    file: Arc<str>,
}

impl Reader<'_> {
    fn error(&self, offset: usize, message: impl Into<Box<str>>) -> PolicyFileError {
        let (line, column) = self.position(offset);
        PolicyFileError {
            file: self.file.clone(),
            line,
            column,
            message: message.into(),
        }
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    fn document(&self, builder: &mut PolicyBuilder, document: &DeTable<'_>) -> Result<(), PolicyFileError> {
        for (key, value) in in_file_order(document) {
            match key.get_ref().as_ref() {
                "allow-net" => {
                    let wanted = value
                        .get_ref()
                        .as_bool()
                        .ok_or_else(|| self.wrong_type(value, "`allow-net` is true or false"))?;
                    if wanted {
                        builder.allow_net();
                    }
                }
                "limits" => self.limits(builder, self.table(value, "limits")?)?,
                word => match Use::from_word(word) {
                    Some(usage) => self.rules(builder, usage, self.table(value, word)?)?,
                    None => {
                        let known = "allow-net, connect, listen, accept, resolve, unix and limits";
                        return Err(self.error(
                            key.span().start,
                            format!("unknown key `{word}`; there are {known}"),
                        ));
                    }
                },
            }
        }
        Ok(())
    }

    fn rules(
        &self,
        builder: &mut PolicyBuilder,
        usage: Use,
        table: &DeTable<'_>,
    ) -> Result<(), PolicyFileError> {
        for (key, value) in in_file_order(table) {
            let effect = match key.get_ref().as_ref() {
                "allow" => Effect::Allow,
                "deny" => Effect::Deny,
                other => {
                    let message = format!("unknown key `{other}` in [{usage}]; there are allow and deny");
                    return Err(self.error(key.span().start, message));
                }
            };
            let Some(targets) = value.get_ref().as_array() else {
                let message = format!("`{}` in [{usage}] is an array of strings", effect.word());
                return Err(self.wrong_type(value, &message));
            };
            self.targets(builder, usage, effect, targets)?;
        }
        Ok(())
    }

    fn targets(
        &self,
        builder: &mut PolicyBuilder,
        usage: Use,
        effect: Effect,
        targets: &DeArray<'_>,
    ) -> Result<(), PolicyFileError> {
        for value in targets.iter() {
            let Some(target) = value.get_ref().as_str() else {
                return Err(self.wrong_type(value, "a rule is a string"));
            };
            let start = self.content_start(value.span(), target);
            let (line, column) = self.position(start.unwrap_or(value.span().start));
            let source = Source::File {
                file: self.file.clone(),
                line,
                column,
            };
            builder
                .rule(usage, effect, target, source)
                .map_err(|error| match start {
                    Some(start) => self.error(start + offset_of(target, &error), error.message()),
                    None => self.error(value.span().start, error.to_string()),
                })?;
        }
        Ok(())
    }

    /// Where the content of a string begins, if it stands in the file as it is, without escapes.
    fn content_start(&self, span: Range<usize>, content: &str) -> Option<usize> {
        let raw = self.text.get(span.clone())?;
        let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") {
            3
        } else {
            1
        };
        let inner = raw.get(quotes..raw.len().checked_sub(quotes)?)?;
        (inner == content).then_some(span.start + quotes)
    }

    fn limits(&self, builder: &mut PolicyBuilder, table: &DeTable<'_>) -> Result<(), PolicyFileError> {
        for (key, value) in in_file_order(table) {
            let limits = builder.limits_mut();
            match key.get_ref().as_ref() {
                "sockets" => limits.sockets = self.count(key, value)?,
                "descriptors" => limits.descriptors = Some(self.count(key, value)?),
                "buffers" => limits.buffers = Some(self.bytes(key, value)?),
                "pending" => limits.pending = self.count(key, value)?,
                "lookups-per-second" => limits.lookups_per_second = self.count(key, value)?,
                "bytes-per-second" => limits.bytes_per_second = Some(self.bytes(key, value)?),
                "bytes-total" => limits.bytes_total = Some(self.bytes(key, value)?),
                "log" => limits.log = self.bytes(key, value)?,
                other => {
                    let known = "sockets, descriptors, buffers, pending, bytes-per-second, bytes-total, \
                                 lookups-per-second and log";
                    let message = format!("unknown key `{other}` in [limits]; there are {known}");
                    return Err(self.error(key.span().start, message));
                }
            }
        }
        Ok(())
    }

    fn count(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<u32, PolicyFileError> {
        let number = value
            .get_ref()
            .as_integer()
            .and_then(unsigned)
            .and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| {
            self.wrong_type(
                value,
                &format!("`{}` is a whole number from 0 to {}", key.get_ref(), u32::MAX),
            )
        })
    }

    fn bytes(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<u64, PolicyFileError> {
        let bytes = match value.get_ref() {
            DeValue::Integer(number) => unsigned(number),
            DeValue::String(text) => crate::limits::parse_size(text),
            _ => None,
        };
        bytes.ok_or_else(|| {
            let message = format!(
                "`{}` is a number of bytes, or a string such as \"10MiB\"",
                key.get_ref()
            );
            self.wrong_type(value, &message)
        })
    }

    fn table<'a, 'd>(
        &self,
        value: &'a Spanned<DeValue<'d>>,
        name: &str,
    ) -> Result<&'a DeTable<'d>, PolicyFileError> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong_type(value, &format!("`{name}` is a table, [{name}]")))
    }

    fn wrong_type(&self, value: &Spanned<DeValue<'_>>, expected: &str) -> PolicyFileError {
        self.error(
            value.span().start,
            format!("{expected}, not this {}", value.get_ref().type_str()),
        )
    }
}

/// The byte offset in `target` of a mistake, whose column counts characters.
fn offset_of(target: &str, error: &ParseError) -> usize {
    target
        .char_indices()
        .nth(error.column() - 1)
        .map_or(target.len(), |(at, _)| at)
}

fn unsigned(number: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// The entries in the order of the file, so that the first mistake is the one that is reported.
fn in_file_order<'a, 'd>(
    table: &'a DeTable<'d>,
) -> Vec<(&'a Spanned<std::borrow::Cow<'d, str>>, &'a Spanned<DeValue<'d>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}
