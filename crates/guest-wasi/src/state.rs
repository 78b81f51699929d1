//! [`GuestCtx`]: what a Wasmtime store keeps for one guest, and how it is put together.

use std::path::Path;

use guestnet_core::{EpollEvent, Errno, GuestThread, Host};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// A file of wasmtime-wasi behind one of our descriptors.
#[derive(Clone, Debug)]
pub struct File {
    /// Its number in wasmtime-wasi's own table, which no guest ever sees.
    pub(crate) inner: u32,
    /// The guest's name of a pre-opened directory.
    pub(crate) preopen: Option<Box<str>>,
    /// Its number in wasmtime-wasi's table of resources, where the open file is; of what `path_open` has opened.
    pub(crate) resource: Option<u32>,
}

/// One guest's WASI: descriptors and sockets by guestnet's core; files, clocks, random numbers, arguments and
/// environment by wasmtime-wasi.
///
/// A store's data is this, or contains it. It serves one instance: the memory of the first caller is the one that
/// every later call works on. It is to this crate what wasmtime-wasi's `WasiP1Ctx` is to that one, which it contains.
#[doc(alias = "WasiCtx")]
#[doc(alias = "WasiP1Ctx")]
pub struct GuestCtx<H: Host> {
    pub(crate) guest: GuestThread<H, File>,
    pub(crate) inner: WasiP1Ctx,
    pub(crate) memory: Option<wasmtime::Memory>,
    pub(crate) files: Option<wasmtime::Instance>,
    /// Room for what an epoll reports, kept from call to call.
    pub(crate) epoll_events: Vec<EpollEvent>,
}

impl<H: Host> std::fmt::Debug for GuestCtx<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestCtx").finish_non_exhaustive()
    }
}

impl<H: Host> GuestCtx<H> {
    /// The guest's descriptors and policy.
    pub fn guest(&mut self) -> &mut GuestThread<H, File> {
        &mut self.guest
    }
}

/// How a store's data leads to its [`GuestCtx`]: the `get` of Wasmtime's own `add_to_linker` functions.
pub type Getter<T, H> = fn(&mut T) -> &mut GuestCtx<H>;

/// Puts a [`GuestCtx`] together: arguments, environment, standard streams, listeners and directories.
///
/// The guest's numbers are 0, 1 and 2 for the standard streams, then the listeners from 3 on in the order in which
/// they were added (the `LISTEN_FDS` convention), then the directories.
#[doc(alias = "WasiCtxBuilder")]
pub struct GuestCtxBuilder<H: Host> {
    guest: GuestThread<H, File>,
    inner: WasiCtxBuilder,
    streams: [Option<H::Io>; 3],
    listeners: Vec<(H::Io, bool)>,
    directories: Vec<Box<str>>,
}

impl<H: Host> std::fmt::Debug for GuestCtxBuilder<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestCtxBuilder")
            .field("directories", &self.directories)
            .finish_non_exhaustive()
    }
}

impl<H: Host> GuestCtxBuilder<H> {
    /// Begins with a guest that has no descriptors yet.
    #[must_use]
    pub fn new(guest: GuestThread<H, File>) -> Self {
        let mut inner = WasiCtxBuilder::new();
        // The guest has its thread to itself (one thread a guest), so a file may block it.
        inner.allow_blocking_current_thread(true);
        GuestCtxBuilder {
            guest,
            inner,
            streams: [None, None, None],
            listeners: Vec::new(),
            directories: Vec::new(),
        }
    }

    /// Appends an argument; the first one is `argv[0]`.
    pub fn arg(&mut self, arg: impl AsRef<str>) -> &mut Self {
        self.inner.arg(arg);
        self
    }

    /// Sets an environment variable.
    pub fn env(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> &mut Self {
        self.inner.env(name, value);
        self
    }

    /// Descriptor 0; without it the number is closed.
    pub fn stdin(&mut self, io: H::Io) -> &mut Self {
        self.streams[0] = Some(io);
        self
    }

    /// Descriptor 1; without it the number is closed.
    pub fn stdout(&mut self, io: H::Io) -> &mut Self {
        self.streams[1] = Some(io);
        self
    }

    /// Descriptor 2; without it the number is closed.
    pub fn stderr(&mut self, io: H::Io) -> &mut Self {
        self.streams[2] = Some(io);
        self
    }

    /// A listener that is open before the guest starts. Go needs `nonblocking`: a blocking accept would hold all
    /// goroutines.
    pub fn listener(&mut self, io: H::Io, nonblocking: bool) -> &mut Self {
        self.listeners.push((io, nonblocking));
        self
    }

    /// Pre-opens a directory of the host under a name of the guest's.
    ///
    /// # Errors
    /// The directory cannot be opened, or procfs or another file system of the kernel's own is in it, whose files are
    /// no data: `guestnet_directory` says which.
    pub fn directory(&mut self, host: &Path, guest: &str, read_only: bool) -> wasmtime::Result<&mut Self> {
        let permissions = if read_only {
            FsPerms::ReadOnly
        } else {
            FsPerms::ReadWrite
        };
        guestnet_directory::check(host)?;
        self.inner.preopened_dir(host, guest, permissions)?;
        self.directories.push(guest.into());
        Ok(self)
    }

    /// Finishes. Sets `LISTEN_FDS` if there are listeners.
    ///
    /// # Errors
    /// `EMFILE` if the guest's table is too small for what was added, or a listener that is not a socket.
    pub fn build(mut self) -> wasmtime::Result<GuestCtx<H>> {
        if !self.listeners.is_empty() {
            self.inner.env("LISTEN_FDS", self.listeners.len().to_string());
        }
        let mut closed = Vec::new();
        for stream in self.streams {
            if let Some(io) = stream {
                self.guest.insert_stream(io)?;
            } else {
                // Holds the number while the others are given out.
                let placeholder = File {
                    inner: u32::MAX,
                    preopen: None,
                    resource: None,
                };
                closed.push(self.guest.insert_file(placeholder).map_err(|(errno, _)| errno)?);
            }
        }
        for (io, nonblocking) in self.listeners {
            self.guest.insert_preopened(io, nonblocking)?;
        }
        // wasmtime-wasi numbers its pre-opened directories from 3 on, in the order in which they were added.
        for (name, inner) in self.directories.into_iter().zip(3..) {
            let file = File {
                inner,
                preopen: Some(name),
                resource: None,
            };
            self.guest.insert_file(file).map_err(|(errno, _)| errno)?;
        }
        for fd in closed {
            self.guest.close(fd).map_err(|errno: Errno| errno)?;
        }
        Ok(GuestCtx {
            guest: self.guest,
            inner: self.inner.build_p1(),
            memory: None,
            files: None,
            epoll_events: Vec::new(),
        })
    }
}
