//! [`Flag`]: the option that would allow what was denied, and how it is written for a shell.
//!
//! People copy what a denial suggests into their terminal, and the guest has chosen the address, name or path in it.

use super::{Name, Protocol, UnixPattern, Use, canonical_addr};
use crate::visible::is_hidden;
use std::borrow::Cow;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// A flag that allows one thing and little more, such as `--allow-connect 10.0.0.5:5432`. It does not help against a deny
/// rule.
///
/// [`Display`](fmt::Display) writes it for a shell: whatever the guest has put into it is one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    usage: Use,
    value: String,
}

impl Flag {
    /// For an address. For accept it leaves out the port, which the peer's system chooses.
    #[must_use]
    pub fn address(usage: Use, protocol: Protocol, addr: SocketAddr) -> Flag {
        let addr = canonical_addr(usage, addr);
        let scheme = scheme(protocol);
        let host = match addr {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("[{}%{}]", v6.ip(), v6.scope_id()),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        let value = match usage {
            Use::Accept => format!("{scheme}{host}"),
            _ => format!("{scheme}{host}:{}", addr.port()),
        };
        Flag { usage, value }
    }

    /// For broadcasts, `SO_BROADCAST` and the address of all networks, on every port.
    #[must_use]
    pub fn broadcast() -> Flag {
        Flag {
            usage: Use::Connect,
            value: format!("{}{}", scheme(Protocol::Udp), Ipv4Addr::BROADCAST),
        }
    }

    /// For a connection to a name.
    #[must_use]
    pub fn host(protocol: Protocol, name: &Name, port: u16) -> Flag {
        Flag {
            usage: Use::Connect,
            value: format!("{}{name}:{port}", scheme(protocol)),
        }
    }

    /// For a look-up.
    #[must_use]
    pub fn name(name: &Name) -> Flag {
        Flag {
            usage: Use::Resolve,
            value: name.to_string(),
        }
    }

    /// For a UNIX socket path. `None` if no rule is about this path alone, as for one with a `*`, or if it has
    /// invisible characters: what a person copies would not be what the person read.
    #[must_use]
    pub fn path(path: &str) -> Option<Flag> {
        let exact = matches!(path.parse(), Ok(UnixPattern::Exact(exact)) if *exact == *path);
        (exact && !path.contains(is_hidden)).then(|| Flag {
            usage: Use::Unix,
            value: path.to_owned(),
        })
    }

    /// The option's name without its hyphens, such as `allow-connect`.
    #[must_use]
    pub fn option(&self) -> String {
        format!("allow-{}", self.usage)
    }

    /// The option's value, not quoted.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{} {}", self.option(), shell_word(&self.value))
    }
}

/// TCP is what people mean without a protocol.
fn scheme(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "",
        Protocol::Udp => "udp://",
    }
}

/// A text as one word of a POSIX shell: in single quotes, within which nothing means anything, unless no shell could take
/// it for something else.
#[must_use]
pub fn shell_word(text: &str) -> Cow<'_, str> {
    // Not `~`, `=` and `-`, which mean something at the beginning of a word, nor brackets, which are a pattern.
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:,@%+".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(harmless) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_not_take_as_it_is_is_quoted() {
        for plain in [
            "10.0.0.5:5432",
            "udp://db.example-1.org:53",
            "/run/a_b/c,d@e+f%1.sock",
        ] {
            assert_eq!(shell_word(plain), plain);
        }
        for (text, word) in [
            ("", "''"),
            ("-x", "'-x'"),
            ("~root", "'~root'"),
            ("[::1]:80", "'[::1]:80'"),
            ("/run/$(touch pwned)", "'/run/$(touch pwned)'"),
            ("/run/`id`;#&|<>\"\\!*?{a,b}", "'/run/`id`;#&|<>\"\\!*?{a,b}'"),
            ("/run/it's", r"'/run/it'\''s'"),
            ("/run/a b", "'/run/a b'"),
            ("/run/é", "'/run/é'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn a_path_is_suggested_as_one_word_or_not_at_all() {
        let flag = |path: &str| Flag::path(path).map(|flag| flag.to_string());
        assert_eq!(flag("/run/a.sock").as_deref(), Some("--allow-unix /run/a.sock"));
        assert_eq!(
            flag("/run/$(touch pwned)").as_deref(),
            Some("--allow-unix '/run/$(touch pwned)'")
        );
        // The first would open all of /run.
        for other in [
            "/run/*",
            "/run/a*b",
            "relative",
            "/run/../x",
            "/run/a\nb",
            "/run/a\u{202e}b",
        ] {
            assert_eq!(flag(other), None, "{other:?}");
        }
    }
}
