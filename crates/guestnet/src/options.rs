//! [`Options`]: what a guest is given and may do, whatever kind of guest it is. Not here: how that becomes a guest
//! (`setup.rs`), and what only modules or scripts have (`wasi_guest.rs`, `script.rs`).

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use guestnet_core::policy::{Policy, PolicyOptions};
use guestnet_core::{Host, Observer, SockAddr};
use guestnet_host_os::{Io, OsHost, OutputHook};

use crate::error::Error;
#[cfg(feature = "dns")]
use crate::hosts::HostsFile;
#[cfg(feature = "dns")]
use guestnet_host_os::Upstream;

/// What a guest is given and may do.
///
/// Nothing is given by default: no network, no file, no environment, closed standard streams.
///
/// As with Wasmtime's own builders, the methods take `&mut self`, and the one that makes a guest (`wasi`, `wasi_parts`,
/// `script`, `script_parts`, `threads`) takes all that was set out of it: each guest has options of its own.
#[derive(Default)]
pub struct Options {
    pub(crate) policy: Option<Policy>,
    pub(crate) observer: Option<Box<dyn Observer>>,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) streams: [StreamSource; 3],
    pub(crate) output_hook: Option<OutputHook>,
    pub(crate) sockets: Vec<OwnedFd>,
    pub(crate) listen: Vec<SocketAddr>,
    opened: Option<OpenListeners>,
    pub(crate) directories: Vec<Directory>,
    pub(crate) unix_directories: Vec<(PathBuf, String)>,
    pub(crate) follows_working_directory: bool,
    pub(crate) max_memory: Option<u64>,
    pub(crate) stop_by_signal: bool,
    #[cfg(all(feature = "dns", feature = "wasi"))]
    pub(crate) without_etc: bool,
    #[cfg(feature = "dns")]
    pub(crate) upstream: Upstream,
    #[cfg(feature = "dns")]
    pub(crate) hosts: Option<HostsFile>,
    #[cfg(feature = "quickjs")]
    pub(crate) signals: Option<SignalOffer>,
}

/// The listeners of [`Options::listen`] that are open.
pub(crate) struct OpenListeners {
    /// The guest's, which opened them.
    pub(crate) host: OsHost,
    pub(crate) listeners: Vec<Io>,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Where a standard stream comes from.
#[derive(Debug, Default)]
pub(crate) enum StreamSource {
    /// Nowhere: the guest's descriptor is closed.
    #[default]
    Closed,
    /// A copy of this process's own.
    Inherit,
    Descriptor(OwnedFd),
}

/// What [`Options::signals`] offers.
#[cfg(feature = "quickjs")]
pub(crate) struct SignalOffer {
    pub(crate) stream: OwnedFd,
    pub(crate) ask: AskSignal,
}

/// Is called with the number of a signal and what it shall do.
#[cfg(feature = "quickjs")]
type AskSignal = Box<dyn Fn(i32, guestnet_quickjs::SignalAction) -> Result<(), guestnet_core::Errno> + Send>;

/// A directory of the host with its name in the guest.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) host: PathBuf,
    pub(crate) guest: String,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the environment nor the policy: they may be secret, or long.
        f.debug_struct("Options")
            .field("args", &self.args)
            .field("listen", &self.listen)
            .field("directories", &self.directories)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Options that give nothing.
    #[must_use]
    pub fn new() -> Self {
        Options::default()
    }

    /// What the guest may do on the network, with its limits
    /// ([`PolicyBuilder::limits`](guestnet_core::policy::PolicyBuilder::limits)). By default nothing
    /// ([`Policy::deny_all`]).
    pub fn policy(&mut self, policy: Policy) -> &mut Self {
        self.policy = Some(policy);
        self
    }

    /// Takes the policy from a file, as `--policy` of the command does.
    ///
    /// # Errors
    /// [`Error::PolicyFile`], [`Error::Policy`].
    pub fn policy_file(&mut self, path: impl AsRef<Path>) -> Result<&mut Self, Error> {
        let mut options = PolicyOptions::default();
        add_policy_file(&mut options, path.as_ref())?;
        Ok(self.policy(options.build()))
    }

    /// What receives the guest's calls, denials and decisions: an [`Observer`] of the embedder's, or the one of
    /// [`Reporting::open`](crate::Reporting::open), which writes a trace and an audit. By default there is none.
    pub fn observer(&mut self, observer: impl Observer + 'static) -> &mut Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Appends an argument; the first one is the program's own name (`argv[0]`).
    pub fn arg(&mut self, arg: impl Into<String>) -> &mut Self {
        self.args.push(arg.into());
        self
    }

    /// Appends arguments.
    pub fn args(&mut self, args: impl IntoIterator<Item = impl Into<String>>) -> &mut Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable. The guest has no other ones than those that are set here, and `LISTEN_FDS`.
    pub fn env(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Gives the guest copies of this process's standard streams. One that this process was started without is closed in
    /// the guest too.
    pub fn inherit_stdio(&mut self) -> &mut Self {
        self.streams = [
            StreamSource::Inherit,
            StreamSource::Inherit,
            StreamSource::Inherit,
        ];
        self
    }

    /// Descriptor 0: a pipe, a file, a socket or a terminal.
    pub fn stdin(&mut self, stream: impl Into<OwnedFd>) -> &mut Self {
        self.streams[0] = StreamSource::Descriptor(stream.into());
        self
    }

    /// Descriptor 1.
    pub fn stdout(&mut self, stream: impl Into<OwnedFd>) -> &mut Self {
        self.streams[1] = StreamSource::Descriptor(stream.into());
        self
    }

    /// Descriptor 2.
    pub fn stderr(&mut self, stream: impl Into<OwnedFd>) -> &mut Self {
        self.streams[2] = StreamSource::Descriptor(stream.into());
        self
    }

    /// Has a hook called with each piece that the guest writes to its standard output or standard error, as far as these are
    /// terminals: for an embedder that shows something of its own there, such as a prompt.
    pub fn output_hook(&mut self, hook: OutputHook) -> &mut Self {
        self.output_hook = Some(hook);
        self
    }

    /// An open socket, such as a listener of the service manager, as the next descriptor from 3 on. It is the embedder's
    /// permission by itself: no rule about listening is asked.
    pub fn socket(&mut self, socket: impl Into<OwnedFd>) -> &mut Self {
        self.sockets.push(socket.into());
        self
    }

    /// Opens a TCP listener, which the guest has behind all of [`Options::socket`]. It is the embedder's permission by
    /// itself. Port 0 is one that the system chooses: `listening` of the guest has it.
    pub fn listen(&mut self, addr: SocketAddr) -> &mut Self {
        self.listen.push(addr);
        self
    }

    /// Opens the listeners of [`Options::listen`] now, and returns where they are: connections wait while a guest is being
    /// compiled, where they would be refused. Without it they are opened when the options become a guest. Their backlog is
    /// the policy's limit of pending connections, so the policy comes first.
    ///
    /// # Errors
    /// [`Error::Host`], [`Error::Listen`].
    pub fn open_listeners(&mut self) -> Result<&[SocketAddr], Error> {
        let opened = self.take_listeners()?;
        Ok(&self.opened.insert(opened).addresses)
    }

    /// All listeners, those that are not open yet being opened now, and the host that the guest gets.
    pub(crate) fn take_listeners(&mut self) -> Result<OpenListeners, Error> {
        let mut opened = match self.opened.take() {
            Some(opened) => opened,
            None => OpenListeners {
                host: OsHost::new().map_err(Error::Host)?,
                listeners: Vec::new(),
                addresses: Vec::new(),
            },
        };
        let pending = match &self.policy {
            Some(policy) => policy.limits().pending,
            None => Policy::deny_all().limits().pending,
        };
        let backlog = i32::try_from(pending).unwrap_or(i32::MAX);
        for addr in std::mem::take(&mut self.listen) {
            let failed = |source| Error::Listen { addr, source };
            let io = opened.host.listener(addr, backlog).map_err(failed)?;
            // A listener of ours has no address of another family.
            if let SockAddr::Inet(local) = opened.host.local_addr(&io).map_err(failed)? {
                opened.addresses.push(local);
            }
            opened.listeners.push(io);
        }
        Ok(opened)
    }

    /// A directory of the host under a name of the guest's, for files and for UNIX sockets: the policy says which sockets.
    pub fn directory(&mut self, host: impl Into<PathBuf>, guest: impl Into<String>) -> &mut Self {
        self.directories.push(Directory {
            host: host.into(),
            guest: guest.into(),
        });
        self
    }

    /// As [`Options::directory`], for UNIX sockets only.
    pub fn unix_directory(&mut self, host: impl Into<PathBuf>, guest: impl Into<String>) -> &mut Self {
        self.unix_directories.push((host.into(), guest.into()));
        self
    }

    /// Takes relative paths of UNIX sockets from this process's working directory, for a guest that shares it.
    pub fn follow_working_directory(&mut self) -> &mut Self {
        self.follows_working_directory = true;
        self
    }

    /// The most memory that the guest may have, in bytes. By default a module has what 32 bits can address, and a script
    /// has no limit. What the kernel may hold in buffers for the guest is no more than this, unless the policy's limits have
    /// a number for it.
    pub fn max_memory(&mut self, bytes: u64) -> &mut Self {
        self.max_memory = Some(bytes);
        self
    }

    /// Lets the guest's blocking calls wait in the kernel, so that an accept or a receive of a module is one system call instead
    /// of three, and has [`GuestHandle::stop`](crate::GuestHandle::stop) end them by a signal to the guest's thread. The signal is SIGURG, for which
    /// this process gets a handler that does nothing; it must not have one of its own. Other code that runs on the guest's
    /// thread may see a system call end with `EINTR` then. By default no signal is sent, and none to
    /// a guest of several threads.
    pub fn stop_by_signal(&mut self) -> &mut Self {
        self.stop_by_signal = true;
        self
    }

    /// Who is asked for names. By default the system's resolver.
    #[cfg(feature = "dns")]
    pub fn dns(&mut self, upstream: Upstream) -> &mut Self {
        self.upstream = upstream;
        self
    }

    /// The hosts file, which is looked at before a server is asked. By default the machine's own.
    #[cfg(feature = "dns")]
    pub fn hosts(&mut self, hosts: impl Into<HostsFile>) -> &mut Self {
        self.hosts = Some(hosts.into());
        self
    }

    /// Gives the guest no /etc of ours. By default a module that may look names up has one, with the files that a resolver of
    /// its own reads: a directory that takes the lowest descriptor. A module that opens no file has no use for it.
    #[cfg(all(feature = "dns", feature = "wasi"))]
    pub fn without_etc(&mut self) -> &mut Self {
        self.without_etc = true;
        self
    }

    /// Offers `os.signal` to a script. `ask` is called with the number of a signal, Linux's, and what it shall do; of the
    /// signals that shall be delivered, `stream` gives each that comes as one byte, its number. A module has no use for it.
    #[cfg(feature = "quickjs")]
    pub fn signals(
        &mut self,
        stream: impl Into<OwnedFd>,
        ask: impl Fn(i32, guestnet_quickjs::SignalAction) -> Result<(), guestnet_core::Errno> + Send + 'static,
    ) -> &mut Self {
        self.signals = Some(SignalOffer {
            stream: stream.into(),
            ask: Box::new(ask),
        });
        self
    }
}

/// Adds a policy file to a policy that several options make up.
///
/// # Errors
/// [`Error::PolicyFile`], [`Error::Policy`].
pub fn add_policy_file(options: &mut PolicyOptions, path: &Path) -> Result<(), Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::PolicyFile {
        path: path.to_owned(),
        source,
    })?;
    options.file(&text, &path.display().to_string())?;
    Ok(())
}
