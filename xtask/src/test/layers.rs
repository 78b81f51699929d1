//! Arrows never point up: which crate of the workspace may name which other one.
//!
//! A guest never names a host, a host never a guest, and core neither; only the embedder's
//! crate, the programs at the top, and tests, join them. Nothing but these, hosts and the check of directories knows an operating system. This reads the manifests through
//! `cargo metadata`; what code inside a crate may call is clippy's business.

use crate::Result;
use crate::project::cargo_metadata;
use serde_json::Value;
use std::path::Path;

/// Crates through which code reaches an operating system directly.
const OS_CRATES: [&str; 10] = [
    "libc",
    "rustix",
    "nix",
    "socket2",
    "mio",
    "tokio",
    "async-io",
    "polling",
    "windows-sys",
    "wasi",
];

/// What a guest crate may have of such a crate all the same: the features, for a reason.
///
/// QuickJS has a heap of its own, whose pages are counted against `--max-memory` and go back at once (`sys/heap.rs`): memory and nothing else.
const EXCEPTIONS: [(&str, &str, &[&str]); 1] = [("guestnet-quickjs", "rustix", &["mm"])];

/// The layers, named as in ARCHITECTURE.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// Knows neither guests nor hosts.
    Core,
    /// Which directories of the machine are no guest's. Knows it, and neither guests nor sockets.
    Directory,
    /// Where sockets come from.
    Host,
    /// An ABI.
    Guest,
    /// Behaviours that every host must show.
    Conformance,
    /// The crate for embedders, which joins guests with the host of the operating system.
    Embedder,
    /// Programs and tests, which join guests with hosts too.
    Top,
    /// xtask, which must compile when nothing else does, and the crate that is linked into guests.
    Apart,
}

/// One arrow between two packages.
#[derive(Debug)]
struct Arrow {
    from: String,
    to: String,
    /// A dependency of tests only.
    dev: bool,
    /// The features that are asked for; the default ones are one called `default`.
    features: Vec<String>,
}

/// Checks the whole workspace.
///
/// # Errors
/// Names each arrow that is not allowed, and each crate that has no layer.
pub(super) fn check(root: &Path) -> Result<()> {
    let metadata = cargo_metadata(root, &["--no-deps"])?;
    let (members, arrows) = read(&metadata)?;
    let wrong = violations(&members, &arrows);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

fn layer(package: &str) -> Option<Layer> {
    Some(match package {
        "guestnet-core" => Layer::Core,
        "guestnet-directory" => Layer::Directory,
        "guestnet-conformance" => Layer::Conformance,
        "guestnet" => Layer::Embedder,
        "guestnet-cli" | "guestnet-shim" | "guestnet-addon" | "guestnet-web" | "guestnet-tests"
        | "guestnet-bench" | "guestnet-guard" | "guestnet-demo" => Layer::Top,
        "guestnet-wasi" | "guestnet-quickjs" | "guestnet-emscripten" => Layer::Guest,
        "xtask" | "guestnet-guest" => Layer::Apart,
        name if name.starts_with("guestnet-host-") => Layer::Host,
        _ => return None,
    })
}

/// Whether a crate of layer `from` may name one of layer `to`.
fn allowed(from: Layer, to: Layer, dev: bool) -> bool {
    match (from, to) {
        // A host proves itself with the conformance suite, which is generic over hosts.
        (Layer::Host, Layer::Conformance) => dev,
        // Tests are where a guest may be joined with a host: the kernel's sockets are the simplest one to have.
        (Layer::Guest | Layer::Conformance, Layer::Host) => dev,
        // Guests open directories through crates that know the system, and ask first whether they may.
        (Layer::Host | Layer::Guest, Layer::Directory) => true,
        (Layer::Host | Layer::Guest | Layer::Conformance, to) => to == Layer::Core,
        (Layer::Embedder, to) => matches!(to, Layer::Core | Layer::Directory | Layer::Host | Layer::Guest),
        (Layer::Top, to) => to != Layer::Apart,
        (Layer::Core | Layer::Directory | Layer::Apart, _) => false,
    }
}

fn violations(members: &[String], arrows: &[Arrow]) -> Vec<String> {
    let mut wrong: Vec<String> = members
        .iter()
        .filter(|member| layer(member).is_none())
        .map(|member| format!("{member} has no layer: give it one in xtask/src/test/layers.rs"))
        .collect();
    for Arrow {
        from,
        to,
        dev,
        features,
    } in arrows
    {
        let Some(from_layer) = layer(from) else { continue };
        let ok = match layer(to) {
            Some(to_layer) => allowed(from_layer, to_layer, *dev),
            None if OS_CRATES.contains(&to.as_str()) => {
                let excepted = EXCEPTIONS
                    .iter()
                    .any(|(name, os, may)| name == from && os == to && may == features);
                *dev || excepted || !matches!(from_layer, Layer::Core | Layer::Guest | Layer::Conformance)
            }
            None => true,
        };
        if !ok {
            let kind = if *dev { "dev-depends" } else { "depends" };
            wrong.push(format!(
                "{from} ({from_layer:?}) {kind} on {to}: ARCHITECTURE.md, invariant 1, forbids it"
            ));
        }
    }
    wrong
}

/// The packages of the workspace and the arrows that start at them.
fn read(metadata: &Value) -> Result<(Vec<String>, Vec<Arrow>)> {
    let bad = || "cargo metadata has a shape this check does not know".to_owned();
    let mut members = Vec::new();
    let mut arrows = Vec::new();
    for package in metadata["packages"].as_array().ok_or_else(bad)? {
        let name = package["name"].as_str().ok_or_else(bad)?;
        for dependency in package["dependencies"].as_array().ok_or_else(bad)? {
            let listed = dependency["features"].as_array().into_iter().flatten();
            let mut features: Vec<String> = listed.filter_map(Value::as_str).map(str::to_owned).collect();
            if dependency["uses_default_features"].as_bool() == Some(true) {
                features.push("default".to_owned());
            }
            arrows.push(Arrow {
                features,
                from: name.to_owned(),
                to: dependency["name"].as_str().ok_or_else(bad)?.to_owned(),
                dev: dependency["kind"].as_str() == Some("dev"),
            });
        }
        members.push(name.to_owned());
    }
    if members.is_empty() {
        Err(bad())
    } else {
        Ok((members, arrows))
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrow, read, violations};

    fn arrow(from: &str, to: &str, dev: bool) -> Vec<String> {
        let members = [from, to]
            .map(str::to_owned)
            .into_iter()
            .filter(|name| name.starts_with("guestnet"))
            .collect::<Vec<_>>();
        violations(
            &members,
            &[Arrow {
                from: from.into(),
                to: to.into(),
                dev,
                features: Vec::new(),
            }],
        )
    }

    #[test]
    fn everything_may_name_core_and_core_names_nothing() {
        assert!(arrow("guestnet-host-os", "guestnet-core", false).is_empty());
        assert!(arrow("guestnet-wasi", "guestnet-core", false).is_empty());
        assert!(arrow("guestnet-cli", "guestnet-core", false).is_empty());
        for dev in [false, true] {
            assert_eq!(arrow("guestnet-core", "guestnet-host-os", dev).len(), 1);
            assert_eq!(arrow("guestnet-core", "guestnet-wasi", dev).len(), 1);
        }
    }

    #[test]
    fn guests_and_hosts_meet_in_tests_only() {
        assert_eq!(arrow("guestnet-wasi", "guestnet-host-os", false).len(), 1);
        assert!(arrow("guestnet-wasi", "guestnet-host-os", true).is_empty());
        for dev in [false, true] {
            assert_eq!(arrow("guestnet-host-os", "guestnet-wasi", dev).len(), 1);
            assert_eq!(arrow("guestnet-wasi", "guestnet-quickjs", dev).len(), 1);
        }
    }

    #[test]
    fn the_conformance_suite_and_the_hosts_know_each_other_in_tests_only() {
        assert!(arrow("guestnet-host-os", "guestnet-conformance", true).is_empty());
        assert!(arrow("guestnet-conformance", "guestnet-host-os", true).is_empty());
        assert_eq!(arrow("guestnet-host-os", "guestnet-conformance", false).len(), 1);
        assert_eq!(arrow("guestnet-conformance", "guestnet-host-os", false).len(), 1);
    }

    #[test]
    fn programs_at_the_top_join_guests_with_hosts() {
        assert!(arrow("guestnet-cli", "guestnet-wasi", false).is_empty());
        assert!(arrow("guestnet-cli", "guestnet-host-os", false).is_empty());
        assert!(arrow("guestnet-tests", "guestnet-conformance", false).is_empty());
        assert_eq!(arrow("guestnet-wasi", "guestnet-cli", false).len(), 1);
    }

    #[test]
    fn the_embedders_crate_joins_guests_with_hosts_below_the_programs() {
        for below in ["guestnet-core", "guestnet-wasi", "guestnet-host-os"] {
            assert!(arrow("guestnet", below, false).is_empty());
            assert_eq!(arrow(below, "guestnet", false).len(), 1);
        }
        assert!(arrow("guestnet-cli", "guestnet", false).is_empty());
        assert_eq!(arrow("guestnet", "guestnet-cli", false).len(), 1);
        assert!(arrow("guestnet", "rustix", false).is_empty());
    }

    #[test]
    fn guests_ask_about_directories_and_that_crate_names_none_of_ours() {
        assert!(arrow("guestnet-wasi", "guestnet-directory", false).is_empty());
        assert!(arrow("guestnet-directory", "rustix", false).is_empty());
        assert_eq!(arrow("guestnet-core", "guestnet-directory", false).len(), 1);
        assert_eq!(arrow("guestnet-directory", "guestnet-core", false).len(), 1);
    }

    #[test]
    fn only_hosts_and_programs_know_operating_systems() {
        assert_eq!(arrow("guestnet-core", "libc", false).len(), 1);
        assert_eq!(arrow("guestnet-wasi", "rustix", false).len(), 1);
        assert!(arrow("guestnet-host-os", "rustix", false).is_empty());
        assert!(arrow("guestnet-wasi", "wasmtime", false).is_empty());
        // With other features than those of the exception.
        assert_eq!(arrow("guestnet-quickjs", "rustix", false).len(), 1);
    }

    #[test]
    fn a_new_crate_needs_a_layer() {
        assert_eq!(violations(&["guestnet-surprise".into()], &[]).len(), 1);
    }

    #[test]
    fn metadata_is_read_with_the_kind_of_each_dependency() {
        let metadata = serde_json::json!({ "packages": [{
            "name": "guestnet-core",
            "dependencies": [
                { "name": "guestnet-wasi", "kind": null },
                { "name": "proptest", "kind": "dev" },
            ],
        }]});
        let (members, arrows) = read(&metadata).expect("well formed");
        assert_eq!(members, ["guestnet-core"]);
        assert_eq!(
            arrows.iter().map(|arrow| arrow.dev).collect::<Vec<_>>(),
            [false, true]
        );
        assert_eq!(violations(&members, &arrows).len(), 1);
        assert!(read(&serde_json::json!({})).is_err());
    }
}
