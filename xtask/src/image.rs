//! The container image of the `guestnet` command, for those who run containers and want no shim: `<target>/image/guestnet.tar`.
//!
//! One layer: the program, the shared libraries that it needs, and the few files that a C library looks for. The archive is an OCI image
//! layout, with the table of contents that `docker load` reads as well. The same program makes the same archive, to the byte.

use crate::Result;
use crate::process::{capture, progress, run};
use crate::project::Project;
use crate::tools::Tools;
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What it is called. `localhost` is no registry: the name stands for an image that was loaded.
const NAME: &str = concat!("localhost/guestnet:", env!("CARGO_PKG_VERSION"));

/// Where the program is in it.
const PROGRAM: &str = "usr/local/bin/guestnet";

/// The user and the group that the program runs as.
const USER: u32 = 65532;

/// What the C library finds. It has an entry for the user, looks names up as the engine's `/etc/hosts` and `/etc/resolv.conf` say, and
/// knows the services that programs name most.
const FILES: [(&str, &str); 4] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/:/sbin/nologin\nguestnet:x:65532:65532:guestnet:/:/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\nguestnet:x:65532:\n"),
    (
        "etc/nsswitch.conf",
        "passwd: files\ngroup: files\nhosts: files dns\nservices: files\n",
    ),
    (
        "etc/services",
        "domain 53/tcp\ndomain 53/udp\nhttp 80/tcp\nntp 123/udp\nhttps 443/tcp\nhttps 443/udp\nmysql 3306/tcp\npostgresql 5432/tcp\nredis 6379/tcp\n",
    ),
];

/// The directory of compiled guests, which belongs to the user.
const CACHE: &str = "var/cache/guestnet";

/// What an older C library loads when it first looks a name up: `ldd` does not see them.
const LOADED_LATER: [&str; 3] = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];

/// A tar archive's unit.
const BLOCK: usize = 512;

/// Which build of the program is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// For tests.
    Debug,
    /// For use.
    Release,
}

/// Builds the program, and the image of it; gives the archive's path.
///
/// # Errors
/// When the program does not build, or one of its libraries is not there.
pub(crate) fn build(project: &Project, tools: &Tools, profile: Profile) -> Result<PathBuf> {
    tools.c_compiler()?;
    progress("image", "building guestnet");
    let mut cargo = project.cargo();
    cargo.args(["build", "-p", "guestnet-cli"]);
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    run(&mut cargo, "cargo build")?;
    assemble(project, profile)
}

/// The image of the program as it has been built.
///
/// # Errors
/// When it or one of its libraries is not there.
pub(crate) fn assemble(project: &Project, profile: Profile) -> Result<PathBuf> {
    let directory = project.target.join("image");
    fs::create_dir_all(&directory).map_err(|error| named(&directory, error))?;
    let (built, archive) = match profile {
        Profile::Debug => ("debug", "guestnet-debug.tar"),
        Profile::Release => ("release", "guestnet.tar"),
    };
    let built = project.guestnet(built);
    // Its symbols are two thirds of it.
    let stripped = directory.join("guestnet.part");
    let mut strip = Command::new("strip");
    capture(strip.arg("-o").arg(&stripped).arg(&built), "strip")?;
    let layer = layer(&stripped);
    let _ = fs::remove_file(&stripped);
    let archive = directory.join(archive);
    let part = directory.join("archive.part");
    fs::write(&part, image(&layer?)?)
        .and_then(|()| fs::rename(&part, &archive))
        .map_err(|error| named(&archive, error))?;
    Ok(archive)
}

/// The files of the image.
fn layer(program: &Path) -> Result<Vec<u8>> {
    let mut tar = Tar::default();
    for (path, text) in FILES {
        tar.file(path, 0o644, text.as_bytes());
    }
    for library in libraries(program)? {
        let content = fs::read(&library).map_err(|error| named(&library, error))?;
        let path = library.to_string_lossy();
        tar.file(path.trim_start_matches('/'), 0o755, &content);
    }
    let content = fs::read(program).map_err(|error| named(program, error))?;
    tar.file(PROGRAM, 0o755, &content);
    tar.directory("tmp", 0o1777, 0);
    tar.directory(CACHE, 0o700, USER);
    Ok(tar.finish())
}

/// The libraries of a program, and the one that loads them, by the paths where they are found.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for line in capture(Command::new("ldd").arg(program), "ldd")?.lines() {
        // `libc.so.6 => /lib/libc.so.6 (0x…)`, `/lib64/ld-linux.so.2 (0x…)`, and what the kernel has: `linux-vdso.so.1 (0x…)`.
        let (name, place) = line.split_once("=>").unwrap_or((line, line));
        let path = place.trim().split(" (").next().unwrap_or_default();
        if path.starts_with('/') {
            found.push(PathBuf::from(path));
        } else if path == "not found" {
            return Err(format!("{} is not there", name.trim()));
        }
    }
    let c_library = found.iter().find(|path| path.ends_with("libc.so.6"));
    let directory = c_library.and_then(|path| path.parent()).map(Path::to_path_buf);
    let later = directory
        .iter()
        .flat_map(|directory| LOADED_LATER.map(|name| directory.join(name)));
    found.extend(later.filter(|path| path.is_file()));
    found.sort();
    found.dedup();
    Ok(found)
}

/// The archive of an image with this layer.
fn image(layer: &[u8]) -> Result<Vec<u8>> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let layer_digest = digest(layer)?;
    let config = text(&json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Env": ["PATH=/usr/local/bin", format!("GUESTNET_CACHE=/{CACHE}")],
            "Entrypoint": [format!("/{PROGRAM}")],
            "Cmd": ["help"],
            "WorkingDir": "/",
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
        "history": [{ "created_by": "cargo xtask image" }],
    }));
    let config_digest = digest(&config)?;
    let described = |kind: &str, digest: &str, size: usize| {
        json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"),
            "digest": format!("sha256:{digest}"),
            "size": size,
        })
    };
    let manifest = text(&json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": described("config.v1+json", &config_digest, config.len()),
        "layers": [described("layer.v1.tar", &layer_digest, layer.len())],
    }));
    let manifest_digest = digest(&manifest)?;
    let mut entry = described("manifest.v1+json", &manifest_digest, manifest.len());
    entry["platform"] = json!({ "architecture": architecture, "os": "linux" });
    entry["annotations"] = json!({
        "io.containerd.image.name": NAME,
        "org.opencontainers.image.ref.name": NAME,
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [entry],
    });
    let blob = |digest: &str| format!("blobs/sha256/{digest}");
    let contents = json!([{
        "Config": blob(&config_digest),
        "RepoTags": [NAME],
        "Layers": [blob(&layer_digest)],
    }]);
    let mut tar = Tar::default();
    tar.file(
        "oci-layout",
        0o644,
        &text(&json!({ "imageLayoutVersion": "1.0.0" })),
    );
    tar.file("index.json", 0o644, &text(&index));
    tar.file("manifest.json", 0o644, &text(&contents));
    for (digest, content) in [
        (&config_digest, config.as_slice()),
        (&layer_digest, layer),
        (&manifest_digest, &manifest),
    ] {
        tar.file(&blob(digest), 0o644, content);
    }
    Ok(tar.finish())
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// SHA-256, as hexadecimal digits.
fn digest(content: &[u8]) -> Result<String> {
    let failed = |error: std::io::Error| format!("sha256sum: {error}");
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // It prints nothing before its input has ended, so that neither waits for the other.
    if let Some(mut input) = child.stdin.take() {
        input.write_all(content).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    let printed = String::from_utf8_lossy(&output.stdout);
    match printed.split(' ').next() {
        Some(digest) if digest.len() == 64 => Ok(digest.to_owned()),
        _ => Err(format!("sha256sum printed {printed:?}")),
    }
}

/// A tar archive in memory, in the POSIX format: no times, and root's files unless it says otherwise.
#[derive(Default)]
struct Tar {
    bytes: Vec<u8>,
    /// What is in it already.
    directories: Vec<String>,
}

impl Tar {
    /// A file, behind the directories above it.
    fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.parents(path);
        self.header(path, mode, 0, content.len(), b'0');
        self.bytes.extend_from_slice(content);
        self.fill();
    }

    /// A directory, behind those above it.
    fn directory(&mut self, path: &str, mode: u32, owner: u32) {
        if !self.directories.iter().any(|there| there == path) {
            self.parents(path);
            self.header(&format!("{path}/"), mode, owner, 0, b'5');
            self.directories.push(path.to_owned());
        }
    }

    fn parents(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent, 0o755, 0);
        }
    }

    /// The block before a file's content. Paths and sizes here are far below what it has room for.
    fn header(&mut self, path: &str, mode: u32, owner: u32, size: usize, kind: u8) {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, field: &[u8]| {
            for (to, from) in block.iter_mut().skip(at).zip(field) {
                *to = *from;
            }
        };
        put(0, path.as_bytes());
        put(100, format!("{mode:07o}").as_bytes());
        put(108, format!("{owner:07o}").as_bytes());
        put(116, format!("{owner:07o}").as_bytes());
        put(124, format!("{size:011o}").as_bytes());
        put(136, format!("{:011o}", 0).as_bytes());
        // The sum is of a block in which it is spaces itself.
        put(148, b"        ");
        put(156, &[kind]);
        put(257, b"ustar\x0000");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        for (to, from) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0").bytes()) {
            *to = from;
        }
        self.bytes.extend_from_slice(&block);
    }

    fn fill(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        self.bytes
    }
}

fn named(path: &Path, error: std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::{NAME, Tar, digest, image, libraries};
    use crate::process::capture;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    #[test]
    fn tar_finds_what_was_written_with_its_modes_and_owners() {
        let mut tar = Tar::default();
        tar.file("a/b/one", 0o644, b"1");
        tar.file("a/two", 0o755, &[b'2'; 513]);
        tar.directory("a/mine", 0o700, 65532);
        let path = std::env::temp_dir().join(format!("guestnet-tar-{}", std::process::id()));
        fs::write(&path, tar.finish()).expect("written");
        let listed = capture(
            Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(&path),
            "tar",
        );
        fs::remove_file(&path).expect("cleaned up");
        let listed = listed.expect("tar reads it");
        // Mode, owner, size, date, time, name.
        let lines: Vec<[&str; 4]> = listed
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                [words[0], words[1], words[2], words[5]]
            })
            .collect();
        assert_eq!(
            lines,
            [
                ["drwxr-xr-x", "0/0", "0", "a/"],
                ["drwxr-xr-x", "0/0", "0", "a/b/"],
                ["-rw-r--r--", "0/0", "1", "a/b/one"],
                ["-rwxr-xr-x", "0/0", "513", "a/two"],
                ["drwx------", "65532/65532", "0", "a/mine/"],
            ]
        );
    }

    #[test]
    fn an_image_names_its_layer_by_what_is_in_it() {
        assert_eq!(
            digest(b"").expect("a digest"),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        let archive = image(b"the layer").expect("an image");
        let text = String::from_utf8_lossy(&archive);
        let layer = digest(b"the layer").expect("a digest");
        assert!(text.contains(&format!("blobs/sha256/{layer}")) && text.contains(NAME));
        assert_eq!(archive, image(b"the layer").expect("an image"));
    }

    #[test]
    fn the_libraries_of_a_program_are_files_and_its_loader_is_among_them() {
        let found = libraries(Path::new("/bin/sh")).expect("a program");
        assert!(found.iter().all(|path| path.is_file()), "{found:?}");
        for part in ["libc.so.6", "ld-linux"] {
            let has = found.iter().any(|path| path.to_string_lossy().contains(part));
            assert!(has, "{part}: {found:?}");
        }
    }
}
