//! Look-ups that are under way: a task on the background thread, and an eventfd that becomes readable when it is done.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use guestnet_core::resolve::{LookupReply, Question};
use guestnet_core::{LookupError, Result};
use rustix::event::{EventfdFlags, eventfd};
use tokio::task::AbortHandle;

use crate::answer::Ask;
use crate::background;
use crate::convert::errno;
use crate::upstream::Resolver;

/// A question whose reply comes later. Dropping it gives the question up.
#[derive(Debug)]
pub(crate) struct Pending {
    reply: Arc<Mutex<Option<LookupReply>>>,
    task: AbortHandle,
}

impl Pending {
    /// Starts to ask. The descriptor is readable when the reply is there.
    pub(crate) fn start(
        resolver: &Arc<Resolver>,
        question: &Question,
    ) -> Result<(OwnedFd, Pending), LookupError> {
        let system = |error| LookupError::System(errno(error));
        let done = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(system)?;
        let signal = done.try_clone().map_err(|error| {
            system(rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
        })?;
        let reply = Arc::new(Mutex::new(None));
        let (slot, resolver, question) = (Arc::clone(&reply), Arc::clone(resolver), question.clone());
        let task = background::handle()
            .map_err(LookupError::System)?
            .spawn(async move {
                let answer = resolver.ask(&question).await;
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
                // The counter of an eventfd that is written once does not overflow.
                let _ = rustix::io::write(signal.as_fd(), &1u64.to_ne_bytes());
            });
        let task = task.abort_handle();
        Ok((done, Pending { reply, task }))
    }

    pub(crate) fn take(&self) -> Option<LookupReply> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.task.abort();
    }
}
