//! [`Etc`]: the files of /etc that programs with a resolver of their own read.

use std::fs;
use std::path::Path;

use guestnet_core::policy::Policy;
use guestnet_core::resolve::STUB;
use guestnet_host_os::read_text;
use tempfile::TempDir;

use crate::error::Error;
use crate::hosts::HostsFile;

/// The longest file of the machine's /etc that is shown to a guest, in bytes: services(5) has about 20 kB.
const MAX_FILE: usize = 1 << 20;

/// What [`Etc`] is called in the guest.
pub(crate) const ETC: &str = "/etc";

/// A directory with what a program's own resolver reads, for a guest that has no /etc. It is removed when this is
/// dropped.
#[derive(Debug)]
pub struct Etc(TempDir);

impl Etc {
    /// The /etc of a guest with these directories, unless one of them is its own /etc, or it may look no name up.
    ///
    /// # Errors
    /// As [`Etc::new`].
    pub(crate) fn of<'a>(
        directories: impl IntoIterator<Item = &'a str>,
        policy: &Policy,
        hosts: &HostsFile,
    ) -> Result<Option<Etc>, Error> {
        let own = directories.into_iter().any(|directory| {
            let guest = Path::new("/").join(directory);
            Path::new(ETC).starts_with(&guest) || guest.starts_with(ETC)
        });
        if own || !policy.resolves_names() {
            return Ok(None);
        }
        Etc::new(hosts).map(Some)
    }

    /// # Errors
    /// [`Error::Etc`]: no temporary directory can be made.
    fn new(hosts: &HostsFile) -> Result<Etc, Error> {
        let directory = tempfile::Builder::new()
            .prefix("guestnet-etc-")
            .tempdir()
            .map_err(Error::Etc)?;
        let services = read_text(Path::new("/etc/services"), MAX_FILE).unwrap_or_default();
        let resolv = resolv_conf(&read_text(Path::new("/etc/resolv.conf"), MAX_FILE).unwrap_or_default());
        let files = [
            ("hosts", hosts.as_str()),
            ("services", &services),
            ("resolv.conf", &resolv),
            ("nsswitch.conf", "hosts: files dns\n"),
        ];
        for (name, content) in files {
            fs::write(directory.path().join(name), content).map_err(Error::Etc)?;
        }
        Ok(Etc(directory))
    }

    /// Where it is on the host.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// resolv.conf(5) with the machine's search list and options, and with our stub in place of its servers. The stub answers
/// under the policy, from the resolver of [`Options::dns`](crate::Options::dns).
fn resolv_conf(system: &str) -> String {
    let mut text = format!("nameserver {}\n", STUB.ip());
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
        let etc = Etc::new(&HostsFile::from("10.0.0.1 db\n")).unwrap();
        let path = etc.path().to_owned();
        assert_eq!(fs::read_to_string(path.join("hosts")).unwrap(), "10.0.0.1 db\n");
        drop(etc);
        assert!(!path.exists());
    }

    #[test]
    fn a_guest_with_an_etc_of_its_own_or_without_names_gets_none() {
        let allows = |text| Policy::from_toml(text, "test").unwrap();
        let names = allows("[resolve]\nallow = [\"*\"]\n");
        let has = |guest: &str, policy| Etc::of([guest], policy, &HostsFile::default()).unwrap().is_some();
        assert!(has("/data", &names));
        for own in ["/", "/etc", "etc", "/etc/ssl"] {
            assert!(!has(own, &names), "{own}");
        }
        assert!(!has("/data", &Policy::deny_all()));
    }
}
