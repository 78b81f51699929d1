//! docs/containers.md and its files in examples/kubernetes: they can be read, and the annotations in them are those that the shim has.
//! What they do is shown by `tests/tests/containers`.

use guestnet_tests::docs;
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use yaml_rust2::{Yaml, YamlLoader};

/// What the annotations begin with.
const PREFIX: &str = "dev.guestnet.";

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test(
            "the_annotations_of_docs_containers_are_those_of_the_shim",
            annotations,
        ),
        Trial::test("the_image_of_docs_containers_is_the_one_that_xtask_makes", image),
    ];
    for file in files() {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        trials.push(Trial::test(
            format!("examples_kubernetes_can_be_read::{name}"),
            move || readable(&file),
        ));
    }
    trials
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(docs::root().join("examples/kubernetes")).expect("read examples/kubernetes");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("read it").path()).collect();
    files.sort();
    files
}

/// The options of annotations, by the shim's own list.
fn of_the_shim() -> BTreeSet<String> {
    let source = docs::root().join("crates/shim/src/annotations.rs");
    let source = fs::read_to_string(source).expect("the shim's list");
    // One a line: `("allow-net", Value::Switch),`.
    let names = source.lines().filter_map(|line| {
        let (name, rest) = line.trim().strip_prefix("(\"")?.split_once('"')?;
        rest.starts_with(", Value::").then(|| name.to_owned())
    });
    let names: BTreeSet<String> = names.collect();
    assert!(
        names.contains("allow-connect"),
        "the list is written in another way"
    );
    names
}

/// The options of annotations that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let names = text.split(PREFIX).skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '-');
        rest[..end.unwrap_or(rest.len())].to_owned()
    });
    // `dev.guestnet.*` and `dev.guestnet.OPTION` stand for all.
    names.filter(|name| !name.is_empty()).collect()
}

fn annotations() -> Result<(), Failed> {
    let page = fs::read_to_string(docs::root().join("docs/containers.md"))?;
    let (page, shim) = (named(&page), of_the_shim());
    let missing: Vec<&String> = shim.difference(&page).collect();
    let unknown: Vec<&String> = page.difference(&shim).collect();
    if missing.is_empty() && unknown.is_empty() {
        Ok(())
    } else {
        Err(format!("not on the page: {missing:?}; not in the shim: {unknown:?}").into())
    }
}

fn image() -> Result<(), Failed> {
    let name = concat!("localhost/guestnet:", env!("CARGO_PKG_VERSION"));
    for path in ["docs/containers.md", "examples/kubernetes/guest.yaml"] {
        let text = fs::read_to_string(docs::root().join(path))?;
        let other = text
            .split("localhost/guestnet:")
            .skip(1)
            .find(|rest| !rest.starts_with(env!("CARGO_PKG_VERSION")));
        if other.is_some() || !text.contains(name) {
            return Err(format!("{path} does not name {name}, or another version").into());
        }
    }
    Ok(())
}

/// Reads a file by its kind.
fn readable(file: &PathBuf) -> Result<(), Failed> {
    let text = fs::read_to_string(file)?;
    let unknown: Vec<String> = named(&text).difference(&of_the_shim()).cloned().collect();
    if !unknown.is_empty() {
        return Err(format!("the shim does not know {unknown:?}").into());
    }
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => {
            let table: toml::Table = text.parse()?;
            let plugins = table.get("plugins").and_then(toml::Value::as_table);
            let is_version = table.get("version").and_then(toml::Value::as_integer).is_some();
            (is_version && plugins.is_some_and(|plugins| plugins.len() == 1))
                .then_some(())
                .ok_or_else(|| "there is no version, or not one plugin".into())
        }
        Some("yaml") => {
            let objects = YamlLoader::load_from_str(&text)?;
            let is_object = |object: &Yaml| {
                let has = |key: &str| object[key].as_str().is_some_and(|text| !text.is_empty());
                has("apiVersion") && has("kind") && object["metadata"]["name"].as_str().is_some()
            };
            (!objects.is_empty() && objects.iter().all(is_object))
                .then_some(())
                .ok_or_else(|| "an object has no apiVersion, kind or name".into())
        }
        _ if file.ends_with("Dockerfile") => Ok(()),
        _ => Err("nothing reads a file of this kind".into()),
    }
}
