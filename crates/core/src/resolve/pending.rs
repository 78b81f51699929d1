//! [`Lookup`]: a look-up that the guest does not wait for.
//!
//! It always completes on a later turn: whatever there is to say, also for numeric and for wrong input, is said after
//! the look-up was polled and reported ready, never by the call that starts it.

use std::sync::Arc;

use super::{AddrInfoList, LookupError, Plan, Query, Records, Source};
use crate::errno::{Errno, Result};
use crate::fd::Slots;
use crate::guest::GuestThread;
use crate::host::{Clock, Host};
use crate::open_file::OpenFile;
use crate::readiness::{PollEvent, Ready};

/// A started look-up. Give it back to [`GuestThread::getaddrinfo_cancel`] if its result is not wanted any more.
#[derive(Debug)]
pub struct Lookup<Io> {
    state: State<Io>,
    polled: bool,
    /// What was asked, node and service, if the guest is traced.
    traced: Option<Box<[Vec<u8>; 2]>>,
}

#[derive(Debug)]
enum State<Io> {
    Waiting(Io, Plan),
    Done(Result<AddrInfoList, LookupError>),
    Taken,
}

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// getaddrinfo(3) without waiting. It does not fail: what is wrong with the query is its result.
    pub fn getaddrinfo_start(&mut self, query: &Query<'_>) -> Lookup<H::Io> {
        let state = match self.plan(query) {
            Err(error) => State::Done(Err(error)),
            Ok(plan) => match &plan.what {
                Source::Ask(question) => match self.host.lookup_start(question) {
                    Ok(io) => State::Waiting(io, plan),
                    Err(error) => State::Done(Err(error)),
                },
                Source::Known(_) | Source::Numeric(..) | Source::Loopback => State::Done(self.complete(plan)),
            },
        };
        let text = |part: Option<&[u8]>| part.unwrap_or_default().to_vec();
        Lookup {
            state,
            polled: false,
            traced: self
                .guest
                .traced
                .then(|| Box::new([text(query.node), text(query.service)])),
        }
    }

    /// Adds a look-up to the poll under a number of the caller's; it is readable when its result is there.
    ///
    /// # Errors
    /// As [`GuestThread::poll_add`].
    pub fn poll_add_lookup(&mut self, token: u32, lookup: &mut Lookup<H::Io>) -> Result<()> {
        lookup.polled = true;
        match &lookup.state {
            State::Waiting(io, _) => self.poll.add_io(&mut self.host, token, io, Ready::READ),
            State::Done(_) => {
                self.poll.add_ready(PollEvent {
                    token,
                    ready: Ready::READ,
                });
                Ok(())
            }
            State::Taken => Err(Errno::EBADF),
        }
    }

    /// The result, once; `None` before it is there, and before the look-up was polled.
    pub fn getaddrinfo_take(
        &mut self,
        lookup: &mut Lookup<H::Io>,
    ) -> Option<Result<AddrInfoList, LookupError>> {
        if !lookup.polled {
            return None;
        }
        let result = self.result_of(lookup)?;
        if let Some([node, service]) = lookup.traced.take().as_deref() {
            let query = Query {
                node: Some(node),
                service: Some(service),
                ..Query::default()
            };
            self.trace_lookup(&query, &result);
        }
        Some(result)
    }

    fn result_of(&mut self, lookup: &mut Lookup<H::Io>) -> Option<Result<AddrInfoList, LookupError>> {
        match std::mem::replace(&mut lookup.state, State::Taken) {
            State::Done(result) => Some(result),
            State::Taken => None,
            State::Waiting(io, plan) => {
                let Some(reply) = self.host.lookup_take(&io) else {
                    lookup.state = State::Waiting(io, plan);
                    return None;
                };
                self.host.close(io);
                let Source::Ask(question) = &plan.what else {
                    return Some(Err(LookupError::System(Errno::EIO)));
                };
                let now = self.host.now(Clock::Monotonic);
                let found: Result<Arc<Records>, _> = self.guest.gate.names.finish(question, reply, now);
                Some(found.and_then(|found| self.answer(&plan, &found)))
            }
        }
    }

    /// Gives a look-up up, and the question with it.
    pub fn getaddrinfo_cancel(&mut self, lookup: Lookup<H::Io>) {
        if let State::Waiting(io, _) = lookup.state {
            self.host.close(io);
        }
    }
}
