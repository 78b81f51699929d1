//! [`Options`]: the options of a program's sockets, from `Module.guestnet` (the module options) and from the environment.
//!
//! They are options of `guestnet run`, by the flags' names in the environment and the same in camel case in the module. Not
//! here: what a rule means (the core's), and where the module and the environment are (`libguestnet.js`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use guestnet_core::Reporter;
use guestnet_core::policy::{Flag, Policy, PolicyOption, PolicyOptions, Source, shell_word};
use guestnet_core::resolve::{Hosts, MAX_HOSTS};
use guestnet_host_os::{TraceTo, Upstream, io_reason, read_text, reporter};
use lexopt::Arg;

use crate::value::JsValue;

/// A program's options, read and checked.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) policy: Policy,
    pub(crate) reporter: Reporter,
    /// The servers that look-ups ask.
    pub(crate) upstream: Upstream,
    /// The owner's hosts file.
    pub(crate) hosts: Option<Arc<Hosts>>,
}

/// The variables of the environment, each of which may be unset.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// `GUESTNET_POLICY`: a policy file.
    pub(crate) policy: Option<String>,
    /// `GUESTNET_TRACE`: a file, or `-`.
    pub(crate) trace: Option<String>,
    /// `GUESTNET_AUDIT`: a file.
    pub(crate) audit: Option<String>,
    /// `GUESTNET_OPTIONS`: flags.
    pub(crate) options: Option<String>,
}

/// Options as they were given, before files are read and made.
#[derive(Debug, Default)]
struct RawOptions {
    policy: PolicyOptions,
    files: Vec<String>,
    /// There is a rule, or explicitly none, as by an empty array or `allowNet: false`: nothing is allowed by default.
    ruled: bool,
    trace: Option<TraceTo>,
    audit: Option<PathBuf>,
    dns: Option<Upstream>,
    hosts: Option<PathBuf>,
}

impl Options {
    /// Reads the own properties of `Module.guestnet` and the environment.
    ///
    /// A module option replaces the same option of the environment; rules of the module replace all rules of the environment.
    ///
    /// # Errors
    /// The first mistake: one sentence with the option that it is in.
    pub(crate) fn read(module: Vec<(String, JsValue)>, environment: Environment) -> Result<Self, String> {
        let mut raw = RawOptions::from_environment(environment)?;
        let module_rules = module
            .iter()
            .any(|(key, value)| *value != JsValue::Undefined && is_about_rules(key));
        if module_rules {
            raw.policy = PolicyOptions::default();
            raw.files.clear();
            raw.ruled = true;
        }
        for (key, value) in module {
            raw.set_module_option(&key, value)
                .map_err(|reason| format!("guestnet: Module.guestnet{reason}"))?;
        }
        let advice = if module_rules {
            module_advice
        } else {
            environment_advice
        };
        raw.finish(advice).map_err(|reason| format!("guestnet: {reason}"))
    }
}

/// Whether a module option is a rule, or brings some.
fn is_about_rules(key: &str) -> bool {
    let rule = |option| matches!(option, PolicyOption::AllowNet | PolicyOption::Rule(..));
    key == "policy" || PolicyOption::from_name(&flag_name(key)).is_some_and(rule)
}

impl RawOptions {
    /// Sets a module option. The error is what comes behind `Module.guestnet`.
    fn set_module_option(&mut self, key: &str, value: JsValue) -> Result<(), String> {
        if value == JsValue::Undefined {
            return Ok(());
        }
        let wrong = |what: &str| format!(".{key} takes {what}");
        match key {
            // Where the library finds this addon.
            "addon" => value.text().map(drop).ok_or_else(|| wrong("a path"))?,
            "policy" => self.files.extend(
                value
                    .texts()
                    .ok_or_else(|| wrong("a path or an array of paths"))?,
            ),
            "trace" => self.trace = Some(trace(&value.text().ok_or_else(|| wrong("a path, or '-'"))?)),
            "audit" => self.audit = Some(value.text().ok_or_else(|| wrong("a path"))?.into()),
            "hosts" => self.hosts = Some(value.text().ok_or_else(|| wrong("a path"))?.into()),
            "dns" => {
                let servers = value
                    .texts()
                    .ok_or_else(|| wrong("a string or an array of strings"))?;
                let servers = servers.join(",");
                let wrong = |reason| format!(".{key} {servers:?}: {reason}");
                self.dns = Some(servers.parse().map_err(wrong)?);
            }
            _ => {
                let option = PolicyOption::from_name(&flag_name(key))
                    .ok_or_else(|| format!(" has no option {key:?}; docs/emscripten.md lists them"))?;
                let values = match option {
                    PolicyOption::AllowNet => match value {
                        JsValue::Boolean(true) => vec![String::new()],
                        JsValue::Boolean(false) => vec![],
                        _ => return Err(wrong("true or false")),
                    },
                    PolicyOption::Rule(..) => value
                        .texts()
                        .ok_or_else(|| wrong("a string or an array of strings"))?,
                    PolicyOption::MaxSockets
                    | PolicyOption::MaxDescriptors
                    | PolicyOption::MaxBuffers
                    | PolicyOption::MaxPending
                    | PolicyOption::MaxLookups
                    | PolicyOption::MaxRate
                    | PolicyOption::MaxBytes
                    | PolicyOption::MaxLog => match value {
                        JsValue::Number(number) => vec![number.to_string()],
                        JsValue::String(text) => vec![text],
                        _ => return Err(wrong("a number or a string")),
                    },
                };
                for value in values {
                    self.policy
                        .set(option, &value, Source::Option(key.into()))
                        .map_err(|reason| format!(".{key} {value:?}: {reason}"))?;
                }
            }
        }
        Ok(())
    }

    /// Sets an option of `GUESTNET_OPTIONS`.
    fn set_flag(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), String> {
        let mut value = || {
            let value = parser.value().map_err(|_| format!("--{name} needs a value"))?;
            value
                .into_string()
                .map_err(|value| format!("--{name} {value:?}: it is not UTF-8"))
        };
        match name {
            "policy" => self.files.push(value()?),
            "audit" => self.audit = Some(value()?.into()),
            "hosts" => self.hosts = Some(value()?.into()),
            "dns" => {
                let servers = value()?;
                let wrong = |reason| format!("--dns {servers}: {reason}");
                self.dns = Some(servers.parse().map_err(wrong)?);
            }
            "trace" => {
                self.trace = Some(match parser.optional_value() {
                    None => TraceTo::Stderr,
                    Some(file) => TraceTo::File(file.into()),
                });
            }
            _ => {
                let option =
                    PolicyOption::from_name(name).ok_or_else(|| format!("unknown option --{name}"))?;
                let value = if option.takes_value() {
                    value()?
                } else {
                    String::new()
                };
                self.policy
                    .set(option, &value, Source::Flag)
                    .map_err(|reason| format!("--{name} {value}: {reason}"))?;
            }
        }
        Ok(())
    }

    /// Reads and makes the files.
    fn finish(mut self, advice: fn(&Flag) -> String) -> Result<Options, String> {
        for name in &self.files {
            let text = std::fs::read_to_string(name)
                .map_err(|error| format!("cannot read the policy file {name}: {}", io_reason(&error)))?;
            self.policy.file(&text, name).map_err(|error| error.to_string())?;
        }
        // As node:net does, until there is a rule.
        if !self.ruled && !self.policy.has_rules() {
            self.policy.set(PolicyOption::AllowNet, "", Source::Api)?;
        }
        let hosts = self.hosts.map(|path| {
            let text = read_text(&path, MAX_HOSTS).map_err(|error| {
                let path = path.display();
                format!("cannot read the hosts file {path}: {}", io_reason(&error))
            })?;
            Ok::<_, String>(Arc::new(Hosts::parse(&text)))
        });
        let policy = self.policy.build();
        let limit = policy.limits().log;
        Ok(Options {
            policy,
            hosts: hosts.transpose()?,
            upstream: self.dns.unwrap_or_default(),
            // Last: an error above makes no file.
            reporter: reporter(self.trace.as_ref(), self.audit.as_deref(), limit, advice)
                .map_err(|error| error.to_string())?,
        })
    }
}

impl RawOptions {
    fn from_environment(environment: Environment) -> Result<Self, String> {
        let mut raw = RawOptions {
            files: environment.policy.into_iter().collect(),
            trace: environment.trace.map(|text| trace(&text)),
            audit: environment.audit.map(PathBuf::from),
            ..RawOptions::default()
        };
        if let Some(options) = environment.options {
            raw.set_flags(&options)
                .map_err(|reason| format!("guestnet: GUESTNET_OPTIONS: {reason}"))?;
        }
        Ok(raw)
    }

    fn set_flags(&mut self, options: &str) -> Result<(), String> {
        let mut parser = lexopt::Parser::from_args(words(options)?);
        while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
            match arg {
                Arg::Long(name) => {
                    let name = name.to_owned();
                    self.set_flag(&name, &mut parser)?;
                }
                Arg::Short(letter) => return Err(format!("unknown option -{letter}")),
                Arg::Value(value) => return Err(format!("{value:?} is no option")),
            }
        }
        Ok(())
    }
}

/// The words of a text, as `NODE_OPTIONS` has them: between spaces, those in double quotes not counted, within which a
/// backslash takes the next character as it is.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => {
                let next = characters.next().ok_or("a backslash at the end")?;
                word.get_or_insert_default().push(next);
            }
            space if !quoted && space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    if quoted {
        return Err("a double quote is missing".to_owned());
    }
    words.extend(word);
    Ok(words)
}

fn trace(text: &str) -> TraceTo {
    if text == "-" {
        TraceTo::Stderr
    } else {
        TraceTo::File(Path::new(text).to_owned())
    }
}

/// `allowConnect` → `allow-connect`. A name that has a hyphen already is no option's.
fn flag_name(key: &str) -> String {
    let mut name = String::new();
    for character in key.chars() {
        match character {
            '-' => name.push('_'),
            upper if upper.is_ascii_uppercase() => name.extend(['-', upper.to_ascii_lowercase()]),
            other => name.push(other),
        }
    }
    name
}

/// `--allow-connect 10.0.0.5:80` → `allowConnect: "10.0.0.5:80" in Module.guestnet`.
fn module_advice(flag: &Flag) -> String {
    let option = flag.option();
    let mut words = option.split('-');
    let mut key = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        key.push_str(&first.to_ascii_uppercase());
        key.push_str(rest);
    }
    format!("{key}: {} in Module.guestnet", quoted(flag.value()))
}

/// `--allow-connect 10.0.0.5:80` → `--allow-connect 10.0.0.5:80 in GUESTNET_OPTIONS`.
///
/// A value that a shell would take for something else comes with the variable and with the quotes of both: the reader need
/// not find out how to nest them.
fn environment_advice(flag: &Flag) -> String {
    let (option, value) = (flag.option(), flag.value());
    if shell_word(value) == value {
        return format!("--{option} {value} in GUESTNET_OPTIONS");
    }
    format!(
        "GUESTNET_OPTIONS={}",
        shell_word(&format!("--{option} {}", quoted(value)))
    )
}

/// In double quotes, for JavaScript and for [`words`].
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
