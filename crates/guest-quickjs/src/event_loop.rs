//! [`EventLoop`]: what a script is waiting for, and the turns that bring it about.
//!
//! One loop drives promises, handlers and timers by the core's poll set. Not here: what an operation on a socket does
//! (`os/pending.rs`).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::resolve::Lookup;
use guestnet_core::{Errno, Fd, Host, Ready};
use rquickjs::{Ctx, Function, Persistent, Result};

use crate::budget::{Budget, Charge};
use crate::os::pending::{self, Pending, Promised};
use crate::os::resolve;
use crate::state::{Shared, State};
use crate::sys::heap::Memory;

/// What is done when something happens.
pub(crate) enum Task<H: Host + 'static> {
    /// Calls a function of the guest without arguments, such as a timer's or a promise's resolving function.
    Call(Persistent<Function<'static>>),
    /// Runs code of ours.
    Run(Rc<Work<H>>),
}

/// Code of ours that a [`Task`] runs.
pub(crate) type Work<H> = dyn for<'js> Fn(&Ctx<'js>, &Shared<H>) -> Result<()>;

impl<H: Host + 'static> Clone for Task<H> {
    fn clone(&self) -> Self {
        match self {
            Task::Call(function) => Task::Call(function.clone()),
            Task::Run(run) => Task::Run(Rc::clone(run)),
        }
    }
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

/// How many timers a script may have at a time.
pub(crate) const MAX_TIMERS: usize = 1 << 16;

/// What a timer counts for, in bytes, besides what its function holds in the engine.
const TIMER: usize = 256;

/// What waiting for a descriptor counts for, in bytes, with what the poll set remembers of it.
const WATCH: usize = 1 << 10;

/// Identifies a timer or a look-up; never used twice.
pub(crate) type Id = u64;

/// A direction of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What becomes possible with `POLLIN`: receiving and accepting.
    Read,
    /// What becomes possible with `POLLOUT`: sending and connecting.
    Write,
}

impl Direction {
    const fn wants(self) -> Ready {
        match self {
            Direction::Read => Ready::READ,
            Direction::Write => Ready::WRITE,
        }
    }
}

/// Everything that a script is waiting for.
pub(crate) struct EventLoop<H: Host + 'static> {
    budget: Arc<Budget>,
    /// By due time, then in the order in which they were set.
    timers: BTreeMap<(Duration, Id), (Task<H>, Charge)>,
    due: HashMap<Id, Duration>,
    watches: BTreeMap<Fd, Watch<H>>,
    lookups: BTreeMap<Id, (Lookup<H::Io>, Promised)>,
    last: Id,
    /// What has happened and was not dealt with yet.
    ready: VecDeque<Event>,
    /// Whom each number of the poll stands for.
    polled: Vec<Polled>,
    /// What counts as ready in the next poll, together with all that is: it must not go before that.
    again: Vec<(Fd, Direction)>,
}

/// What a script waits for on one descriptor.
struct Watch<H: Host + 'static> {
    _charge: Charge,
    /// Tells it from what was at the same number before.
    generation: Id,
    read: Side<H>,
    write: Side<H>,
}

/// One direction of a descriptor.
struct Side<H: Host + 'static> {
    /// Operations in the order in which they were started; only the first one is tried.
    queue: VecDeque<Pending>,
    handler: Option<Handler<H>>,
    /// Not polled before this time: it was ready, and then it was not.
    paused_until: Option<Duration>,
    pause: Duration,
}

/// What is called, again and again, as long as a descriptor is ready.
struct Handler<H: Host + 'static> {
    task: Task<H>,
    /// Whether the script goes on while nothing else is pending.
    keeps_alive: bool,
}

/// Ever longer pauses for what poll(2) cannot wait for: room in a UNIX listener's backlog, the quota of bytes.
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(4);

impl<H: Host + 'static> Side<H> {
    fn new() -> Self {
        Side {
            queue: VecDeque::new(),
            handler: None,
            paused_until: None,
            pause: SHORTEST_PAUSE,
        }
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.handler.is_none()
    }

    fn keeps_alive(&self) -> bool {
        !self.queue.is_empty() || self.handler.as_ref().is_some_and(|handler| handler.keeps_alive)
    }

    /// Whether to poll for it now.
    fn waits(&self, now: Duration) -> bool {
        self.handler.is_some()
            || (!self.queue.is_empty() && self.paused_until.is_none_or(|until| until <= now))
    }
}

impl<H: Host + 'static> Watch<H> {
    fn side(&mut self, direction: Direction) -> &mut Side<H> {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }
}

/// Something that has happened.
enum Event {
    Timer(Id),
    Io(Fd, Id, Ready),
    Lookup(Id),
    /// The descriptor that a promise waited for was closed.
    Closed(Promised),
}

#[derive(Clone, Copy)]
enum Polled {
    Io(Fd, Id),
    Lookup(Id),
}

impl<H: Host + 'static> EventLoop<H> {
    pub(crate) fn new(memory: &Memory) -> Self {
        EventLoop {
            budget: Arc::clone(memory.budget()),
            timers: BTreeMap::new(),
            due: HashMap::new(),
            watches: BTreeMap::new(),
            lookups: BTreeMap::new(),
            last: 0,
            ready: VecDeque::new(),
            polled: Vec::new(),
            again: Vec::new(),
        }
    }

    fn next_id(&mut self) -> Id {
        self.last += 1;
        self.last
    }

    /// What one more timer is paid with; `None` if there is no memory for it.
    pub(crate) fn admit_timer(&self) -> Option<Charge> {
        self.budget.charge(TIMER)
    }

    /// As [`EventLoop::admit_timer`], for a timer of our own.
    pub(crate) fn own_timer(&self) -> Charge {
        self.budget.charge_anyway(TIMER)
    }

    /// Sets a timer: `task` runs once, at the earliest `delay` after `now` (the monotonic clock's time).
    pub(crate) fn set_timer(
        &mut self,
        now: Duration,
        delay: Duration,
        (task, charge): (Task<H>, Charge),
    ) -> Id {
        let id = self.next_id();
        let due = now.saturating_add(delay);
        self.timers.insert((due, id), (task, charge));
        self.due.insert(id, due);
        id
    }

    /// Whether there is memory to wait for one more descriptor.
    pub(crate) fn admits(&self, fd: Fd) -> bool {
        self.watches.contains_key(&fd) || self.budget.charge(WATCH).is_some()
    }

    /// How many timers are set.
    pub(crate) fn timers(&self) -> usize {
        self.timers.len()
    }

    /// Takes a timer back, with what it would have done; `None` if it has run or never was.
    pub(crate) fn clear_timer(&mut self, id: Id) -> Option<Task<H>> {
        let due = self.due.remove(&id)?;
        self.timers.remove(&(due, id)).map(|(task, _)| task)
    }

    /// Sets or removes what is called while a descriptor is ready. The old one comes back, to be dropped when nothing
    /// is borrowed.
    pub(crate) fn set_handler(
        &mut self,
        fd: Fd,
        direction: Direction,
        task: Option<Task<H>>,
        keeps_alive: bool,
    ) -> Option<Task<H>> {
        if task.is_none() && !self.watches.contains_key(&fd) {
            return None;
        }
        let handler = task.map(|task| Handler { task, keeps_alive });
        let side = self.watch(fd).side(direction);
        std::mem::replace(&mut side.handler, handler).map(|handler| handler.task)
    }

    /// Has a handler called once more after the next poll, whether or not its descriptor is ready.
    pub(crate) fn again(&mut self, fd: Fd, direction: Direction) {
        if !self.again.contains(&(fd, direction)) {
            self.again.push((fd, direction));
        }
    }

    /// How many operations wait already: the next one must wait behind them.
    pub(crate) fn waiting(&mut self, fd: Fd, direction: Direction) -> usize {
        self.watches
            .get_mut(&fd)
            .map_or(0, |watch| watch.side(direction).queue.len())
    }

    /// Puts an operation behind those that wait already.
    pub(crate) fn wait(&mut self, fd: Fd, direction: Direction, pending: Pending) {
        self.watch(fd).side(direction).queue.push_back(pending);
    }

    /// Forgets a descriptor that is being closed. What was pending is rejected in the next turn.
    pub(crate) fn remove(&mut self, fd: Fd) {
        let Some(watch) = self.watches.remove(&fd) else {
            return;
        };
        for pending in watch.read.queue.into_iter().chain(watch.write.queue) {
            self.ready.push_back(Event::Closed(pending.promise));
        }
    }

    /// How many look-ups are under way.
    pub(crate) fn lookups(&self) -> usize {
        self.lookups.len()
    }

    /// Waits for a look-up.
    pub(crate) fn wait_for_lookup(&mut self, lookup: Lookup<H::Io>, promise: Promised) {
        let id = self.next_id();
        self.lookups.insert(id, (lookup, promise));
    }

    fn watch(&mut self, fd: Fd) -> &mut Watch<H> {
        let id = self.next_id();
        let budget = &self.budget;
        self.watches.entry(fd).or_insert_with(|| Watch {
            // Who asks for a script has asked before whether there is room.
            _charge: budget.charge_anyway(WATCH),
            generation: id,
            read: Side::new(),
            write: Side::new(),
        })
    }

    /// A direction of a descriptor, unless it is another descriptor by now.
    fn side(&mut self, fd: Fd, generation: Id, direction: Direction) -> Option<&mut Side<H>> {
        let watch = self.watches.get_mut(&fd)?;
        (watch.generation == generation).then(|| watch.side(direction))
    }

    /// Whether anything can still happen.
    fn is_idle(&self) -> bool {
        self.timers.is_empty()
            && self.lookups.is_empty()
            && !self
                .watches
                .values()
                .any(|watch| watch.read.keeps_alive() || watch.write.keeps_alive())
    }

    /// Gives every JavaScript value back, to be dropped when nothing is borrowed.
    pub(crate) fn forget_values(&mut self) -> impl Sized + use<H> {
        self.due.clear();
        (
            std::mem::take(&mut self.ready),
            std::mem::take(&mut self.timers),
            std::mem::take(&mut self.watches),
            std::mem::take(&mut self.lookups),
        )
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

/// One turn: deals with one thing that has happened, or waits for the next ones.
///
/// # Errors
/// What a task of the guest threw.
pub(crate) fn turn<H: Host + 'static>(ctx: &Ctx<'_>, state: &Shared<H>) -> Result<Turn> {
    let event = state.events.borrow_mut().ready.pop_front();
    match event {
        Some(event) => deal_with(ctx, state, event).map(|()| Turn::Done),
        None => Ok(gather(state)),
    }
}

/// Polls for everything that is waited for, and waits if nothing is due.
fn gather<H: Host + 'static>(state: &State<H>) -> Turn {
    let mut events = state.events.borrow_mut();
    let events = &mut *events;
    events
        .watches
        .retain(|_, watch| !watch.read.is_empty() || !watch.write.is_empty());
    if events.is_idle() {
        return Turn::Idle;
    }
    for (fd, direction) in events.again.drain(..) {
        if let Some(watch) = events.watches.get(&fd) {
            let event = Event::Io(fd, watch.generation, direction.wants());
            events.ready.push_back(event);
        }
    }
    let mut guest = state.guest.borrow_mut();
    let now = guest.now(guestnet_core::Clock::Monotonic);
    guest.poll_begin();
    events.polled.clear();
    let mut token = 0;
    // When to look again at the latest.
    let mut next = events.timers.first_key_value().map(|((due, _), _)| *due);
    for (fd, watch) in &mut events.watches {
        let mut want = Ready::empty();
        for direction in [Direction::Read, Direction::Write] {
            let side = watch.side(direction);
            if side.waits(now) {
                want |= direction.wants();
            } else if let Some(until) = side.paused_until
                && !side.queue.is_empty()
            {
                next = Some(next.map_or(until, |next| next.min(until)));
            }
        }
        if want.is_empty() {
            continue;
        }
        if guest.poll_add(token, *fd, want).is_err() {
            // The operation itself will say what is wrong.
            events.ready.push_back(Event::Io(*fd, watch.generation, want));
            continue;
        }
        events.polled.push(Polled::Io(*fd, watch.generation));
        token += 1;
    }
    for (id, (lookup, _)) in &mut events.lookups {
        if guest.poll_add_lookup(token, lookup).is_err() {
            events.ready.push_back(Event::Lookup(*id));
            continue;
        }
        events.polled.push(Polled::Lookup(*id));
        token += 1;
    }
    let timeout = if events.ready.is_empty() {
        next.map(|next| next.saturating_sub(now))
    } else {
        Some(Duration::ZERO)
    };
    if guest.poll_wait(timeout).is_err() {
        return Turn::Stopped;
    }
    for event in guest.poll_events() {
        let polled = usize::try_from(event.token)
            .ok()
            .and_then(|token| events.polled.get(token));
        match polled {
            Some(Polled::Io(fd, generation)) => {
                events.ready.push_back(Event::Io(*fd, *generation, event.ready));
            }
            Some(Polled::Lookup(id)) => events.ready.push_back(Event::Lookup(*id)),
            None => {}
        }
    }
    let now = guest.now(guestnet_core::Clock::Monotonic);
    for (due, id) in events.timers.keys() {
        if *due > now {
            break;
        }
        events.ready.push_back(Event::Timer(*id));
    }
    Turn::Done
}

fn deal_with<H: Host + 'static>(ctx: &Ctx<'_>, state: &Shared<H>, event: Event) -> Result<()> {
    match event {
        Event::Timer(id) => {
            let task = state.events.borrow_mut().clear_timer(id);
            task.map_or(Ok(()), |task| task.run(ctx, state))
        }
        Event::Closed(promise) => promise.settle(ctx, pending::Outcome::Error(Errno::ECANCELED)),
        Event::Lookup(id) => {
            let found = state.events.borrow_mut().lookups.remove(&id);
            let Some((lookup, promise)) = found else {
                return Ok(());
            };
            if let Some((lookup, promise)) = resolve::finish(ctx, state, lookup, promise)? {
                state.events.borrow_mut().lookups.insert(id, (lookup, promise));
            }
            Ok(())
        }
        Event::Io(fd, generation, ready) => {
            for direction in [Direction::Read, Direction::Write] {
                let also = match direction {
                    Direction::Read => Ready::READ | Ready::READ_HANGUP | Ready::ALWAYS,
                    Direction::Write => Ready::WRITE | Ready::ALWAYS,
                };
                if !ready.intersects(also) {
                    continue;
                }
                serve(ctx, state, fd, generation, direction)?;
                handle(ctx, state, fd, generation, direction)?;
            }
            Ok(())
        }
    }
}

/// Tries the operations that wait, until one must go on waiting.
fn serve<H: Host + 'static>(
    ctx: &Ctx<'_>,
    state: &Shared<H>,
    fd: Fd,
    generation: Id,
    direction: Direction,
) -> Result<()> {
    // Those that are started meanwhile come in the next turn, so that one descriptor cannot keep the loop.
    let most = state
        .events
        .borrow_mut()
        .side(fd, generation, direction)
        .map_or(0, |side| side.queue.len());
    for count in 0..most {
        // Looked up each time: settling a promise may run code of the guest.
        let pending = state
            .events
            .borrow_mut()
            .side(fd, generation, direction)
            .and_then(|side| side.queue.pop_front());
        let Some(mut pending) = pending else {
            break;
        };
        let progress = pending.operation.progress();
        match pending.operation.attempt(ctx, state, fd)? {
            pending::Outcome::Wait => {
                let moved = count > 0 || pending.operation.progress() != progress;
                let now = state.now();
                let mut events = state.events.borrow_mut();
                if let Some(side) = events.side(fd, generation, direction) {
                    side.queue.push_front(pending);
                    side.pause(moved, now);
                }
                break;
            }
            done => {
                if let Some(side) = state.events.borrow_mut().side(fd, generation, direction) {
                    side.paused_until = None;
                    side.pause = SHORTEST_PAUSE;
                }
                pending.promise.settle(ctx, done)?;
            }
        }
    }
    Ok(())
}

impl<H: Host + 'static> Side<H> {
    /// What was ready and could do nothing waits a little, so that it does not take the whole processor.
    fn pause(&mut self, moved: bool, now: Duration) {
        if moved {
            self.pause = SHORTEST_PAUSE;
            self.paused_until = None;
        } else {
            self.paused_until = Some(now.saturating_add(self.pause));
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Calls the handler, if there still is one.
fn handle<H: Host + 'static>(
    ctx: &Ctx<'_>,
    state: &Shared<H>,
    fd: Fd,
    generation: Id,
    direction: Direction,
) -> Result<()> {
    let task = state
        .events
        .borrow_mut()
        .side(fd, generation, direction)
        .and_then(|side| side.handler.as_ref().map(|handler| handler.task.clone()));
    task.map_or(Ok(()), |task| task.run(ctx, state))
}
