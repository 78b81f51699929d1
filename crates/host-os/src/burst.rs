//! [`Ahead`]: what is known of a socket for reading ahead of it, and the [`Burst`] that was read. Not here: how (`ahead.rs`).

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use guestnet_core::{Control, Errno, Identity, RecvFlags, RecvMeta, Result, SockAddr, SockOpt};

use crate::convert::received;
use crate::sys;

/// Room for the largest datagram, and so for the largest burst: the kernel merges no more than fits an IP packet.
pub(crate) const ROOM: usize = 65_536;

/// How many sockets of a guest read ahead at most: each may hold a burst.
pub(crate) const MAX_SOCKETS: usize = 16;

/// After how many receives without a send between them a socket reads ahead. One that answers each datagram never does.
pub(crate) const STREAK: u8 = 8;

/// The socket does not begin to read ahead any more.
pub(crate) const NEVER: u8 = 254;

/// The socket reads ahead. Less than `NEVER` is how many receives there were in a row.
pub(crate) const ON: u8 = 255;

/// What is known of a socket for reading ahead.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// It is UDP, and of this process alone.
    pub(crate) own: bool,
    /// How many receives there were in a row, [`NEVER`] or [`ON`].
    pub(crate) stage: AtomicU8,
    /// The guest has set `UDP_GRO` itself and takes bursts whole.
    pub(crate) whole: AtomicBool,
    /// The guest has set `UDP_SEGMENT` itself.
    pub(crate) segmented: AtomicBool,
    /// The smallest size of datagrams that could not be sent as segments, 0 for none.
    pub(crate) too_large: AtomicU16,
    /// It has a peer.
    pub(crate) connected: AtomicBool,
    /// It has, or had, a peer, so that an error may be pending.
    pub(crate) may_fail: AtomicBool,
    /// An epoll of the guest watches it.
    pub(crate) watched: AtomicBool,
    /// There is a burst of which the kernel's queue knows nothing.
    pub(crate) unseen: AtomicBool,
    /// Boxed: few sockets have one, and each is moved on its way to the guest's table.
    pub(crate) burst: OnceLock<Box<Mutex<Option<Burst>>>>,
    pub(crate) place: OnceLock<Place>,
}

/// That a socket is one of the [`MAX_SOCKETS`].
#[derive(Debug)]
pub(crate) struct Place(Arc<AtomicUsize>);

impl Place {
    pub(crate) fn take(taken: &Arc<AtomicUsize>) -> Option<Place> {
        let more = |count: usize| (count < MAX_SOCKETS).then_some(count + 1);
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .ok()?;
        Some(Place(Arc::clone(taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Datagrams of one sender that the kernel gave at once.
#[derive(Debug)]
pub(crate) struct Burst {
    pub(crate) buffer: Box<[u8]>,
    /// Of all of them.
    pub(crate) len: usize,
    /// Of each one but the last, which may be shorter.
    pub(crate) segment: usize,
    /// Where the next one begins.
    pub(crate) start: usize,
    pub(crate) from: SockAddr,
    pub(crate) control: Vec<Control<Identity>>,
    pub(crate) control_truncated: bool,
    /// It is in the kernel's queue yet.
    pub(crate) kept: bool,
    /// What makes epolls ready that have begun to watch the socket since, with the numbers of these.
    pub(crate) signals: Vec<(u64, Arc<OwnedFd>)>,
}

impl Burst {
    pub(crate) fn end(&self) -> usize {
        self.start.saturating_add(self.segment).min(self.len)
    }

    /// The next datagram.
    pub(crate) fn head(&self) -> Result<&[u8]> {
        self.buffer.get(self.start..self.end()).ok_or(Errno::EIO)
    }

    pub(crate) fn is_last(&self) -> bool {
        self.end() == self.len
    }
}

impl Ahead {
    /// Of a socket that may begin to read ahead, or of one that never does.
    pub(crate) fn new(may_begin: bool) -> Self {
        Ahead {
            stage: AtomicU8::new(if may_begin { 0 } else { NEVER }),
            whole: AtomicBool::new(false),
            own: may_begin,
            segmented: AtomicBool::new(false),
            too_large: AtomicU16::new(0),
            connected: AtomicBool::new(false),
            may_fail: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            unseen: AtomicBool::new(false),
            burst: OnceLock::new(),
            place: OnceLock::new(),
        }
    }

    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == ON
    }

    /// Counts a receive. Returns whether the socket should begin to read ahead.
    #[inline]
    pub(crate) fn count(&self) -> bool {
        let stage = self.stage.load(Ordering::Relaxed);
        if stage < STREAK {
            self.stage.store(stage + 1, Ordering::Relaxed);
        }
        stage == STREAK
    }

    /// The row of receives is over.
    #[inline]
    pub(crate) fn restart(&self) {
        if self.stage.load(Ordering::Relaxed) <= STREAK {
            self.stage.store(0, Ordering::Relaxed);
        }
    }

    /// Has the socket never begin, if it has not begun.
    pub(crate) fn rule_out(&self) {
        if !self.is_on() {
            self.stage.store(NEVER, Ordering::Relaxed);
        }
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        self.connected.store(connected, Ordering::Relaxed);
        if connected {
            self.may_fail.store(true, Ordering::Relaxed);
            self.rule_out();
        }
    }

    /// Whether datagrams to addresses may be sent as segments. Not on a socket with a peer: there each one may find the error that
    /// the one before it has caused.
    pub(crate) fn may_segment(&self) -> bool {
        self.own && !self.connected.load(Ordering::Relaxed) && !self.segmented.load(Ordering::Relaxed)
    }

    /// Whether datagrams of this size may.
    pub(crate) fn can_segment(&self, size: usize) -> bool {
        match self.too_large.load(Ordering::Relaxed) {
            0 => true,
            least => size < usize::from(least),
        }
    }

    /// Datagrams of this size could not.
    pub(crate) fn cannot_segment(&self, size: u16) {
        self.too_large.store(size, Ordering::Relaxed);
    }

    /// `UDP_GRO` as the guest has set it.
    pub(crate) fn takes_whole(&self) -> bool {
        self.whole.load(Ordering::Relaxed)
    }

    pub(crate) fn take_whole(&self, whole: bool) {
        self.whole.store(whole, Ordering::Relaxed);
    }

    /// Whether there is something to receive that the kernel does not report.
    #[inline]
    pub(crate) fn has_unseen(&self) -> bool {
        self.unseen.load(Ordering::SeqCst)
    }

    /// Notes that the guest has set an option.
    pub(crate) fn note_option(&self, option: SockOpt, on: bool) {
        match option {
            // What it receives has control data, or the guest counts what has room.
            SockOpt::Timestamp
            | SockOpt::TimestampNs
            | SockOpt::RxqOvfl
            | SockOpt::IpPktInfo
            | SockOpt::IpRecvTtl
            | SockOpt::IpRecvTos
            | SockOpt::Ipv6RecvPktInfo
            | SockOpt::Ipv6RecvHopLimit
            | SockOpt::Ipv6RecvTclass
            | SockOpt::UdpGro
                if on =>
            {
                self.rule_out();
            }
            SockOpt::RcvBuf => self.rule_out(),
            SockOpt::UdpSegment => self.segmented.store(on, Ordering::Relaxed),
            _ => {}
        }
    }

    /// The guest's epoll watches the socket no more, or anew.
    pub(crate) fn unwatch(&self, set: u64) {
        if self.burst.get().is_some()
            && let Some(burst) = &mut *self.lock()
        {
            burst.signals.retain(|(id, _)| *id != set);
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Option<Burst>> {
        let burst = self.burst.get_or_init(Box::default);
        burst.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An epoll that watches a socket of which something was read ahead before.
#[derive(Debug)]
pub(crate) struct Signalled {
    pub(crate) set: u64,
    pub(crate) data: u64,
    /// There is none any more once it was delivered.
    pub(crate) signal: Weak<OwnedFd>,
}

/// Copies a datagram to the guest.
pub(crate) fn fill(bufs: &mut [IoSliceMut<'_>], datagram: &[u8], flags: RecvFlags) -> RecvMeta {
    let stored = sys::buffers::fill(bufs, datagram);
    received(stored, datagram.len(), flags)
}
