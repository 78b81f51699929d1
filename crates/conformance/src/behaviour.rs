//! [`Behaviour`]: one sentence and its proof, and the watchdog that turns a lost wake-up into a failure.

use std::cell::RefCell;
use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::world::{Capability, World};

/// How long one behaviour may take before its guest is stopped. Far above what any needs, on a busy machine too.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Something a host must do.
pub struct Behaviour {
    /// `file::sentence`, unique.
    pub name: &'static str,
    /// Whether it must have the process for itself, because it looks at all of the process's descriptors.
    pub alone: bool,
    /// Why it does not apply to this host; `None` if it does.
    pub inapplicable: Option<Inapplicable>,
    body: Box<dyn Fn() + Send + Sync>,
}

/// Why a behaviour does not apply to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inapplicable {
    /// What the behaviour needs.
    pub needs: Capability,
    /// Why the host lacks it.
    pub reason: &'static str,
}

impl fmt::Display for Inapplicable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not applicable: needs {}, but {}", self.needs, self.reason)
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour")
            .field("name", &self.name)
            .field("alone", &self.alone)
            .field("inapplicable", &self.inapplicable)
            .finish_non_exhaustive()
    }
}

impl Behaviour {
    /// Shows the behaviour.
    ///
    /// # Panics
    /// If the host does not show it, or it does not apply. A wait that never ends is ended after a minute, as a failure.
    pub fn run(&self) {
        if let Some(why) = self.inapplicable {
            panic!("{why}");
        }
        let stoppers = Stoppers::default();
        CURRENT.with_borrow_mut(|current| *current = Arc::clone(&stoppers));
        let (done, ended) = channel::<()>();
        let watchdog = std::thread::spawn(move || {
            if ended.recv_timeout(WATCHDOG) == Err(RecvTimeoutError::Timeout) {
                for stop in stoppers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    stop();
                }
                return true;
            }
            false
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&self.body));
        drop(done);
        let overdue = watchdog.join().unwrap_or(false);
        CURRENT.take();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
        assert!(
            !overdue,
            "it took longer than {WATCHDOG:?}, and its guest was stopped"
        );
    }
}

/// A behaviour as its module lists it.
pub(crate) struct Entry<W> {
    pub(crate) name: &'static str,
    pub(crate) alone: bool,
    pub(crate) needs: Vec<Capability>,
    pub(crate) body: fn(&W),
}

impl<W: World> Entry<W> {
    pub(crate) fn behaviour(self, world: fn() -> W) -> Behaviour {
        let inapplicable = self
            .needs
            .iter()
            .find_map(|&needs| W::lacks(needs).map(|reason| Inapplicable { needs, reason }));
        let body = self.body;
        Behaviour {
            name: self.name,
            alone: self.alone,
            inapplicable,
            body: Box::new(move || body(&world())),
        }
    }
}

type Stoppers = Arc<Mutex<Vec<Box<dyn Fn() + Send>>>>;

thread_local! {
    static CURRENT: RefCell<Stoppers> = RefCell::default();
}

/// Puts a guest under the watchdog of the behaviour that runs on this thread.
pub(crate) fn watch(stop: Box<dyn Fn() + Send>) {
    CURRENT.with_borrow(|stoppers| stoppers.lock().unwrap_or_else(PoisonError::into_inner).push(stop));
}

/// Lists the behaviours of a module, each with the capabilities that it needs in addition to that of the whole module.
/// Each name is a function's, so that a forgotten one is dead code.
macro_rules! behaviours {
    ($module:literal $(needs $every:ident)?: $($(#[$alone:ident])? $name:ident $(: $($needs:ident)+)?,)*) => {
        pub(crate) fn behaviours<W: $crate::world::World>() -> Vec<$crate::behaviour::Entry<W>> {
            let entries = vec![$($crate::behaviour::Entry {
                name: concat!($module, "::", stringify!($name)),
                alone: $crate::behaviour::is_alone!($($alone)?),
                needs: vec![$($($crate::world::Capability::$needs,)+)?],
                body: $name::<W>,
            },)*];
            $(let entries = $crate::behaviour::all_need(entries, $crate::world::Capability::$every);)?
            entries
        }
    };
}

macro_rules! is_alone {
    (alone) => {
        true
    };
    () => {
        false
    };
}

/// The behaviours of a module that needs a capability as a whole.
pub(crate) fn all_need<W>(mut entries: Vec<Entry<W>>, needs: Capability) -> Vec<Entry<W>> {
    for entry in &mut entries {
        entry.needs.push(needs);
    }
    entries
}

pub(crate) use {behaviours, is_alone};
