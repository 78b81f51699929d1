//! [`Signals`]: a script's handlers for signals of its process, and [`SignalAction`].
//!
//! Not here: `os.signal` (`os/signal.rs`).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use guestnet_core::Host;
use rquickjs::{Function, Persistent};

/// The action of a signal that a script sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalAction {
    /// The default action (signal(7)).
    Default,
    /// The signal is ignored.
    Ignore,
    /// Its number comes as one byte of the stream that [`crate::ScriptBuilder::signals`] was given.
    Deliver,
}

/// Sets the action of a signal in the embedder; the number is Linux's.
pub(crate) type SetAction = Box<dyn Fn(i32, SignalAction) -> guestnet_core::Result<()> + Send>;

/// What an embedder offers.
pub(crate) struct Offer<H: Host> {
    pub(crate) stream: H::Io,
    pub(crate) ask: SetAction,
}

impl<H: Host> fmt::Debug for Offer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").finish_non_exhaustive()
    }
}

/// All that a script has to do with signals.
pub(crate) struct Signals<H: Host> {
    pub(crate) ask: Option<SetAction>,
    /// Where their numbers come from; a descriptor of the script's from its first handler on.
    pub(crate) stream: Cell<Option<H::Io>>,
    /// Signals that are pending; bit 0 is signal 0. As for the kernel, two of the same are one.
    pub(crate) came: Cell<u64>,
    pub(crate) handlers: RefCell<BTreeMap<i32, Persistent<Function<'static>>>>,
}

impl<H: Host + 'static> Signals<H> {
    pub(crate) fn new(offer: Option<Offer<H>>) -> Self {
        let (ask, stream) = match offer {
            Some(Offer { stream, ask }) => (Some(ask), Some(stream)),
            None => (None, None),
        };
        Signals {
            ask,
            stream: Cell::new(stream),
            came: Cell::new(0),
            handlers: RefCell::default(),
        }
    }

    /// Drops every JavaScript value.
    pub(crate) fn forget(&self) {
        drop(self.handlers.take());
    }

    /// The handler of the lowest pending signal that has one; those without one are dropped.
    pub(crate) fn next(&self) -> Option<Persistent<Function<'static>>> {
        while self.came.get() != 0 {
            let number = self.came.get().trailing_zeros();
            self.came.set(self.came.get() & !(1 << number));
            let handler = i32::try_from(number)
                .ok()
                .and_then(|number| self.handlers.borrow().get(&number).cloned());
            if handler.is_some() {
                return handler;
            }
        }
        None
    }
}
