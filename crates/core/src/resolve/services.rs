//! [`Services`] and [`Protocols`]: services(5) and protocols(5), from their text. Reads no file itself.

use crate::addr::Kind;

/// A line of services(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The official name.
    pub name: Box<str>,
    /// The other names.
    pub aliases: Vec<Box<str>>,
    /// The port.
    pub port: u16,
    /// The name of the protocol, such as `tcp`.
    pub protocol: Box<str>,
}

/// The services that a machine knows, in the order of its file.
#[derive(Clone, Debug, Default)]
pub struct Services(Vec<Service>);

/// A line of protocols(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// The official name.
    pub name: Box<str>,
    /// The other names.
    pub aliases: Vec<Box<str>>,
    /// The number.
    pub number: u16,
}

/// The protocols that a machine knows, in the order of its file.
#[derive(Clone, Debug, Default)]
pub struct Protocols(Vec<Protocol>);

impl Services {
    /// Reads services(5): a name, a port with its protocol, and aliases on each line. What is not that is skipped.
    #[must_use]
    pub fn parse(text: &str) -> Services {
        let service = |(name, port, aliases): (&str, &str, Vec<Box<str>>)| {
            let (port, protocol) = port.split_once('/')?;
            Some(Service {
                name: name.into(),
                aliases,
                port: port.parse().ok()?,
                protocol: protocol.into(),
            })
        };
        Services(lines(text).filter_map(service).collect())
    }

    /// getservent(3): the service at this place of the file.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Service> {
        self.0.get(index)
    }

    /// getservbyname(3): the first service of this name, official or not; of any protocol for `None`.
    #[must_use]
    pub fn by_name(&self, name: &str, protocol: Option<&str>) -> Option<&Service> {
        let has_name = |service: &&Service| is_named(name, &service.name, &service.aliases);
        self.of(protocol).find(has_name)
    }

    /// getservbyport(3): the first service of this port; of any protocol for `None`.
    #[must_use]
    pub fn by_port(&self, port: u16, protocol: Option<&str>) -> Option<&Service> {
        self.of(protocol).find(|service| service.port == port)
    }

    fn of(&self, protocol: Option<&str>) -> impl Iterator<Item = &Service> {
        self.0
            .iter()
            .filter(move |service| protocol.is_none_or(|wanted| *service.protocol == *wanted))
    }
}

impl Protocols {
    /// Reads protocols(5): a name, a number, and aliases on each line. What is not that is skipped.
    #[must_use]
    pub fn parse(text: &str) -> Protocols {
        let protocol = |(name, number, aliases): (&str, &str, Vec<Box<str>>)| {
            Some(Protocol {
                name: name.into(),
                aliases,
                number: number.parse().ok()?,
            })
        };
        Protocols(lines(text).filter_map(protocol).collect())
    }

    /// getprotoent(3): the protocol at this place of the file.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Protocol> {
        self.0.get(index)
    }

    /// getprotobyname(3): the first protocol of this name, official or not.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Protocol> {
        let has_name = |protocol: &&Protocol| is_named(name, &protocol.name, &protocol.aliases);
        self.0.iter().find(has_name)
    }

    /// getprotobynumber(3): the first protocol of this number.
    #[must_use]
    pub fn by_number(&self, number: u16) -> Option<&Protocol> {
        self.0.iter().find(|protocol| protocol.number == number)
    }
}

/// The name that services(5) has for the protocol of a socket type.
pub(super) fn protocol_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Stream => Some("tcp"),
        Kind::Datagram => Some("udp"),
        Kind::SeqPacket => None,
    }
}

/// The lines of either file: a name, a word about it, and aliases.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str, Vec<Box<str>>)> {
    text.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?, words.next()?, words.map(Box::from).collect()))
    })
}

fn is_named(name: &str, official: &str, aliases: &[Box<str>]) -> bool {
    name == official || aliases.iter().any(|alias| **alias == *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_aliases_comments_and_protocols_and_the_first_line_counts() {
        let services = Services::parse(
            "http 80/tcp www # WWW\n# no 1/tcp\ndomain\t53/udp\nbad\nworse x/tcp\nwww 8080/tcp\nalso 80/tcp\nhttp 80/sctp\n",
        );
        let name =
            |service: Option<&Service>| service.map(|service| (service.name.to_string(), service.port));
        let http = || Some(("http".to_owned(), 80));
        assert_eq!(name(services.by_name("www", Some("tcp"))), http());
        assert_eq!(name(services.by_name("http", None)), http());
        assert_eq!(name(services.by_name("http", Some("udp"))), None);
        assert_eq!(name(services.by_name("http", Some("sctp"))), http());
        assert_eq!(name(services.by_name("HTTP", Some("tcp"))), None);
        assert_eq!(name(services.by_port(80, Some("tcp"))), http());
        assert_eq!(name(services.by_port(80, Some("udp"))), None);
        assert_eq!(name(services.by_port(53, None)), Some(("domain".to_owned(), 53)));
        assert_eq!(name(services.by_name("no", None)), None);
        assert_eq!(name(services.get(1)), Some(("domain".to_owned(), 53)));
        assert_eq!(name(services.get(5)), None);
    }

    #[test]
    fn protocols_have_aliases_and_numbers() {
        let protocols = Protocols::parse("ip 0 IP # the first\ntcp\t6 TCP\nbad\nworse x\nmptcp 262 MPTCP\n");
        let number = |protocol: Option<&Protocol>| protocol.map(|protocol| protocol.number);
        assert_eq!(number(protocols.by_name("TCP")), Some(6));
        assert_eq!(number(protocols.by_name("Tcp")), None);
        assert_eq!(number(protocols.by_number(262)), Some(262));
        assert_eq!(number(protocols.by_number(1)), None);
        assert_eq!(number(protocols.get(0)), Some(0));
        assert_eq!(number(protocols.get(3)), None);
    }
}
