//! One try of an operation on a socket, without waiting.
//!
//! Not here: when it is tried (`pending.rs`, `../turn.rs`).

use std::io::{IoSlice, IoSliceMut};

use guestnet_core::{Errno, Fd, Host, RecvFlags, SendFlags, SharedDescriptor, SockAddr};
use rquickjs::{Ctx, Result, Value};

use super::address;
use crate::buffer::Buffer;
use crate::file::File;
use crate::operation::{Operation, Receive, Send};
use crate::promise::Outcome;
use crate::state::StateRef;
use crate::sys::value;

impl Operation {
    /// Tries it. Runs no code of the guest.
    ///
    /// # Errors
    /// No memory for the result.
    pub(crate) fn attempt<'js, H: Host + 'static>(
        &mut self,
        ctx: &Ctx<'js>,
        state: &StateRef<H>,
        fd: &SharedDescriptor<H, File>,
    ) -> Result<Outcome<'js>> {
        match self {
            Operation::Accept => match try_accept(state, fd) {
                Ok((new, peer)) => {
                    let peer = address::encode(ctx, &state.addresses, &peer)?;
                    let new = Value::new_number(ctx.clone(), f64::from(new));
                    value::array(ctx, [new, peer]).map(Outcome::Value)
                }
                Err(errno) => Ok(Outcome::of(errno)),
            },
            Operation::Connect(addr, begun) => Ok(match try_connect(state, fd, addr, begun) {
                Ok(()) => Outcome::Value(Value::new_int(ctx.clone(), 0)),
                Err(errno) => Outcome::of(errno),
            }),
            Operation::Receive(receive) => receive.attempt(ctx, state, fd, false),
            Operation::Send(send) => send.attempt(ctx, state, fd),
            Operation::Ready(_, at_head) => Ok(if std::mem::replace(at_head, true) {
                Outcome::Value(Value::new_undefined(ctx.clone()))
            } else {
                Outcome::Wait
            }),
        }
    }

    /// As [`Operation::attempt`], but a receive waits, as long as it takes, in the system call itself. It is [`Outcome::Wait`] where it
    /// cannot, or the guest was stopped.
    ///
    /// # Errors
    /// No memory for the result.
    pub(crate) fn attempt_in_call<'js, H: Host + 'static>(
        &mut self,
        ctx: &Ctx<'js>,
        state: &StateRef<H>,
        fd: &SharedDescriptor<H, File>,
    ) -> Result<Outcome<'js>> {
        match self {
            Operation::Receive(receive) => receive.attempt(ctx, state, fd, true),
            _ => Ok(Outcome::Wait),
        }
    }
}

/// accept(2), without waiting, whatever the descriptor's mode: a worker may share it.
///
/// # Errors
/// `EAGAIN`, or why there is no connection.
fn try_accept<H: Host + 'static>(
    state: &StateRef<H>,
    fd: &SharedDescriptor<H, File>,
) -> guestnet_core::Result<(Fd, SockAddr)> {
    state.guest.borrow_mut().try_accept(fd, true)
}

/// connect(2), without waiting, whatever the descriptor's mode: begins it, or returns its result.
///
/// # Errors
/// `EAGAIN` as long as it is not settled, or why it failed.
fn try_connect<H: Host + 'static>(
    state: &StateRef<H>,
    fd: &SharedDescriptor<H, File>,
    addr: &SockAddr,
    begun: &mut bool,
) -> guestnet_core::Result<()> {
    // Called again after the wait, it reports the outcome and leaves the kernel's socket as a blocking connect does.
    match state.guest.borrow_mut().try_connect(fd, addr) {
        Err(Errno::EINPROGRESS | Errno::EALREADY) => {
            *begun = true;
            Err(Errno::EAGAIN)
        }
        Err(Errno::EISCONN) if *begun => Ok(()),
        outcome => outcome,
    }
}

impl Receive {
    fn attempt<'js, H: Host + 'static>(
        &mut self,
        ctx: &Ctx<'js>,
        state: &StateRef<H>,
        fd: &SharedDescriptor<H, File>,
        in_call: bool,
    ) -> Result<Outcome<'js>> {
        let flags = self.flags.difference(RecvFlags::WAITALL) | RecvFlags::DONTWAIT;
        loop {
            let wanted = self
                .length
                .map_or(usize::MAX, |length| length.saturating_sub(self.done));
            let skip = self.offset.saturating_add(self.done);
            let received = self.buffer.write(ctx, &state.getters, skip, wanted, |bytes| {
                let mut guest = state.guest.borrow_mut();
                let room = bytes.len();
                let bufs = &mut [IoSliceMut::new(bytes)];
                let (received, from) = if self.from {
                    guest.recv_from(fd, bufs, flags)?
                } else if in_call {
                    let received = guest.recv_in_call(fd, bufs, flags).ok_or(Errno::EAGAIN)?;
                    (received?, SockAddr::Unspec)
                } else {
                    (guest.recv(fd, bufs, flags)?, SockAddr::Unspec)
                };
                Ok((received.len.min(room), (received.len, from)))
            });
            let (count, from) = match received {
                Ok(received) => received,
                // A transfer that moved bytes before the error returns their count; the next call gets the error.
                Err(Errno::EAGAIN) if self.dontwait() => return self.end(ctx, Errno::EAGAIN),
                Err(Errno::EAGAIN) => return Ok(Outcome::Wait),
                Err(errno) => return self.end(ctx, errno),
            };
            if self.from {
                let from = address::encode(ctx, &state.addresses, &from)?;
                return value::array(ctx, [number_of(ctx, count), from]).map(Outcome::Value);
            }
            self.done = self.done.saturating_add(count);
            // 0 is the end of the stream, or a buffer that has shrunk to nothing.
            if !self.fully || count == 0 || count >= rest(&self.buffer, ctx, state, skip).min(wanted) {
                return Ok(Outcome::Value(number_of(ctx, self.done)));
            }
        }
    }

    fn end<'js>(&self, ctx: &Ctx<'js>, errno: Errno) -> Result<Outcome<'js>> {
        Ok(finished(ctx, self.done, errno))
    }
}

impl Send {
    fn attempt<'js, H: Host + 'static>(
        &mut self,
        ctx: &Ctx<'js>,
        state: &StateRef<H>,
        fd: &SharedDescriptor<H, File>,
    ) -> Result<Outcome<'js>> {
        let flags = self.flags | SendFlags::DONTWAIT;
        loop {
            let wanted = self
                .length
                .map_or(usize::MAX, |length| length.saturating_sub(self.done));
            let skip = self.offset.saturating_add(self.done);
            let sent = self.buffer.read(ctx, &state.getters, skip, wanted, |bytes| {
                let mut guest = state.guest.borrow_mut();
                let bufs = &mut [IoSlice::new(bytes)];
                match &self.to {
                    Some(addr) => guest.send_to(fd, bufs, addr, flags),
                    None => guest.send(fd, bufs, flags),
                }
            });
            let count = match sent {
                Ok(sent) => sent,
                Err(Errno::EAGAIN) if self.dontwait() => {
                    return Ok(finished(ctx, self.done, Errno::EAGAIN));
                }
                Err(Errno::EAGAIN) => return Ok(Outcome::Wait),
                Err(errno) => return Ok(finished(ctx, self.done, errno)),
            };
            self.done = self.done.saturating_add(count);
            if !self.fully || count == 0 || count >= rest(&self.buffer, ctx, state, skip).min(wanted) {
                return Ok(Outcome::Value(number_of(ctx, self.done)));
            }
        }
    }
}

/// How many bytes a buffer has from `skip` on, now.
fn rest<H: Host + 'static>(buffer: &Buffer, ctx: &Ctx<'_>, state: &StateRef<H>, skip: usize) -> usize {
    buffer
        .len(ctx, &state.getters)
        .map_or(0, |len| len.saturating_sub(skip))
}

/// The end of a transfer by an error: the count of what was moved before it, if that is not 0, as for read(2) and write(2).
fn finished<'js>(ctx: &Ctx<'js>, done: usize, errno: Errno) -> Outcome<'js> {
    match (done, errno) {
        // Not `Outcome::of`: the call must not wait.
        (0, errno) => Outcome::Error(errno),
        (done, _) => Outcome::Value(number_of(ctx, done)),
    }
}

/// A count as a number of the engine.
fn number_of<'js>(ctx: &Ctx<'js>, count: usize) -> Value<'js> {
    #[expect(clippy::cast_precision_loss, reason = "no buffer has 2^53 bytes")]
    let number = count as f64;
    Value::new_number(ctx.clone(), number)
}
