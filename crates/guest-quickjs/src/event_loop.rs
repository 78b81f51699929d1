//! [`EventLoop`]: what a script is waiting for, and the turns that bring it about.
//!
//! One loop drives promises, handlers and timers by the core's poll set. Not here: what an operation on a socket does
//! (`os/pending.rs`).

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::resolve::Lookup;
use guestnet_core::{Backoff, Fd, Host, Ready, SharedDescriptor};
use rquickjs::function::Args;
use rquickjs::{Array, Ctx, Function, Persistent, Result, Value};

use crate::budget::{Budget, Charge};
use crate::file::File;
use crate::operation::{Direction, Operation, PendingOperation};
use crate::promise::{Id, Origin, Resolvers};
use crate::sys::heap::Memory;

/// What is done when something happens.
#[derive(Clone)]
pub(crate) enum Task {
    /// Calls a function of the guest without arguments, such as a timer's or a promise's resolving function.
    Call(Persistent<Function<'static>>),
    /// Calls a function of the guest with these arguments.
    Apply(Persistent<Function<'static>>, Persistent<Array<'static>>),
    /// Runs code of ours.
    Run(Rc<Work>),
}

/// Code of ours that a [`Task`] runs.
pub(crate) type Work = dyn for<'js> Fn(&Ctx<'js>) -> Result<()>;

impl Task {
    /// Whether it is a function of the script, and not code of ours.
    fn is_scripts(&self) -> bool {
        match self {
            Task::Call(_) | Task::Apply(..) => true,
            Task::Run(_) => false,
        }
    }

    /// Does it. Nothing of the state may be borrowed.
    ///
    /// # Errors
    /// What the guest threw.
    pub(crate) fn run(self, ctx: &Ctx<'_>) -> Result<()> {
        match self {
            Task::Call(function) => function.restore(ctx)?.call::<_, ()>(()),
            Task::Apply(function, args) => {
                let args = args.restore(ctx)?;
                let mut all = Args::new(ctx.clone(), args.len());
                for value in args.iter::<Value<'_>>() {
                    all.push_arg(value?)?;
                }
                all.apply(&function.restore(ctx)?)
            }
            Task::Run(run) => run(ctx),
        }
    }
}

/// What a timer does, and how.
pub(crate) struct Timer {
    pub(crate) task: Task,
    pub(crate) _charge: Charge,
    /// Its task runs again and again, so long after each run; otherwise once.
    pub(crate) every: Option<Duration>,
    /// Whether the script goes on while nothing else is pending.
    pub(crate) keeps_alive: bool,
    /// Set by [`EventLoop::set_timer`].
    pub(crate) origin: Origin,
}

impl Timer {
    /// A timer whose task runs once.
    pub(crate) fn once(task: Task, charge: Charge) -> Timer {
        Timer {
            task,
            _charge: charge,
            every: None,
            keeps_alive: true,
            origin: 0,
        }
    }
}

/// How many timers a script may have at a time.
pub(crate) const MAX_TIMERS: usize = 1 << 16;

/// What a timer counts for, in bytes, in addition to what its function holds in the engine.
const TIMER: usize = 256;

/// What waiting for a descriptor counts for, in bytes, with what the poll set remembers of it.
const WATCH: usize = 1 << 10;

/// Identifies a [`Watch`]: the number that its operations were begun with, and an id.
pub(crate) type WatchId = (Fd, Id);

/// Everything that a script is waiting for.
pub(crate) struct EventLoop<H: Host + 'static> {
    budget: Arc<Budget>,
    /// By due time, then in the order in which they were set.
    pub(crate) timers: BTreeMap<(Duration, Id), Timer>,
    due: HashMap<Id, Duration>,
    /// How many of the timers do not keep the script alive.
    background: usize,
    /// Operations that wait. One number may have several: another worker has closed it, and it is another open file's now.
    pub(crate) watches: BTreeMap<WatchId, Watch<H>>,
    /// What is called while a number is ready, whatever it stands for.
    pub(crate) handlers: BTreeMap<Fd, Handlers>,
    pub(crate) lookups: BTreeMap<Id, (Lookup<H::Io>, Resolvers)>,
    last: Id,
    /// How many lines a session has had.
    lines: Origin,
    /// What the code that runs now was begun by: its event's origin, which all that it begins has too.
    origin: Origin,
    /// Events that are not handled yet.
    pub(crate) ready: VecDeque<Event>,
    /// What each number of the poll stands for.
    pub(crate) polled: Vec<PollEntry>,
    /// What counts as ready in the next poll, together with all that is: it must not go before that.
    pub(crate) again: Vec<(Fd, Direction)>,
}

/// The operations that wait for one open file.
pub(crate) struct Watch<H: Host + 'static> {
    _charge: Charge,
    /// What they were begun on, which they keep open.
    pub(crate) descriptor: SharedDescriptor<H, File>,
    read: Side,
    write: Side,
}

/// One direction of an open file.
#[derive(Default)]
pub(crate) struct Side {
    /// Operations in the order in which they were started; only the first one is tried.
    pub(crate) queue: VecDeque<PendingOperation>,
    /// Not polled before this time: it was ready, and then it was not.
    pub(crate) paused_until: Option<Duration>,
    backoff: Backoff,
}

impl<H: Host + 'static> Watch<H> {
    pub(crate) fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }

    fn is_empty(&self) -> bool {
        self.read.queue.is_empty() && self.write.queue.is_empty()
    }
}

impl Side {
    /// Whether to poll for it now.
    pub(crate) fn waits(&self, now: Duration) -> bool {
        !self.queue.is_empty() && self.paused_until.is_none_or(|until| until <= now)
    }

    /// Something was done: the next pause is a short one again.
    fn resume(&mut self) {
        self.backoff = Backoff::default();
        self.paused_until = None;
    }

    /// What was ready and could do nothing waits a little, so that it does not take the whole processor.
    pub(crate) fn pause(&mut self, moved: bool, now: Duration) {
        if moved {
            self.resume();
        } else {
            self.paused_until = Some(now.saturating_add(self.backoff.next_pause()));
        }
    }
}

/// The handlers of one number.
pub(crate) struct Handlers {
    _charge: Charge,
    /// No others have it, also none of a descriptor that had the same number before.
    pub(crate) generation: Id,
    read: Option<Handler>,
    write: Option<Handler>,
}

/// What is called, again and again, as long as a descriptor is ready.
pub(crate) struct Handler {
    pub(crate) task: Task,
    /// Whether the script goes on while nothing else is pending.
    keeps_alive: bool,
    origin: Origin,
}

impl Handlers {
    fn side(&mut self, direction: Direction) -> &mut Option<Handler> {
        match direction {
            Direction::Read => &mut self.read,
            Direction::Write => &mut self.write,
        }
    }

    /// What to poll for.
    pub(crate) fn interest(&self) -> Ready {
        let mut want = Ready::empty();
        want.set(Ready::READ, self.read.is_some());
        want.set(Ready::WRITE, self.write.is_some());
        want
    }

    fn keeps_alive(&self) -> bool {
        [&self.read, &self.write]
            .into_iter()
            .flatten()
            .any(|handler| handler.keeps_alive)
    }
}

/// What [`EventLoop::abandon`] gives back.
pub(crate) struct Abandoned<H: Host + 'static> {
    /// To be cancelled.
    pub(crate) lookups: Vec<(Lookup<H::Io>, Resolvers)>,
    _tasks: Vec<Task>,
    _operations: Vec<PendingOperation>,
    _watches: Vec<(WatchId, Watch<H>)>,
    _closed: VecDeque<Event>,
}

/// An event that is not handled yet.
pub(crate) enum Event {
    Timer(Id),
    /// Operations may go on.
    Io(WatchId, Ready),
    /// Handlers are to be called, if they are still those of this generation.
    Handler(Fd, Id, Ready),
    Lookup(Id),
    /// Another thread has notified this one (`Atomics.notify`).
    Notified,
    /// The descriptor that a promise waited for was closed.
    Closed(Resolvers),
}

#[derive(Clone, Copy)]
pub(crate) enum PollEntry {
    Io(WatchId),
    Handler(Fd, Id),
    Lookup(Id),
    Notified,
}

impl<H: Host + 'static> EventLoop<H> {
    pub(crate) fn new(memory: &Memory) -> Self {
        EventLoop {
            budget: Arc::clone(memory.budget()),
            timers: BTreeMap::new(),
            due: HashMap::new(),
            background: 0,
            watches: BTreeMap::new(),
            handlers: BTreeMap::new(),
            lookups: BTreeMap::new(),
            last: 0,
            lines: 0,
            origin: 0,
            ready: VecDeque::new(),
            polled: Vec::new(),
            again: Vec::new(),
        }
    }

    /// An id that nothing had before.
    pub(crate) fn next_id(&mut self) -> Id {
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

    /// Sets a timer, whose task runs at the earliest `delay` after `now` (the monotonic clock's time).
    pub(crate) fn set_timer(&mut self, now: Duration, delay: Duration, mut timer: Timer) -> Id {
        let id = self.next_id();
        timer.origin = self.origin;
        self.insert_timer(now.saturating_add(delay), id, timer);
        id
    }

    fn insert_timer(&mut self, due: Duration, id: Id, timer: Timer) {
        self.background += usize::from(!timer.keeps_alive);
        self.due.insert(id, due);
        self.timers.insert((due, id), timer);
    }

    /// What a timer that is due does now. One that repeats is set again, under the same number.
    pub(crate) fn fire_timer(&mut self, id: Id, now: Duration) -> Option<Task> {
        let timer = self.remove_timer(id)?;
        self.origin = timer.origin;
        let task = timer.task.clone();
        if let Some(every) = timer.every {
            self.insert_timer(now.saturating_add(every), id, timer);
        }
        Some(task)
    }

    fn remove_timer(&mut self, id: Id) -> Option<Timer> {
        let due = self.due.remove(&id)?;
        let timer = self.timers.remove(&(due, id))?;
        self.background -= usize::from(!timer.keeps_alive);
        Some(timer)
    }

    /// Whether there is memory for one more descriptor to wait for.
    fn admits(&self) -> bool {
        self.budget.charge(WATCH).is_some()
    }

    /// Whether there is memory for handlers of a number.
    pub(crate) fn admits_handler(&self, fd: Fd) -> bool {
        self.handlers.contains_key(&fd) || self.admits()
    }

    /// Whether there is memory for an operation that waits.
    pub(crate) fn admits_operation(&self, descriptor: &SharedDescriptor<H, File>) -> bool {
        self.find(descriptor).is_some() || self.admits()
    }

    /// How many timers are set.
    pub(crate) fn timers(&self) -> usize {
        self.timers.len()
    }

    /// Takes a timer back, with what it would have done; `None` if it has run or never was.
    pub(crate) fn clear_timer(&mut self, id: Id) -> Option<Task> {
        self.remove_timer(id).map(|timer| timer.task)
    }

    /// Sets or removes what is called while a number is ready. The old one comes back, to be dropped when nothing
    /// is borrowed.
    pub(crate) fn set_handler(
        &mut self,
        fd: Fd,
        direction: Direction,
        task: Option<Task>,
        keeps_alive: bool,
    ) -> Option<Task> {
        if task.is_none() && !self.handlers.contains_key(&fd) {
            return None;
        }
        let origin = self.origin;
        let handler = task.map(|task| Handler {
            task,
            keeps_alive,
            origin,
        });
        let generation = self.next_id();
        let budget = &self.budget;
        let handlers = self.handlers.entry(fd).or_insert_with(|| Handlers {
            // The calls of scripts ask `admits_handler` before.
            _charge: budget.charge_anyway(WATCH),
            generation,
            read: None,
            write: None,
        });
        let old = std::mem::replace(handlers.side(direction), handler);
        if handlers.interest().is_empty() {
            self.handlers.remove(&fd);
        }
        old.map(|handler| handler.task)
    }

    /// The handler of a number, if it is still of this generation.
    pub(crate) fn handler(&mut self, fd: Fd, generation: Id, direction: Direction) -> Option<Task> {
        let handlers = self.handlers.get_mut(&fd)?;
        if handlers.generation != generation {
            return None;
        }
        let handler = handlers.side(direction).as_ref()?;
        self.origin = handler.origin;
        Some(handler.task.clone())
    }

    /// Has a handler called once more after the next poll, whether or not its descriptor is ready.
    pub(crate) fn again(&mut self, fd: Fd, direction: Direction) {
        if !self.again.contains(&(fd, direction)) {
            self.again.push((fd, direction));
        }
    }

    /// The watches of a number.
    fn watches_of(&self, fd: Fd) -> impl Iterator<Item = (&WatchId, &Watch<H>)> {
        self.watches.range((fd, 0)..=(fd, Id::MAX))
    }

    /// The watch that operations on a descriptor wait in.
    fn find(&self, descriptor: &SharedDescriptor<H, File>) -> Option<WatchId> {
        self.watches_of(descriptor.number())
            .find(|(_, watch)| watch.descriptor.is_same_open_file(descriptor))
            .map(|(id, _)| *id)
    }

    /// How many operations wait already: the next one must wait behind them.
    pub(crate) fn waiting(&mut self, descriptor: &SharedDescriptor<H, File>, direction: Direction) -> usize {
        self.find(descriptor)
            .and_then(|id| self.side(id, direction))
            .map_or(0, |side| side.queue.len())
    }

    /// Puts an operation behind those that wait already.
    pub(crate) fn wait(
        &mut self,
        descriptor: SharedDescriptor<H, File>,
        direction: Direction,
        mut pending: PendingOperation,
    ) {
        pending.promise.origin = self.origin;
        let id = self.find(&descriptor).unwrap_or_else(|| {
            let id = (descriptor.number(), self.next_id());
            let watch = Watch {
                // The calls of scripts ask `admits_operation` before.
                _charge: self.budget.charge_anyway(WATCH),
                descriptor,
                read: Side::default(),
                write: Side::default(),
            };
            self.watches.insert(id, watch);
            id
        });
        if let Some(side) = self.side(id, direction) {
            side.queue.push_back(pending);
        }
    }

    /// Takes the first operation that waits, with what it was begun on.
    pub(crate) fn take(
        &mut self,
        id: WatchId,
        direction: Direction,
    ) -> Option<(PendingOperation, SharedDescriptor<H, File>)> {
        let watch = self.watches.get_mut(&id)?;
        let pending = watch.side(direction).queue.pop_front()?;
        self.origin = pending.promise.origin;
        Some((pending, watch.descriptor.clone()))
    }

    /// An operation that was taken or cancelled has ended. With the last one the open file is let go, which must not wait for the next
    /// turn: the script may close the descriptor before that, and the close is then the last.
    pub(crate) fn end(&mut self, id: WatchId, direction: Direction) {
        if let Some(watch) = self.watches.get_mut(&id) {
            watch.side(direction).resume();
            if watch.is_empty() {
                self.watches.remove(&id);
            }
        }
    }

    /// Takes an operation that waits out of its queue.
    pub(crate) fn cancel(&mut self, fd: Fd, id: Id) -> Option<PendingOperation> {
        let watches: Vec<WatchId> = self.watches_of(fd).map(|(id, _)| *id).collect();
        for watch in watches {
            for direction in [Direction::Read, Direction::Write] {
                let queue = &mut self.side(watch, direction)?.queue;
                if let Ok(place) = queue.binary_search_by_key(&id, |pending| pending.id) {
                    let pending = queue.remove(place);
                    self.end(watch, direction);
                    return pending;
                }
            }
        }
        None
    }

    /// Forgets a number that is being closed. What was pending on it is rejected in the next turn, also what was begun
    /// before another worker made the number stand for something else. The handlers come back, to be dropped when nothing
    /// is borrowed.
    pub(crate) fn remove(&mut self, fd: Fd) -> Option<Handlers> {
        let ids: Vec<WatchId> = self.watches_of(fd).map(|(id, _)| *id).collect();
        for watch in ids.iter().filter_map(|id| self.watches.remove(id)) {
            for pending in watch.read.queue.into_iter().chain(watch.write.queue) {
                self.ready.push_back(Event::Closed(pending.promise));
            }
        }
        self.handlers.remove(&fd)
    }

    /// How many look-ups are under way.
    pub(crate) fn lookups(&self) -> usize {
        self.lookups.len()
    }

    /// Waits for a look-up.
    pub(crate) fn wait_for_lookup(&mut self, id: Id, lookup: Lookup<H::Io>, mut promise: Resolvers) {
        promise.origin = self.origin;
        self.lookups.insert(id, (lookup, promise));
    }

    /// Takes a look-up out, of which there may be an answer.
    pub(crate) fn take_lookup(&mut self, id: Id) -> Option<(Lookup<H::Io>, Resolvers)> {
        let found = self.lookups.remove(&id)?;
        self.origin = found.1.origin;
        Some(found)
    }

    /// A line of a session begins.
    pub(crate) fn begin_line(&mut self) -> Origin {
        self.lines += 1;
        self.origin = self.lines;
        self.lines
    }

    /// The line whose code runs, or has run last; 0: none.
    pub(crate) fn running(&self) -> Origin {
        self.origin
    }

    /// Code of this line runs from now on; 0: none.
    pub(crate) fn set_running(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Gives up what a line has begun and what was begun by that: its timers and handlers, and its promises, which are never
    /// settled. All comes back, to be dropped when nothing is borrowed.
    pub(crate) fn abandon(&mut self, origin: Origin) -> Abandoned<H> {
        let timers: Vec<Id> = self
            .timers
            .iter()
            .filter(|(_, timer)| timer.origin == origin && timer.task.is_scripts())
            .map(|((_, id), _)| *id)
            .collect();
        let mut tasks: Vec<Task> = timers.into_iter().filter_map(|id| self.clear_timer(id)).collect();
        for handlers in self.handlers.values_mut() {
            for side in [&mut handlers.read, &mut handlers.write] {
                let given_up = |handler: &mut Handler| handler.origin == origin && handler.task.is_scripts();
                tasks.extend(side.take_if(given_up).map(|handler| handler.task));
            }
        }
        self.handlers
            .retain(|_, handlers| !handlers.interest().is_empty());
        let mut operations = Vec::new();
        for watch in self.watches.values_mut() {
            for side in [&mut watch.read, &mut watch.write] {
                let (given_up, others): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut side.queue)
                    .into_iter()
                    .partition(|pending| pending.promise.origin == origin);
                side.queue = others;
                if !given_up.is_empty() {
                    side.resume();
                }
                operations.extend(given_up);
            }
        }
        let watches = self.watches.extract_if(.., |_, watch| watch.is_empty()).collect();
        let lookups = self
            .lookups
            .extract_if(.., |_, (_, promise)| promise.origin == origin)
            .map(|(_, lookup)| lookup)
            .collect();
        let events = std::mem::take(&mut self.ready);
        let (closed, events) = events
            .into_iter()
            .partition(|event| matches!(event, Event::Closed(promise) if promise.origin == origin));
        self.ready = events;
        Abandoned {
            lookups,
            _tasks: tasks,
            _operations: operations,
            _watches: watches,
            _closed: closed,
        }
    }

    /// The receive that is the only thing which can happen, if there is such a one.
    pub(crate) fn sole_receive(&self) -> Option<WatchId> {
        let (id, watch) = self.watches.first_key_value()?;
        let first = watch.read.queue.front()?;
        let alone = self.watches.len() == 1
            && watch.write.queue.is_empty()
            && watch.read.paused_until.is_none()
            && self.timers.is_empty()
            && self.handlers.is_empty()
            && self.lookups.is_empty()
            && self.ready.is_empty()
            && self.again.is_empty();
        let receives = matches!(&first.operation, Operation::Receive(receive) if !receive.from);
        (alone && receives).then_some(*id)
    }

    /// A direction of a watch, if it is still there.
    pub(crate) fn side(&mut self, id: WatchId, direction: Direction) -> Option<&mut Side> {
        self.watches.get_mut(&id).map(|watch| watch.side(direction))
    }

    /// Whether anything can still happen.
    pub(crate) fn is_idle(&self) -> bool {
        self.timers.len() == self.background
            && self.lookups.is_empty()
            && self.watches.is_empty()
            && !self.handlers.values().any(Handlers::keeps_alive)
    }

    /// Gives every JavaScript value back, to be dropped when nothing is borrowed.
    pub(crate) fn forget_values(&mut self) -> impl Sized + use<H> {
        self.due.clear();
        self.background = 0;
        (
            std::mem::take(&mut self.ready),
            std::mem::take(&mut self.timers),
            std::mem::take(&mut self.watches),
            std::mem::take(&mut self.handlers),
            std::mem::take(&mut self.lookups),
        )
    }
}
