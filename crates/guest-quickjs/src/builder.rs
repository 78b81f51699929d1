//! [`ScriptBuilder`]: what a script is put together from.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use guestnet_core::{Errno, Host, SharedGuestThread};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Module};

use crate::call_site::FailedCalls;
use crate::event_loop::EventLoop;
use crate::file::File;
use crate::native_modules::{self, Declarations, NativeModules};
use crate::os::address::AddressCache;
use crate::os::dir::Directories;
use crate::ports::{Spawn, Workers};
use crate::rejections::Rejections;
use crate::script::{Engine, Script};
use crate::session::SessionHandle;
use crate::signals::{Offer, SignalAction, Signals};
use crate::state::State;
use crate::sys::heap::Memory;
use crate::waiters::{ThreadWaits, Waiters};
use crate::web::exports::LibraryExports;
use crate::web::labels::ConsoleState;

/// Why there is no script to run.
#[derive(Debug)]
pub enum BuildError {
    /// The guest's descriptor table is too small for what was added, or a listener is not a socket.
    Descriptor(Errno),
    /// A module of the embedder's cannot have this name.
    Module {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The engine has not enough memory to start.
    Memory,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Descriptor(errno) => write!(f, "a descriptor cannot be given to the script: {errno}"),
            BuildError::Module { name, reason } => {
                write!(f, "the module {name:?} cannot be added: {reason}")
            }
            BuildError::Memory => f.write_str("the limit of memory is too low for the engine to start"),
        }
    }
}

impl std::error::Error for BuildError {}

/// Puts a [`Script`] together. It can be moved to the thread that the script will run on.
///
/// Descriptors 0, 1 and 2 are the standard streams, then come the listeners from 3 on, in the order in which they were
/// added (the `LISTEN_FDS` convention).
pub struct ScriptBuilder<H: Host + 'static> {
    guest: SharedGuestThread<H, File>,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    streams: [Option<H::Io>; 3],
    listeners: Vec<H::Io>,
    directories: Directories,
    scripts: Directories,
    memory: usize,
    stop: Arc<AtomicBool>,
    session: Option<SessionHandle>,
    spawn: Option<Spawn<H>>,
    signals: Option<Offer<H>>,
    modules: Declarations,
    /// The first name that no module can have.
    refused: Option<(String, &'static str)>,
}

impl<H: Host + 'static> fmt::Debug for ScriptBuilder<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptBuilder")
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}

impl<H: Host + 'static> ScriptBuilder<H> {
    /// Begins with a guest that has no descriptors yet.
    #[must_use]
    pub fn new(guest: SharedGuestThread<H, File>) -> Self {
        ScriptBuilder {
            guest,
            args: Vec::new(),
            env: BTreeMap::new(),
            streams: [None, None, None],
            listeners: Vec::new(),
            directories: Directories::default(),
            scripts: Directories::default(),
            memory: 0,
            stop: Arc::default(),
            session: None,
            spawn: None,
            signals: None,
            modules: Declarations::new(),
            refused: None,
        }
    }

    /// Appends to `scriptArgs`; the first one is the script's name.
    pub fn arg(&mut self, arg: impl Into<String>) -> &mut Self {
        self.args.push(arg.into());
        self
    }

    /// Sets an environment variable.
    pub fn env(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.env.insert(name.into(), value.into());
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

    /// A listener that is open before the script starts, in non-blocking mode.
    pub fn listener(&mut self, io: H::Io) -> &mut Self {
        self.listeners.push(io);
        self
    }

    /// A directory of the host under a name of the guest's.
    ///
    /// # Errors
    /// The directory cannot be opened, or procfs or another file system of the kernel's own is in it, whose files are
    /// no data: `guestnet_directory` says which.
    pub fn directory(&mut self, host: &Path, guest: &str) -> io::Result<&mut Self> {
        guestnet_directory::check(host)?;
        let dir = Dir::open_ambient_dir(host, ambient_authority())?;
        self.directories.add(guest, dir, host.canonicalize().ok());
        Ok(self)
    }

    /// A directory of the host from which modules can be imported, under the name that the main script's name begins
    /// with; nothing else can be read there. Where that name is empty, an import that leads out of it (`../lib/x.js`) is
    /// read where [`ScriptBuilder::directory`] has given the file. What the kernel's own file systems have below it is refused file by file,
    /// since a script may well lie in `/`.
    ///
    /// # Errors
    /// The directory cannot be opened.
    pub fn scripts(&mut self, host: &Path, name: &str) -> io::Result<&mut Self> {
        let dir = Dir::open_ambient_dir(host, ambient_authority())?;
        self.scripts.add(name, dir, host.canonicalize().ok());
        Ok(self)
    }

    /// The most memory that the script may have, in bytes, together with all its workers, their messages and shared buffers; 0
    /// is no limit.
    pub fn memory(&mut self, bytes: usize) -> &mut Self {
        self.memory = bytes;
        self
    }

    /// Offers `os.signal`. `ask` is called with a signal's number, Linux's, and what it shall do; a signal that is not the
    /// script's to handle is `EINVAL`. Of those that shall be delivered, `stream` gives each that comes as one byte, its
    /// number; a stream that ends delivers nothing any more.
    pub fn signals(
        &mut self,
        stream: H::Io,
        ask: impl Fn(i32, SignalAction) -> Result<(), Errno> + Send + 'static,
    ) -> &mut Self {
        self.signals = Some(Offer {
            stream,
            ask: Box::new(ask),
        });
        self
    }

    /// Set to `true`, it ends a script that computes. One that waits is woken by the host's own stopper.
    #[must_use]
    pub fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Makes it a script that lines are typed into while its event loop turns ([`Script::run_until`]), and gives other
    /// threads a handle on it. `wake` has the host's current wait or its next one end with `EINTR`, as the host's own stopper
    /// does.
    pub fn session(&mut self, wake: impl Fn() + Send + Sync + 'static) -> SessionHandle {
        let handle = SessionHandle::new(Box::new(wake));
        self.session = Some(handle.clone());
        handle
    }

    /// Starts the engine, on the thread on which the script will run.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(mut self) -> Result<Script<H>, BuildError> {
        if let Some((name, reason)) = self.refused.take() {
            return Err(BuildError::Module { name, reason });
        }
        self.insert_descriptors().map_err(BuildError::Descriptor)?;
        let (guest, directories, args) = (self.guest, self.directories, self.args);
        let (env, stop) = (RefCell::new(self.env), self.stop);
        let (scripts, workers) = (self.scripts, Workers::new(self.spawn, None));
        let memory = Memory::new(self.memory);
        let engine = Engine::new(memory.budget(), 0);
        let signals = Signals::new(self.signals);
        let modules = NativeModules::new(Arc::new(self.modules));
        let make = |getters, promises| State {
            guest: RefCell::new(guest),
            events: RefCell::new(EventLoop::new(&memory)),
            directories,
            scripts,
            args,
            streams: Rc::default(),
            env,
            exit: Cell::new(None),
            stop,
            session: self.session,
            failed: Cell::new(false),
            getters,
            promises,
            addresses: AddressCache::default(),
            workers,
            signals,
            modules,
            rejections: RefCell::new(Rejections::new(&memory)),
            failed_calls: FailedCalls::default(),
            console: ConsoleState::default(),
            libraries: LibraryExports::default(),
            waits: ThreadWaits::new(Waiters::new()),
            memory,
        };
        engine
            .and_then(|engine| Script::start(engine, make))
            .map_err(|_| BuildError::Memory)
    }

    pub(crate) fn add_module<D>(&mut self, name: String, declare: D) -> &mut Self
    where
        D: for<'js> Fn(&Ctx<'js>, &str) -> rquickjs::Result<Module<'js, Declared>> + Send + Sync + 'static,
    {
        let reason = native_modules::refusal(&name).or_else(|| {
            self.modules
                .contains_key(&name)
                .then_some("there is one with this name")
        });
        match reason {
            Some(reason) => drop(self.refused.get_or_insert((name, reason))),
            None => drop(self.modules.insert(name, Arc::new(declare))),
        }
        self
    }

    pub(crate) fn set_spawn(&mut self, spawn: Spawn<H>) {
        self.spawn = Some(spawn);
    }

    fn insert_descriptors(&mut self) -> Result<(), Errno> {
        let mut closed = Vec::new();
        for stream in &mut self.streams {
            match stream.take() {
                Some(io) => drop(self.guest.insert_stream(io)?),
                // Holds the number while the others are given out.
                None => closed.push(
                    self.guest
                        .insert_file(File::closed())
                        .map_err(|(errno, _)| errno)?,
                ),
            }
        }
        let listeners = std::mem::take(&mut self.listeners);
        if !listeners.is_empty() {
            self.env
                .insert("LISTEN_FDS".to_owned(), listeners.len().to_string());
        }
        for io in listeners {
            self.guest.insert_preopened(io, true)?;
        }
        for fd in closed {
            self.guest.close(fd)?;
        }
        Ok(())
    }
}
