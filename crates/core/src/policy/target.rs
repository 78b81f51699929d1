//! The grammar of targets: `[tcp://|udp://](NAME|*.NAME|*|IP|[IPv6]|CIDR)[:PORT|:FROM-TO|:P,P|:*]`.
//! Parses and prints; what a target covers is decided in `matcher.rs`.

use super::address::{decimal, takes_scope};
use super::{Name, NameError, NamePattern, Prefix, Protocol, parse_numeric_host};
use smallvec::SmallVec;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What is wrong with the text of a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    text: Box<str>,
    column: usize,
    message: Box<str>,
}

impl ParseError {
    /// An error at byte `offset` of `text`.
    pub(super) fn new(text: &str, offset: usize, message: impl Into<Box<str>>) -> Self {
        let column = text.char_indices().take_while(|&(at, _)| at < offset).count() + 1;
        ParseError {
            text: text.into(),
            column,
            message: message.into(),
        }
    }

    /// The column of the mistake in the text, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// One sentence without its full stop, such as ``port 70000 is above 65535``.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (column {} of {:?})", self.message, self.column, self.text)
    }
}

impl std::error::Error for ParseError {}

/// A set of ports, as sorted ranges that do not touch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PortSet(SmallVec<[(u16, u16); 2]>);

impl PortSet {
    /// Every port, and 0, the request for an ephemeral one.
    #[must_use]
    pub fn all() -> PortSet {
        PortSet::range(0, u16::MAX)
    }

    /// One port.
    #[must_use]
    pub fn single(port: u16) -> PortSet {
        PortSet::range(port, port)
    }

    /// The ports from `first` to `last`, both included. In the wrong order they are exchanged.
    #[must_use]
    pub fn range(first: u16, last: u16) -> PortSet {
        PortSet(SmallVec::from_iter([(first.min(last), first.max(last))]))
    }

    fn from_ranges(mut ranges: SmallVec<[(u16, u16); 2]>) -> PortSet {
        ranges.sort_unstable();
        ranges.dedup_by(|next, previous| {
            let joins = u32::from(next.0) <= u32::from(previous.1) + 1;
            if joins {
                previous.1 = previous.1.max(next.1);
            }
            joins
        });
        PortSet(ranges)
    }

    /// Whether it is every port.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self.0 == [(0, u16::MAX)]
    }

    /// Whether `port` is in the set.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|&(first, last)| (first..=last).contains(&port))
    }

    /// The ranges, first and last port of each, in ascending order.
    #[must_use]
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }
}

impl fmt::Display for PortSet {
    /// `*`, `80`, `80,443`, `8000-8010`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_all() {
            return f.write_str("*");
        }
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match first == last {
                true => write!(f, "{comma}{first}")?,
                false => write!(f, "{comma}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

/// The host part of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// One address or a range.
    Net(Prefix),
    /// One link-local address on the interface with this index.
    Scoped(Ipv6Addr, u32),
    /// A name, a wildcard, or `*`, which is every name and every address of both families.
    Name(NamePattern),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Net(prefix) => prefix.fmt(f),
            HostPattern::Scoped(ip, scope) => write!(f, "[{ip}%{scope}]"),
            HostPattern::Name(pattern) => pattern.fmt(f),
        }
    }
}

/// What a rule for connect, listen or accept covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Only this protocol, or both.
    pub protocol: Option<Protocol>,
    /// The hosts.
    pub host: HostPattern,
    /// The ports; all of them if the text named none.
    pub ports: PortSet,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(protocol) = self.protocol {
            write!(f, "{protocol}://")?;
        }
        self.host.fmt(f)?;
        if self.ports.is_all() {
            Ok(())
        } else {
            write!(f, ":{}", self.ports)
        }
    }
}

impl FromStr for Target {
    type Err = ParseError;

    /// # Errors
    /// One sentence about the first mistake, with its column.
    fn from_str(text: &str) -> Result<Target, ParseError> {
        Parser { text }.target()
    }
}

impl FromStr for NamePattern {
    type Err = ParseError;

    /// `NAME`, `*.NAME` or `*`: the target of a rule for resolve.
    ///
    /// # Errors
    /// One sentence about the mistake, with its column.
    fn from_str(text: &str) -> Result<NamePattern, ParseError> {
        Parser { text }.names()
    }
}

/// Positions are byte offsets in `text`, so that every error can say where it is.
struct Parser<'t> {
    text: &'t str,
}

/// A piece of the text and where it begins.
#[derive(Clone, Copy)]
struct Piece<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Piece<'t> {
    /// What is before and behind the first `separator`.
    fn split(self, separator: &str) -> Option<(Piece<'t>, Piece<'t>)> {
        let (before, behind) = self.text.split_once(separator)?;
        let at = self.at + before.len() + separator.len();
        Some((
            Piece {
                text: before,
                at: self.at,
            },
            Piece { text: behind, at },
        ))
    }

    fn without_prefix(self, prefix: &str) -> Option<Piece<'t>> {
        let text = self.text.strip_prefix(prefix)?;
        Some(Piece {
            text,
            at: self.at + prefix.len(),
        })
    }
}

impl<'t> Parser<'t> {
    fn error<T>(&self, at: usize, message: impl Into<Box<str>>) -> Result<T, ParseError> {
        Err(ParseError::new(self.text, at, message))
    }

    fn target(&self) -> Result<Target, ParseError> {
        let mut rest = Piece {
            text: self.text,
            at: 0,
        };
        self.printable(rest)?;
        let mut protocol = None;
        if let Some((word, behind)) = rest.split("://") {
            let known = Protocol::ALL.into_iter().find(|each| each.word() == word.text);
            if known.is_none() {
                return self.error(
                    0,
                    format!(
                        "`{}://` is not a protocol; there are tcp:// and udp://",
                        word.text
                    ),
                );
            }
            (protocol, rest) = (known, behind);
        }
        let (host, ports) = self.host_and_ports(rest)?;
        let ports = ports.map_or(Ok(PortSet::all()), |ports| self.ports(ports))?;
        Ok(Target {
            protocol,
            host,
            ports,
        })
    }

    fn names(&self) -> Result<NamePattern, ParseError> {
        let whole = Piece {
            text: self.text,
            at: 0,
        };
        self.printable(whole)?;
        let address = self.text.trim_start_matches('[');
        if address.parse::<IpAddr>().is_ok() || parse_numeric_host(self.text).is_some() {
            return self.error(
                0,
                "this is an address; it needs no look-up, and a resolve rule takes names",
            );
        }
        if let Some(at) = self.text.find([':', '/', '[']) {
            return self.error(at, "a resolve rule takes a name only: no protocol, port or range");
        }
        self.name(whole)
    }

    fn printable(&self, piece: Piece<'_>) -> Result<(), ParseError> {
        if piece.text.is_empty() {
            return self.error(0, "the target is empty");
        }
        match piece
            .text
            .find(|each: char| each.is_control() || each.is_whitespace())
        {
            Some(at) => self.error(at, "a target has no spaces or control characters"),
            None => Ok(()),
        }
    }

    /// Separates the host from the ports. Only IPv6 has more than one colon in the host.
    fn host_and_ports(&self, rest: Piece<'t>) -> Result<(HostPattern, Option<Piece<'t>>), ParseError> {
        if let Some(inner) = rest.without_prefix("[") {
            return self.bracketed(inner);
        }
        let Some((host, ports)) = rest.split(":") else {
            return Ok((self.plain_host(rest)?, None));
        };
        if !ports.text.contains(':') {
            return Ok((self.plain_host(host)?, Some(ports)));
        }
        let Some((address, behind)) = rest.split("/") else {
            return Ok((self.v6(rest)?, None));
        };
        let (bits, ports) = behind
            .split(":")
            .map_or((behind, None), |(bits, ports)| (bits, Some(ports)));
        Ok((self.range(address, bits)?, ports))
    }

    /// `[IPv6]`, `[IPv6%SCOPE]`, `[IPv6]/BITS` or `[IPv6/BITS]`, from behind the opening bracket.
    fn bracketed(&self, inner: Piece<'t>) -> Result<(HostPattern, Option<Piece<'t>>), ParseError> {
        let Some((address, behind)) = inner.split("]") else {
            return self.error(inner.at - 1, "the bracket is not closed");
        };
        if let Some(bits) = behind.without_prefix("/") {
            let (bits, ports) = bits
                .split(":")
                .map_or((bits, None), |(bits, ports)| (bits, Some(ports)));
            return Ok((self.range(address, bits)?, ports));
        }
        let host = match address.split("/") {
            Some((address, bits)) => self.range(address, bits)?,
            None => self.v6(address)?,
        };
        match behind.without_prefix(":") {
            Some(ports) => Ok((host, Some(ports))),
            None if behind.text.is_empty() => Ok((host, None)),
            None => self.error(
                behind.at,
                "behind the bracket comes `:` and a port, `/` and a length, or nothing",
            ),
        }
    }

    fn v6(&self, piece: Piece<'_>) -> Result<HostPattern, ParseError> {
        let (address, scope) = piece
            .split("%")
            .map_or((piece, None), |(address, scope)| (address, Some(scope)));
        let Ok(ip) = address.text.parse::<Ipv6Addr>() else {
            return self.error(
                address.at,
                format!(
                    "`{}` is not an IPv6 address; with a port it is written [ADDRESS]:PORT",
                    address.text
                ),
            );
        };
        let Some(scope) = scope else {
            return Ok(HostPattern::Net(Prefix::single(IpAddr::V6(ip))));
        };
        if !takes_scope(ip) {
            return self.error(scope.at, "only a link-local address has a scope");
        }
        match decimal::<u32>(scope.text) {
            Some(0) | None => self.error(scope.at, "the scope is an interface's index, a number from 1"),
            Some(scope) => Ok(HostPattern::Scoped(ip, scope)),
        }
    }

    fn plain_host(&self, piece: Piece<'t>) -> Result<HostPattern, ParseError> {
        if piece.text.is_empty() {
            return self.error(piece.at, "there is no host before the port; `*` is every host");
        }
        if let Some((address, bits)) = piece.split("/") {
            return self.range(address, bits);
        }
        if let Ok(ip) = piece.text.parse::<Ipv4Addr>() {
            return Ok(HostPattern::Net(Prefix::single(IpAddr::V4(ip))));
        }
        if let Some(numeric) = parse_numeric_host(piece.text) {
            let message = format!("write the address in full: `{}` is {}", piece.text, numeric.ip);
            return self.error(piece.at, message);
        }
        self.name(piece).map(HostPattern::Name)
    }

    fn range(&self, address: Piece<'_>, bits: Piece<'_>) -> Result<HostPattern, ParseError> {
        let Ok(ip) = address.text.parse::<IpAddr>() else {
            let message = if address.text.contains('%') {
                "a range has no scope".to_owned()
            } else {
                format!(
                    "`{}` is not an IP address, and only those have ranges",
                    address.text
                )
            };
            return self.error(address.at, message);
        };
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let within = decimal::<u8>(bits.text).and_then(|bits| Prefix::containing(ip, bits));
        let Some(within) = within else {
            return self.error(
                bits.at,
                format!("the length of a prefix is a number from 0 to {most}"),
            );
        };
        if within.base() != ip {
            let bits = within.bits();
            let message = format!(
                "{ip} has bits set behind the first {bits}: the range is {}/{bits}, the address alone {ip}/{most}",
                within.base()
            );
            return self.error(address.at, message);
        }
        Ok(HostPattern::Net(within))
    }

    fn name(&self, piece: Piece<'_>) -> Result<NamePattern, ParseError> {
        if piece.text == "*" {
            return Ok(NamePattern::Any);
        }
        let (piece, below) = piece
            .without_prefix("*.")
            .map_or((piece, false), |parent| (parent, true));
        if let Some(at) = piece.text.find('*') {
            return self.error(
                piece.at + at,
                "`*` stands only at the beginning, as in *.example.com",
            );
        }
        match Name::parse(piece.text) {
            Ok(name) if below => Ok(NamePattern::Below(name)),
            Ok(name) => Ok(NamePattern::Exact(name)),
            Err(error) => self.error(piece.at + name_fault(piece.text, error), error.to_string()),
        }
    }

    fn ports(&self, list: Piece<'_>) -> Result<PortSet, ParseError> {
        if list.text == "*" {
            return Ok(PortSet::all());
        }
        if list.text.is_empty() {
            return self.error(
                list.at,
                "there is no port behind the colon; without the colon it is every port",
            );
        }
        let mut ranges = SmallVec::new();
        let mut at = list.at;
        for text in list.text.split(',') {
            let item = Piece { text, at };
            let (first, last) = item.split("-").unwrap_or((item, item));
            let (first_port, last_port) = (self.port(first)?, self.port(last)?);
            if first_port > last_port {
                return self.error(
                    at,
                    format!("the range {text} is empty: write {last_port}-{first_port}"),
                );
            }
            ranges.push((first_port, last_port));
            at += text.len() + 1;
        }
        Ok(PortSet::from_ranges(ranges))
    }

    fn port(&self, piece: Piece<'_>) -> Result<u16, ParseError> {
        if let Some(port) = decimal::<u16>(piece.text) {
            return Ok(port);
        }
        let digits = !piece.text.is_empty() && piece.text.bytes().all(|byte| byte.is_ascii_digit());
        match digits {
            true => self.error(piece.at, format!("port {} is above 65535", piece.text)),
            false => self.error(
                piece.at,
                format!("`{}` is not a port, a range FROM-TO or `*`", piece.text),
            ),
        }
    }
}

/// The offset of the byte that an error about a name is about, or the name's beginning.
fn name_fault(text: &str, error: NameError) -> usize {
    let at = match error {
        NameError::Character => text.find(|each: char| each.is_ascii() && !is_name_char(each)),
        NameError::EmptyLabel if text.starts_with('.') => Some(0),
        NameError::EmptyLabel => text.find("..").map(|dot| dot + 1),
        NameError::Empty | NameError::TooLong | NameError::Idna | NameError::Numeric => None,
    };
    at.unwrap_or(0)
}

fn is_name_char(each: char) -> bool {
    each.is_ascii_alphanumeric() || matches!(each, '-' | '_' | '.')
}
