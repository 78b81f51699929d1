//! [`EventLoop`]: what a script is waiting for, and the turns that bring it about.
//!
//! One loop drives promises, handlers and timers by the core's poll set. Not here: what an operation on a socket does.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::Duration;

use guestnet_core::Host;
use rquickjs::{Ctx, Function, Persistent, Result};

use crate::state::{Shared, State};

/// What is done when something happens.
pub(crate) enum Task<H: Host + 'static> {
    /// Calls a function of the guest without arguments, such as a timer's or a promise's resolving function.
    Call(Persistent<Function<'static>>),
    /// Runs code of ours.
    Run(Rc<dyn for<'js> Fn(&Ctx<'js>, &Shared<H>) -> Result<()>>),
}

impl<H: Host + 'static> Task<H> {
    /// Does it. Nothing of the state may be borrowed.
    ///
    /// # Errors
    /// What the guest threw.
    pub(crate) fn run(self, ctx: &Ctx<'_>, state: &Shared<H>) -> Result<()> {
        match self {
            Task::Call(function) => function.restore(ctx)?.call::<_, ()>(()),
            Task::Run(run) => run(ctx, state),
        }
    }
}

/// How many timers a script may have at a time. Each takes some hundred bytes that the engine's limit of memory does not
/// see.
pub(crate) const MAX_TIMERS: usize = 1 << 16;

/// Identifies a timer; never used twice.
pub(crate) type TimerId = u64;

/// Everything that a script is waiting for.
pub(crate) struct EventLoop<H: Host + 'static> {
    /// By due time, then in the order in which they were set.
    timers: BTreeMap<(Duration, TimerId), Task<H>>,
    due: HashMap<TimerId, Duration>,
    last: TimerId,
}

impl<H: Host + 'static> EventLoop<H> {
    pub(crate) fn new() -> Self {
        EventLoop {
            timers: BTreeMap::new(),
            due: HashMap::new(),
            last: 0,
        }
    }

    /// Sets a timer: `task` runs once, at the earliest `delay` after `now` (the monotonic clock's time).
    pub(crate) fn set_timer(&mut self, now: Duration, delay: Duration, task: Task<H>) -> TimerId {
        self.last += 1;
        let due = now.saturating_add(delay);
        self.timers.insert((due, self.last), task);
        self.due.insert(self.last, due);
        self.last
    }

    /// How many timers are set.
    pub(crate) fn timers(&self) -> usize {
        self.timers.len()
    }

    /// Takes a timer back; `false` if it has run or never was.
    pub(crate) fn clear_timer(&mut self, id: TimerId) -> bool {
        self.due
            .remove(&id)
            .and_then(|due| self.timers.remove(&(due, id)))
            .is_some()
    }

    /// The first timer that is due.
    fn take_due(&mut self, now: Duration) -> Option<Task<H>> {
        let first = self.timers.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ((_, id), task) = first.remove_entry();
        self.due.remove(&id);
        Some(task)
    }

    /// When the next timer is due.
    fn next_due(&self) -> Option<Duration> {
        self.timers.first_key_value().map(|((due, _), _)| *due)
    }

    /// Whether anything can still happen.
    fn is_idle(&self) -> bool {
        self.timers.is_empty()
    }

    pub(crate) fn forget_values(&mut self) {
        self.timers.clear();
        self.due.clear();
    }
}

/// What a turn of the loop brought.
pub(crate) enum Turn {
    /// Something was done; microtasks may be pending.
    Done,
    /// Nothing can happen any more.
    Idle,
    /// The script was told to stop.
    Stopped,
}

/// One turn: the timers that are due, then whatever is ready, waiting for it if there is nothing else.
///
/// # Errors
/// What a task of the guest threw.
pub(crate) fn turn<H: Host + 'static>(ctx: &Ctx<'_>, state: &Shared<H>) -> Result<Turn> {
    let now = State::now(state);
    let due = state.events.borrow_mut().take_due(now);
    if let Some(task) = due {
        task.run(ctx, state)?;
        return Ok(Turn::Done);
    }
    let next = {
        let events = state.events.borrow();
        if events.is_idle() {
            return Ok(Turn::Idle);
        }
        events.next_due()
    };
    let mut guest = state.guest.borrow_mut();
    guest.poll_begin();
    match guest.poll_wait(next.map(|due| due.saturating_sub(now))) {
        Ok(()) => Ok(Turn::Done),
        Err(_) => Ok(Turn::Stopped),
    }
}
