//! Programs from Debian's packages, installed without starting the services that come with them.

use super::size::{in_megabytes, of_uris};
use crate::cache::{self, Cache};
use crate::process::{self, find_program, progress};
use crate::{Result, tools};
use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// apt-get; remembers that the package lists are fresh.
#[derive(Debug, Default)]
pub(super) struct Apt {
    updated: Cell<bool>,
}

impl Apt {
    /// Makes sure of programs on `PATH`; each comes with the packages that hold it, separated by spaces.
    ///
    /// # Errors
    /// Names each missing program and the command that installs it.
    pub(super) fn programs(&self, cache: &Cache, wanted: &[(&str, &str)]) -> Result<()> {
        let missing = || {
            wanted
                .iter()
                .filter(|(program, _)| find_program(program).is_none())
        };
        if missing().next().is_none() {
            return Ok(());
        }
        let _lock = cache::lock(&cache.path("apt.lock"), "apt-get")?;
        let names: Vec<&str> = missing().map(|(program, _)| *program).collect();
        let mut packages: Vec<&str> = missing().flat_map(|(_, packages)| packages.split(' ')).collect();
        packages.sort_unstable();
        packages.dedup();
        if !packages.is_empty() {
            self.install(&names.join(", "), &packages)?;
        }
        match missing().next() {
            None => Ok(()),
            Some((program, package)) => Err(format!(
                "{program} is still not on PATH after apt-get install {package}"
            )),
        }
    }

    /// `apt-get install`, with an update of the package lists before the first one.
    pub(super) fn install(&self, why: &str, packages: &[&str]) -> Result<()> {
        let list = packages.join(" ");
        let by_hand = format!("missing: {why}. Install with: sudo apt-get install {list}");
        if find_program("apt-get").is_none() {
            return Err(format!(
                "missing: {why}. On Debian this is: sudo apt-get install {list}"
            ));
        }
        if process::capture(Command::new("id").arg("-u"), "id")?.trim() != "0" {
            return Err(by_hand);
        }
        if !self.updated.replace(true) {
            progress("apt-get", "updating the package lists: about 10 MB");
            process::capture(apt_get().arg("update"), "apt-get update")
                .map_err(|e| format!("{e}\n{by_hand}"))?;
        }
        let install = |options: &[&str]| {
            let mut command = apt_get();
            command.args(["install", "-y", "--no-install-recommends"]);
            process::capture(command.args(options).args(packages), "apt-get install")
                .map_err(|error| format!("{error}\n{by_hand}"))
        };
        let size = in_megabytes(of_uris(&install(&["--print-uris"])?));
        progress(
            "apt-get",
            &format!("installing {list} with the system's package manager: {size} to fetch"),
        );
        let _no_services = NoServices::begin()?;
        install(&[]).map(drop)
    }
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-q", "-o", "DPkg::Lock::Timeout=600"]);
    command
}

/// While it lives, maintainer scripts start no service: `policy-rc.d` answers 101, "not allowed".
///
/// A policy of the machine's own is put aside and restored, unless it forbids starting already.
struct NoServices {
    ours: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";
const SAVED: &str = "/usr/sbin/policy-rc.d.before-guestnet";

impl NoServices {
    fn begin() -> Result<Self> {
        let named = |error: std::io::Error| format!("{POLICY}: {error}");
        if Path::new(POLICY).exists() {
            let forbids = Command::new(POLICY).args(["redis-server", "start"]).status();
            if forbids.is_ok_and(|status| status.code() == Some(101)) {
                return Ok(Self { ours: false });
            }
            fs::rename(POLICY, SAVED).map_err(named)?;
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n").map_err(named)?;
        fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)).map_err(named)?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        let restored = if Path::new(SAVED).exists() {
            fs::rename(SAVED, POLICY)
        } else {
            fs::remove_file(POLICY)
        };
        if let Err(error) = restored {
            progress("apt-get", &format!("could not restore {POLICY}: {error}"));
        }
    }
}

/// Installs `packages` when `ok` does not hold, then asks again.
pub(super) fn unless(
    apt: &Apt,
    cache: &Cache,
    why: &str,
    packages: &[&str],
    ok: impl Fn() -> bool,
) -> tools::Result<()> {
    if ok() {
        return Ok(());
    }
    let _lock = cache::lock(&cache.path("apt.lock"), "apt-get")?;
    apt.install(why, packages)?;
    if ok() {
        Ok(())
    } else {
        Err(format!(
            "{why} is still missing after apt-get install {}",
            packages.join(" ")
        ))
    }
}
