//! [`State`]: what all functions of one script share.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guestnet_core::{Clock, Errno, Fd, Host, SharedDescriptor, SharedGuestThread};
use rquickjs::{Ctx, Error, Result};

use crate::buffer::Getters;
use crate::call_site::FailedCalls;
use crate::event_loop::EventLoop;
use crate::file::File;
use crate::native_modules::NativeModules;
use crate::os::address::AddressCache;
use crate::os::dir::Directories;
use crate::ports::Workers;
use crate::rejections::Rejections;
use crate::session::SessionHandle;
use crate::signals::Signals;
use crate::std_module::stream::Streams;
use crate::sys::heap::{Bytes, Memory};
use crate::sys::opaque::Opaque;
use crate::sys::settled::PromiseLayout;
use crate::waiters::ThreadWaits;
use crate::web::exports::LibraryExports;
use crate::web::labels::ConsoleState;

/// The longest line or text that is read at once, in bytes. The engine's strings end at about 1 GiB.
pub(crate) const MAX_TEXT: usize = 256 << 20;

/// The longest text that one call prints, in bytes.
pub(crate) const MAX_PRINTED: usize = 64 << 20;

/// One script's state. The engine is single-threaded, and so is this.
///
/// Rule: no `RefCell` here stays borrowed while code of the guest can run, that is over any call into the engine that
/// reads a property, converts an object, settles a promise, calls a function or makes an exception
/// (`Error.prepareStackTrace` runs for each). The same holds for locks of [`Workers`].
pub(crate) struct State<H: Host + 'static> {
    pub(crate) guest: RefCell<SharedGuestThread<H, File>>,
    pub(crate) events: RefCell<EventLoop<H>>,
    pub(crate) directories: Directories,
    /// Further directories, from which modules are imported and nothing else is read.
    pub(crate) scripts: Directories,
    /// `scriptArgs`: the script's name and its arguments.
    pub(crate) args: Vec<String>,
    /// The `FILE` objects.
    pub(crate) streams: Rc<Streams>,
    pub(crate) env: RefCell<BTreeMap<String, String>>,
    /// The script called `std.exit`, or failed: everything ends with this code.
    pub(crate) exit: Cell<Option<i32>>,
    /// Set from outside to end the script.
    pub(crate) stop: Arc<AtomicBool>,
    /// Lines are typed into the script: what interrupts them.
    pub(crate) session: Option<SessionHandle>,
    /// An error was printed that ended nothing.
    pub(crate) failed: Cell<bool>,
    pub(crate) getters: Getters,
    /// How the engine keeps promises; `None`: unknown.
    pub(crate) promises: Option<PromiseLayout>,
    pub(crate) addresses: AddressCache,
    pub(crate) workers: Workers<H>,
    pub(crate) signals: Signals<H>,
    /// The modules that an embedder has added.
    pub(crate) modules: NativeModules,
    /// What all threads of the script have together.
    pub(crate) memory: Arc<Memory>,
    pub(crate) rejections: RefCell<Rejections>,
    /// Where numbers come from that nothing catches.
    pub(crate) failed_calls: FailedCalls,
    pub(crate) console: ConsoleState,
    /// The JavaScript behind the globals of `web`, as far as it is loaded.
    pub(crate) libraries: LibraryExports,
    /// Who waits for cells of shared buffers.
    pub(crate) waits: ThreadWaits<H>,
}

/// How functions hold the state.
pub(crate) type StateRef<H> = Rc<State<H>>;

impl<H: Host + 'static> State<H> {
    /// The state of the script that a context belongs to.
    ///
    /// # Errors
    /// `Unknown` for a context that no [`crate::Script`] made.
    pub(crate) fn of(ctx: &Ctx<'_>) -> Result<StateRef<H>> {
        let handle = ctx.userdata::<Opaque<StateRef<H>>>().ok_or(Error::Unknown)?;
        Ok(Rc::clone(&handle.0))
    }

    /// An open descriptor by the number that a script gives.
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn open_fd(&self, fd: i32) -> guestnet_core::Result<Fd> {
        let fd = Fd::try_from(fd).map_err(|_| Errno::EBADF)?;
        self.guest.borrow().open_file(fd).map(|_| fd)
    }

    /// What the number stands for that a script gives: the call goes on with it, whatever becomes of the number.
    ///
    /// # Errors
    /// `EBADF`.
    pub(crate) fn look_up(&self, fd: i32) -> guestnet_core::Result<SharedDescriptor<H, File>> {
        let fd = Fd::try_from(fd).map_err(|_| Errno::EBADF)?;
        self.guest.borrow().look_up(fd)
    }

    /// Whether the script must run no more.
    pub(crate) fn is_ending(&self) -> bool {
        self.exit.get().is_some() || self.stop.load(Ordering::Relaxed)
    }

    /// Whether no code of the script may go on: the script ends, or what it does is interrupted.
    pub(crate) fn is_unwinding(&self) -> bool {
        self.is_ending() || self.session.as_ref().is_some_and(SessionHandle::is_interrupted)
    }

    /// The longest text that is read or made at once, in bytes.
    pub(crate) fn max_text(&self) -> usize {
        MAX_TEXT.min(self.memory.budget().most())
    }

    /// The whole content of a file of the guest's directories.
    ///
    /// # Errors
    /// `ENOENT`, …; `EFBIG` for one that is longer than [`State::max_text`], `ENOMEM`.
    pub(crate) fn read_file(&self, path: &str) -> guestnet_core::Result<Bytes> {
        self.directories.read(path, &self.memory, self.max_text())
    }

    /// The monotonic clock's time.
    pub(crate) fn now(&self) -> Duration {
        self.guest.borrow().now(Clock::Monotonic)
    }

    /// Drops every JavaScript value that the state holds: they must not outlive the engine.
    pub(crate) fn forget_values(&self) {
        let forgotten = self.events.borrow_mut().forget_values();
        drop(forgotten);
        self.workers.forget();
        self.signals.forget();
        self.modules.forget();
        self.getters.forget();
        self.addresses.forget();
        self.failed_calls.forget();
        self.libraries.forget();
        self.waits.forget();
        let rejections = self.rejections.borrow_mut().take();
        drop(rejections);
    }
}
