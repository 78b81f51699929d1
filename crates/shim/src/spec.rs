//! From the description of a container to the arguments of `guestnet run`.

use std::path::{Path, PathBuf};

use crate::annotations::PREFIX;
use crate::oci::Spec;

/// The arguments of the command that runs a container's guest.
///
/// `root` is the container's root on the machine, `guest` the guest's file, and `options` are those of the annotations.
///
/// # Errors
/// One sentence.
pub(crate) fn arguments(
    spec: &Spec,
    root: &Path,
    guest: &Path,
    options: Vec<String>,
) -> Result<Vec<String>, String> {
    let root = text(root)?;
    if root.contains("::") {
        return Err(format!(
            "the container's root {root} has :: in its path, which --dir cannot say"
        ));
    }
    let mut arguments = vec!["run".to_owned(), format!("--dir={root}::/")];
    arguments.extend(variables(spec)?);
    if let Some(limit) = spec.linux.resources.memory.limit
        && limit > 0
    {
        // The compiler runs in the container's control group too: so it ends with a message, and the kernel kills nothing.
        for name in ["max-memory", "max-compile-memory"] {
            if spec.annotation(&format!("{PREFIX}{name}")).is_none() {
                arguments.push(format!("--{name}={limit}"));
            }
        }
    }
    arguments.extend(options);
    // What is behind it is the guest's, whatever it looks like.
    arguments.push("--".to_owned());
    arguments.push(text(guest)?.to_owned());
    arguments.extend(spec.process.args.iter().skip(1).cloned());
    Ok(arguments)
}

/// The environment, as options. A guest learns its working directory from `PWD`: WASI has no other word for it.
fn variables(spec: &Spec) -> Result<Vec<String>, String> {
    let mut options = Vec::new();
    for variable in &spec.process.env {
        // Without a value it would be one of the shim's own.
        if !variable.contains('=') {
            return Err(format!(
                "the variable {variable:?} of the container's environment has no value"
            ));
        }
        if !variable.starts_with("PWD=") {
            options.push(format!("--env={variable}"));
        }
    }
    options.push(format!("--env=PWD={}", directory(spec)));
    Ok(options)
}

/// The container's working directory.
fn directory(spec: &Spec) -> &str {
    match spec.process.cwd.as_str() {
        "" => "/",
        cwd => cwd,
    }
}

/// Where the guest may be, in the container: `process.args[0]` as execvp(3) looks for it, and at last in the working
/// directory, since no shell says `./app.wasm` here.
///
/// # Errors
/// There is no `process.args[0]`.
pub(crate) fn candidates(spec: &Spec) -> Result<Vec<PathBuf>, String> {
    let name = match spec.process.args.first() {
        Some(name) if !name.is_empty() => name,
        _ => return Err("the container names no guest: its command is empty".to_owned()),
    };
    let directory = Path::new(directory(spec));
    let mut candidates = Vec::new();
    if !name.contains('/') {
        let path = spec
            .process
            .env
            .iter()
            .rev()
            .find_map(|variable| variable.strip_prefix("PATH="));
        let directories = path
            .unwrap_or_default()
            .split(':')
            .filter(|path| path.starts_with('/'));
        candidates.extend(directories.map(|directory| Path::new(directory).join(name)));
    }
    candidates.push(directory.join(name));
    Ok(candidates)
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str()
        .ok_or_else(|| format!("the path {} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> Spec {
        serde_json::from_str(text).unwrap()
    }

    fn arguments_of(text: &str) -> Result<Vec<String>, String> {
        arguments(
            &spec(text),
            Path::new("/r"),
            Path::new("/app.wasm"),
            vec!["--allow-net".to_owned()],
        )
    }

    #[test]
    fn a_description_becomes_a_command_line() {
        let text = r#"{"process":{"args":["app.wasm","-v","--dir","/"],"env":["A=b=c","PWD=/x","E="],"cwd":"/srv"}}"#;
        assert_eq!(
            arguments_of(text).unwrap(),
            [
                "run",
                "--dir=/r::/",
                "--env=A=b=c",
                "--env=E=",
                "--env=PWD=/srv",
                "--allow-net",
                "--",
                "/app.wasm",
                "-v",
                "--dir",
                "/"
            ]
        );
    }

    #[test]
    fn the_memory_of_the_container_is_what_its_guest_and_its_compiler_may_have() {
        let text = r#"{"linux":{"resources":{"memory":{"limit":1000}}},"annotations":{"dev.guestnet.max-memory":"5"}}"#;
        let arguments = arguments_of(text).unwrap();
        assert!(
            arguments.contains(&"--max-compile-memory=1000".to_owned()),
            "{arguments:?}"
        );
        assert!(
            !arguments
                .iter()
                .any(|argument| argument.starts_with("--max-memory")),
            "{arguments:?}"
        );
        for none in ["-1", "0", "null"] {
            let arguments = arguments_of(&text.replace("1000", none)).unwrap();
            assert!(
                !arguments.iter().any(|argument| argument.starts_with("--max")),
                "{arguments:?}"
            );
        }
    }

    #[test]
    fn no_variable_is_the_shims_own_and_no_argument_is_an_option() {
        assert!(arguments_of(r#"{"process":{"env":["GUESTNET_CACHE"]}}"#).is_err());
        let hostile = r#"{"process":{"args":["--allow-net","--allow-net"],"env":["--dir=/::/"]}}"#;
        let arguments = arguments_of(hostile).unwrap();
        let own = arguments.iter().position(|argument| argument == "--").unwrap();
        assert_eq!(
            arguments[..own]
                .iter()
                .filter(|argument| argument.starts_with("--dir"))
                .count(),
            1
        );
        assert_eq!(arguments[own..], ["--", "/app.wasm", "--allow-net"]);
        assert!(arguments_of("{}").is_ok());
        assert!(super::arguments(&spec("{}"), Path::new("/a::b"), Path::new("/g"), Vec::new()).is_err());
    }

    #[test]
    fn a_guest_is_looked_for_as_a_program_is() {
        let paths = |text: &str| candidates(&spec(text)).unwrap();
        assert_eq!(
            paths(r#"{"process":{"args":["/a/b.wasm"],"cwd":"/c"}}"#),
            [Path::new("/a/b.wasm")]
        );
        assert_eq!(
            paths(r#"{"process":{"args":["./b.wasm"],"cwd":"/c"}}"#),
            [Path::new("/c/./b.wasm")]
        );
        let both = [Path::new("/bin/b.wasm"), Path::new("/c/b.wasm")];
        assert_eq!(
            paths(r#"{"process":{"args":["b.wasm"],"cwd":"/c","env":["PATH=/bin:rel:"]}}"#),
            both
        );
        for none in [r#"{"process":{"args":[""]}}"#, "{}"] {
            assert!(candidates(&spec(none)).is_err());
        }
    }
}
