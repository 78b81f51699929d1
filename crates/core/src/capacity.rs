//! [`Capacity`]: how large a guest may grow, and the [`Room`] that it has left of it.
//!
//! What a descriptor costs the host is a number, and memory of the kernel: what waits in its buffers, which no limit of the
//! guest's own memory counts. Whatever holds some takes its room before it is made, and gives it back when it is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::errno::{Errno, Result};
use crate::limits::Limits;

/// What a pipe holds (pipe(7)): 16 pages.
pub(crate) const PIPE: u64 = 64 << 10;

/// What an epoll costs at least, as far as is counted.
const EPOLL: u64 = 1 << 20;

/// What a watch of an epoll costs: less than 200 bytes on x86-64.
const WATCH: u64 = 256;

/// How large a guest may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Open descriptors of every kind; one more is `EMFILE`.
    pub descriptors: usize,
    /// Open sockets and ends of pipes; one more is `EMFILE`.
    pub sockets: usize,
    /// Bytes that the kernel may hold in buffers for the guest: for each pipe 64 KiB, for each epoll 1 MiB or 256 bytes for
    /// each of `descriptors`, whichever is more, for each UNIX
    /// socket that is connected, or has sent to a path, its send buffer, and for each IP socket what the guest asked for by `SO_SNDBUF` and `SO_RCVBUF`. Over it a
    /// socket, and a larger buffer, is `ENOBUFS`, a pipe `ENFILE`, and an epoll `ENOMEM`.
    pub buffers: u64,
}

impl Capacity {
    /// What an epoll counts, which may watch every descriptor.
    pub(crate) fn epoll(&self) -> u64 {
        EPOLL.max(WATCH.saturating_mul(self.descriptors as u64))
    }

    /// What these limits say, on a host that has room for `most` more descriptors.
    #[must_use]
    pub fn new(limits: &Limits, most: usize) -> Self {
        let Limits {
            sockets,
            descriptors,
            buffers,
            ..
        } = limits;
        let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let default = Capacity::default();
        Capacity {
            descriptors: descriptors.map_or(default.descriptors.min(most), number),
            sockets: number(*sockets),
            buffers: buffers.unwrap_or(default.buffers),
        }
    }
}

impl Default for Capacity {
    /// 8,192 descriptors, all of which may be sockets, and 128 MiB of buffers: above what most programs use, below what would hurt
    /// a host. A server for more connections is given more.
    fn default() -> Self {
        Capacity {
            descriptors: 8192,
            sockets: 8192,
            buffers: 128 << 20,
        }
    }
}

/// What a guest has taken of its capacity, all of its threads together.
#[derive(Debug)]
pub(crate) struct Room {
    sockets: AtomicUsize,
    buffers: AtomicU64,
    capacity: Capacity,
}

impl Room {
    pub(crate) fn new(capacity: Capacity) -> Arc<Room> {
        Arc::new(Room {
            sockets: AtomicUsize::new(0),
            buffers: AtomicU64::new(0),
            capacity,
        })
    }

    /// How large the guest may grow.
    pub(crate) fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// How many sockets, and how many bytes of buffers, are taken.
    pub(crate) fn taken(&self) -> (usize, u64) {
        (self.sockets.load(Relaxed), self.buffers.load(Relaxed))
    }

    /// Takes the place of one more socket.
    ///
    /// # Errors
    /// `EMFILE`: all are taken.
    pub(crate) fn permit(self: &Arc<Self>) -> Result<SocketPermit> {
        let one_more = |count: usize| (count < self.capacity.sockets).then(|| count + 1);
        self.sockets
            .fetch_update(Relaxed, Relaxed, one_more)
            .map_err(|_| Errno::EMFILE)?;
        Ok(SocketPermit(Arc::clone(self)))
    }

    /// Takes room for buffers of so many bytes.
    ///
    /// # Errors
    /// `ENOBUFS`.
    pub(crate) fn buffers(self: &Arc<Self>, bytes: u64) -> Result<Buffers> {
        let buffers = Buffers {
            room: Arc::clone(self),
            bytes: AtomicU64::new(0),
        };
        buffers.grow(bytes).map(|()| buffers)
    }

    fn take(&self, bytes: u64) -> Result<()> {
        let more = |held: u64| {
            held.checked_add(bytes)
                .filter(|held| *held <= self.capacity.buffers)
        };
        self.buffers
            .fetch_update(Relaxed, Relaxed, more)
            .map(drop)
            .map_err(|_| Errno::ENOBUFS)
    }
}

/// The place of one of the sockets that a guest may have open. It is free again when the socket is really gone, which a
/// call that runs in another thread may delay.
#[derive(Debug)]
pub(crate) struct SocketPermit(Arc<Room>);

impl Drop for SocketPermit {
    fn drop(&mut self) {
        self.0.sockets.fetch_sub(1, Relaxed);
    }
}

/// Room for the buffers of one socket, pipe or epoll. It never shrinks as long as that is open: a buffer that is made smaller
/// still holds what was in it.
#[derive(Debug)]
pub(crate) struct Buffers {
    room: Arc<Room>,
    bytes: AtomicU64,
}

impl Buffers {
    /// How many bytes are taken.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Takes more.
    ///
    /// # Errors
    /// `ENOBUFS`.
    pub(crate) fn grow(&self, bytes: u64) -> Result<()> {
        self.room.take(bytes)?;
        self.bytes.fetch_add(bytes, Relaxed);
        Ok(())
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        self.room.buffers.fetch_sub(*self.bytes.get_mut(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(sockets: usize, buffers: u64) -> Arc<Room> {
        Room::new(Capacity {
            sockets,
            buffers,
            ..Capacity::default()
        })
    }

    #[test]
    fn a_seat_is_free_again_when_it_is_dropped() {
        let room = room(2, 0);
        let (one, two) = (room.permit().unwrap(), room.permit().unwrap());
        assert_eq!(room.permit().unwrap_err(), Errno::EMFILE);
        drop(one);
        let three = room.permit().unwrap();
        assert_eq!(room.permit().unwrap_err(), Errno::EMFILE);
        drop((two, three));
        assert!(room.permit().is_ok());
    }

    #[test]
    fn buffers_end_at_the_byte_and_come_back_when_they_are_dropped() {
        let room = room(0, 100);
        let one = room.buffers(60).unwrap();
        assert_eq!(room.buffers(41).unwrap_err(), Errno::ENOBUFS);
        let two = room.buffers(40).unwrap();
        assert_eq!(one.grow(1), Err(Errno::ENOBUFS));
        assert_eq!((one.bytes(), two.bytes()), (60, 40));
        drop(two);
        assert_eq!(one.grow(41), Err(Errno::ENOBUFS));
        one.grow(40).unwrap();
        assert_eq!(one.bytes(), 100);
        assert_eq!(one.grow(u64::MAX), Err(Errno::ENOBUFS));
        drop(one);
        assert!(room.buffers(101).is_err());
        assert_eq!(room.buffers(100).unwrap().bytes(), 100);
    }

    #[test]
    fn what_the_limits_say_wins_over_what_the_host_has() {
        let limits = Limits::default();
        let default = Capacity::default();
        assert_eq!(Capacity::new(&limits, usize::MAX), default);
        assert_eq!(Capacity::new(&limits, 512).descriptors, 512);
        let limits = Limits {
            sockets: 7,
            descriptors: Some(9999),
            buffers: Some(5),
            ..limits
        };
        let said = Capacity {
            descriptors: 9999,
            sockets: 7,
            buffers: 5,
        };
        assert_eq!(Capacity::new(&limits, 512), said);
    }
}
