//! OCI artifacts of Wasm: an image that is one module or component itself, and no file system.
//!
//! containerd keeps such an image as it is and gives the container an empty root. So the container's process, which does not find
//! its guest there, asks containerd for the image, and has its one layer of Wasm written to a file of the bundle. It is that process
//! that asks: what it reads and keeps counts against the container's own limits.
//!
//! An image is hostile: everything that its manifests say is bounded, and what they name is taken by its digest only.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::containerd::{Blob, Containerd, Store};
use crate::grpc::Failure;

/// The file of a bundle with the guest.
const FILE: &str = "artifact.wasm";

/// The largest guest. A bundle is in memory as a rule (/run), and guests of this size take a compiler gigabytes; large real
/// ones, whole interpreters with their libraries, have 50 MiB.
const MOST: u64 = 256 << 20;

/// The largest manifest, and the largest index: what registries take, by the distribution specification.
const MOST_MANIFEST: u64 = 4 << 20;

/// How many manifests and indexes are read at most, until one is for us: real ones have one index with a few platforms.
const MOST_MANIFESTS: u32 = 16;

const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// The configuration of an artifact of Wasm.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// Layers that are a module or a component: the one of the CNCF's layout, and those that came before it.
const LAYERS: [&str; 3] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
];

/// Operating systems of an image for the architecture `wasm` that guests have.
const SYSTEMS: [&str; 3] = ["wasi", "wasip1", "wasip2"];

/// Why there is no guest of an artifact.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoArtifact {
    /// The container's image is an ordinary one, or it has none.
    Ordinary,
    /// containerd does not say: one sentence.
    Unknown(String),
    /// It is an artifact, and one that is not run: one sentence.
    Refused(String),
}

impl From<Failure> for NoArtifact {
    fn from(failure: Failure) -> NoArtifact {
        match failure {
            Failure::Missing => NoArtifact::Unknown("it knows no such thing".to_owned()),
            Failure::Broken(sentence) => NoArtifact::Unknown(sentence),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
}

impl From<Descriptor> for Blob {
    fn from(descriptor: Descriptor) -> Blob {
        Blob {
            media_type: descriptor.media_type,
            digest: descriptor.digest,
            size: descriptor.size,
        }
    }
}

/// Writes the guest that a container's image is to a file of the bundle, and opens that. `memory` is what the container may have,
/// if that is limited.
///
/// # Errors
/// There is none.
pub(crate) fn fetch(
    containerd: &Containerd,
    container: &str,
    bundle: &Path,
    memory: Option<u64>,
) -> Result<File, NoArtifact> {
    let mut session = containerd.connect()?;
    let target = match session.image(container) {
        Ok(Some(target)) => target,
        // Containers that others than containerd's own clients have made.
        Ok(None) | Err(Failure::Missing) => return Err(NoArtifact::Ordinary),
        Err(failure) => return Err(failure.into()),
    };
    let layer = layer(&mut session, target)?;
    let path = bundle.join(FILE);
    keep(&mut session, &layer, &path, memory).inspect_err(|_| {
        let _ = std::fs::remove_file(&path);
    })
}

/// The one layer of Wasm of an image.
fn layer(store: &mut impl Store, target: Blob) -> Result<Blob, NoArtifact> {
    // The next one last.
    let mut left = vec![target];
    let mut read = 0;
    while let Some(next) = left.pop() {
        let is = |kinds: &[&str]| kinds.contains(&next.media_type.as_str());
        if !is(&INDEXES) && !is(&MANIFESTS) {
            continue;
        }
        read += 1;
        if read > MOST_MANIFESTS {
            return Err(refused(format!(
                "has more than {MOST_MANIFESTS} manifests for this platform"
            )));
        }
        let text = small(store, &next)?;
        if is(&INDEXES) {
            left.extend(candidates(parsed(&text)?));
        } else if let Some(layer) = only_layer(parsed(&text)?)? {
            return Ok(layer);
        }
    }
    Err(NoArtifact::Ordinary)
}

/// What an index has for us, the best one last: for Wasm, then for this machine, then for no platform in particular.
fn candidates(index: Index) -> Vec<Blob> {
    let mut ranked: Vec<(u8, Blob)> = index
        .manifests
        .unwrap_or_default()
        .into_iter()
        .filter_map(|manifest| Some((rank(manifest.platform.as_ref())?, manifest.into())))
        .collect();
    // The first of equals is the better one.
    ranked.reverse();
    ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    ranked.into_iter().map(|(_, blob)| blob).collect()
}

fn rank(platform: Option<&Platform>) -> Option<u8> {
    let Some(Platform { architecture, os }) = platform else {
        return Some(2);
    };
    if architecture == "wasm" {
        return SYSTEMS.contains(&os.as_str()).then_some(0);
    }
    // Go's names.
    let machine = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    (os == std::env::consts::OS && architecture == machine).then_some(1)
}

/// The layer of a manifest; none if it is that of an ordinary image.
fn only_layer(manifest: Manifest) -> Result<Option<Blob>, NoArtifact> {
    let is_artifact = manifest.config.is_some_and(|config| config.media_type == CONFIG);
    let mut layers: Vec<Descriptor> = manifest.layers.unwrap_or_default();
    layers.retain(|layer| LAYERS.contains(&layer.media_type.as_str()));
    match layers.len() {
        0 if is_artifact => Err(refused("has no layer of Wasm")),
        0 => Ok(None),
        1 => Ok(layers.pop().map(Blob::from)),
        many => Err(refused(format!("has {many} layers of Wasm, and a guest is one"))),
    }
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, NoArtifact> {
    // serde_json's own words quote what it has read.
    serde_json::from_slice(text).map_err(|_| refused("has a manifest that is none"))
}

/// A manifest or an index, whole.
fn small(store: &mut impl Store, blob: &Blob) -> Result<Vec<u8>, NoArtifact> {
    if blob.size > MOST_MANIFEST {
        return Err(refused("has a manifest of more than 4 MiB"));
    }
    let mut text = Vec::new();
    copy(store, blob, &mut text)?;
    Ok(text)
}

/// Writes a guest to a new file, and opens that to be read.
fn keep(store: &mut impl Store, layer: &Blob, path: &Path, memory: Option<u64>) -> Result<File, NoArtifact> {
    if layer.size > MOST {
        return Err(refused("is a guest of more than 256 MiB"));
    }
    if memory.is_some_and(|memory| layer.size > memory) {
        return Err(refused("is a guest that is larger than the container's memory"));
    }
    let failed = |error: std::io::Error| refused(format!("cannot be written to the bundle: {error}"));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .map_err(failed)?;
    // The container's user, which may be any, reads it.
    file.set_permissions(Permissions::from_mode(0o444))
        .map_err(failed)?;
    copy(store, layer, &mut file)?;
    File::open(path).map_err(failed)
}

/// Copies a content, which is as large as its descriptor says and has its digest.
fn copy(store: &mut impl Store, blob: &Blob, to: &mut impl Write) -> Result<(), NoArtifact> {
    let digest = blob.digest.strip_prefix("sha256:").unwrap_or_default();
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digest.len() != 64 || !digest.bytes().all(is_digit) {
        return Err(refused("has a digest that is not one of sha256"));
    }
    let mut left = blob.size;
    let mut hash = Sha256::new();
    let mut written = Ok(());
    let mut is_longer = false;
    store
        .read(&blob.digest, &mut |piece| {
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            is_longer = length > left;
            if is_longer {
                return false;
            }
            left -= length;
            hash.update(piece);
            written = to.write_all(piece);
            written.is_ok()
        })
        .map_err(|failure| match failure {
            Failure::Missing => refused("is not whole: containerd does not have all of it"),
            broken @ Failure::Broken(_) => broken.into(),
        })?;
    written.map_err(|error| refused(format!("cannot be written to the bundle: {error}")))?;
    let found = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    if is_longer || left > 0 || found != digest {
        return Err(refused("has a content that is not what its digest says"));
    }
    Ok(())
}

fn refused(what: impl std::fmt::Display) -> NoArtifact {
    NoArtifact::Refused(format!("the container's image {what}"))
}

#[cfg(test)]
#[path = "artifact/tests.rs"]
mod tests;
