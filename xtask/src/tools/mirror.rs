//! Debian's mirror, as the machine's own apt is configured: packages of another release, and sources.
//!
//! Both are fetched with lists of packages of their own, not the system's. Nothing of the machine's configuration changes.

use super::apt::Apt;
use super::size::{in_megabytes, of_uris};
use crate::Result;
use crate::cache::Cache;
use crate::process::{capture, progress};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release whose sources are taken, on whichever release this runs: the lists of their files are in this
/// repository.
const SOURCES: &str = "bookworm";

/// Debian signs its releases with the keys of this package, which every Debian has.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The address of the mirror that the machine has its own release from.
pub(super) fn site() -> Result<String> {
    let release =
        fs::read_to_string("/etc/os-release").map_err(|error| format!("/etc/os-release: {error}"))?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .unwrap_or("stable")
        .trim_matches('"');
    let mut command = Command::new("apt-get");
    command.args([
        "indextargets",
        "--format",
        "$(RELEASE) $(SITE)",
        "Created-By: Packages",
    ]);
    let targets = capture(&mut command, "apt-get indextargets")?;
    let site = targets.lines().find_map(|line| {
        let (suite, site) = line.split_once(' ')?;
        (suite == codename || suite == "stable").then(|| site.to_owned())
    });
    site.ok_or_else(|| format!("apt's configuration names no mirror of {codename}"))
}

/// The options that the machine's apt needs to reach its mirror, and that another apt needs as well.
pub(super) fn settings() -> Result<Vec<String>> {
    const WANTED: [&str; 4] = [
        "Acquire::Check-Valid-Until ",
        "Acquire::Retries ",
        "Acquire::http::Proxy ",
        "Acquire::https::Proxy ",
    ];
    let settings = capture(Command::new("apt-config").arg("dump"), "apt-config dump")?;
    Ok(settings
        .lines()
        .filter(|line| WANTED.iter().any(|wanted| line.starts_with(wanted)))
        .map(|line| line.trim_end_matches(';').to_owned())
        .collect())
}

/// The unpacked source of a package, as its authors released it.
pub(super) fn source(cache: &Cache, apt: &Apt, package: &str) -> Result<PathBuf> {
    apt.programs(cache, &[("tar", "tar"), ("xz", "xz-utils")])?;
    let directory = cache.tool(&format!("source-{SOURCES}-{package}"), |directory| {
        fetch(directory, package)
    })?;
    Ok(directory.join("tree"))
}

fn fetch(directory: &Path, package: &str) -> Result<()> {
    let named = |error: std::io::Error| format!("{}: {error}", directory.display());
    for part in ["lists/partial", "archives/partial", "tree"] {
        fs::create_dir_all(directory.join(part)).map_err(named)?;
    }
    let list = directory.join("sources.list");
    let line = format!("deb-src [signed-by={KEYRING}] {} {SOURCES} main\n", site()?);
    fs::write(&list, line).map_err(named)?;
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.current_dir(directory).arg("-q");
        for (option, path) in [
            ("Dir::Etc::sourcelist", "sources.list"),
            ("Dir::State::lists", "lists"),
            ("Dir::Cache::archives", "archives"),
            ("Dir::Cache::srcpkgcache", ""),
            ("Dir::Cache::pkgcache", ""),
        ] {
            let value = if path.is_empty() {
                String::new()
            } else {
                directory.join(path).display().to_string()
            };
            command.arg("-o").arg(format!("{option}={value}"));
        }
        // Everything is in the cache directory of one user.
        command.args([
            "-o",
            "Dir::Etc::sourceparts=-",
            "-o",
            "APT::Sandbox::User=root",
            "-o",
            "Acquire::Retries=3",
        ]);
        capture(
            command.args(arguments),
            &format!("apt-get {}", arguments.join(" ")),
        )
    };
    progress(
        package,
        &format!("fetching the list of {SOURCES}'s sources with apt-get: about 10 MB"),
    );
    apt_get(&["update"])?;
    let source = ["source", "--download-only", package];
    let size = of_uris(&apt_get(
        &["--print-uris"].into_iter().chain(source).collect::<Vec<_>>(),
    )?);
    progress(
        package,
        &format!("fetching its source with apt-get: {}", in_megabytes(size)),
    );
    apt_get(&source)?;
    let archive = fs::read_dir(directory)
        .map_err(named)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            path.to_string_lossy().contains(".orig.tar.") && !path.to_string_lossy().ends_with(".asc")
        })
        .ok_or_else(|| format!("Debian's source of {package} has no .orig.tar"))?;
    let mut tar = Command::new("tar");
    tar.arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(directory.join("tree"))
        .arg("--strip-components=1");
    capture(&mut tar, "tar")?;
    fs::remove_dir_all(directory.join("lists")).map_err(named)
}
