//! [`Hosts`]: the hosts file (hosts(5)), from its text. Reads no file itself.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::policy::{Name, parse_numeric_host};

/// The longest hosts file that is read, in bytes. Lists that block advertisements have about 3 MiB.
pub const MAX_HOSTS: usize = 16 << 20;

/// The most addresses of one name; the file is its owner's, so this only bounds what a look-up costs.
const MAX_ADDRESSES: usize = 64;

/// Names with the addresses that the owner of the machine gave them.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Each name's addresses in the order of the file, and the canonical name of its first line.
    by_name: HashMap<Box<str>, OpenFile>,
    by_address: HashMap<IpAddr, Box<str>>,
}

#[derive(Clone, Debug)]
struct OpenFile {
    addresses: Vec<IpAddr>,
    canonical: Box<str>,
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
            let names: Vec<Name> = words.filter_map(|word| Name::parse(word).ok()).collect();
            let Some(canonical) = names.first() else { continue };
            hosts
                .by_address
                .entry(address.ip)
                .or_insert_with(|| canonical.as_str().into());
            for name in &names {
                let entry = hosts
                    .by_name
                    .entry(name.as_str().into())
                    .or_insert_with(|| OpenFile {
                        addresses: Vec::new(),
                        canonical: canonical.as_str().into(),
                    });
                if !entry.addresses.contains(&address.ip) && entry.addresses.len() < MAX_ADDRESSES {
                    entry.addresses.push(address.ip);
                }
            }
        }
        hosts
    }

    /// The addresses of a name and its canonical name.
    #[must_use]
    pub fn addresses(&self, name: &Name) -> Option<(&[IpAddr], &str)> {
        let entry = self.by_name.get(name.as_str())?;
        Some((&entry.addresses, &entry.canonical))
    }

    /// The canonical name of the first line with this address.
    #[must_use]
    pub fn name(&self, address: IpAddr) -> Option<&str> {
        self.by_address.get(&address).map(|name| &**name)
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
        let ask = |name: &str| hosts.addresses(&Name::parse(name).unwrap());
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(
            ask("DB."),
            Some((&[ip("10.0.0.1"), ip("10.0.0.2")][..], "db.internal"))
        );
        assert_eq!(ask("six"), Some((&[ip("::1")][..], "six")));
        assert_eq!(ask("ok"), Some((&[ip("10.0.0.4")][..], "ok")));
        assert_eq!(ask("x"), None);
        assert_eq!(hosts.name(ip("10.0.0.1")), Some("db.internal"));
        assert_eq!(hosts.name(ip("10.0.0.2")), Some("db"));
        assert_eq!(hosts.name(ip("10.0.0.3")), None);
    }
}
