//! [`ModuleOptions`]: the options of a program, from `Module.guestnet` (the module options) and from the environment.
//!
//! They are options of `guestnet run`, by the flags' names in the environment and the same in camel case in the module. Not
//! here: what a rule means (the core's), where the module and the environment are (`libguestnet.js`), and files: a path is a
//! text for the embedder to open, who may be a browser and have none.

use std::error::Error;
use std::fmt::{self, Display};
use std::str::FromStr;

use guestnet_core::policy::{Flag, Policy, PolicyOption, PolicyOptions, Source, shell_word};
use lexopt::Arg;

/// The value of a module option.
#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    /// `undefined`: as if the option were not there.
    Undefined,
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A string.
    String(String),
    /// An array of strings.
    Strings(Vec<String>),
    /// Anything else.
    Other,
}

impl OptionValue {
    /// One string.
    fn text(self) -> Option<String> {
        match self {
            OptionValue::String(text) => Some(text),
            OptionValue::Undefined
            | OptionValue::Boolean(_)
            | OptionValue::Number(_)
            | OptionValue::Strings(_)
            | OptionValue::Other => None,
        }
    }

    /// One string or several.
    fn texts(self) -> Option<Vec<String>> {
        match self {
            OptionValue::String(text) => Some(vec![text]),
            OptionValue::Strings(texts) => Some(texts),
            OptionValue::Undefined
            | OptionValue::Boolean(_)
            | OptionValue::Number(_)
            | OptionValue::Other => None,
        }
    }
}

/// Why options of a module or of the environment cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModuleOptionsError {
    /// A module option has a mistake in it. The text goes behind `Module.guestnet`.
    Module(String),
    /// `GUESTNET_OPTIONS` has a mistake in it.
    Environment(String),
}

impl Display for ModuleOptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ModuleOptionsError::Module(text) => write!(f, "Module.guestnet{text}"),
            ModuleOptionsError::Environment(text) => write!(f, "GUESTNET_OPTIONS: {text}"),
        }
    }
}

impl Error for ModuleOptionsError {}

/// The variables of the environment, each of which may be unset.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `GUESTNET_POLICY`: a policy file.
    pub policy: Option<String>,
    /// `GUESTNET_TRACE`: a file, or `-`.
    pub trace: Option<String>,
    /// `GUESTNET_AUDIT`: a file.
    pub audit: Option<String>,
    /// `GUESTNET_OPTIONS`: flags.
    pub options: Option<String>,
}

/// Where a trace goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceOption {
    /// Standard error, or the console.
    Console,
    /// A file.
    File(String),
}

/// Options as they were given, before files are read and made. `D` is what the embedder makes of the option `dns`; its
/// [`FromStr`] says why a text is no server.
#[derive(Debug)]
pub struct ModuleOptions<D> {
    /// The rules and limits. The embedder adds those of [`files`](ModuleOptions::files).
    pub policy: PolicyOptions,
    /// Policy files.
    pub files: Vec<String>,
    /// Where the calls go.
    pub trace: Option<TraceOption>,
    /// The file to which the policy's decisions go.
    pub audit: Option<String>,
    /// The servers for names.
    pub dns: Option<D>,
    /// The hosts file.
    pub hosts: Option<String>,
    /// How a denial names the option that would allow it.
    pub advice: fn(&Flag) -> String,
    /// There is a rule, or explicitly none, as by an empty array or `allowNet: false`: nothing is allowed by default.
    ruled: bool,
}

impl<D: FromStr<Err: Display>> ModuleOptions<D> {
    /// Reads the own properties of `Module.guestnet` and the environment.
    ///
    /// A module option replaces the same option of the environment; rules of the module replace all rules and limits of the
    /// environment.
    ///
    /// # Errors
    /// The first mistake, with the option that it is in.
    pub fn read(
        module: Vec<(String, OptionValue)>,
        environment: Environment,
    ) -> Result<Self, ModuleOptionsError> {
        let mut options =
            ModuleOptions::from_environment(environment).map_err(ModuleOptionsError::Environment)?;
        let module_rules = module
            .iter()
            .any(|(key, value)| *value != OptionValue::Undefined && is_about_rules(key));
        if module_rules {
            options.policy = PolicyOptions::default();
            options.files.clear();
            options.ruled = true;
            options.advice = module_advice;
        }
        for (key, value) in module {
            options
                .set_module_option(&key, value)
                .map_err(ModuleOptionsError::Module)?;
        }
        Ok(options)
    }
}

impl<D> ModuleOptions<D> {
    /// The policy, once the files' rules are in it. Without any rule, and without an empty list of rules, everything is
    /// allowed, as node:net does.
    pub fn build_policy(&mut self) -> Policy {
        if !self.ruled && !self.policy.has_rules() {
            // It takes no value, so that none can be wrong.
            let _ = self.policy.set(PolicyOption::AllowNet, "", Source::Api);
        }
        std::mem::take(&mut self.policy).build()
    }
}

/// Whether a module option is a rule, or brings some.
fn is_about_rules(key: &str) -> bool {
    let rule = |option| matches!(option, PolicyOption::AllowNet | PolicyOption::Rule(..));
    key == "policy" || PolicyOption::from_name(&flag_name(key)).is_some_and(rule)
}

impl<D: FromStr<Err: Display>> ModuleOptions<D> {
    /// Sets a module option. The error is what comes behind `Module.guestnet`.
    fn set_module_option(&mut self, key: &str, value: OptionValue) -> Result<(), String> {
        if value == OptionValue::Undefined {
            return Ok(());
        }
        let wrong = |what: &str| format!(".{key} takes {what}");
        match key {
            // Where the library finds this addon.
            "addon" => value.text().map(drop).ok_or_else(|| wrong("a path"))?,
            "policy" => {
                let files = value
                    .texts()
                    .ok_or_else(|| wrong("a path or an array of paths"))?;
                self.files.extend(files);
            }
            "trace" => self.trace = Some(trace(&value.text().ok_or_else(|| wrong("a path, or '-'"))?)),
            "audit" => self.audit = Some(value.text().ok_or_else(|| wrong("a path"))?),
            "hosts" => self.hosts = Some(value.text().ok_or_else(|| wrong("a path"))?),
            "dns" => {
                let servers = value
                    .texts()
                    .ok_or_else(|| wrong("a string or an array of strings"))?;
                let servers = servers.join(",");
                let wrong = |reason: D::Err| format!(".{key} {servers:?}: {reason}");
                self.dns = Some(servers.parse().map_err(wrong)?);
            }
            _ => {
                let option = PolicyOption::from_name(&flag_name(key))
                    .ok_or_else(|| format!(" has no option {key:?}; docs/emscripten.md lists them"))?;
                let values = match option {
                    PolicyOption::AllowNet => match value {
                        OptionValue::Boolean(true) => vec![String::new()],
                        OptionValue::Boolean(false) => vec![],
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
                        OptionValue::Number(number) => vec![number.to_string()],
                        OptionValue::String(text) => vec![text],
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
            "audit" => self.audit = Some(value()?),
            "hosts" => self.hosts = Some(value()?),
            "dns" => {
                let servers = value()?;
                let wrong = |reason: D::Err| format!("--dns {servers}: {reason}");
                self.dns = Some(servers.parse().map_err(wrong)?);
            }
            "trace" => {
                // The words are UTF-8, so that nothing is replaced.
                self.trace = Some(match parser.optional_value() {
                    None => TraceOption::Console,
                    Some(file) => TraceOption::File(file.to_string_lossy().into_owned()),
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

    fn from_environment(environment: Environment) -> Result<Self, String> {
        let mut read = ModuleOptions {
            policy: PolicyOptions::default(),
            files: environment.policy.into_iter().collect(),
            trace: environment.trace.map(|text| trace(&text)),
            audit: environment.audit,
            dns: None,
            hosts: None,
            advice: environment_advice,
            ruled: false,
        };
        if let Some(options) = environment.options {
            read.set_flags(&options)?;
        }
        Ok(read)
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

fn trace(text: &str) -> TraceOption {
    if text == "-" {
        TraceOption::Console
    } else {
        TraceOption::File(text.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;
    use guestnet_core::policy::{NoPins, Protocol, Use};

    fn read(module: &[(&str, OptionValue)], options: &str) -> Result<ModuleOptions<String>, String> {
        let module = module
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        let environment = Environment {
            options: Some(options.to_owned()),
            ..Environment::default()
        };
        ModuleOptions::read(module.collect(), environment).map_err(|error| error.to_string())
    }

    fn policy(module: &[(&str, OptionValue)], options: &str) -> Policy {
        read(module, options).unwrap().build_policy()
    }

    fn may_connect(policy: &Policy, addr: &str) -> bool {
        let addr = addr.parse().unwrap();
        !policy
            .decide(Use::Connect, Protocol::Tcp, addr, &NoPins)
            .is_denied()
    }

    fn text(text: &str) -> OptionValue {
        OptionValue::String(text.to_owned())
    }

    #[test]
    fn everything_is_allowed_until_a_rule_says_otherwise() {
        assert!(may_connect(&policy(&[], ""), "10.0.0.1:80"));
        let limit = [("maxSockets", OptionValue::Number(7.0))];
        let limited = policy(&limit, "");
        assert!(may_connect(&limited, "10.0.0.1:80"));
        assert_eq!(limited.limits().sockets, 7);
        for none in [OptionValue::Strings(vec![]), text("10.0.0.2:80")] {
            assert!(!may_connect(
                &policy(&[("allowConnect", none)], ""),
                "10.0.0.1:80"
            ));
        }
        let off = [("allowNet", OptionValue::Boolean(false))];
        assert!(!may_connect(&policy(&off, ""), "10.0.0.1:80"));
    }

    #[test]
    fn rules_of_the_module_replace_those_of_the_environment() {
        let environment = "--allow-connect 10.0.0.1:80 --max-sockets 5";
        assert!(may_connect(&policy(&[], environment), "10.0.0.1:80"));
        let both = policy(&[("allowConnect", text("10.0.0.2:80"))], environment);
        assert!(!may_connect(&both, "10.0.0.1:80") && may_connect(&both, "10.0.0.2:80"));
        // The environment's limits go with its rules.
        assert_eq!(both.limits().sockets, Policy::deny_all().limits().sockets);
        let undefined = policy(&[("allowConnect", OptionValue::Undefined)], environment);
        assert!(may_connect(&undefined, "10.0.0.1:80"));
    }

    #[test]
    fn a_mistake_is_named_with_where_it_is() {
        let wrong = |module: &[(&str, OptionValue)], options| read(module, options).unwrap_err();
        assert_eq!(
            wrong(&[("trace", OptionValue::Boolean(true))], ""),
            "Module.guestnet.trace takes a path, or '-'"
        );
        assert!(
            wrong(&[("allow-net", OptionValue::Boolean(true))], "")
                .starts_with("Module.guestnet has no option ")
        );
        assert_eq!(wrong(&[], "--audit"), "GUESTNET_OPTIONS: --audit needs a value");
        assert_eq!(wrong(&[], "\"--x"), "GUESTNET_OPTIONS: a double quote is missing");
    }

    #[test]
    fn words_are_cut_as_node_options_are() {
        let cut = |text| words(text).unwrap();
        assert_eq!(cut(r#" a  "b c" d"e f" "#), ["a", "b c", "de f"]);
        assert_eq!(cut(r#""a\"b" "" \c"#), [r#"a"b"#, "", r"\c"]);
    }
}
