//! What a guest's names come from: the hosts file, the servers, and the files of /etc that programs with a resolver of
//! their own read.

use std::path::Path;

use guestnet_core::policy::Policy;
use guestnet_core::resolve::{Hosts, MAX_HOSTS};
use guestnet_host_os::{io_reason, read_text};
use tempfile::TempDir;

use crate::failure::Failure;
use crate::run_args::RunArgs;

/// The machine's own hosts file, which is used unless another one is given.
const HOSTS: &str = "/etc/hosts";

/// The longest other file of /etc that is shown to a guest, in bytes: services(5) has about 20 kB.
const MAX_FILE: usize = 1 << 20;

/// The hosts file as text.
///
/// # Errors
/// A file that was named cannot be read. A machine without /etc/hosts has no names in it.
pub(crate) fn hosts_text(args: &RunArgs) -> Result<String, Failure> {
    let Some(path) = &args.hosts else {
        return Ok(read_text(Path::new(HOSTS), MAX_HOSTS).unwrap_or_default());
    };
    read_text(path, MAX_HOSTS).map_err(|error| {
        Failure::failed(format!(
            "--hosts {}: cannot read the file: {}",
            path.display(),
            io_reason(&error)
        ))
    })
}

/// The names of a hosts file.
pub(crate) fn hosts(text: &str) -> std::sync::Arc<Hosts> {
    std::sync::Arc::new(Hosts::parse(text))
}

/// What [`Etc`] is called in the guest.
pub(crate) const ETC: &str = "/etc";

/// The guest's /etc, unless it has one of its own or may look no name up.
///
/// # Errors
/// As [`Etc::new`].
pub(crate) fn etc(args: &RunArgs, policy: &Policy, hosts: &str) -> Result<Option<Etc>, Failure> {
    let own = args.directories.iter().any(|directory| {
        let guest = Path::new("/").join(&directory.guest);
        Path::new(ETC).starts_with(&guest) || guest.starts_with(ETC)
    });
    if own || !policy.resolves_names() {
        return Ok(None);
    }
    Etc::new(hosts).map(Some)
}

/// A directory with what a program's own resolver reads, for a guest that has no /etc. It is removed when this is
/// dropped.
#[derive(Debug)]
pub(crate) struct Etc(TempDir);

impl Etc {
    /// # Errors
    /// No temporary directory can be made.
    pub(crate) fn new(hosts: &str) -> Result<Etc, Failure> {
        let failed = |error: std::io::Error| {
            Failure::failed(format!(
                "cannot make a temporary directory for the guest's /etc: {}",
                io_reason(&error)
            ))
        };
        let directory = tempfile::Builder::new()
            .prefix("guestnet-etc-")
            .tempdir()
            .map_err(failed)?;
        let services = read_text(Path::new("/etc/services"), MAX_FILE).unwrap_or_default();
        let resolv = resolv_conf(&read_text(Path::new("/etc/resolv.conf"), MAX_FILE).unwrap_or_default());
        let files = [
            ("hosts", hosts),
            ("services", &services),
            ("resolv.conf", &resolv),
            ("nsswitch.conf", "hosts: files dns\n"),
        ];
        for (name, content) in files {
            std::fs::write(directory.path().join(name), content).map_err(failed)?;
        }
        Ok(Etc(directory))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// resolv.conf(5) with the machine's search list and options, and with our stub in place of its servers: whoever asks
/// it is asked for, under the policy, by the resolver that `--dns` names.
fn resolv_conf(system: &str) -> String {
    let mut text = format!("nameserver {}\n", guestnet_core::resolve::STUB.ip());
    for line in system.lines() {
        let first = line.split_ascii_whitespace().next();
        if matches!(first, Some("search" | "domain" | "options")) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_sees_the_search_list_and_not_the_servers() {
        let system =
            "# by hand\nnameserver 10.0.0.1\nsearch a.example b.example\noptions ndots:2\n nameserver ::1\n";
        assert_eq!(
            resolv_conf(system),
            "nameserver 192.0.2.53\nsearch a.example b.example\noptions ndots:2\n"
        );
    }

    #[test]
    fn its_directory_is_gone_afterwards() {
        let etc = Etc::new("10.0.0.1 db\n").unwrap();
        let path = etc.path().to_owned();
        assert_eq!(
            std::fs::read_to_string(path.join("hosts")).unwrap(),
            "10.0.0.1 db\n"
        );
        drop(etc);
        assert!(!path.exists());
    }
}
