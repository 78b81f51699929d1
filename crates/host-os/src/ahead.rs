//! Reading ahead of UDP receives: what the kernel queued as one is taken as one, and given to the guest datagram by datagram.
//!
//! A sender that segments (`UDP_SEGMENT`) and a network card that merges (GRO) hand the kernel several datagrams of one size and one sender
//! at once. Without `UDP_GRO` it takes them apart, queues each, and a receive brings one. With it one receive brings all, which
//! costs a fifth. So a socket that receives without answering gets the option ([`Stage`]); a receive then takes a [`Burst`] into a buffer of the
//! host, and later receives are answered from there.
//!
//! The option is never taken back: what is in the queue by then would lose its boundaries. So from then on each receive goes through
//! the buffer, and all that says something about the queue has to know of it: receives with every flag, `FIONREAD`, and readiness.
//! A socket whose readiness this host does not see, because it is in an epoll of the guest or has waits of other threads, has its
//! burst left in the kernel's queue until its last datagram is delivered (`Burst::kept`).
//!
//! Not here: datagrams that arrive one by one. recvmmsg(2) of those costs as much as a call for each (docs/performance.md).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use guestnet_core::{
    Control, EpollEvent, EpollInterest, EpollMode, Errno, Identity, IncomingDatagram, Message, Ready,
    RecvFlags, Result, SockAddr, SockOpt,
};
use rustix::event::{EventfdFlags, epoll};

use crate::burst::{Burst, ON, Place, ROOM, Signalled, fill};
use crate::convert::{errno, retry};
use crate::io::Io;
use crate::sys::message::{Arrival, Item};
use crate::{OsHost, message, sys, wait};

impl OsHost {
    /// A receive brought something: begins to read ahead where that may help.
    #[inline]
    pub(crate) fn received_one(&self, io: &Io) {
        if io.ahead.count() {
            self.begin_ahead(io);
        }
    }

    #[cold]
    fn begin_ahead(&self, io: &Io) {
        let place = Place::take(&self.places).filter(|_| !self.has_siblings());
        match place {
            Some(place) if sys::burst::set_gro(io.fd()).is_ok() => {
                // Once in a socket's life: none was there.
                let _ = io.ahead.place.set(place);
                io.ahead.stage.store(ON, Ordering::Relaxed);
            }
            _ => io.ahead.rule_out(),
        }
    }

    /// Receives from the burst that was taken last, or takes another one.
    ///
    /// # Errors
    /// Those of recvmsg(2).
    pub(crate) fn recv_ahead<T>(
        &mut self,
        io: &Io,
        flags: RecvFlags,
        deliver: impl FnOnce(&[u8], &Head<'_>) -> T,
    ) -> Result<T> {
        let mut slot = io.ahead.lock();
        let burst = match &mut *slot {
            Some(burst) => {
                pending_error(io)?;
                burst
            }
            none => none.insert(self.take_burst(io)?),
        };
        // Where the receiving side is shut nothing came, and there is nothing to keep for later.
        let nothing = burst.len == 0 && burst.from == SockAddr::UnixUnnamed;
        let ends = burst.is_last() && (nothing || !flags.contains(RecvFlags::PEEK));
        if ends && burst.kept {
            // An error comes before the data, as ever.
            retry(|| sys::burst::recvmsg(io.fd(), &mut [], libc::MSG_DONTWAIT))?;
            burst.kept = false;
        }
        let head = Head {
            from: &burst.from,
            control: &burst.control,
            control_truncated: burst.control_truncated,
        };
        let delivered = deliver(burst.head()?, &head);
        if ends {
            self.spare = slot.take().map(|burst| burst.buffer);
        } else if !flags.contains(RecvFlags::PEEK) {
            burst.start = burst.end();
        }
        let unseen = slot.as_ref().is_some_and(|burst| !burst.kept);
        if unseen != io.ahead.has_unseen() {
            io.ahead.unseen.store(unseen, Ordering::SeqCst);
            self.unseen = if unseen {
                self.unseen.saturating_add(1)
            } else {
                self.unseen.saturating_sub(1)
            };
        }
        Ok(delivered)
    }

    /// recvmsg(2): what the kernel has at the head of its queue.
    fn take_burst(&mut self, io: &Io) -> Result<Burst> {
        let mut buffer = self
            .spare
            .take()
            .unwrap_or_else(|| vec![0; ROOM].into_boxed_slice());
        let kept = io.ahead.watched.load(Ordering::Relaxed) || self.has_siblings();
        let mut flags = rustix::net::RecvFlags::DONTWAIT;
        flags.set(rustix::net::RecvFlags::PEEK, kept);
        let taken = self.receive(flags, |flags| {
            sys::burst::recvmsg(io.fd(), &mut buffer, flags.bits().cast_signed())
        });
        let Arrival {
            len,
            from,
            items,
            flags,
        } = match taken {
            Ok(arrival) => arrival,
            Err(errno) => {
                self.spare = Some(buffer);
                return Err(errno);
            }
        };
        let mut segment = len;
        let mut control = Vec::new();
        for item in items {
            match segment_size(&item) {
                Some(size) if io.ahead.takes_whole() => {
                    control.push(Control::SegmentSize(size));
                }
                Some(size) => segment = usize::from(size).max(1),
                None => control.extend(message::decode(item)),
            }
        }
        #[cfg(test)]
        if segment < len {
            tests::BURSTS.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Burst {
            buffer,
            len,
            segment,
            start: 0,
            from: from.map_or(SockAddr::UnixUnnamed, |from| self.sockaddr(from)),
            control,
            control_truncated: flags & libc::MSG_CTRUNC != 0,
            kept,
            signals: Vec::new(),
        })
    }

    /// recvmsg(2) of the core's form.
    pub(crate) fn recv_message_ahead(
        &mut self,
        io: &Io,
        bufs: &mut [std::io::IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<Message<Identity>> {
        self.recv_ahead(io, flags, |datagram, head| Message {
            received: fill(bufs, datagram, flags),
            from: head.from.clone(),
            control: head.control.to_vec(),
            control_truncated: head.control_truncated,
            urgent: false,
        })
    }

    /// recvmmsg(2): datagrams that were read ahead, and what else there is.
    pub(crate) fn recv_batch_ahead(
        &mut self,
        io: &Io,
        datagrams: &mut [IncomingDatagram<'_, '_>],
        flags: RecvFlags,
    ) -> Result<usize> {
        let mut count = 0;
        for datagram in datagrams {
            // An error that is pending now is the next call's.
            if count > 0 && has_error(io)? {
                break;
            }
            match self.recv_message_ahead(io, datagram.bufs, flags) {
                Ok(mut message) => {
                    if !datagram.wants_control {
                        message.control_truncated |= !message.control.is_empty();
                        message.control.clear();
                    }
                    datagram.message = Some(message);
                    count += 1;
                }
                Err(errno) if count == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(count)
    }

    /// `FIONREAD`: the length of the next datagram. While an error is pending that would be lost, it is that of all datagrams which came
    /// together: to look would take the error.
    ///
    /// # Errors
    /// Those of ioctl(2).
    pub(crate) fn next_length(&mut self, io: &Io) -> Result<usize> {
        if let Some(burst) = &*io.ahead.lock() {
            return burst.head().map(<[u8]>::len);
        }
        let queued = sys::fionread(io.fd()).map_err(errno)?;
        if queued == 0 || has_error(io)? {
            return Ok(usize::try_from(queued).unwrap_or(0));
        }
        match self.recv_ahead(io, RecvFlags::PEEK, |datagram, _| datagram.len()) {
            Err(Errno::EAGAIN) => Ok(0),
            length => length,
        }
    }

    /// Before the guest's epoll watches a socket: what is read ahead must make it ready.
    ///
    /// # Errors
    /// What the kernel says of one more descriptor.
    pub(crate) fn watch_ahead(&mut self, set: &Io, io: &Io, interest: EpollInterest) -> Result<()> {
        io.ahead.rule_out();
        io.ahead.watched.store(true, Ordering::Relaxed);
        io.ahead.unwatch(set.id);
        if !io.ahead.has_unseen() || !interest.ready.contains(Ready::READ) {
            return Ok(());
        }
        if let Some(burst) = &mut *io.ahead.lock() {
            let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
            let signal = rustix::event::eventfd(1, flags).map_err(errno)?;
            let mode = interest.mode - EpollMode::EXCLUSIVE;
            let flags = wait::epoll_flags(EpollInterest {
                ready: Ready::READ,
                mode,
                ..interest
            });
            epoll::add(set.fd(), &signal, epoll::EventData::new_u64(interest.data), flags).map_err(errno)?;
            let signal = Arc::new(signal);
            self.signalled.push(Signalled {
                set: set.id,
                data: interest.data,
                signal: Arc::downgrade(&signal),
            });
            burst.signals.push((set.id, signal));
        }
        Ok(())
    }

    /// What an epoll has reported of sockets that are ready by what was read ahead: in one event, as of any other.
    pub(crate) fn join_events(&mut self, set: &Io, events: &mut Vec<EpollEvent>) {
        self.signalled
            .retain(|signalled| signalled.signal.strong_count() > 0);
        for Signalled { data, .. } in self.signalled.iter().filter(|signalled| signalled.set == set.id) {
            let mut ready = Ready::empty();
            for event in events.iter().filter(|event| event.data == *data) {
                ready |= event.ready | Ready::READ;
            }
            let mut is_first = true;
            events.retain_mut(|event| {
                if event.data != *data {
                    return true;
                }
                event.ready = ready;
                std::mem::take(&mut is_first)
            });
        }
    }

    /// The socket is closed, with what was read ahead.
    pub(crate) fn close_ahead(&mut self, io: &Io) {
        if io.ahead.is_on() {
            // The next receive of another socket makes itself one.
            self.spare = None;
        }
        if io.ahead.has_unseen() {
            self.unseen = self.unseen.saturating_sub(1);
        }
    }
}

/// What comes with each datagram of a burst.
#[derive(Debug)]
pub(crate) struct Head<'b> {
    pub(crate) from: &'b SockAddr,
    control: &'b [Control<Identity>],
    control_truncated: bool,
}

/// The error that a receive reports before data. Without a peer there is none: the errors of single datagrams were not asked for (`IP_RECVERR`).
///
/// # Errors
/// That one.
fn pending_error(io: &Io) -> Result<()> {
    if !io.ahead.may_fail.load(Ordering::Relaxed) {
        return Ok(());
    }
    match crate::option::option(io.fd(), SockOpt::Error)? {
        guestnet_core::OptValue::Error(Some(errno)) => Err(errno),
        _ => Ok(()),
    }
}

/// Whether an error is pending, which stays so.
fn has_error(io: &Io) -> Result<bool> {
    if !io.ahead.may_fail.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let mut asked = [crate::poll::pollfd(io.raw(), Ready::empty())];
    sys::ppoll(&mut asked, Some(std::time::Duration::ZERO)).map_err(errno)?;
    let [answer] = asked;
    Ok(answer.revents & libc::POLLERR != 0)
}

/// `UDP_GRO` of what came: of what size its datagrams are.
fn segment_size(item: &Item) -> Option<u16> {
    match item {
        Item::Bytes { level, name, data } if (*level, *name) == (libc::SOL_UDP, libc::UDP_GRO) => {
            let size = data.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes))?;
            u16::try_from(size).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
