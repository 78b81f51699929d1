//! [`Error`]: why there is no guest. Not here: how a guest ended that there was (`run.rs`).

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;

use guestnet_core::Errno;
use guestnet_core::policy::PolicyFileError;
use guestnet_host_os::{ReporterError, io_reason};

/// The error behind another one.
pub(crate) type Source = Box<dyn StdError + Send + Sync>;

/// Why options could not be turned into a guest. [`StdError::source`] has what the system said.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The guest's host cannot be made: an eventfd is refused.
    Host(Errno),
    /// A descriptor cannot be one of the guest's standard streams.
    Stream(Source),
    /// A descriptor of [`Options::socket`](crate::Options::socket) cannot be a socket of the guest's.
    Socket {
        /// Its number in this process.
        number: RawFd,
        /// `ENOTSOCK` and the like.
        source: Errno,
    },
    /// There is no listening at an address of [`Options::listen`](crate::Options::listen).
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What socket(2), bind(2) or listen(2) says.
        source: Errno,
    },
    /// A component was given listeners: it has no way to take over a socket that is open before it starts.
    Listeners,
    /// A directory cannot be opened, or must not be a guest's.
    Directory {
        /// Its path on the host.
        path: PathBuf,
        /// What the system says, or which file system of the kernel's own is in it.
        source: Source,
    },
    /// The servers of [`Options::dns`](crate::Options::dns) cannot be asked.
    Dns(Errno),
    /// A hosts file cannot be read.
    Hosts {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A policy file cannot be read.
    PolicyFile {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A policy file has a mistake in it.
    Policy(PolicyFileError),
    /// The guest's /etc cannot be made.
    Etc(io::Error),
    /// A trace or an audit cannot be written.
    Reporter(ReporterError),
    /// The stream of signals cannot be read.
    Signals(Errno),
    /// [`Options::stop_by_signal`](crate::Options::stop_by_signal) cannot be: `EBUSY` says that this process handles SIGURG itself.
    StopSignal(Errno),
    /// Wasmtime, or the guest's table of descriptors, refuses what was asked for.
    #[cfg(feature = "wasi")]
    Wasi(wasmtime::Error),
    /// An option of `Module.guestnet` or of the environment has a mistake in it.
    #[cfg(feature = "module-options")]
    Module(guestnet_emscripten::ModuleOptionsError),
    /// The engine of scripts cannot be started.
    #[cfg(feature = "quickjs")]
    Script(guestnet_quickjs::BuildError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Host(errno) => write!(f, "cannot open an eventfd: {errno}"),
            Error::Stream(source) => {
                write!(f, "cannot hand over the standard streams: {}", reason(&**source))
            }
            Error::Socket { number, source } => {
                write!(f, "descriptor {number} cannot be a guest's socket: {source}")
            }
            Error::Listen { addr, source } => write!(f, "cannot listen at {addr}: {source}"),
            Error::Listeners => f.write_str(
                "WASI 0.2 has no sockets that are open before the component starts: it binds and listens itself, where the policy allows it",
            ),
            Error::Directory { path, source } => {
                let path = path.display();
                write!(f, "cannot open the directory {path}: {}", reason(&**source))
            }
            Error::Dns(errno) => write!(f, "cannot ask these DNS servers: {errno}"),
            Error::Hosts { path, source } => {
                let path = path.display();
                write!(f, "cannot read the hosts file {path}: {}", io_reason(source))
            }
            Error::PolicyFile { path, source } => {
                let path = path.display();
                write!(f, "cannot read the policy file {path}: {}", io_reason(source))
            }
            Error::Policy(error) => error.fmt(f),
            Error::Etc(source) => write!(
                f,
                "cannot make a temporary directory for the guest's /etc: {}",
                io_reason(source)
            ),
            Error::Reporter(error) => error.fmt(f),
            Error::Signals(errno) => write!(f, "cannot take over signals: {errno}"),
            Error::StopSignal(errno) => write!(f, "cannot use SIGURG to stop the guest: {errno}"),
            #[cfg(feature = "wasi")]
            Error::Wasi(error) => write!(f, "cannot set up the guest: {}", reason(error.as_ref())),
            #[cfg(feature = "module-options")]
            Error::Module(error) => error.fmt(f),
            #[cfg(feature = "quickjs")]
            Error::Script(error) => write!(f, "cannot start the script's engine: {error}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(match self {
            Error::Listeners => return None,
            Error::Host(errno) | Error::Dns(errno) | Error::Signals(errno) | Error::StopSignal(errno) => {
                errno
            }
            Error::Stream(source) | Error::Directory { source, .. } => &**source,
            Error::Socket { source, .. } | Error::Listen { source, .. } => source,
            Error::Hosts { source, .. } | Error::PolicyFile { source, .. } | Error::Etc(source) => source,
            Error::Policy(error) => error,
            Error::Reporter(error) => error,
            #[cfg(feature = "wasi")]
            Error::Wasi(error) => error.as_ref(),
            #[cfg(feature = "module-options")]
            Error::Module(error) => error,
            #[cfg(feature = "quickjs")]
            Error::Script(error) => error,
        })
    }
}

impl From<PolicyFileError> for Error {
    fn from(error: PolicyFileError) -> Self {
        Error::Policy(error)
    }
}

impl From<ReporterError> for Error {
    fn from(error: ReporterError) -> Self {
        Error::Reporter(error)
    }
}

/// An error and those behind it in one sentence and one line, without the numbers that std adds to the system's words.
#[must_use]
pub fn reason(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&match error.downcast_ref::<io::Error>() {
            Some(error) => io_reason(error),
            None => error.to_string(),
        });
        next = error.source();
    }
    // Wasmtime's texts may have several lines.
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}
