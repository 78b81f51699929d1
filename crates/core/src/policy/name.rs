//! Host names in the one form in which they are compared, and patterns of names. Knows nothing of DNS messages.

use super::parse_numeric_host;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// The longest text that is considered as a name, in bytes. A name is at most 253 bytes in its ASCII form; its
/// Unicode form is rarely longer than four times that, and what is longer is refused before any work is done on it.
pub const MAX_NAME_INPUT: usize = 1024;

/// A name in ASCII is at most this long without its trailing dot (RFC 1035: 255 bytes on the wire).
const MAX_NAME: usize = 253;
/// RFC 1035, 2.3.4.
const MAX_LABEL: usize = 63;

/// Top-level domains that are set apart for names that are not in the public DNS: RFC 6761 (`localhost`), RFC 6762
/// (`local`), and ICANN's reservation of 2024 (`internal`). `home.arpa` of RFC 8375 is checked separately.
const LOCAL_DOMAINS: [&str; 3] = ["localhost", "local", "internal"];

/// A host name: lower case, in ASCII (IDNA, UTS 46), without a trailing dot, never a number. Cheap to clone.
#[derive(Clone)]
pub struct Name(Arc<Parts>);

/// Most names have at most four labels; theirs are next to the rest.
type Suffixes = SmallVec<[(u8, u64); 4]>;

struct Parts {
    text: Box<str>,
    /// The name itself and each of its parents, longest first: where it begins in the text, and its hash. Made once,
    /// so that a check of a datagram's destination need not hash text.
    suffixes: Suffixes,
    local: bool,
}

/// What is wrong with a name. An adapter answers EAI_NONAME for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameError {
    /// There is no name, or only a dot.
    Empty,
    /// Two dots follow each other, or the name begins with a dot.
    EmptyLabel,
    /// More than 253 bytes, or a label of more than 63, in the ASCII form.
    TooLong,
    /// A byte that no host name has: NUL, a control byte, a space, or punctuation other than `-` and `_`.
    Character,
    /// Not UTF-8, or not a name by IDNA (UTS 46).
    Idna,
    /// A number, or ends in one, such as `256.1.1.1`: neither an address nor a name.
    Numeric,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NameError::Empty => "the name is empty",
            NameError::EmptyLabel => "the name has an empty label (two dots in a row or a leading dot)",
            NameError::TooLong => "the name is too long (253 bytes in all, 63 between two dots)",
            NameError::Character => "the name has a character other than letters, digits, `-`, `_` and `.`",
            NameError::Idna => "the name is not a valid internationalised name",
            NameError::Numeric => "the name ends in a number and is not an address",
        })
    }
}

impl std::error::Error for NameError {}

impl Name {
    /// Reads a name as a guest or a user writes it.
    ///
    /// # Errors
    /// See [`NameError`]. A spelling that [`parse_numeric_host`] knows is `Numeric`: look there first.
    pub fn parse(text: &str) -> Result<Name, NameError> {
        Name::from_bytes(text.as_bytes())
    }

    /// [`parse`](Self::parse) for bytes that come from guest memory.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse); `Idna` also for what is not UTF-8.
    pub fn from_bytes(bytes: &[u8]) -> Result<Name, NameError> {
        if bytes.len() > MAX_NAME_INPUT {
            return Err(NameError::TooLong);
        }
        // Looked at before IDNA, so that the error is about the byte.
        if bytes.iter().any(|&byte| byte.is_ascii() && !is_name_byte(byte)) {
            return Err(NameError::Character);
        }
        let ascii = Uts46::new()
            .to_ascii(bytes, AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore)
            .map_err(|_| NameError::Idna)?;
        let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
        check(ascii)?;
        let text = ascii.to_ascii_lowercase().into_boxed_str();
        let (suffixes, local) = (suffixes(&text), is_local(&text));
        Ok(Name(Arc::new(Parts {
            text,
            suffixes,
            local,
        })))
    }

    /// The name, such as `xn--bcher-kva.example`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// `localhost` or below it: answered with loopback addresses, never sent to a server (RFC 6761).
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.0.text.rsplit('.').next() == Some("localhost")
    }

    /// Not a name of the public DNS: a single label such as `db`, or a name below `localhost`, `local`, `internal`
    /// or `home.arpa`. Such a name may lead to private addresses without a further rule.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.0.local
    }

    /// Whether this name lies below `parent`, at any depth, and is not `parent` itself.
    #[must_use]
    pub fn is_below(&self, parent: &Name) -> bool {
        let rest = self.0.text.strip_suffix(&*parent.0.text);
        rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }

    /// The hash by which `name_table.rs` finds this name.
    pub(super) fn suffix_hash(&self) -> u64 {
        self.0.suffixes.first().map_or(0, |&(_, hash)| hash)
    }

    /// How many labels the name has, at most 127.
    pub(super) fn labels(&self) -> usize {
        self.0.suffixes.len()
    }

    /// Each parent, the closest first, with its hash and its number of labels.
    #[inline]
    pub(super) fn parents(&self) -> impl Iterator<Item = (&str, u64, usize)> {
        let parents = self.0.suffixes.iter().zip((0..self.labels()).rev()).skip(1);
        parents.filter_map(|(&(start, hash), above)| {
            Some((self.0.text.get(usize::from(start)..)?, hash, above + 1))
        })
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        self.0.text.cmp(&other.0.text)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({:?})", self.0.text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0.text
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Name, NameError> {
        Name::parse(text)
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The rules that hold for the ASCII form, which IDNA may have made from other characters: `１２７.1` is a number.
fn check(ascii: &str) -> Result<(), NameError> {
    if ascii.is_empty() {
        return Err(NameError::Empty);
    }
    if !ascii.bytes().all(is_name_byte) {
        return Err(NameError::Character);
    }
    for label in ascii.split('.') {
        if label.is_empty() {
            return Err(NameError::EmptyLabel);
        }
        if label.len() > MAX_LABEL {
            return Err(NameError::TooLong);
        }
    }
    if ascii.len() > MAX_NAME {
        return Err(NameError::TooLong);
    }
    // The test of the URL standard: what ends in a number is an IPv4 address or nothing.
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) || parse_numeric_host(last).is_some() {
        return Err(NameError::Numeric);
    }
    Ok(())
}

fn is_local(text: &str) -> bool {
    let mut labels = text.rsplit('.');
    let (last, parent) = (labels.next().unwrap_or_default(), labels.next());
    parent.is_none() || LOCAL_DOMAINS.contains(&last) || (last == "arpa" && parent == Some("home"))
}

/// FNV-1a from the last byte to the first, so that one pass gives the hash of every parent. Not keyed: the tables
/// hold names of the policy's author, so a guest can choose what it looks for, but not what it collides with.
fn suffixes(text: &str) -> Suffixes {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut suffixes = Suffixes::new();
    for (at, byte) in text.bytes().enumerate().rev() {
        if byte == b'.' {
            suffixes.extend(u8::try_from(at + 1).map(|start| (start, mix(hash))));
        }
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    suffixes.push((0, mix(hash)));
    suffixes.reverse();
    suffixes
}

/// Spreads the bits, for the table looks at the highest and the lowest.
fn mix(hash: u64) -> u64 {
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Which names a rule covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamePattern {
    /// `db.example.com`: this name.
    Exact(Name),
    /// `*.example.com`: every name below, at any depth, but not `example.com`.
    Below(Name),
    /// `*`: every name.
    Any,
}

impl NamePattern {
    /// Whether the pattern covers this name.
    #[must_use]
    pub fn covers(&self, name: &Name) -> bool {
        match self {
            NamePattern::Exact(exact) => exact == name,
            NamePattern::Below(parent) => name.is_below(parent),
            NamePattern::Any => true,
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamePattern::Exact(name) => name.fmt(f),
            NamePattern::Below(parent) => write!(f, "*.{parent}"),
            NamePattern::Any => f.write_str("*"),
        }
    }
}
