//! [`Script`]: one engine with one script in it, and how it runs to its end.

mod interactive;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use guestnet_core::{Errno, Host, SharedGuestThread};
use rquickjs::module::Declared;
use rquickjs::promise::PromiseState;
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Exception, Module, Persistent, Promise, Runtime, Value,
};

use crate::budget::Budget;
use crate::buffer::Getters;
pub use interactive::Evaluated;

use crate::event_loop::EventLoop;
use crate::file::File;
use crate::loader::{Modules, Names, describe};
use crate::os::address::Known;
use crate::os::dir::Directories;
use crate::os::worker;
use crate::ports::{Spawn, Workers};
use crate::rejections::Rejections;
use crate::signals::{Offer, SignalAction, Signals};
use crate::state::{Shared, State};
use crate::sys::eval;
use crate::sys::heap::{Beginning, Bytes, EngineHeap, Memory};
use crate::sys::message::{Sharing, share_buffers};
use crate::sys::opaque::Opaque;
use crate::turn::{Turn, turn};
use crate::{print, report};

/// How much of the thread's stack a script may use, in bytes. A thread that runs scripts needs some more.
const STACK: usize = 1 << 20;

/// How a script ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code: 0, what it gave to `std.exit`, or 1 after an error that nothing caught.
    Exit(i32),
    /// It was told to stop.
    Stopped,
}

/// Why there is no script to run.
#[derive(Debug)]
pub enum BuildError {
    /// The guest's descriptor table is too small for what was added, or a listener is not a socket.
    Descriptor(Errno),
    /// The engine has not enough memory to start.
    Memory,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Descriptor(errno) => write!(f, "a descriptor cannot be given to the script: {errno}"),
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
    spawn: Option<Spawn<H>>,
    signals: Option<Offer<H>>,
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
            spawn: None,
            signals: None,
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
        self.directories.add(guest, dir);
        Ok(self)
    }

    /// A directory of the host from which modules can be imported, under the name that the main script's name begins
    /// with; nothing else can be read there. What the kernel's own file systems have below it is refused file by file,
    /// since a script may well lie in `/`.
    ///
    /// # Errors
    /// The directory cannot be opened.
    pub fn scripts(&mut self, host: &Path, name: &str) -> io::Result<&mut Self> {
        let dir = Dir::open_ambient_dir(host, ambient_authority())?;
        self.scripts.add(name, dir);
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

    /// Starts the engine, on the thread on which the script will run.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(mut self) -> Result<Script<H>, BuildError> {
        self.insert_descriptors().map_err(BuildError::Descriptor)?;
        let (guest, directories, args) = (self.guest, self.directories, self.args);
        let (env, stop) = (RefCell::new(self.env), self.stop);
        let (scripts, workers) = (self.scripts, Workers::new(self.spawn, None));
        let memory = Memory::new(self.memory);
        let engine = Engine::new(memory.budget(), 0);
        let signals = Signals::new(self.signals);
        let make = |getters| State {
            guest: RefCell::new(guest),
            events: RefCell::new(EventLoop::new(&memory)),
            directories,
            scripts,
            args,
            streams: Rc::default(),
            env,
            exit: Cell::new(None),
            stop,
            getters,
            addresses: Known::default(),
            workers,
            signals,
            rejections: RefCell::new(Rejections::new(&memory)),
            memory,
        };
        engine
            .and_then(|engine| Script::start(engine, make))
            .map_err(|_| BuildError::Memory)
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

/// A script with its engine. It stays on its thread.
pub struct Script<H: Host + 'static> {
    // Dropped in this order: the context's functions hold the state, which must hold no value by then.
    context: Context,
    runtime: Runtime,
    state: Shared<H>,
    _sharing: Box<Sharing>,
}

impl<H: Host + 'static> fmt::Debug for Script<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script")
            .field("args", &self.state.args)
            .finish_non_exhaustive()
    }
}

impl<H: Host + 'static> Drop for Script<H> {
    fn drop(&mut self) {
        worker::announce_end(&self.state);
        self.state.forget_values();
    }
}

/// An engine that has no script yet.
pub(crate) struct Engine {
    beginning: Beginning,
    getters: Getters,
    context: Context,
    runtime: Runtime,
}

impl Engine {
    /// A new engine, for which so many bytes were taken from the budget before.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn new(budget: &Arc<Budget>, prepaid: usize) -> rquickjs::Result<Engine> {
        let (heap, beginning) = EngineHeap::new(budget, prepaid);
        let runtime = Runtime::new_with_alloc(heap)?;
        runtime.set_max_stack_size(STACK);
        let context = Context::full(&runtime)?;
        let getters = context.with(|ctx| Getters::keep(&ctx))?;
        Ok(Engine {
            beginning,
            getters,
            context,
            runtime,
        })
    }
}

impl<H: Host + 'static> Script<H> {
    pub(crate) fn start(engine: Engine, make: impl FnOnce(Getters) -> State<H>) -> rquickjs::Result<Self> {
        let Engine {
            beginning,
            runtime,
            context,
            getters,
        } = engine;
        let state = Rc::new(make(getters));
        let sharing = context.with(|ctx| share_buffers(&ctx, &state.memory));
        runtime.set_loader(
            Names,
            Modules {
                state: Rc::clone(&state),
            },
        );
        let watched = Rc::clone(&state);
        runtime.set_interrupt_handler(Some(Box::new(move || watched.is_ending())));
        let tracked = Rc::clone(&state);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            track(&ctx, &tracked, promise, reason, handled);
        })));
        let script = Script {
            context,
            runtime,
            state: Rc::clone(&state),
            _sharing: sharing,
        };
        script.context.with(|ctx| {
            ctx.store_userdata(Opaque(Rc::clone(&state)))
                .map_err(|_| rquickjs::Error::Unknown)?;
            ctx.store_userdata(Opaque(Arc::clone(&state.memory)))
                .map_err(|_| rquickjs::Error::Unknown)?;
            print::install(&ctx, &state)?;
            crate::os::time::install(&ctx, &state)?;
            ctx.globals().set("scriptArgs", state.args.clone())
        })?;
        if beginning.has_failed() {
            return Err(rquickjs::Error::Allocation);
        }
        Ok(script)
    }

    /// Evaluates a module and turns the event loop until nothing is pending.
    ///
    /// What nothing catches is printed on the script's standard error, as qjs does.
    pub fn run(&mut self, name: &str, source: &[u8]) -> End {
        self.run_module(name, |ctx| Module::declare(ctx.clone(), name, source))
    }

    /// As [`Script::run`], of a source that counts as the script's own memory.
    pub(crate) fn run_counted(&mut self, name: &str, source: Bytes) -> End {
        self.run_module(name, |ctx| eval::module(ctx, source, name))
    }

    fn run_module(
        &mut self,
        name: &str,
        declare: impl for<'js> FnOnce(&Ctx<'js>) -> rquickjs::Result<Module<'js, Declared>>,
    ) -> End {
        let evaluated = self.context.with(|ctx| {
            let evaluated = declare(&ctx)
                .and_then(|module| evaluate(module, name))
                .catch(&ctx);
            match evaluated {
                Ok(promise) => Some(Persistent::save(&ctx, promise)),
                Err(error) => {
                    self.fail(&ctx, error);
                    None
                }
            }
        });
        if let Some(promise) = evaluated {
            self.drive(&promise);
        }
        self.end()
    }

    /// Turns the loop until nothing is pending or the script has ended.
    fn drive(&self, main: &Persistent<Promise<'static>>) {
        loop {
            self.run_jobs();
            let goes_on = self.context.with(|ctx| {
                self.check_promises(&ctx, main);
                if self.state.is_ending() {
                    return false;
                }
                match turn(&ctx, &self.state).catch(&ctx) {
                    Ok(Turn::Done) => true,
                    Ok(Turn::Idle) => worker::wait_for_workers(&self.state),
                    Ok(Turn::Stopped) => {
                        self.state.stop.store(true, Ordering::Relaxed);
                        false
                    }
                    Err(error) => {
                        self.fail(&ctx, error);
                        false
                    }
                }
            });
            if !goes_on {
                return;
            }
        }
    }

    /// Runs microtasks until there is none.
    fn run_jobs(&self) {
        while !self.state.is_ending() {
            match self.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    error.0.with(|ctx| {
                        let thrown = ctx.catch();
                        self.uncaught(&ctx, &thrown);
                    });
                }
            }
        }
    }

    /// Ends the script if its main module failed, or a promise was rejected that nobody handles.
    fn check_promises(&self, ctx: &Ctx<'_>, main: &Persistent<Promise<'static>>) {
        if self.state.is_ending() {
            return;
        }
        if let Ok(main) = main.clone().restore(ctx)
            && main.state() == PromiseState::Rejected
        {
            if let Some(Err(error)) = main.result::<Value<'_>>().map(|result| result.catch(ctx)) {
                self.fail(ctx, error);
            }
            return;
        }
        let rejected = self.state.rejections.borrow_mut().take();
        if let Some((_, reason)) = rejected.into_iter().next()
            && let Ok(reason) = reason.restore(ctx)
        {
            report::unhandled(ctx, &self.state, &reason);
            self.state.exit.set(Some(1));
        }
    }

    fn fail(&self, ctx: &Ctx<'_>, error: CaughtError<'_>) {
        match error {
            CaughtError::Exception(exception) => self.uncaught(ctx, exception.as_value()),
            CaughtError::Value(value) => self.uncaught(ctx, &value),
            CaughtError::Error(error) => {
                let text = error.to_string();
                if let Ok(exception) = Exception::from_message(ctx.clone(), &text) {
                    self.uncaught(ctx, exception.as_value());
                }
                self.state.exit.set(self.state.exit.get().or(Some(1)));
            }
        }
    }

    /// What nothing caught ends the script, unless that is how it ends anyway.
    fn uncaught(&self, ctx: &Ctx<'_>, thrown: &Value<'_>) {
        if !self.state.is_ending() {
            report::uncaught(ctx, &self.state, thrown);
            self.state.exit.set(Some(1));
        }
    }

    fn end(&self) -> End {
        self.state.streams.flush(&self.state);
        match self.state.exit.get() {
            Some(code) => End::Exit(code),
            None if self.state.stop.load(Ordering::Relaxed) => End::Stopped,
            None => End::Exit(0),
        }
    }
}

fn evaluate<'js>(module: Module<'js, Declared>, name: &str) -> rquickjs::Result<Promise<'js>> {
    describe(&module, name, true)?;
    module.eval().map(|(_, promise)| promise)
}

/// Remembers promises that were rejected while nobody listened, and forgets those that somebody listens to later.
fn track<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &State<H>,
    promise: Value<'js>,
    reason: Value<'js>,
    handled: bool,
) {
    let promise = Persistent::save(ctx, promise);
    let mut rejections = state.rejections.borrow_mut();
    if handled {
        rejections.handled(&promise);
    } else {
        rejections.add(promise, Persistent::save(ctx, reason));
    }
}
