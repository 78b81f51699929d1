//! Operations that may have to wait, and the promises for their results.
//!
//! First an operation is tried, and only what would block waits: behind those of the same descriptor and direction that
//! wait already, so that results come in the order of the calls.

use guestnet_core::{Errno, Fd, Host, SockAddr};
use rquickjs::{Ctx, Function, Persistent, Result, Value};

use super::transfer::{Receive, Send};
use super::{address, socket};
use crate::budget::Charge;
use crate::convert::negative;
use crate::event_loop::Direction;
use crate::state::{Shared, State};
use crate::sys::heap::NoMemory;
use crate::sys::value;

/// An operation that waits, with its promise.
pub(crate) struct Pending {
    pub(crate) operation: Operation,
    pub(crate) promise: Promised,
}

/// The functions that settle a promise.
pub(crate) struct Promised {
    _charge: Charge,
    resolve: Persistent<Function<'static>>,
    reject: Persistent<Function<'static>>,
}

/// What a try brought.
pub(crate) enum Outcome<'js> {
    Value(Value<'js>),
    Error(Errno),
    /// It would block.
    Wait,
}

impl<'js> Outcome<'js> {
    /// An error, or "would block".
    pub(crate) fn of(errno: Errno) -> Self {
        match errno {
            Errno::EAGAIN => Outcome::Wait,
            errno => Outcome::Error(errno),
        }
    }
}

/// How many operations may wait on one descriptor in one direction.
const MAX_PENDING: usize = 1 << 14;

/// What an operation counts for while it waits, in bytes, besides the text in it.
const PENDING: usize = 512;

/// What is to be done.
pub(crate) enum Operation {
    Accept,
    /// The second value: it was begun.
    Connect(SockAddr, bool),
    Receive(Receive),
    Send(Send),
    /// Nothing but the wait. The second value: it has come to the head of the queue, so that the next event is its own.
    Ready(Direction, bool),
}

impl Operation {
    const fn direction(&self) -> Direction {
        match self {
            Operation::Accept | Operation::Receive(_) => Direction::Read,
            Operation::Connect(..) | Operation::Send(_) => Direction::Write,
            Operation::Ready(direction, _) => *direction,
        }
    }

    /// The bytes of text that it holds.
    fn text(&self) -> usize {
        match self {
            Operation::Connect(SockAddr::Unix(path), _) => path.len(),
            Operation::Send(send) => send.text(),
            Operation::Accept | Operation::Connect(..) | Operation::Receive(_) | Operation::Ready(..) => 0,
        }
    }

    /// Whether it fails in place of waiting (`MSG_DONTWAIT`).
    fn dontwait(&self) -> bool {
        match self {
            Operation::Accept | Operation::Connect(..) | Operation::Ready(..) => false,
            Operation::Receive(receive) => receive.dontwait(),
            Operation::Send(send) => send.dontwait(),
        }
    }

    /// How far it has come: another number means that it did something.
    pub(crate) const fn progress(&self) -> usize {
        match self {
            Operation::Accept | Operation::Connect(..) => 0,
            Operation::Ready(_, at_head) => *at_head as usize,
            Operation::Receive(receive) => receive.done,
            Operation::Send(send) => send.done,
        }
    }

    /// Tries it. Runs no code of the guest.
    ///
    /// # Errors
    /// No memory for the result.
    pub(crate) fn attempt<'js, H: Host + 'static>(
        &mut self,
        ctx: &Ctx<'js>,
        state: &Shared<H>,
        fd: Fd,
    ) -> Result<Outcome<'js>> {
        match self {
            Operation::Accept => match socket::try_accept(state, fd) {
                Ok((new, peer)) => {
                    let peer = address::encode(ctx, &state.addresses, &peer)?;
                    let new = Value::new_number(ctx.clone(), f64::from(new));
                    value::array(ctx, [new, peer]).map(Outcome::Value)
                }
                Err(errno) => Ok(Outcome::of(errno)),
            },
            Operation::Connect(addr, begun) => Ok(match socket::try_connect(state, fd, addr, begun) {
                Ok(()) => Outcome::Value(Value::new_int(ctx.clone(), 0)),
                Err(errno) => Outcome::of(errno),
            }),
            Operation::Receive(receive) => receive.attempt(ctx, state, fd),
            Operation::Send(send) => send.attempt(ctx, state, fd),
            Operation::Ready(_, at_head) => Ok(if std::mem::replace(at_head, true) {
                Outcome::Value(Value::new_undefined(ctx.clone()))
            } else {
                Outcome::Wait
            }),
        }
    }
}

/// Begins an operation and returns the promise for its result.
///
/// # Errors
/// No memory.
pub(crate) fn begin<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &Shared<H>,
    fd: i32,
    mut operation: Operation,
) -> Result<Value<'js>> {
    let fd = match open(state, fd) {
        Ok(fd) => fd,
        Err(errno) => return rejected(ctx, negative(errno)),
    };
    let direction = operation.direction();
    let waiting = state.events.borrow_mut().waiting(fd, direction);
    if waiting >= MAX_PENDING {
        return rejected(ctx, negative(Errno::ENOBUFS));
    }
    if waiting > 0 {
        // Those before it come first, and it will not wait for them.
        if operation.dontwait() {
            return rejected(ctx, negative(Errno::EAGAIN));
        }
    } else {
        match operation.attempt(ctx, state, fd)? {
            Outcome::Value(value) => return value::settled(ctx, false, &value),
            Outcome::Error(errno) => return rejected(ctx, negative(errno)),
            Outcome::Wait => {}
        }
    }
    if !state.events.borrow().admits(fd) {
        return rejected(ctx, negative(Errno::ENOMEM));
    }
    let (promise, settles) = Promised::new(ctx, state, operation.text())?;
    let pending = Pending {
        operation,
        promise: settles,
    };
    state.events.borrow_mut().wait(fd, direction, pending);
    Ok(promise)
}

/// An open descriptor.
///
/// # Errors
/// `EBADF`.
pub(crate) fn open<H: Host + 'static>(state: &Shared<H>, fd: i32) -> guestnet_core::Result<Fd> {
    let fd = Fd::try_from(fd).map_err(|_| Errno::EBADF)?;
    state.guest.borrow().open_file(fd).map(|_| fd)
}

/// A promise that is rejected with a number.
fn rejected<'js>(ctx: &Ctx<'js>, number: i32) -> Result<Value<'js>> {
    value::settled(ctx, true, &Value::new_int(ctx.clone(), number))
}

impl Promised {
    /// A promise, and what settles it: the end of something that holds so many bytes of text.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn new<'js, H: Host + 'static>(
        ctx: &Ctx<'js>,
        state: &State<H>,
        text: usize,
    ) -> Result<(Value<'js>, Promised)> {
        let charge = state.memory.budget().charge(PENDING.saturating_add(text));
        let charge = charge.ok_or_else(|| NoMemory.throw(ctx))?;
        let (promise, resolve, reject) = ctx.promise()?;
        let settles = Promised {
            _charge: charge,
            resolve: Persistent::save(ctx, resolve),
            reject: Persistent::save(ctx, reject),
        };
        Ok((promise.into_value(), settles))
    }

    /// Settles the promise. May run code of the guest: a getter `then` on a prototype.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn settle<'js>(self, ctx: &Ctx<'js>, outcome: Outcome<'js>) -> Result<()> {
        match outcome {
            Outcome::Value(value) => self.resolve(ctx, value),
            Outcome::Error(errno) => self.reject(ctx, negative(errno)),
            Outcome::Wait => self.reject(ctx, negative(Errno::EAGAIN)),
        }
    }

    /// As [`Promised::settle`], with a value.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn resolve<'js>(self, ctx: &Ctx<'js>, value: Value<'js>) -> Result<()> {
        self.resolve.restore(ctx)?.call::<_, ()>((value,))
    }

    /// As [`Promised::settle`], with a negative number.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn reject(self, ctx: &Ctx<'_>, number: i32) -> Result<()> {
        self.reject.restore(ctx)?.call::<_, ()>((number,))
    }
}
