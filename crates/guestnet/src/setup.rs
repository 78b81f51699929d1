//! What every kind of guest is made of: its host, its policy, its capacity, its standard streams and its listeners.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, GuestThread, Observer, OpenFile, Slots};
use guestnet_host_os::{Io, OsHost};

#[cfg(feature = "dns")]
use crate::HostsFile;

use crate::error::Error;
use crate::options::{OpenListeners, Options, StreamSource};

/// The parts of a guest that are the same for modules, scripts and programs with threads.
#[derive(Debug)]
pub(crate) struct GuestSetup {
    /// Knows the directories, for UNIX sockets below them, and the servers for names.
    pub(crate) host: OsHost,
    pub(crate) policy: Arc<Policy>,
    pub(crate) capacity: Capacity,
    pub(crate) attachments: Attachments,
    pub(crate) streams: [Option<Io>; 3],
    /// From descriptor 3 on.
    pub(crate) listeners: Vec<Io>,
    /// Where those of [`Options::listen`] are.
    pub(crate) listening: Vec<SocketAddr>,
}

/// What a guest is given once its first thread is there.
#[derive(Debug)]
pub(crate) struct Attachments {
    observer: Option<Box<dyn Observer>>,
    #[cfg(feature = "dns")]
    pub(crate) hosts: HostsFile,
}

impl Attachments {
    /// Gives a guest its observer and its hosts file.
    pub(crate) fn attach<F, T: Slots<OpenFile<Io, F>>>(self, thread: &mut GuestThread<OsHost, F, T>) {
        #[cfg(feature = "dns")]
        thread.set_hosts(self.hosts.parse());
        if let Some(observer) = self.observer {
            thread.observe(observer);
        }
    }
}

/// Gives a builder the standard streams that are open, by its three functions for them.
#[cfg(any(feature = "quickjs", feature = "wasi"))]
pub(crate) fn give_streams<B>(
    builder: &mut B,
    streams: [Option<Io>; 3],
    functions: [fn(&mut B, Io) -> &mut B; 3],
) {
    for (io, give) in streams.into_iter().zip(functions) {
        if let Some(io) = io {
            give(builder, io);
        }
    }
}

impl GuestSetup {
    /// Takes out of the options what is the same for every kind of guest.
    pub(crate) fn new(options: &mut Options) -> Result<Self, Error> {
        let OpenListeners {
            mut host,
            listeners: opened,
            addresses: listening,
        } = options.take_listeners()?;
        if std::mem::take(&mut options.stop_by_signal) {
            host.stop_by_signal().map_err(Error::StopSignal)?;
        }
        let policy = options.policy.take().unwrap_or_else(Policy::deny_all);
        let [stdin, stdout, stderr] = std::mem::take(&mut options.streams);
        let mut streams = [
            stream(&mut host, stdin, io::stdin())?,
            stream(&mut host, stdout, io::stdout())?,
            stream(&mut host, stderr, io::stderr())?,
        ];
        if let Some(hook) = options.output_hook.take() {
            for output in streams.iter_mut().skip(1).flatten() {
                if output.is_terminal() {
                    output.hook_output(hook.clone());
                }
            }
        }
        let sockets = std::mem::take(&mut options.sockets);
        let mut listeners = sockets
            .into_iter()
            .map(|socket| {
                let number = socket.as_raw_fd();
                host.adopt_socket(socket)
                    .map_err(|source| Error::Socket { number, source })
            })
            .collect::<Result<Vec<Io>, Error>>()?;
        listeners.extend(opened);
        let directories = options
            .directories
            .iter()
            .map(|directory| (&directory.host, &directory.guest));
        let unix = std::mem::take(&mut options.unix_directories);
        for (directory, guest) in directories.chain(unix.iter().map(|(host, guest)| (host, guest))) {
            host.add_directory(directory, guest)
                .map_err(|errno| Error::Directory {
                    path: directory.clone(),
                    source: errno.into(),
                })?;
        }
        if std::mem::take(&mut options.follows_working_directory) {
            host.follow_working_directory();
        }
        #[cfg(feature = "dns")]
        host.set_upstream(&std::mem::take(&mut options.upstream))
            .map_err(Error::Dns)?;
        let mut capacity = Capacity::new(policy.limits(), guestnet_host_os::descriptors());
        if let (None, Some(most)) = (policy.limits().buffers, options.max_memory) {
            // What the kernel holds for the guest is memory too.
            capacity.buffers = capacity.buffers.min(most);
        }
        let attachments = Attachments {
            observer: options.observer.take(),
            #[cfg(feature = "dns")]
            hosts: options.hosts.take().unwrap_or_else(HostsFile::system),
        };
        Ok(GuestSetup {
            host,
            policy: Arc::new(policy),
            capacity,
            attachments,
            streams,
            listeners,
            listening,
        })
    }
}

/// A standard stream of the guest's; `None` if it is closed there.
fn stream(host: &mut OsHost, source: StreamSource, own: impl AsFd) -> Result<Option<Io>, Error> {
    let fd = match source {
        StreamSource::Closed => return Ok(None),
        StreamSource::Descriptor(fd) => fd,
        StreamSource::Inherit => match inherit(own) {
            // This process was started without it. (std opens /dev/null in its place before main, which the guest then gets.)
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error()) => {
                return Ok(None);
            }
            copy => copy.map_err(|error| Error::Stream(error.into()))?,
        },
    };
    host.adopt_stream(fd)
        .map(Some)
        .map_err(|errno| Error::Stream(errno.into()))
}

fn inherit(own: impl AsFd) -> io::Result<OwnedFd> {
    own.as_fd().try_clone_to_owned()
}
