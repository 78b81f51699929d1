//! The turns of the event loop: waiting for what can happen, and dealing with it.
//!
//! Not here: what is waited for (`event_loop.rs`), and what an operation on a socket does (`os/pending.rs`).

use std::time::Duration;

use guestnet_core::{Errno, Host, Ready};
use rquickjs::{Ctx, Result};

use crate::atomics;
use crate::event_loop::{Event, PollEntry, WatchId};
use crate::operation::Direction;
use crate::os::resolve;
use crate::promise::Outcome;
use crate::session::SessionHandle;
use crate::state::{State, StateRef};

/// The result of a turn of the loop.
pub(crate) enum Turn {
    /// Something was done; microtasks may be pending.
    Done,
    /// Nothing can happen any more.
    Idle,
    /// The embedder stops the script.
    Stop,
}

/// What a turn does where nothing can happen by itself any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenIdle {
    /// It returns [`Turn::Idle`].
    Return,
    /// It waits for the session's next wake-up.
    Wait,
}

/// One turn: handles one event, and polls for the next ones where there is none.
///
/// # Errors
/// What a task of the guest threw.
pub(crate) fn turn<H: Host + 'static>(
    ctx: &Ctx<'_>,
    state: &StateRef<H>,
    when_idle: WhenIdle,
) -> Result<Turn> {
    let next = || state.events.borrow_mut().ready.pop_front();
    if let Some(event) = next() {
        return dispatch(ctx, state, event).map(|()| Turn::Done);
    }
    if when_idle == WhenIdle::Return && receive_in_call(ctx, state)? {
        return Ok(Turn::Done);
    }
    let polled = poll(state, when_idle);
    // No code of the script has run meanwhile, so that no microtask comes first.
    if let Turn::Done = polled
        && !state.is_unwinding()
        && let Some(event) = next()
    {
        dispatch(ctx, state, event)?;
    }
    Ok(polled)
}

/// Lets a receive wait in the kernel where nothing else can happen: one system call in the place of a poll and a receive. Returns whether
/// it has ended; if not, the poll goes on with it.
///
/// No other thread of the script may use the socket: it would have to be ended in another way than this one. A session is woken from
/// outside.
///
/// # Errors
/// No memory.
fn receive_in_call<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>) -> Result<bool> {
    if state.session.is_some() || state.workers.had_any() || state.waits.polled().is_some() {
        return Ok(false);
    }
    let taken = {
        let mut events = state.events.borrow_mut();
        let sole = events.sole_receive();
        sole.and_then(|id| Some((id, events.take(id, Direction::Read)?)))
    };
    let Some((id, (mut pending, descriptor))) = taken else {
        return Ok(false);
    };
    let outcome = pending.operation.attempt_in_call(ctx, state, &descriptor);
    drop(descriptor);
    if let Ok(Outcome::Wait) = outcome {
        if let Some(side) = state.events.borrow_mut().side(id, Direction::Read) {
            side.queue.push_front(pending);
        }
        return Ok(false);
    }
    state.events.borrow_mut().end(id, Direction::Read);
    pending.promise.settle(ctx, &state.failed_calls, outcome?)?;
    Ok(true)
}

/// Polls all descriptors and look-ups, and waits if no event is due.
fn poll<H: Host + 'static>(state: &State<H>, when_idle: WhenIdle) -> Turn {
    let mut events = state.events.borrow_mut();
    let events = &mut *events;
    events.set_running(0);
    if when_idle == WhenIdle::Return && events.is_idle() && !atomics::keeps_alive(state) {
        return Turn::Idle;
    }
    for (fd, direction) in events.again.drain(..) {
        if let Some(handlers) = events.handlers.get(&fd) {
            let event = Event::Handler(fd, handlers.generation, direction.interest());
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
    for (id, watch) in &mut events.watches {
        let mut want = Ready::empty();
        for direction in [Direction::Read, Direction::Write] {
            let side = watch.side(direction);
            if side.waits(now) {
                want |= direction.interest();
            } else if let Some(until) = side.paused_until
                && !side.queue.is_empty()
            {
                next = Some(next.map_or(until, |next| next.min(until)));
            }
        }
        if want.is_empty() {
            continue;
        }
        if guest.poll_add(token, &watch.descriptor, want).is_err() {
            // The operation itself gets the error.
            events.ready.push_back(Event::Io(*id, want));
            continue;
        }
        events.polled.push(PollEntry::Io(*id));
        token += 1;
    }
    for (fd, handlers) in &events.handlers {
        let want = handlers.interest();
        if guest.poll_add(token, *fd, want).is_err() {
            // What the handler calls gets the error.
            events
                .ready
                .push_back(Event::Handler(*fd, handlers.generation, want));
            continue;
        }
        events.polled.push(PollEntry::Handler(*fd, handlers.generation));
        token += 1;
    }
    for (id, (lookup, _)) in &mut events.lookups {
        if guest.poll_add_lookup(token, lookup).is_err() {
            events.ready.push_back(Event::Lookup(*id));
            continue;
        }
        events.polled.push(PollEntry::Lookup(*id));
        token += 1;
    }
    if let Some(waker) = state.waits.polled()
        && guest.poll_add(token, &waker.event, Ready::READ).is_ok()
    {
        events.polled.push(PollEntry::Notified);
    }
    let session = state.session.as_ref();
    let may_wait = session.is_none_or(SessionHandle::begin_wait);
    let timeout = if may_wait && events.ready.is_empty() {
        next.map(|next| next.saturating_sub(now))
    } else {
        Some(Duration::ZERO)
    };
    let waited = guest.poll_wait(timeout);
    if let Some(session) = session {
        session.end_wait(|| guest.resume());
    }
    match waited {
        Ok(()) => {}
        Err(Errno::EINTR) if session.is_some() && !state.is_ending() => return Turn::Done,
        Err(_) => return Turn::Stop,
    }
    for event in guest.poll_events() {
        let polled = usize::try_from(event.token)
            .ok()
            .and_then(|token| events.polled.get(token));
        match polled {
            Some(PollEntry::Io(id)) => events.ready.push_back(Event::Io(*id, event.ready)),
            Some(PollEntry::Handler(fd, generation)) => {
                events
                    .ready
                    .push_back(Event::Handler(*fd, *generation, event.ready));
            }
            Some(PollEntry::Lookup(id)) => events.ready.push_back(Event::Lookup(*id)),
            Some(PollEntry::Notified) => events.ready.push_back(Event::Notified),
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

fn dispatch<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>, event: Event) -> Result<()> {
    match event {
        Event::Timer(id) => {
            let now = state.now();
            let task = state.events.borrow_mut().fire_timer(id, now);
            task.map_or(Ok(()), |task| task.run(ctx))
        }
        Event::Closed(promise) => {
            state.events.borrow_mut().set_running(promise.origin);
            promise.settle(ctx, &state.failed_calls, Outcome::Error(Errno::ECANCELED))
        }
        Event::Lookup(id) => {
            let found = state.events.borrow_mut().take_lookup(id);
            let Some((lookup, promise)) = found else {
                return Ok(());
            };
            if let Some((lookup, promise)) = resolve::finish(ctx, state, lookup, promise)? {
                state.events.borrow_mut().lookups.insert(id, (lookup, promise));
            }
            Ok(())
        }
        Event::Notified => atomics::settle(ctx, state),
        Event::Io(id, ready) => {
            directions(ready).try_for_each(|direction| advance(ctx, state, id, direction))
        }
        Event::Handler(fd, generation, ready) => directions(ready).try_for_each(|direction| {
            let task = state.events.borrow_mut().handler(fd, generation, direction);
            task.map_or(Ok(()), |task| task.run(ctx))
        }),
    }
}

/// The directions in which something can be done.
fn directions(ready: Ready) -> impl Iterator<Item = Direction> {
    let reading = Ready::READ | Ready::READ_HANGUP | Ready::ALWAYS;
    let writing = Ready::WRITE | Ready::ALWAYS;
    [(Direction::Read, reading), (Direction::Write, writing)]
        .into_iter()
        .filter(move |(_, also)| ready.intersects(*also))
        .map(|(direction, _)| direction)
}

/// Tries the operations that wait, until one must go on waiting.
fn advance<H: Host + 'static>(
    ctx: &Ctx<'_>,
    state: &StateRef<H>,
    id: WatchId,
    direction: Direction,
) -> Result<()> {
    // Those that are started meanwhile come in the next turn, so that one descriptor cannot keep the loop.
    let most = state
        .events
        .borrow_mut()
        .side(id, direction)
        .map_or(0, |side| side.queue.len());
    for count in 0..most {
        // Looked up each time: settling a promise may run code of the guest.
        let taken = state.events.borrow_mut().take(id, direction);
        let Some((mut pending, descriptor)) = taken else {
            break;
        };
        let progress = pending.operation.progress();
        let outcome = pending.operation.attempt(ctx, state, &descriptor);
        drop(descriptor);
        if let Ok(Outcome::Wait) = outcome {
            let moved = count > 0 || pending.operation.progress() != progress;
            let now = state.now();
            let mut events = state.events.borrow_mut();
            if let Some(side) = events.side(id, direction) {
                side.queue.push_front(pending);
                side.pause(moved, now);
            }
            break;
        }
        state.events.borrow_mut().end(id, direction);
        pending.promise.settle(ctx, &state.failed_calls, outcome?)?;
    }
    Ok(())
}
