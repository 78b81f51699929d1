//! [`Resolvers`]: a promise of the guest's that is settled later, and [`Outcome`]: with what.

use guestnet_core::Errno;
use rquickjs::{Ctx, Function, Persistent, Result, Value};

use crate::budget::Charge;
use crate::call_site::{CallSite, FailedCalls};
use crate::convert::negative;
use crate::sys::heap::{Memory, NoMemory};

/// What an operation counts for while it waits, in bytes, in addition to the text in it.
const PENDING: usize = 512;

/// Identifies a timer, a look-up, an operation or what waits for a descriptor; never used twice.
pub(crate) type Id = u64;

/// The line of a session that something was begun by; 0: none.
pub(crate) type Origin = u64;

/// A signal (`AbortSignal`) that knows of a call as long as that waits.
pub(crate) struct Attachment {
    pub(crate) signal: Persistent<Value<'static>>,
    /// Takes the call from the signal.
    pub(crate) detach: Persistent<Function<'static>>,
    /// The call's.
    pub(crate) id: Id,
}

impl Attachment {
    /// # Errors
    /// No memory.
    fn detach(self, ctx: &Ctx<'_>) -> Result<()> {
        let signal = self.signal.restore(ctx)?;
        #[expect(clippy::cast_precision_loss, reason = "no script makes 2^53 calls")]
        let id = self.id as f64;
        self.detach.restore(ctx)?.call((signal, id))
    }
}

/// The functions that settle a promise.
pub(crate) struct Resolvers {
    _charge: Charge,
    attachment: Option<Attachment>,
    /// Set when the call begins to wait.
    pub(crate) origin: Origin,
    resolve: Persistent<Function<'static>>,
    reject: Persistent<Function<'static>>,
    site: CallSite,
}

/// The result of a try.
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

impl Resolvers {
    /// A promise and the functions that settle it, for a call, which holds so many bytes of text while it waits.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn new<'js>(
        ctx: &Ctx<'js>,
        memory: &Memory,
        site: CallSite,
        text: usize,
    ) -> Result<(Value<'js>, Resolvers)> {
        let charge = memory.budget().charge(PENDING.saturating_add(text));
        let charge = charge.ok_or_else(|| NoMemory.throw(ctx))?;
        let (promise, resolve, reject) = ctx.promise()?;
        let resolvers = Resolvers {
            _charge: charge,
            attachment: None,
            origin: 0,
            resolve: Persistent::save(ctx, resolve),
            reject: Persistent::save(ctx, reject),
            site,
        };
        Ok((promise.into_value(), resolvers))
    }

    /// Settles the promise. May run code of the guest: a getter `then` on a prototype.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn settle<'js>(
        self,
        ctx: &Ctx<'js>,
        failed: &FailedCalls,
        outcome: Outcome<'js>,
    ) -> Result<()> {
        match outcome {
            Outcome::Value(value) => self.resolve(ctx, value),
            Outcome::Error(errno) => self.reject(ctx, failed, negative(errno)),
            Outcome::Wait => self.reject(ctx, failed, negative(Errno::EAGAIN)),
        }
    }

    /// The same, with the signal that may end the call before.
    pub(crate) fn attached(self, attachment: Attachment) -> Resolvers {
        Resolvers {
            attachment: Some(attachment),
            ..self
        }
    }

    /// As [`Resolvers::settle`], with a value.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn resolve<'js>(mut self, ctx: &Ctx<'js>, value: Value<'js>) -> Result<()> {
        self.detach(ctx)?;
        self.resolve.restore(ctx)?.call::<_, ()>((value,))
    }

    /// As [`Resolvers::settle`], with a negative number.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn reject(mut self, ctx: &Ctx<'_>, failed: &FailedCalls, number: i32) -> Result<()> {
        self.detach(ctx)?;
        failed.note(number, self.site);
        self.reject.restore(ctx)?.call::<_, ()>((number,))
    }

    /// Rejects the promise with the reason of a signal.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn abort<'js>(mut self, ctx: &Ctx<'js>, reason: Value<'js>) -> Result<()> {
        self.detach(ctx)?;
        self.reject.restore(ctx)?.call::<_, ()>((reason,))
    }

    fn detach(&mut self, ctx: &Ctx<'_>) -> Result<()> {
        match self.attachment.take() {
            Some(attachment) => attachment.detach(ctx),
            None => Ok(()),
        }
    }
}
