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
    /// An address to listen at, or a file of the container that is replaced again and again.
    AddressOrReplaced,
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
    ("metrics", Value::AddressOrReplaced),
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

    /// For a file of the container that is replaced by others of the same name. Its directory is there.
    ///
    /// # Errors
    /// Why it cannot be, as the end of a sentence.
    fn replaced(&mut self, path: &str) -> Result<String, String>;

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
        let more = values(*value, annotation, text, paths);
        let more = more.map_err(|reason| format!("the annotation {annotation}: {reason}"))?;
        let option = match value {
            Value::PolicyFiles => "policy",
            _ => name,
        };
        options.extend(more.into_iter().map(|value| match value {
            Some(value) => format!("--{option}={value}"),
            None => format!("--{option}"),
        }));
    }
    Ok(options)
}

/// The values of an option, each of which is given once; `None` is the option alone.
fn values(
    value: Value,
    annotation: &str,
    text: &str,
    paths: &mut dyn Paths,
) -> Result<Vec<Option<String>>, String> {
    let trimmed = text.trim();
    let one = |text: String| Ok(vec![Some(text)]);
    match (value, trimmed) {
        (Value::Switch | Value::SwitchOrOutput, "true") => Ok(vec![None]),
        (Value::Switch | Value::SwitchOrOutput, "false") => Ok(Vec::new()),
        (Value::Switch, _) => Err(format!("{text:?} is neither true nor false")),
        (Value::One, _) => one(trimmed.to_owned()),
        (Value::List, _) => Ok(text
            .split_whitespace()
            .map(|item| Some(item.to_owned()))
            .collect()),
        // The path of a UNIX socket would be one of the machine.
        (Value::AddressOrOutput | Value::AddressOrReplaced, address) if address.starts_with("tcp://") => {
            one(address.to_owned())
        }
        (Value::AddressOrReplaced, path) => one(paths.replaced(inside(path)?)?),
        (Value::AddressOrOutput | Value::SwitchOrOutput, path) => one(paths.output(inside(path)?)?),
        (Value::Input, path) => one(paths.input(inside(path)?)?),
        (Value::PolicyText, _) => one(paths.text(annotation, text)?),
        (Value::PolicyFiles, _) => {
            let files = text.split_whitespace();
            files
                .map(|path| paths.policy(annotation, inside(path)?).map(Some))
                .collect()
        }
    }
}

/// A path of the container.
fn inside(path: &str) -> Result<&str, String> {
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err(format!(
            "{path:?} is not a path of the container, which begins with /"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says what was asked for.
    #[derive(Default)]
    struct Asked(Vec<String>);

    impl Asked {
        fn note(&mut self, what: &str, path: &str) -> Result<String, String> {
            self.0.push(format!("{what} {path}"));
            Ok(format!("opened{}", self.0.len()))
        }
    }

    impl Paths for Asked {
        fn input(&mut self, path: &str) -> Result<String, String> {
            self.note("input", path)
        }
        fn output(&mut self, path: &str) -> Result<String, String> {
            self.note("output", path)
        }
        fn replaced(&mut self, path: &str) -> Result<String, String> {
            self.note("replaced", path)
        }
        fn policy(&mut self, name: &str, path: &str) -> Result<String, String> {
            self.note(name, path)
        }
        fn text(&mut self, name: &str, text: &str) -> Result<String, String> {
            self.note(name, text)
        }
    }

    fn read(annotations: &[(&str, &str)]) -> Result<(Vec<String>, Vec<String>), String> {
        let annotations = annotations
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut asked = Asked::default();
        let options = options(&annotations.collect(), &mut asked)?;
        Ok((options, asked.0))
    }

    #[test]
    fn annotations_become_the_options_of_their_names() {
        let (options, asked) = read(&[
            ("com.example.other", "dev.guestnet.allow-net"),
            ("dev.guestnet.allow-connect", " 10.0.0.0/8:443\n\tdb:5432  "),
            ("dev.guestnet.allow-net", "true"),
            ("dev.guestnet.deny-listen", "  "),
            ("dev.guestnet.timeout", " 30s "),
        ])
        .unwrap();
        assert_eq!(
            options,
            [
                "--allow-connect=10.0.0.0/8:443",
                "--allow-connect=db:5432",
                "--allow-net",
                "--timeout=30s"
            ]
        );
        assert_eq!(asked, [""; 0]);
        assert_eq!(read(&[("dev.guestnet.allow-net", "false")]).unwrap().0, [""; 0]);
    }

    #[test]
    fn no_path_is_one_of_the_machine() {
        let (options, asked) = read(&[
            ("dev.guestnet.audit", "/var/log/audit"),
            ("dev.guestnet.hosts", "/etc/hosts"),
            ("dev.guestnet.metrics", "/run/metrics"),
            ("dev.guestnet.policy", "[connect]\n"),
            ("dev.guestnet.policy-file", "/a.toml /b.toml"),
            ("dev.guestnet.trace", "/trace"),
        ])
        .unwrap();
        assert_eq!(
            asked,
            [
                "output /var/log/audit",
                "input /etc/hosts",
                "replaced /run/metrics",
                "dev.guestnet.policy [connect]\n",
                "dev.guestnet.policy-file /a.toml",
                "dev.guestnet.policy-file /b.toml",
                "output /trace"
            ]
        );
        let values = options.iter().filter_map(|option| option.split_once('='));
        assert!(
            values.into_iter().all(|(_, value)| value.starts_with("opened")),
            "{options:?}"
        );
        for name in ["audit", "metrics", "hosts", "trace", "policy-file"] {
            for path in [
                "unix:/run/containerd.sock",
                "UNIX:/x",
                "udp://1.2.3.4:5",
                "relative",
                "../up",
                "-",
                "--x",
                "1",
            ] {
                let annotation = format!("dev.guestnet.{name}");
                let error = read(&[(&annotation, path)]).expect_err(path);
                assert!(
                    error.starts_with(&format!("the annotation {annotation}: ")),
                    "{error}"
                );
            }
        }
        let (options, _) = read(&[("dev.guestnet.audit", "tcp://10.0.0.1:9")]).unwrap();
        assert_eq!(options, ["--audit=tcp://10.0.0.1:9"]);
    }

    #[test]
    fn a_hostile_value_stays_the_value_of_its_option() {
        for value in [
            "--allow-net",
            "=--allow-net",
            "x=y",
            "\u{0}",
            "\u{202e}",
            "--",
            "'; rm -rf /",
        ] {
            let (options, _) = read(&[("dev.guestnet.allow-connect", value)]).unwrap();
            assert!(
                options
                    .iter()
                    .all(|option| option.starts_with("--allow-connect=")),
                "{options:?}"
            );
        }
        let many = "a:1 ".repeat(100_000);
        assert_eq!(
            read(&[("dev.guestnet.allow-connect", &many)]).unwrap().0.len(),
            100_000
        );
    }

    #[test]
    fn an_annotation_that_is_no_option_is_an_error() {
        for name in [
            "",
            "dir",
            "env",
            "no-confine",
            "allow",
            "allow-net ",
            "Allow-Net",
            "policy.x",
            "allow-connect\n",
        ] {
            let annotation = format!("dev.guestnet.{name}");
            assert!(
                read(&[(&annotation, "true")])
                    .unwrap_err()
                    .starts_with("there is no annotation "),
                "{name}"
            );
        }
        for value in ["", "yes", "1", "TRUE", "true false"] {
            assert!(read(&[("dev.guestnet.allow-net", value)]).is_err(), "{value}");
        }
    }

    #[test]
    fn every_option_of_the_list_is_one_of_the_command() {
        for (name, value) in OPTIONS {
            let argument = match (name, value) {
                ("policy-file" | "policy", _) => continue,
                (_, Value::Switch) => format!("--{name}"),
                _ => format!("--{name}=\u{1}"),
            };
            let arguments = ["run", &argument, "guest.wasm"].map(std::ffi::OsString::from);
            if let Err(sentence) = guestnet_cli::check(arguments.into_iter()) {
                assert!(!sentence.contains("unknown option"), "{sentence}");
            }
        }
    }
}
