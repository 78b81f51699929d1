//! [`Io`]: an open kernel descriptor and what is known of it.

use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use guestnet_core::{Kind, OptValue, Result, SockOpt, StreamKind, TimerClock};

use rustix::fs::OFlags;

use crate::burst::Ahead;
use crate::convert::errno;
use crate::lookup::Pending;
use crate::output::OutputHook;
use crate::{option, stub, unix};

/// Identity of the next descriptor in this process; 0 and the largest number are not used.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The largest piece written to a pipe or terminal at once: poll(2) promises that this much does not block
/// (`PIPE_BUF`, pipe(7)).
pub(crate) const PIPE_BUF: usize = 4096;

/// An open kernel descriptor. It is moved several times on its way to the guest's table, so that what few have is boxed.
#[derive(Debug)]
pub struct Io {
    pub(crate) fd: OwnedFd,
    pub(crate) id: u64,
    pub(crate) kind: IoKind,
    /// The directory and the kernel's name of a bound UNIX socket, for as long as it is open.
    pub(crate) bound: OnceLock<Box<unix::BoundPath>>,
    /// Another process may keep the same open file.
    pub(crate) shared: bool,
    /// A socket without `O_NONBLOCK`, on which a call may wait in the kernel.
    pub(crate) waits: AtomicBool,
    /// What is read ahead of it.
    pub(crate) ahead: Ahead,
    /// A byte stream that was opened for the other direction only.
    pub(crate) no_read: bool,
    pub(crate) no_write: bool,
    /// `SO_LINGER` with a time: close(2) would block.
    pub(crate) lingers: AtomicBool,
    /// The question of a [`IoKind::Lookup`].
    pub(crate) lookup: Option<Box<Pending>>,
    /// That our DNS stub answers this socket.
    pub(crate) stub_client: OnceLock<Box<stub::Client>>,
    /// Is asked before a stream is written to.
    pub(crate) output_hook: Option<OutputHook>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IoKind {
    Socket(Kind),
    Stream(StreamKind),
    /// The eventfd of a look-up.
    Lookup,
    /// An epoll of the guest's own.
    Epoll,
    /// An eventfd of the guest's own.
    Counter,
    /// A timerfd of the guest's own.
    Timer(TimerClock),
}

impl Io {
    pub(crate) fn new(fd: OwnedFd, kind: IoKind) -> Io {
        Io {
            fd,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            kind,
            bound: OnceLock::new(),
            shared: false,
            waits: AtomicBool::new(false),
            ahead: Ahead::new(false),
            no_read: false,
            no_write: false,
            lingers: AtomicBool::new(false),
            lookup: None,
            stub_client: OnceLock::new(),
            output_hook: None,
        }
    }

    /// Whether it is a terminal (isatty(3)).
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.fd.is_terminal()
    }

    /// Has a hook called with each piece that the guest writes to this stream.
    pub fn hook_output(&mut self, hook: OutputHook) {
        self.output_hook = Some(hook);
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Whether each message is received by itself.
    pub(crate) fn keeps_boundaries(&self) -> bool {
        matches!(self.kind, IoKind::Socket(Kind::Datagram | Kind::SeqPacket))
    }

    /// Whether it is a counter or a timer, which are non-blocking for themselves and not shared with another process.
    pub(crate) fn is_event(&self) -> bool {
        matches!(self.kind, IoKind::Counter | IoKind::Timer(_))
    }

    /// Sets the kernel's mode, for a socket that no other process has: whether a call on it may wait in the kernel. Only calls
    /// without flags of their own (connect, accept) depend on it; all others say `MSG_DONTWAIT` unless they are to wait.
    pub(crate) fn set_waits(&self, waits: bool) -> Result<()> {
        if self.waits.load(Ordering::Relaxed) != waits {
            // A socket has no other flag that could be lost.
            let flags = if waits {
                OFlags::RDWR
            } else {
                OFlags::RDWR | OFlags::NONBLOCK
            };
            rustix::fs::fcntl_setfl(&self.fd, flags).map_err(errno)?;
            self.waits.store(waits, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn note_linger(&self, value: Result<OptValue>) {
        let lingers = matches!(value, Ok(OptValue::Linger { on: true, seconds }) if seconds != 0);
        self.lingers.store(lingers, Ordering::Relaxed);
    }
}

/// A drop without [`guestnet_core::Host::close`] does not wait for the data: the kernel sends it meanwhile.
impl Drop for Io {
    fn drop(&mut self) {
        if self.lingers.load(Ordering::Relaxed) {
            let off = OptValue::Linger {
                on: false,
                seconds: 0,
            };
            // A failure leaves only a slow close(2).
            let _ = option::set_option(self.fd(), SockOpt::Linger, off);
        }
    }
}
