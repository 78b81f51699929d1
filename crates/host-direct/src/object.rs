//! [`Io`]: an open socket, pipe, epoll, counter or timer of this host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use guestnet_core::Ready;
use guestnet_core::resolve::LookupReply;

use crate::browser::{Browser, Id};
use crate::epoll::{Epoll, Watched};
use crate::event::{Counter, Timer};
use crate::pipe::Pipe;
use crate::tcp::Tcp;
use crate::udp::Udp;

/// An open socket, pipe, epoll, counter or timer. It is closed on drop.
#[derive(Debug)]
pub struct Io<B: Browser>(Arc<Object<B>>);

#[derive(Debug)]
pub(crate) struct Object<B: Browser> {
    browser: B,
    kind: Mutex<Kind<B>>,
}

#[derive(Debug)]
pub(crate) enum Kind<B: Browser> {
    Tcp(Tcp),
    Udp(Udp),
    Pipe(Pipe),
    Epoll(Epoll<Object<B>>),
    Counter(Counter),
    Timer(Timer),
    /// The reply to a question about a name, which is there from the beginning.
    Lookup(Option<LookupReply>),
}

impl<B: Browser> Io<B> {
    pub(crate) fn new(browser: &B, kind: Kind<B>) -> Self {
        Io(Arc::new(Object {
            browser: browser.clone(),
            kind: Mutex::new(kind),
        }))
    }

    pub(crate) fn object(&self) -> &Object<B> {
        &self.0
    }

    pub(crate) fn downgrade(&self) -> Weak<Object<B>> {
        Arc::downgrade(&self.0)
    }

    /// The browser's socket behind it, if there is one now.
    #[must_use]
    pub fn id(&self) -> Option<Id> {
        match &*self.0.kind() {
            Kind::Tcp(tcp) => tcp.id(),
            Kind::Udp(udp) => udp.id(),
            Kind::Pipe(_) | Kind::Epoll(_) | Kind::Counter(_) | Kind::Timer(_) | Kind::Lookup(_) => None,
        }
    }
}

impl<B: Browser> Object<B> {
    pub(crate) fn kind(&self) -> MutexGuard<'_, Kind<B>> {
        self.kind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What [`Watched::ready`] says to a call that waits after it has tried. A counter may have room, but not for what was `written`.
    pub(crate) fn ready_again(&self, written: u64) -> Ready {
        let mut ready = self.ready();
        if let Kind::Counter(counter) = &*self.kind()
            && !counter.has_room_for(written)
        {
            ready.remove(Ready::WRITE);
        }
        ready
    }

    /// How long until a timer has to be looked at.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        match &*self.kind() {
            Kind::Timer(timer) => timer.remaining(&self.browser),
            _ => None,
        }
    }
}

impl<B: Browser> Watched for Object<B> {
    fn ready(&self) -> Ready {
        match &mut *self.kind() {
            Kind::Tcp(tcp) => tcp.ready(&self.browser),
            Kind::Udp(udp) => udp.ready(&self.browser),
            Kind::Pipe(pipe) => pipe.ready(),
            Kind::Epoll(epoll) => epoll.ready(),
            Kind::Counter(counter) => counter.ready(),
            Kind::Timer(timer) => timer.ready(&self.browser),
            Kind::Lookup(_) => Ready::READ,
        }
    }

    fn arrivals(&self) -> u32 {
        let id = match &*self.kind() {
            Kind::Tcp(tcp) => tcp.id(),
            Kind::Udp(udp) => udp.id(),
            Kind::Pipe(pipe) => return pipe.arrivals(),
            Kind::Counter(counter) => return counter.arrivals(),
            Kind::Timer(timer) => return timer.arrivals(&self.browser),
            Kind::Epoll(_) | Kind::Lookup(_) => return 0,
        };
        id.map_or(0, |id| self.browser.arrivals(id))
    }
}

impl<B: Browser> Drop for Object<B> {
    fn drop(&mut self) {
        let kind = self.kind.get_mut().unwrap_or_else(PoisonError::into_inner);
        match kind {
            Kind::Tcp(tcp) => tcp.close(&self.browser),
            Kind::Udp(udp) => udp.close(&self.browser),
            Kind::Pipe(_) | Kind::Epoll(_) | Kind::Counter(_) | Kind::Timer(_) | Kind::Lookup(_) => {}
        }
    }
}
