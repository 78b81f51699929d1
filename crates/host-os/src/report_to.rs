//! [`ReportTo`]: where the owner of a guest wants an audit or metrics: a file, or an address. [`ReporterError`]: why they cannot be there.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Where an audit or metrics go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportTo {
    /// A file.
    File(PathBuf),
    /// A UNIX stream socket: `unix:PATH`.
    Unix(PathBuf),
    /// TCP: `tcp://ADDR:PORT`.
    Tcp(SocketAddr),
}

/// An address that is none. [`Display`](fmt::Display) is a sentence without its full stop, and without the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportToError(&'static str);

impl fmt::Display for ReportToError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ReportToError {}

impl ReportTo {
    /// Reads `unix:PATH`, `tcp://ADDR:PORT`, or else the name of a file. A file whose name begins in one of these ways is named with
    /// `./` before it.
    ///
    /// # Errors
    /// The address has a mistake in it, or nothing is named.
    pub fn parse(text: impl AsRef<OsStr>) -> Result<ReportTo, ReportToError> {
        let bytes = text.as_ref().as_bytes();
        let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        if let Some(rest) = bytes.strip_prefix(b"unix:") {
            return match rest {
                [] => Err(ReportToError("behind unix: comes the path of a socket")),
                _ => Ok(ReportTo::Unix(path(rest))),
            };
        }
        if let Some(rest) = bytes.strip_prefix(b"tcp://") {
            return std::str::from_utf8(rest)
                .ok()
                .and_then(tcp)
                .map(ReportTo::Tcp)
                .ok_or(ReportToError(
                    "behind tcp:// come an IP address and a port, as tcp://127.0.0.1:9100 or tcp://[::1]:9100",
                ));
        }
        match bytes {
            [] => Err(ReportToError("a file's name is missing")),
            _ => Ok(ReportTo::File(path(bytes))),
        }
    }
}

fn tcp(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?))),
        None => text.parse().ok(),
    }
}

/// As [`ReportTo::parse`] reads it.
impl fmt::Display for ReportTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReportTo::File(path) => path.display().fmt(f),
            ReportTo::Unix(path) => write!(f, "unix:{}", path.display()),
            ReportTo::Tcp(addr) => write!(f, "tcp://{addr}"),
        }
    }
}

impl From<PathBuf> for ReportTo {
    fn from(path: PathBuf) -> Self {
        ReportTo::File(path)
    }
}

/// Why nothing is reported: where a trace, an audit or metrics shall go, nothing can be written.
#[derive(Debug)]
pub struct ReporterError {
    /// `trace`, `audit` or `metrics`.
    pub what: &'static str,
    /// The file or the address.
    pub to: ReportTo,
    /// What the system says.
    pub source: std::io::Error,
}

impl fmt::Display for ReporterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ReporterError { what, to, source } = self;
        write!(f, "cannot write the {what} to {to}: {}", io_reason(source))
    }
}

impl std::error::Error for ReporterError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// What the system says, without the number that std adds.
#[must_use]
pub fn io_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_everything_else_is_a_file() {
        let read = |text: &str| ReportTo::parse(text).unwrap();
        assert_eq!(read("unix:/run/a.sock"), ReportTo::Unix("/run/a.sock".into()));
        assert_eq!(read("unix:a"), ReportTo::Unix("a".into()));
        for text in ["tcp://127.0.0.1:9100", "tcp://[::1]:9100", "tcp://0.0.0.0:0"] {
            assert_eq!(read(text).to_string(), text);
        }
        assert_eq!(
            read("tcp://localhost:7"),
            ReportTo::Tcp("127.0.0.1:7".parse().unwrap())
        );
        for text in ["a", "./unix:a", "./tcp://a", "udp://127.0.0.1:1", "-"] {
            assert_eq!(read(text), ReportTo::File(text.into()));
        }
        let strange = OsStr::from_bytes(b"unix:\xff");
        assert_eq!(
            ReportTo::parse(strange),
            Ok(ReportTo::Unix(OsStr::from_bytes(b"\xff").into()))
        );
    }

    #[test]
    fn an_address_with_a_mistake_is_no_file() {
        for text in [
            "",
            "unix:",
            "tcp://",
            "tcp://db:1",
            "tcp://127.0.0.1",
            "tcp://127.0.0.1:65536",
        ] {
            assert!(ReportTo::parse(text).is_err(), "{text}");
        }
    }
}
