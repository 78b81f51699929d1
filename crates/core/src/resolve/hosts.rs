//! [`Hosts`]: the hosts file (hosts(5)), from its text. Reads no file itself.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::addr::Domain;
use crate::policy::{Name, parse_numeric_host};

/// The longest hosts file that is read, in bytes. Lists that block advertisements have about 3 MiB.
pub const MAX_HOSTS: usize = 16 << 20;

/// The most lines of one name; the file is its owner's, so this only bounds what a look-up costs.
const MAX_LINES: usize = 64;

/// Names with the addresses that the owner of the machine gave them.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    lines: Vec<Line>,
    /// The lines of each name and of each address, in the order of the file.
    by_name: HashMap<Box<str>, Vec<usize>>,
    by_address: HashMap<IpAddr, usize>,
}

#[derive(Clone, Debug)]
struct Line {
    ip: IpAddr,
    /// The canonical name, and aliases.
    names: Vec<Box<str>>,
}

/// What a hosts file has of a name or of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostsEntry<'h> {
    /// The addresses, in the order of the file.
    pub addresses: Vec<IpAddr>,
    /// The first name of the first line.
    pub canonical: &'h str,
    /// The other names of these lines.
    pub aliases: Vec<&'h str>,
}

impl Hosts {
    /// Reads hosts(5): an address, a canonical name and aliases on each line. What is not that is skipped, as every
    /// resolver does; a line whose names are not valid host names is ignored.
    #[must_use]
    pub fn parse(text: &str) -> Hosts {
        let mut hosts = Hosts::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let Some(address) = words.next().and_then(parse_numeric_host) else {
                continue;
            };
            let names: Vec<Box<str>> = words
                .filter_map(|word| Some(Name::parse(word).ok()?.as_str().into()))
                .collect();
            if names.is_empty() {
                continue;
            }
            let index = hosts.lines.len();
            hosts.by_address.entry(address.ip).or_insert(index);
            for name in &names {
                let of_name = hosts.by_name.entry(name.clone()).or_default();
                if of_name.last() != Some(&index) && of_name.len() < MAX_LINES {
                    of_name.push(index);
                }
            }
            hosts.lines.push(Line {
                ip: address.ip,
                names,
            });
        }
        hosts
    }

    /// What the lines of this family have of a name; without an address if only others have it.
    #[must_use]
    pub fn by_name(&self, name: &Name, family: Option<Domain>) -> Option<HostsEntry<'_>> {
        let lines = self.by_name.get(name.as_str())?;
        let mut found = HostsEntry::default();
        for line in lines.iter().filter_map(|&index| self.lines.get(index)) {
            if let Some(ip) = in_family(line.ip, family) {
                found.add(ip, &line.names);
            }
        }
        Some(found)
    }

    /// What the first line with this address has.
    #[must_use]
    pub fn by_address(&self, address: IpAddr) -> Option<HostsEntry<'_>> {
        let line = self.lines.get(*self.by_address.get(&address)?)?;
        let mut found = HostsEntry::default();
        found.add(line.ip, &line.names);
        Some(found)
    }
}

impl<'h> HostsEntry<'h> {
    fn add(&mut self, ip: IpAddr, names: &'h [Box<str>]) {
        if !self.addresses.contains(&ip) {
            self.addresses.push(ip);
        }
        for name in names {
            if self.canonical.is_empty() {
                self.canonical = name;
            } else if **name != *self.canonical && !self.aliases.contains(&&**name) {
                self.aliases.push(name);
            }
        }
    }
}

/// The address of a line for who asks for this family.
fn in_family(ip: IpAddr, family: Option<Domain>) -> Option<IpAddr> {
    match (family, ip) {
        (None, ip) | (Some(Domain::Inet), ip @ IpAddr::V4(_)) | (Some(Domain::Inet6), ip @ IpAddr::V6(_)) => {
            Some(ip)
        }
        // As glibc does: who asks for IPv4 and is the machine itself gets its IPv4 loopback.
        (Some(Domain::Inet), IpAddr::V6(Ipv6Addr::LOCALHOST)) => Some(Ipv4Addr::LOCALHOST.into()),
        (Some(_), _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_comments_aliases_several_addresses_and_wrong_lines() {
        let hosts = Hosts::parse(
            "# nothing\n10.0.0.1 DB.internal db # the database\n10.0.0.2\tdb\n::1 six\nnot-an-address x\n10.0.0.3\n10.0.0.4 a..b ok\n",
        );
        let ask = |name: &str| {
            let found = hosts.by_name(&Name::parse(name).unwrap(), None)?;
            Some((found.addresses, found.canonical, found.aliases))
        };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            ask("DB."),
            Some((vec![ip("10.0.0.1"), ip("10.0.0.2")], "db.internal", vec!["db"]))
        );
        assert_eq!(ask("six"), Some((vec![ip("::1")], "six", vec![])));
        assert_eq!(ask("ok"), Some((vec![ip("10.0.0.4")], "ok", vec![])));
        assert_eq!(ask("x"), None);
        let name = |text: &str| {
            hosts
                .by_address(ip(text))
                .map(|found| (found.canonical, found.aliases))
        };
        assert_eq!(name("10.0.0.1"), Some(("db.internal", vec!["db"])));
        assert_eq!(name("10.0.0.2"), Some(("db", vec![])));
        assert_eq!(name("10.0.0.3"), None);
    }
}
