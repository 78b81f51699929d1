//! services(5): the names of ports.

use std::collections::HashMap;

use guestnet_core::Kind;

/// services(5), read once.
#[derive(Debug, Default)]
pub(crate) struct Services {
    ports: HashMap<(String, Kind), u16>,
    names: HashMap<(u16, Kind), String>,
}

impl Services {
    /// Reads /etc/services; a machine without the file knows no names.
    pub(crate) fn read() -> Self {
        std::fs::read_to_string("/etc/services")
            .map(|text| Services::parse(&text))
            .unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let mut services = Services::default();
        for line in text.lines() {
            let mut words = line
                .split('#')
                .next()
                .unwrap_or_default()
                .split_ascii_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else {
                continue;
            };
            let Some((port, protocol)) = port.split_once('/') else {
                continue;
            };
            let Ok(port) = port.parse() else { continue };
            let kind = match protocol {
                "tcp" => Kind::Stream,
                "udp" => Kind::Datagram,
                _ => continue,
            };
            services
                .names
                .entry((port, kind))
                .or_insert_with(|| name.to_owned());
            for name in std::iter::once(name).chain(words) {
                services.ports.entry((name.to_owned(), kind)).or_insert(port);
            }
        }
        services
    }

    pub(crate) fn port(&self, name: &str, kind: Kind) -> Option<u16> {
        self.ports.get(&(name.to_owned(), kind)).copied()
    }

    pub(crate) fn name(&self, port: u16, kind: Kind) -> Option<String> {
        self.names.get(&(port, kind)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_aliases_comments_and_two_protocols() {
        let services =
            Services::parse("http 80/tcp www # WWW\n# no 1/tcp\ndomain\t53/udp\nbad\nworse x/tcp\n");
        assert_eq!(services.port("www", Kind::Stream), Some(80));
        assert_eq!(services.port("http", Kind::Datagram), None);
        assert_eq!(services.port("domain", Kind::Datagram), Some(53));
        assert_eq!(services.port("no", Kind::Stream), None);
        assert_eq!(services.name(80, Kind::Stream).as_deref(), Some("http"));
        assert_eq!(services.name(80, Kind::Datagram), None);
    }
}
