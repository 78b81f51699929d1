//! Waiting: ppoll(2) for a few descriptors, an edge-triggered epoll(7) with cached readiness for many.
//!
//! poll(2) costs a fixed amount for each descriptor; with 10,000 of them it takes milliseconds. So from
//! [`FEW`] + 1 descriptors on, each is registered once, when it is first polled, and the kernel reports only
//! changes. What the kernel has reported is cached by descriptor. The cache may be stale (the guest has read what there
//! was), therefore whatever looks ready is asked about once more with a poll(2) that does not wait, and only that
//! answer is reported: the result is as level-triggered as poll(2)'s own.
//!
//! The set itself is kept from wait to wait, so that a caller who waits for the same descriptors again says only what has changed
//! ([`Waiter::replace`], [`Waiter::truncate`]): the requests stay chained to their descriptors, and what was ready stays a candidate.
//! So a wait costs what the changes and what is ready cost.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use guestnet_core::{EpollEvent, EpollInterest, EpollMode, Errno, PollEvent, Ready, Result};
use rustix::event::{Timespec, epoll};

use crate::convert::{errno, retry};
use crate::poll::{POLL_BITS, pollfd};
use crate::stop::Stop;
use crate::sys;

/// Up to this many descriptors poll(2) is cheaper than keeping them registered: an `EPOLL_CTL_ADD` with its removal
/// costs as much as four polls of one descriptor.
pub(crate) const FEW: usize = 4;

/// Events taken from the kernel in one go; more are taken in the next.
const BATCH: usize = 256;

/// Descriptors asked about by one poll(2) of [`Epoll::verify`] at most: it takes no more than `RLIMIT_NOFILE`, and one
/// descriptor may be asked for many times.
const POLLED_AT_ONCE: usize = 256;

/// End of a chain of requests.
const NONE: u32 = u32::MAX;

/// The wait set of one guest.
#[derive(Debug, Default)]
pub(crate) struct Waiter {
    /// The number of the set: another one after each [`Waiter::begin`].
    set: u64,
    requests: Vec<Request>,
    /// How many of the requests were chained to their descriptors' states, from the first on.
    chained: usize,
    /// Indices of those among them that were replaced since.
    replaced: Vec<u32>,
    events: Vec<PollEvent>,
    /// Indices of requests that look ready.
    candidates: Vec<u32>,
    pollfds: Vec<libc::pollfd>,
    epoll: Option<Epoll>,
}

/// One descriptor of the current poll.
#[derive(Debug, Clone, Copy)]
struct Request {
    fd: RawFd,
    token: u32,
    id: u64,
    want: Ready,
    candidate: bool,
    /// Whether it is in the chain of its descriptor's state: between these two, which are for the same descriptor.
    linked: bool,
    next: u32,
    previous: u32,
}

impl Request {
    fn new(token: u32, fd: RawFd, id: u64, want: Ready) -> Request {
        Request {
            fd,
            token,
            id,
            want,
            candidate: false,
            linked: false,
            next: NONE,
            previous: NONE,
        }
    }
}

#[derive(Debug)]
struct Epoll {
    fd: OwnedFd,
    /// By descriptor number.
    states: Vec<State>,
    /// Number of the current chains. It never comes round again.
    round: u64,
    batch: Vec<libc::epoll_event>,
    /// How many descriptors one poll(2) is asked about.
    at_once: usize,
}

/// What is known of a registered descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    /// The [`Waiter::add`] id of the registered object, 0 if none is: a number may be reused.
    id: u64,
    ready: Ready,
    /// The chains that `first` belongs to.
    round: u64,
    /// The first request for this descriptor.
    first: u32,
}

const UNREGISTERED: State = State {
    id: 0,
    ready: Ready::empty(),
    round: 0,
    first: NONE,
};

impl Waiter {
    pub(crate) fn begin(&mut self) {
        self.set += 1;
        self.requests.clear();
        self.unchain();
        self.events.clear();
    }

    /// The number of the set.
    pub(crate) fn set(&self) -> u64 {
        self.set
    }

    /// Has the next wait chain all requests anew.
    fn unchain(&mut self) {
        self.chained = 0;
        self.replaced.clear();
        self.candidates.clear();
    }

    /// `id` distinguishes objects that have the same descriptor number one after the other; it is never 0.
    #[inline]
    pub(crate) fn add(&mut self, token: u32, fd: RawFd, id: u64, want: Ready) {
        self.requests.push(Request::new(token, fd, id, want));
    }

    /// Puts another request in the place of one of the set.
    pub(crate) fn replace(&mut self, index: usize, token: u32, fd: RawFd, id: u64, want: Ready) {
        self.unlink(index);
        let Some(request) = self.requests.get_mut(index) else {
            return;
        };
        // It may be among the candidates, which says nothing of the new one: the kernel is asked about it.
        let candidate = request.candidate;
        *request = Request {
            candidate,
            ..Request::new(token, fd, id, want)
        };
        if index < self.chained {
            self.replaced.push(u32::try_from(index).unwrap_or(NONE));
        }
    }

    /// Leaves the first requests of the set.
    pub(crate) fn truncate(&mut self, count: usize) {
        for index in count..self.chained.min(self.requests.len()) {
            self.unlink(index);
        }
        self.requests.truncate(count);
        self.chained = self.chained.min(count);
        let stays = |index: &u32| (*index as usize) < count;
        self.replaced.retain(stays);
        self.candidates.retain(stays);
    }

    /// Takes a request out of the chain of its descriptor, if it is in one.
    fn unlink(&mut self, index: usize) {
        let Some(request) = self.requests.get_mut(index) else {
            return;
        };
        if !std::mem::take(&mut request.linked) {
            return;
        }
        let Request {
            fd, next, previous, ..
        } = *request;
        if let Some(after) = self.requests.get_mut(next as usize) {
            after.previous = previous;
        }
        if let Some(before) = self.requests.get_mut(previous as usize) {
            before.next = next;
        } else if let Some(epoll) = &mut self.epoll
            && let Ok(state) = epoll.state(fd)
        {
            state.first = next;
        }
    }

    /// Reports a condition that the kernel does not know of, after a wait.
    pub(crate) fn add_ready(&mut self, token: u32, ready: Ready) {
        match self.events.iter_mut().find(|event| event.token == token) {
            Some(event) => event.ready |= ready,
            None => self.events.push(PollEvent { token, ready }),
        }
    }

    pub(crate) fn events(&self) -> &[PollEvent] {
        &self.events
    }

    /// Forgets a descriptor that is about to be closed. The kernel's registration goes with the close, unless the
    /// open file is `shared` with a process that keeps it open.
    pub(crate) fn forget(&mut self, fd: RawFd, shared: bool) {
        // The set may have requests for it.
        self.set += 1;
        self.unchain();
        let index = usize::try_from(fd).unwrap_or(usize::MAX);
        let Some(epoll) = &mut self.epoll else { return };
        let Some(state) = epoll.states.get_mut(index) else {
            return;
        };
        if shared && *state != UNREGISTERED {
            // A regular file was never registered: nothing to remove.
            let _ = sys::epoll_remove(epoll.fd.as_fd(), fd);
        }
        *state = UNREGISTERED;
    }

    pub(crate) fn wait(&mut self, timeout: Option<Duration>, stop: &Stop) -> Result<()> {
        self.events.clear();
        // A time too far away to be reckoned is for ever.
        let deadline = timeout.and_then(|limit| Instant::now().checked_add(limit));
        let timeout = deadline.and(timeout);
        if self.requests.len() <= FEW {
            return self.wait_few(timeout, deadline, stop);
        }
        let done = self.wait_many(deadline, stop);
        if done.is_err() {
            // Not all of it may have been done.
            self.unchain();
        }
        match done {
            // No descriptor, memory or watch left for epoll. poll(2) needs none of them.
            Err(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOSPC) => {
                self.wait_without_epoll(deadline, stop)
            }
            done => done,
        }
    }

    fn wait_few(
        &mut self,
        mut timeout: Option<Duration>,
        deadline: Option<Instant>,
        stop: &Stop,
    ) -> Result<()> {
        self.pollfds.clear();
        self.pollfds.push(stop.pollfd());
        self.pollfds.extend(
            self.requests
                .iter()
                .map(|request| pollfd(request.fd, request.want)),
        );
        loop {
            let slice = stop.slice(timeout)?;
            match sys::ppoll(&mut self.pollfds, slice) {
                Ok(0) if slice != timeout => timeout = remaining(deadline),
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => timeout = remaining(deadline),
                Err(error) => return Err(errno(error)),
            }
        }
        let (stopped, answers) = self.pollfds.split_first().ok_or(Errno::EIO)?;
        if stopped.revents != 0 {
            return Err(Errno::EINTR);
        }
        self.events.extend(
            self.requests
                .iter()
                .zip(answers)
                .filter(|(_, answer)| answer.revents != 0)
                .map(|(request, answer)| PollEvent {
                    token: request.token,
                    ready: from_poll(answer.revents),
                }),
        );
        Ok(())
    }

    /// As [`Waiter::wait_few`] for any number of requests: poll(2) takes no more entries than a process may have
    /// descriptors, so each descriptor is one entry, however many ask for it.
    fn wait_without_epoll(&mut self, deadline: Option<Instant>, stop: &Stop) -> Result<()> {
        let mut places = HashMap::new();
        self.events.clear();
        self.pollfds.clear();
        self.pollfds.push(stop.pollfd());
        for request in &self.requests {
            let asked = pollfd(request.fd, request.want);
            let place = *places.entry(request.fd).or_insert(self.pollfds.len());
            match self.pollfds.get_mut(place) {
                Some(entry) => entry.events |= asked.events,
                None => self.pollfds.push(asked),
            }
        }
        loop {
            let timeout = remaining(deadline);
            let slice = stop.slice(timeout)?;
            match sys::ppoll(&mut self.pollfds, slice) {
                Ok(0) if slice != timeout => {}
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(errno(error)),
            }
        }
        if self.pollfds.first().is_none_or(|stopped| stopped.revents != 0) {
            return Err(Errno::EINTR);
        }
        for request in &self.requests {
            let answer = places.get(&request.fd).and_then(|&place| self.pollfds.get(place));
            let ready = answer.map_or(Ready::empty(), |answer| from_poll(answer.revents));
            let ready = ready & (request.want | Ready::ALWAYS);
            if !ready.is_empty() {
                let token = request.token;
                self.events.push(PollEvent { token, ready });
            }
        }
        Ok(())
    }

    fn wait_many(&mut self, deadline: Option<Instant>, stop: &Stop) -> Result<()> {
        if self.epoll.is_none() {
            self.epoll = Some(Epoll::new(stop)?);
        }
        let Waiter {
            requests,
            chained,
            replaced,
            events,
            candidates,
            pollfds,
            epoll: Some(epoll),
            ..
        } = self
        else {
            return Err(Errno::EIO);
        };
        if *chained == 0 {
            epoll.round += 1;
            for request in requests.iter_mut() {
                // Left over from a wait on this very set that was ended by an error.
                (request.candidate, request.linked) = (false, false);
            }
        }
        for index in replaced.drain(..) {
            epoll.enter(requests, index, candidates)?;
        }
        for index in *chained..requests.len() {
            epoll.enter(requests, u32::try_from(index).unwrap_or(NONE), candidates)?;
        }
        *chained = requests.len();
        loop {
            let timeout = if candidates.is_empty() {
                remaining(deadline)
            } else {
                Some(Duration::ZERO)
            };
            let last_round = timeout == Some(Duration::ZERO);
            epoll.take(requests, candidates, stop.slice(timeout)?)?;
            epoll.verify(requests, candidates, pollfds, events)?;
            if !events.is_empty() {
                return Ok(());
            }
            if last_round && remaining(deadline) == Some(Duration::ZERO) {
                return Ok(());
            }
        }
    }
}

impl Epoll {
    fn new(stop: &Stop) -> Result<Self> {
        let fd = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(errno)?;
        let number = stop.raw_fd();
        sys::epoll_add(fd.as_fd(), number, libc::EPOLLIN.cast_unsigned()).map_err(errno)?;
        let mut epoll = Epoll {
            fd,
            states: Vec::new(),
            round: 0,
            batch: vec![libc::epoll_event { events: 0, u64: 0 }; BATCH],
            at_once: POLLED_AT_ONCE.min(crate::process::open_files()).max(1),
        };
        // The stop signal belongs to no request: its state says so, by an id that no request has.
        epoll.state(number)?.id = u64::MAX;
        Ok(epoll)
    }

    fn state(&mut self, fd: RawFd) -> Result<&mut State> {
        let index = usize::try_from(fd).map_err(|_| Errno::EBADF)?;
        if index >= self.states.len() {
            self.states.resize(index + 1, UNREGISTERED);
        }
        self.states.get_mut(index).ok_or(Errno::EBADF)
    }

    /// Registers a request's descriptor if it is new, chains the request to it and notes whether it looks ready already.
    fn enter(&mut self, requests: &mut [Request], index: u32, candidates: &mut Vec<u32>) -> Result<()> {
        let round = self.round;
        let Some(request) = requests.get_mut(index as usize).filter(|request| !request.linked) else {
            return Ok(());
        };
        let registered = self.state(request.fd)?.id == request.id;
        if !registered {
            let ready = match sys::epoll_add(self.fd.as_fd(), request.fd, EVERYTHING) {
                Ok(()) => Ready::empty(),
                // A regular file: always ready, says poll(2), and that is what verify will find.
                Err(rustix::io::Errno::PERM) => Ready::READ | Ready::WRITE,
                // The same open file had this number before. Its cached state is lost: ask anew.
                Err(rustix::io::Errno::EXIST) => {
                    sys::epoll_rearm(self.fd.as_fd(), request.fd, EVERYTHING).map_err(errno)?;
                    Ready::empty()
                }
                Err(error) => return Err(errno(error)),
            };
            *self.state(request.fd)? = State {
                id: request.id,
                ready,
                ..UNREGISTERED
            };
        }
        let state = self.state(request.fd)?;
        if state.round != round {
            state.round = round;
            state.first = NONE;
        }
        request.linked = true;
        request.previous = NONE;
        request.next = std::mem::replace(&mut state.first, index);
        if !request.candidate && state.ready.intersects(request.want | Ready::ALWAYS) {
            request.candidate = true;
            candidates.push(index);
        }
        let next = request.next;
        if let Some(next) = requests.get_mut(next as usize) {
            next.previous = index;
        }
        Ok(())
    }

    /// Takes the events that the kernel has, and waits for them if `timeout` says so.
    fn take(
        &mut self,
        requests: &mut [Request],
        candidates: &mut Vec<u32>,
        timeout: Option<Duration>,
    ) -> Result<()> {
        let mut timeout = timeout;
        // The kernel can report every registered descriptor once; under a storm the rest comes with the next poll.
        for _ in 0..=self.states.len() / BATCH {
            let count = match sys::epoll_wait(self.fd.as_fd(), &mut self.batch, timeout) {
                Ok(count) => count,
                // The caller looks at the clock again.
                Err(rustix::io::Errno::INTR) => 0,
                Err(error) => return Err(errno(error)),
            };
            for event in self.batch.iter().take(count) {
                let (bits, data) = (event.events, event.u64);
                let Some(state) = usize::try_from(data)
                    .ok()
                    .and_then(|index| self.states.get_mut(index))
                else {
                    continue;
                };
                if state.id == u64::MAX {
                    return Err(Errno::EINTR);
                }
                state.ready |= from_epoll(bits);
                if state.round != self.round {
                    continue;
                }
                let mut index = state.first;
                while let Some(request) = requests.get_mut(index as usize) {
                    if !request.candidate && state.ready.intersects(request.want | Ready::ALWAYS) {
                        request.candidate = true;
                        candidates.push(index);
                    }
                    index = request.next;
                }
            }
            if count < BATCH {
                break;
            }
            timeout = Some(Duration::ZERO);
        }
        Ok(())
    }

    /// Asks the kernel whether the candidates are ready now; reports those that are, which stay candidates, and corrects the
    /// cache for the others.
    fn verify(
        &mut self,
        requests: &mut [Request],
        candidates: &mut Vec<u32>,
        pollfds: &mut Vec<libc::pollfd>,
        events: &mut Vec<PollEvent>,
    ) -> Result<()> {
        let mut ready_count = 0;
        let mut start = 0;
        while start < candidates.len() {
            let end = candidates.len().min(start + self.at_once);
            let asked = candidates.get(start..end).ok_or(Errno::EIO)?;
            pollfds.clear();
            for &index in asked {
                let request = requests.get(index as usize).ok_or(Errno::EIO)?;
                pollfds.push(pollfd(request.fd, request.want));
            }
            loop {
                match sys::ppoll(pollfds, Some(Duration::ZERO)) {
                    Ok(_) => break,
                    Err(rustix::io::Errno::INTR) => {}
                    Err(error) => return Err(errno(error)),
                }
            }
            for (place, answer) in (start..end).zip(pollfds.iter()) {
                let index = *candidates.get(place).ok_or(Errno::EIO)?;
                let request = requests.get_mut(index as usize).ok_or(Errno::EIO)?;
                let asked = request.want | Ready::ALWAYS;
                let ready = from_poll(answer.revents);
                let (fd, token) = (request.fd, request.token);
                request.candidate = !ready.is_empty();
                let state = self.state(fd)?;
                state.ready = (state.ready - asked) | ready;
                if !ready.is_empty() {
                    events.push(PollEvent { token, ready });
                    // It is the next of those that stay.
                    *candidates.get_mut(ready_count).ok_or(Errno::EIO)? = index;
                    ready_count += 1;
                }
            }
            start = end;
        }
        candidates.truncate(ready_count);
        Ok(())
    }
}

/// All that is ever asked about, so that a registration need not be changed.
const EVERYTHING: u32 =
    (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLPRI | libc::EPOLLRDHUP | libc::EPOLLET).cast_unsigned();

fn remaining(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

/// Whether a byte stream is ready without waiting.
///
/// # Errors
/// `EINTR`: the guest was stopped.
pub(crate) fn ready_now(fd: RawFd, want: Ready, stop: &Stop) -> Result<bool> {
    wait_one(fd, want, Some(Duration::ZERO), stop)
}

/// Sleeps.
///
/// # Errors
/// `EINTR`: the guest was stopped.
pub(crate) fn sleep(time: Duration, stop: &Stop) -> Result<()> {
    wait_one(NO_DESCRIPTOR, Ready::empty(), Some(time), stop).map(drop)
}

/// poll(2) passes over a negative descriptor.
const NO_DESCRIPTOR: RawFd = -1;

/// Waits for one descriptor. Returns whether it became ready before the deadline.
pub(crate) fn wait_one(fd: RawFd, want: Ready, timeout: Option<Duration>, stop: &Stop) -> Result<bool> {
    let deadline = timeout.and_then(|limit| Instant::now().checked_add(limit));
    let mut timeout = deadline.and(timeout);
    let mut pollfds = [stop.pollfd(), pollfd(fd, want)];
    if timeout != Some(Duration::ZERO) {
        stop.may_wait()?;
    }
    loop {
        let slice = stop.slice(timeout)?;
        match sys::ppoll(&mut pollfds, slice) {
            Ok(0) if slice != timeout => timeout = remaining(deadline),
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => timeout = remaining(deadline),
            Err(error) => return Err(errno(error)),
        }
    }
    let [stopped, answer] = pollfds;
    if stopped.revents != 0 {
        Err(Errno::EINTR)
    } else {
        Ok(answer.revents != 0)
    }
}

/// The events that a guest's own epoll watches for.
pub(crate) fn epoll_flags(interest: EpollInterest) -> epoll::EventFlags {
    let events = pollfd(NO_DESCRIPTOR, interest.ready).events;
    let mut flags = epoll::EventFlags::from_bits_retain(u32::from(events.cast_unsigned()));
    flags.set(epoll::EventFlags::ET, interest.mode.contains(EpollMode::EDGE));
    flags.set(
        epoll::EventFlags::ONESHOT,
        interest.mode.contains(EpollMode::ONESHOT),
    );
    flags.set(
        epoll::EventFlags::EXCLUSIVE,
        interest.mode.contains(EpollMode::EXCLUSIVE),
    );
    flags
}

/// What a guest's own epoll reports.
pub(crate) fn epoll_ready(flags: epoll::EventFlags) -> Ready {
    from_epoll(flags.bits())
}

/// Adds what a guest's own epoll reports at the moment, at most so many events.
pub(crate) fn epoll_take(set: BorrowedFd<'_>, most: usize, events: &mut Vec<EpollEvent>) -> Result<()> {
    let mut taken: Vec<epoll::Event> = Vec::with_capacity(most);
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    retry(|| epoll::wait(set, rustix::buffer::spare_capacity(&mut taken), Some(&at_once)))?;
    events.extend(taken.iter().map(|event| {
        let (flags, data) = (event.flags, event.data);
        EpollEvent {
            ready: epoll_ready(flags),
            data: data.u64(),
        }
    }));
    Ok(())
}

fn from_poll(revents: i16) -> Ready {
    let mut ready = Ready::empty();
    for (condition, bit) in POLL_BITS {
        ready.set(condition, revents & bit != 0);
    }
    // A descriptor that is not open any more: ready for everything, and every call on it says EBADF.
    if revents & libc::POLLNVAL != 0 {
        ready |= Ready::ERROR;
    }
    ready
}

/// epoll's bits for these conditions are poll's (epoll_ctl(2)).
fn from_epoll(events: u32) -> Ready {
    from_poll(i16::try_from(events & 0x7fff).unwrap_or(0))
}
