//! The parts of an OCI runtime specification (`config.json` of a bundle) that mean something here, as plain data.
//!
//! Not here: what becomes of them. Names are those of the specification.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

/// The largest `config.json` that is read: far above what engines write.
const MOST: u64 = 4 << 20;

/// A container, as its engine describes it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Spec {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) process: Process,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) root: Root,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) mounts: Vec<Mount>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) linux: Linux,
    /// Programs that are to be run at points of the container's life, by the name of the point.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) hooks: BTreeMap<String, Option<Vec<serde::de::IgnoredAny>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Process {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) terminal: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) args: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) env: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) cwd: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) user: User,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) capabilities: Capabilities,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) rlimits: Vec<Rlimit>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) oom_score_adj: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) uid: u32,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) gid: u32,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) additional_gids: Vec<u32>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) umask: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Capabilities {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) effective: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Rlimit {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) hard: u64,
    pub(crate) soft: u64,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Root {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) path: PathBuf,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) readonly: bool,
}

/// Of the specification, or of a request of containerd's.
#[derive(Clone, Debug, Default, Deserialize, serde::Serialize)]
pub(crate) struct Mount {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) destination: String,
    #[serde(default, rename = "type", deserialize_with = "or_default")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) source: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) options: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Linux {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) namespaces: Vec<Namespace>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) cgroups_path: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) resources: Resources,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) sysctl: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Namespace {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) path: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Resources {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) memory: Memory,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) cpu: Cpu,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) pids: Pids,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) unified: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Memory {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) limit: Option<i64>,
    /// Memory and swap together.
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) swap: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Cpu {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) shares: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) quota: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) period: Option<u64>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) cpus: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) mems: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Pids {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) limit: Option<i64>,
}

impl Spec {
    /// Reads the description of a bundle.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn read(bundle: &Path) -> Result<Spec, String> {
        let text = crate::files::read_bounded(&bundle.join("config.json"), MOST)
            .map_err(|error| format!("cannot read the container's config.json: {error}"))?;
        serde_json::from_slice(&text)
            .map_err(|error| format!("cannot understand the container's config.json: {error}"))
    }

    /// The value of an annotation.
    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// Whether it holds a pod's namespaces and runs no program.
    pub(crate) fn is_sandbox(&self) -> bool {
        self.annotation("io.kubernetes.cri.container-type") == Some("sandbox")
    }

    /// Whether programs are to be run at points of its life.
    pub(crate) fn has_hooks(&self) -> bool {
        self.hooks.values().flatten().any(|hooks| !hooks.is_empty())
    }

    /// The namespace of one kind, if the container is not to be in the machine's.
    pub(crate) fn namespace(&self, kind: &str) -> Option<&Namespace> {
        self.linux
            .namespaces
            .iter()
            .find(|namespace| namespace.kind == kind)
    }
}

/// Go writes an empty list as null now and then.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_or_null_is_empty() {
        for text in [
            "{}",
            r#"{"process":null,"mounts":null,"linux":{"namespaces":null,"resources":{"memory":null}}}"#,
            r#"{"ociVersion":"1.0.2","process":{"args":null,"unknown":1}}"#,
        ] {
            let spec: Spec = serde_json::from_str(text).unwrap();
            assert!(spec.process.args.is_empty() && spec.mounts.is_empty(), "{text}");
            assert!(!spec.has_hooks() && !spec.is_sandbox() && spec.namespace("network").is_none());
        }
    }

    #[test]
    fn what_is_no_description_is_an_error_and_never_a_panic() {
        for text in [
            "",
            "7",
            "{\"process\":7}",
            "{\"mounts\":{}}",
            "\u{0}",
            "{\"process\":{\"args\":[1]}}",
        ] {
            assert!(serde_json::from_str::<Spec>(text).is_err(), "{text}");
        }
    }
}
