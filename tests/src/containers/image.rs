//! An image made by hand: one layer, as a tar archive in the layout of OCI.

use super::Containerd;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::{self, File};

/// The size of a block of tar.
const BLOCK: usize = 512;

/// An image that containerd has.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its name, as containerd wants it.
    pub(super) name: String,
    /// What it starts when nothing else is said.
    pub(super) entry_point: Vec<String>,
}

/// An image that is being made.
#[derive(Debug, Clone)]
pub struct ImageBuilder {
    layer: Tar,
    config: Value,
}

impl Image {
    /// An image with nothing in it, and no entry point.
    #[must_use]
    pub fn builder() -> ImageBuilder {
        ImageBuilder {
            layer: Tar::default(),
            config: json!({}),
        }
    }
}

impl ImageBuilder {
    /// A file that may be executed.
    #[must_use]
    pub fn file(mut self, path: &str, content: &[u8]) -> Self {
        self.layer.entry(path, b'0', "", 0o755, content);
        self
    }

    /// A file for root alone.
    #[must_use]
    pub fn private_file(mut self, path: &str, content: &[u8]) -> Self {
        self.layer.entry(path, b'0', "", 0o600, content);
        self
    }

    /// A directory.
    #[must_use]
    pub fn directory(mut self, path: &str) -> Self {
        self.layer.entry(path, b'5', "", 0o755, &[]);
        self
    }

    /// A symbolic link, to whatever its maker likes.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.layer.entry(path, b'2', target, 0o777, &[]);
        self
    }

    /// What is started, with its first arguments.
    #[must_use]
    pub fn entry_point(self, words: &[&str]) -> Self {
        self.set("Entrypoint", json!(words))
    }

    /// Variables of the environment, as `NAME=VALUE`.
    #[must_use]
    pub fn env(self, variables: &[&str]) -> Self {
        self.set("Env", json!(variables))
    }

    /// Who runs it, as `USER:GROUP` in numbers.
    #[must_use]
    pub fn user(self, user: &str) -> Self {
        self.set("User", json!(user))
    }

    fn set(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    /// Gives it to containerd.
    ///
    /// # Panics
    ///
    /// When containerd does not take it.
    #[must_use]
    pub fn import(self, containerd: &Containerd) -> Image {
        let name = format!("tests.invalid/{}:1", containerd.unique("image"));
        let words = self.config["Entrypoint"].as_array().cloned().unwrap_or_default();
        let layer = self.layer.finish();
        let architecture = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "amd64"
        };
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        })
        .to_string()
        .into_bytes();
        let part = |kind: &str, content: &[u8]| {
            json!({
                "mediaType": format!("application/vnd.oci.image.{kind}"),
                "digest": digest(content),
                "size": content.len(),
            })
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": part("config.v1+json", &config),
            "layers": [part("layer.v1.tar", &layer)],
        })
        .to_string()
        .into_bytes();
        let mut described = part("manifest.v1+json", &manifest);
        described["annotations"] = json!({"io.containerd.image.name": name});
        let index = json!({"schemaVersion": 2, "manifests": [described]}).to_string();

        let mut archive = Tar::default();
        archive.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        archive.file("index.json", index.as_bytes());
        for blob in [&config, &manifest, &layer] {
            archive.file(&format!("blobs/{}", digest(blob).replace(':', "/")), blob);
        }
        let path = containerd.path(&format!("/run/{}.tar", containerd.unique("archive")));
        fs::write(&path, archive.finish()).expect("write the archive");
        let _ = containerd
            .ctr()
            .args(["images", "import", "--snapshotter", "native", "-"])
            .stdin(File::open(&path).expect("read the archive"))
            .finish()
            .success();
        fs::remove_file(&path).expect("remove the archive");
        let entry_point = words
            .iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect();
        Image { name, entry_point }
    }
}

/// What OCI calls a content by.
fn digest(content: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(content) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// An archive of tar in its form of POSIX, ustar.
#[derive(Debug, Default, Clone)]
struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, b'0', "", 0o644, content);
    }

    /// One entry: its kind is 0 for a file, 2 for a symbolic link, 5 for a directory.
    fn entry(&mut self, path: &str, kind: u8, target: &str, mode: u32, content: &[u8]) {
        let mut head = [0; BLOCK];
        let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
        assert!(
            path.len() <= 100 && target.len() <= 100,
            "ustar has no room for {path}"
        );
        put(0, path);
        put(100, &format!("{mode:07o}\0"));
        put(108, "0000000\0");
        put(116, "0000000\0");
        put(124, &format!("{:011o}\0", content.len()));
        put(136, "00000000000\0");
        // The sum is made as if it were spaces itself.
        put(148, "        ");
        put(157, target);
        put(257, "ustar\x0000");
        head[156] = kind;
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }

    /// The archive with its end.
    fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}
