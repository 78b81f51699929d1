//! The annotations `dev.guestnet.OPTION` of a container or its pod, as options of `guestnet run`.
//!
//! Not here: what the options mean, and which values are right (the command's parser). Paths are the container's, so they are
//! opened by what the caller gives ([`Paths`]), never by a path of the machine.

use std::collections::BTreeMap;

/// What the names of our annotations begin with.
pub(crate) const PREFIX: &str = "dev.guestnet.";

/// The value of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// One, as it is.
    One,
    /// Some, with white space between them.
    List,
    /// `true` or `false`.
    Switch,
    /// A file of the container that is read.
    Input,
    /// `true`, or a file of the container that is written.
    SwitchOrOutput,
    /// An address to send to, or a file of the container that is written.
    AddressOrOutput,
    /// The text of a policy file.
    PolicyText,
    /// Policy files of the container.
    PolicyFiles,
}

/// Every option of `guestnet run` that makes sense for a container. Directories and variables come from the container's
/// mounts and environment, and no container takes its own confinement off.
const OPTIONS: [(&str, Value); 30] = [
    ("allow-accept", Value::List),
    ("allow-connect", Value::List),
    ("allow-listen", Value::List),
    ("allow-net", Value::Switch),
    ("allow-resolve", Value::List),
    ("allow-unix", Value::List),
    ("audit", Value::AddressOrOutput),
    ("compile-timeout", Value::One),
    ("deny-accept", Value::List),
    ("deny-connect", Value::List),
    ("deny-listen", Value::List),
    ("deny-resolve", Value::List),
    ("dns", Value::One),
    ("hosts", Value::Input),
    ("listen", Value::List),
    ("max-buffers", Value::One),
    ("max-bytes", Value::One),
    ("max-compile-memory", Value::One),
    ("max-descriptors", Value::One),
    ("max-log", Value::One),
    ("max-lookups", Value::One),
    ("max-memory", Value::One),
    ("max-pending", Value::One),
    ("max-rate", Value::One),
    ("max-sockets", Value::One),
    ("metrics", Value::AddressOrOutput),
    ("policy", Value::PolicyText),
    ("policy-file", Value::PolicyFiles),
    ("timeout", Value::One),
    ("trace", Value::SwitchOrOutput),
];

/// What opens the files that annotations name. Each function returns a path that the command can open.
pub(crate) trait Paths {
    /// For a file of the container that is read.
    ///
    /// # Errors
    /// Why it cannot be, as the end of a sentence.
    fn input(&mut self, path: &str) -> Result<String, String>;

    /// For a file of the container that is written, and made if it is not there.
    ///
    /// # Errors
    /// Why it cannot be, as the end of a sentence.
    fn output(&mut self, path: &str) -> Result<String, String>;

    /// For a policy file of the container, of which messages call it `name` and by its own name.
    ///
    /// # Errors
    /// Why it cannot be, as the end of a sentence.
    fn policy(&mut self, name: &str, path: &str) -> Result<String, String>;

    /// For a policy file with this text, of which messages call it `name`.
    ///
    /// # Errors
    /// Why it cannot be, as the end of a sentence.
    fn text(&mut self, name: &str, text: &str) -> Result<String, String>;
}

/// The options that annotations stand for. Annotations of others are not looked at.
///
/// # Errors
/// One sentence, on an annotation that stands for nothing.
pub(crate) fn options(
    annotations: &BTreeMap<String, String>,
    paths: &mut dyn Paths,
) -> Result<Vec<String>, String> {
    let mut options = Vec::new();
    for (annotation, text) in annotations {
        let Some(name) = annotation.strip_prefix(PREFIX) else {
            continue;
        };
        let Some((_, value)) = OPTIONS.iter().find(|(known, _)| *known == name) else {
            return Err(format!("there is no annotation {annotation:?}"));
        };
        let failed = |reason: String| format!("the annotation {annotation}: {reason}");
        let option = |value: &str| format!("--{name}={value}");
        let address = |text: &str| text.starts_with("tcp://") || text.starts_with("udp://");
        match value {
            Value::One => options.push(option(text.trim())),
            Value::List => options.extend(text.split_whitespace().map(option)),
            Value::Switch if switch(text) == Some(true) => options.push(format!("--{name}")),
            Value::Switch if switch(text) == Some(false) => {}
            Value::Switch => return Err(failed(format!("{text:?} is neither true nor false"))),
            Value::Input => options.push(option(&paths.input(text).map_err(failed)?)),
            Value::SwitchOrOutput if switch(text) == Some(true) => options.push(format!("--{name}")),
            Value::SwitchOrOutput if switch(text) == Some(false) => {}
            Value::AddressOrOutput if address(text.trim()) => options.push(option(text.trim())),
            Value::SwitchOrOutput | Value::AddressOrOutput => {
                options.push(option(&paths.output(text).map_err(failed)?));
            }
            Value::PolicyText => {
                options.push(option(&paths.text(annotation, text).map_err(failed)?));
            }
            Value::PolicyFiles => {
                for path in text.split_whitespace() {
                    options.push(format!(
                        "--policy={}",
                        paths.policy(annotation, path).map_err(failed)?
                    ));
                }
            }
        }
    }
    Ok(options)
}

fn switch(text: &str) -> Option<bool> {
    match text.trim() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
