//! Threads for workers: what an embedder must give, and what a worker's thread does.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use guestnet_core::{Errno, Host};

use crate::builder::ScriptBuilder;
use crate::call_site::FailedCalls;
use crate::errno;
use crate::event_loop::EventLoop;
use crate::file::File;
use crate::native_modules::NativeModules;
use crate::os::address::AddressCache;
use crate::ports::{StopHandle, WorkerSetup, Workers};
use crate::rejections::Rejections;
use crate::script::{Engine, Script};
use crate::signals::Signals;
use crate::state::State;
use crate::waiters::ThreadWaits;
use crate::web::exports::LibraryExports;
use crate::web::labels::ConsoleState;

/// How large a worker's stack is: what its script may use, and room for what it calls.
const STACK: usize = 4 << 20;

/// A host for one more thread of a guest.
pub struct ThreadHost<H: Host> {
    /// The thread's own host: it waits for itself.
    pub host: H,
    /// Stops the guest: wakes the host when it waits, and has it answer `EINTR` from then on.
    pub stop: Box<dyn Fn() + Send>,
}

impl<H: Host> fmt::Debug for ThreadHost<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadHost").finish_non_exhaustive()
    }
}

impl<H> ScriptBuilder<H>
where
    H: Host + Send + 'static,
    H::Io: Send + Sync,
{
    /// Lets the script start workers. `make` is called for each, on the script's thread; the host that it returns
    /// reaches what the script's own one does.
    pub fn workers<M>(&mut self, make: M) -> &mut Self
    where
        M: Fn() -> Result<ThreadHost<H>, Errno> + Send + Sync + 'static,
    {
        self.set_spawn(Arc::new(move |start| {
            let host = make().map_err(|errno| io::Error::from_raw_os_error(errno::number(errno)))?;
            spawn(start, host)
        }));
        self
    }
}

/// Starts a worker's thread. No thread joins it: it announces its own end, and the end of the process ends it.
fn spawn<H>(start: WorkerSetup<H>, host: ThreadHost<H>) -> io::Result<StopHandle>
where
    H: Host + Send + 'static,
    H::Io: Send + Sync,
{
    let flag: Arc<AtomicBool> = Arc::default();
    let stop = Arc::clone(&flag);
    let WorkerSetup {
        guest,
        memory,
        waiters,
        directories,
        scripts,
        env,
        modules,
        ends,
        name,
        source,
        charge,
    } = start;
    let mut guest = guest.thread(host.host);
    let run = move || {
        // The first is given back when the thread is over.
        let (_charge, engine) = charge;
        let Ok(engine) = Engine::new(memory.budget(), engine.into_bytes()) else {
            ends.incoming.discard();
            ends.outgoing.shut(&mut guest);
            return;
        };
        let make = |getters, promises| State {
            guest: RefCell::new(guest),
            events: RefCell::new(EventLoop::new(&memory)),
            directories,
            scripts,
            args: Vec::new(),
            streams: std::rc::Rc::default(),
            env: RefCell::new(env),
            exit: Cell::new(None),
            stop,
            session: None,
            failed: Cell::new(false),
            getters,
            promises,
            addresses: AddressCache::default(),
            workers: Workers::new(None, Some(ends)),
            signals: Signals::new(None),
            modules: NativeModules::new(modules),
            rejections: RefCell::new(Rejections::new(&memory)),
            failed_calls: FailedCalls::default(),
            console: ConsoleState::default(),
            libraries: LibraryExports::default(),
            waits: ThreadWaits::new(waiters),
            memory,
        };
        // A script that cannot start has announced its end as well.
        if let Ok(mut script) = Script::<H>::start(engine, make) {
            script.run_counted(&name, source);
        }
    };
    thread::Builder::new()
        .name("worker".to_owned())
        .stack_size(STACK)
        .spawn(run)?;
    Ok(StopHandle {
        flag,
        wake: host.stop,
    })
}

/// What a script's thread needs can be moved there.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<File>();
};
