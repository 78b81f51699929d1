//! read(2) and write(2): the calls that every kind of descriptor answers.

use std::io::{IoSlice, IoSliceMut};

use crate::blocking::{Deadline, attempt, block_until_ready};
use crate::errno::{Errno, Result};
use crate::event::COUNTER_SIZE;
use crate::fd::{Slots, Target, find};
use crate::guest::{Call, GuestThread};
use crate::host::{Host, RecvFlags, RecvMeta, SendFlags, StreamKind};
use crate::open_file::{OpenFile, Stream};
use crate::readiness::Ready;

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// readv(2) on a socket or stream.
    ///
    /// A buffer without room returns 0 at once and consumes nothing, as Linux does for sockets and pipes. A counter (eventfd(2))
    /// and a timer (timerfd_create(2)) are `EINVAL` where there is no room for their 8 bytes.
    ///
    /// # Errors
    /// Those of [`GuestThread::recv`]; `EBADF` also for a file of the adapter, which the adapter reads itself.
    pub fn read(&mut self, fd: impl Target<T::Pin>, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let empty = bufs.iter().all(|buf| buf.is_empty());
        let flags = RecvFlags::empty();
        let (received, of_socket) = self.with_open_file(fd, |call, entry| {
            Ok(match entry {
                OpenFile::Stream(stream) if !stream.has_room_for(bufs.iter().map(|buf| buf.len())) => {
                    (Err(Errno::EINVAL), false)
                }
                OpenFile::Socket(_) | OpenFile::Stream(_) if empty => (Ok(RecvMeta::default()), false),
                OpenFile::Socket(socket) => (call.recv(socket, bufs, flags), true),
                OpenFile::Stream(stream) => (call.read(stream, bufs), false),
                OpenFile::File(_) => (Err(Errno::EBADF), false),
            })
        })?;
        if of_socket {
            self.trace_recv(fd, &received, flags);
        }
        received.map(|received| received.len)
    }

    /// writev(2) on a socket or stream. Shortens `bufs` as it goes. A counter (eventfd(2)) is `EINVAL` for less than its 8 bytes, and
    /// waits until it can hold the sum.
    ///
    /// # Errors
    /// Those of [`GuestThread::send`]; `EBADF` also for a file of the adapter, which the adapter writes itself.
    pub fn write(&mut self, fd: impl Target<T::Pin>, bufs: &mut [IoSlice<'_>]) -> Result<usize> {
        let flags = SendFlags::empty();
        let (sent, by_socket) = self.with_open_file(fd, |call, entry| {
            Ok(match entry {
                OpenFile::Socket(socket) => (call.send(socket, bufs, flags), true),
                OpenFile::Stream(stream) => (call.write(stream, bufs), false),
                OpenFile::File(_) => (Err(Errno::EBADF), false),
            })
        })?;
        if by_socket {
            self.trace_send(fd, &sent, flags);
        }
        sent
    }

    /// The kind of a stream descriptor, `None` if it is a socket or a file.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn stream_kind(&self, fd: impl Target<T::Pin>) -> Result<Option<StreamKind>> {
        Ok(match &*find(&fd, &self.guest.table)? {
            OpenFile::Stream(stream) => Some(stream.kind),
            OpenFile::Socket(_) | OpenFile::File(_) => None,
        })
    }
}

impl<H: Host, F> Call<'_, H, F> {
    fn read(&mut self, stream: &Stream<H::Io>, bufs: &mut [IoSliceMut<'_>]) -> Result<RecvMeta> {
        let blocks = !stream.nonblocking.get();
        let limit = &mut Deadline::new(None);
        let len = attempt(self.host, &stream.io, Ready::READ, blocks, limit, |host| {
            host.read(&stream.io, bufs)
        })?;
        Ok(RecvMeta {
            len,
            truncated: false,
        })
    }

    fn write(&mut self, stream: &Stream<H::Io>, bufs: &mut [IoSlice<'_>]) -> Result<usize> {
        if !stream.has_room_for(bufs.iter().map(|buf| buf.len())) {
            return Err(Errno::EINVAL);
        }
        let blocks = !stream.nonblocking.get();
        if blocks && stream.is_event() {
            // All or nothing: what is written twice counts twice.
            return block_until_ready(
                self.host,
                &stream.io,
                Ready::WRITE,
                &mut Deadline::new(None),
                |host| host.write(&stream.io, bufs),
            );
        }
        if blocks {
            write_all(self.host, &stream.io, bufs)
        } else {
            self.host.write(&stream.io, bufs)
        }
    }
}

impl<Io> Stream<Io> {
    /// Whether it is a counter or a timer, of which whole numbers are read and written.
    fn is_event(&self) -> bool {
        matches!(self.kind, StreamKind::Counter | StreamKind::Timer(_))
    }

    /// Whether buffers of these lengths have room for what it reads or writes at least.
    fn has_room_for(&self, lengths: impl Iterator<Item = usize>) -> bool {
        !self.is_event() || lengths.sum::<usize>() >= COUNTER_SIZE
    }
}

/// A blocking write returns when everything is written; an error after a part was written reports the part.
fn write_all<H: Host>(host: &mut H, io: &H::Io, mut bufs: &mut [IoSlice<'_>]) -> Result<usize> {
    let mut written = 0;
    loop {
        match block_until_ready(host, io, Ready::WRITE, &mut Deadline::new(None), |host| {
            host.write(io, bufs)
        }) {
            Ok(count) => {
                written += count;
                IoSlice::advance_slices(&mut bufs, count);
                if count == 0 || bufs.iter().all(|buf| buf.is_empty()) {
                    return Ok(written);
                }
            }
            Err(errno) if written == 0 => return Err(errno),
            Err(_) => return Ok(written),
        }
    }
}
