//! [`Pipe`]: pipe(2) in memory, with its two ends.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::sync::{Arc, Mutex, PoisonError};

use guestnet_core::{Errno, Ready, Result};

/// How many bytes a pipe holds (pipe(7)).
const CAPACITY: usize = 65_536;

/// A write of so many bytes goes in whole or not at all (`PIPE_BUF`, pipe(7)).
const ATOMIC: usize = 4096;

#[derive(Debug, Default)]
struct Content {
    bytes: VecDeque<u8>,
    /// Which end is closed.
    read_closed: bool,
    write_closed: bool,
    /// How often something arrived.
    arrivals: u32,
}

/// One end of a pipe. Its drop closes it.
#[derive(Debug)]
pub(crate) struct Pipe {
    content: Arc<Mutex<Content>>,
    reads: bool,
}

/// The end to read from and the end to write to.
pub(crate) fn pipe() -> (Pipe, Pipe) {
    let content: Arc<Mutex<Content>> = Arc::default();
    let end = |reads| Pipe {
        content: Arc::clone(&content),
        reads,
    };
    (end(true), end(false))
}

impl Pipe {
    fn with<T>(&self, work: impl FnOnce(&mut Content) -> T) -> T {
        work(&mut self.content.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// readv(2).
    pub(crate) fn read(&self, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        if !self.reads {
            return Err(Errno::EBADF);
        }
        self.with(|content| {
            let room: usize = bufs.iter().map(|buf| buf.len()).sum();
            if content.bytes.is_empty() && room > 0 {
                return if content.write_closed {
                    Ok(0)
                } else {
                    Err(Errno::EAGAIN)
                };
            }
            let count = room.min(content.bytes.len());
            let mut taken = content.bytes.drain(..count);
            for byte in bufs.iter_mut().flat_map(|buf| buf.iter_mut()).take(count) {
                *byte = taken.next().unwrap_or(0);
            }
            Ok(count)
        })
    }

    /// writev(2).
    pub(crate) fn write(&self, bufs: &[IoSlice<'_>]) -> Result<usize> {
        if self.reads {
            return Err(Errno::EBADF);
        }
        self.with(|content| {
            if content.read_closed {
                return Err(Errno::EPIPE);
            }
            let len: usize = bufs.iter().map(|buf| buf.len()).sum();
            let room = CAPACITY.saturating_sub(content.bytes.len());
            if len > 0 && (room == 0 || (len <= ATOMIC && room < len)) {
                return Err(Errno::EAGAIN);
            }
            let count = len.min(room);
            let bytes = bufs.iter().flat_map(|buf| buf.iter().copied());
            content.bytes.extend(bytes.take(count));
            content.arrivals = content.arrivals.wrapping_add(1);
            Ok(count)
        })
    }

    /// `FIONREAD`.
    pub(crate) fn readable_bytes(&self) -> usize {
        self.with(|content| content.bytes.len())
    }

    pub(crate) fn arrivals(&self) -> u32 {
        self.with(|content| content.arrivals)
    }

    /// What poll(2) would say.
    pub(crate) fn ready(&self) -> Ready {
        self.with(|content| {
            let mut ready = Ready::empty();
            if self.reads {
                if !content.bytes.is_empty() {
                    ready |= Ready::READ;
                }
                if content.write_closed {
                    ready |= Ready::HANGUP;
                }
            } else {
                if content.bytes.len() + ATOMIC <= CAPACITY || content.read_closed {
                    ready |= Ready::WRITE;
                }
                if content.read_closed {
                    ready |= Ready::ERROR;
                }
            }
            ready
        })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let reads = self.reads;
        self.with(|content| {
            if reads {
                content.read_closed = true;
            } else {
                content.write_closed = true;
            }
            content.arrivals = content.arrivals.wrapping_add(1);
        });
    }
}
