//! `wasi:io/poll` and `wasi:clocks/monotonic-clock`.

use std::time::Duration;

use guestnet_core::{Clock, Host};
use smallvec::SmallVec;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::sync::io::poll;

use super::ctx::State;
use super::object::{Handle, Object, Role};

/// How many pollables one call may wait for, as many as a `poll_oneoff` has subscriptions.
const MAX_POLL: usize = 65_535;

/// Refuses a list of pollables that nothing can be waited for with.
///
/// # Errors
/// A trap: it is empty, as `wasi:io/poll` says, or too long.
pub(crate) fn check_length(len: usize) -> wasmtime::Result<()> {
    match len {
        0 => Err(wasmtime::format_err!("empty poll list")),
        1..=MAX_POLL => Ok(()),
        _ => Err(wasmtime::format_err!(
            "a poll list of {len} pollables; at most {MAX_POLL} can be waited for"
        )),
    }
}

type Pollable = Resource<DynPollable>;

impl<H: Host> State<H> {
    fn subscribe_at(&mut self, at: Duration) -> wasmtime::Result<Pollable> {
        let slot = self.insert(Object::Timer(at)).map_err(|(errno, _)| errno)?;
        Ok(Handle::new(Role::Itself, slot).own())
    }
}

impl<H: Host> poll::Host for State<H> {
    fn poll(&mut self, pollables: Vec<Pollable>) -> wasmtime::Result<Vec<u32>> {
        check_length(pollables.len())?;
        let handles = pollables
            .iter()
            .map(Handle::of)
            .collect::<wasmtime::Result<SmallVec<[Handle; 8]>>>()?;
        Ok(self.wait(&handles, true)?.into_vec())
    }
}

impl<H: Host> poll::HostPollable for State<H> {
    fn ready(&mut self, pollable: Pollable) -> wasmtime::Result<bool> {
        self.is_ready(Handle::of(&pollable)?)
    }

    fn block(&mut self, pollable: Pollable) -> wasmtime::Result<()> {
        self.wait(&[Handle::of(&pollable)?], true).map(drop)
    }

    fn drop(&mut self, pollable: Pollable) -> wasmtime::Result<()> {
        let handle = Handle::of(&pollable)?;
        if handle.role == Role::Itself && matches!(self.slot(handle.slot)?.object, Object::Timer(_)) {
            return self.drop_object(handle);
        }
        let count = self.pollables(handle)?;
        *count = count.saturating_sub(1);
        Ok(())
    }
}

/// The clock is the one that the core's waits are measured with.
impl<H: Host> monotonic_clock::Host for State<H> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(nanoseconds(self.ctx.guest.now(Clock::Monotonic)))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Pollable> {
        self.subscribe_at(Duration::from_nanos(when))
    }

    fn subscribe_duration(&mut self, when: u64) -> wasmtime::Result<Pollable> {
        let now = self.ctx.guest.now(Clock::Monotonic);
        self.subscribe_at(now.saturating_add(Duration::from_nanos(when)))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
