//! [`Operation`]: a call on a descriptor that may have to wait, with its arguments and how far it has come.
//!
//! Not here: what it does (`os/pending.rs`, `os/transfer.rs`).

use guestnet_core::{Ready, RecvFlags, SendFlags, SockAddr};

use crate::buffer::Buffer;
use crate::promise::{Id, Resolvers};

/// A direction of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What becomes possible with `POLLIN`: receiving and accepting.
    Read,
    /// What becomes possible with `POLLOUT`: sending and connecting.
    Write,
}

impl Direction {
    pub(crate) const fn interest(self) -> Ready {
        match self {
            Direction::Read => Ready::READ,
            Direction::Write => Ready::WRITE,
        }
    }
}

/// An operation that waits, with its promise.
pub(crate) struct PendingOperation {
    /// In a queue, each has a higher one than that before it.
    pub(crate) id: Id,
    pub(crate) operation: Operation,
    pub(crate) promise: Resolvers,
}

/// What is to be done.
pub(crate) enum Operation {
    Accept,
    /// The second value: it was begun.
    Connect(SockAddr, bool),
    Receive(Receive),
    Send(Send),
    /// Nothing but the wait. The second value: it has come to the head of the queue, so that the next event is its own.
    Ready(Direction, bool),
}

impl Operation {
    pub(crate) const fn direction(&self) -> Direction {
        match self {
            Operation::Accept | Operation::Receive(_) => Direction::Read,
            Operation::Connect(..) | Operation::Send(_) => Direction::Write,
            Operation::Ready(direction, _) => *direction,
        }
    }

    /// The function that scripts call for it.
    pub(crate) const fn call(&self) -> &'static str {
        match self {
            Operation::Accept => "os.accept",
            Operation::Connect(..) => "os.connect",
            Operation::Receive(Receive { from: false, .. }) => "os.recv",
            Operation::Receive(Receive { from: true, .. }) => "os.recvfrom",
            Operation::Send(Send { to: None, .. }) => "os.send",
            Operation::Send(Send { to: Some(_), .. }) => "os.sendto",
            Operation::Ready(Direction::Read, _) => "readable",
            Operation::Ready(Direction::Write, _) => "writable",
        }
    }

    /// The bytes of text that it holds.
    pub(crate) fn text(&self) -> usize {
        match self {
            Operation::Connect(SockAddr::Unix(path), _) => path.len(),
            Operation::Send(send) => send.text(),
            Operation::Accept | Operation::Connect(..) | Operation::Receive(_) | Operation::Ready(..) => 0,
        }
    }

    /// Whether it fails in place of waiting (`MSG_DONTWAIT`).
    pub(crate) fn dontwait(&self) -> bool {
        match self {
            Operation::Accept | Operation::Connect(..) | Operation::Ready(..) => false,
            Operation::Receive(receive) => receive.dontwait(),
            Operation::Send(send) => send.dontwait(),
        }
    }

    /// How far it has come: another number means that it did something.
    pub(crate) const fn progress(&self) -> usize {
        match self {
            Operation::Ready(_, at_head) => *at_head as usize,
            _ => self.transferred(),
        }
    }

    /// How many bytes it has moved, which no error and no signal takes back.
    pub(crate) const fn transferred(&self) -> usize {
        match self {
            Operation::Accept | Operation::Connect(..) | Operation::Ready(..) => 0,
            Operation::Receive(receive) => receive.done,
            Operation::Send(send) => send.done,
        }
    }
}

/// A receive that may wait.
pub(crate) struct Receive {
    pub(crate) buffer: Buffer,
    pub(crate) offset: usize,
    pub(crate) length: Option<usize>,
    pub(crate) flags: RecvFlags,
    pub(crate) fully: bool,
    /// Whether the sender's address is wanted.
    pub(crate) from: bool,
    /// Bytes received so far.
    pub(crate) done: usize,
}

impl Receive {
    /// Whether it may wait before it was tried.
    pub(crate) fn may_wait_first(&self) -> bool {
        let other = RecvFlags::DONTWAIT | RecvFlags::PEEK | RecvFlags::OOB;
        self.length != Some(0) && !self.flags.intersects(other)
    }

    /// Whether it fails in place of waiting.
    pub(crate) fn dontwait(&self) -> bool {
        self.flags.contains(RecvFlags::DONTWAIT)
    }
}

/// A send that may wait.
pub(crate) struct Send {
    pub(crate) buffer: Buffer,
    pub(crate) offset: usize,
    pub(crate) length: Option<usize>,
    pub(crate) flags: SendFlags,
    pub(crate) fully: bool,
    pub(crate) to: Option<SockAddr>,
    /// Bytes sent so far.
    pub(crate) done: usize,
}

impl Send {
    /// The bytes of text that it holds.
    pub(crate) fn text(&self) -> usize {
        match &self.to {
            Some(SockAddr::Unix(path)) => path.len(),
            Some(_) | None => 0,
        }
    }

    /// Whether it fails in place of waiting.
    pub(crate) fn dontwait(&self) -> bool {
        self.flags.contains(SendFlags::DONTWAIT)
    }
}
