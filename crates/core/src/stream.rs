//! read(2) and write(2): the calls that every kind of descriptor answers.

use std::io::{IoSlice, IoSliceMut};

use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots};
use crate::guest::{Entry, Guest, Limit, until_ready};
use crate::host::{Host, RecvFlags, SendFlags, StreamKind};
use crate::readiness::Ready;

impl<H: Host, F, T: Slots<Entry<H::Io, F>>> Guest<H, F, T> {
    /// readv(2) on a socket or stream.
    ///
    /// A buffer without room returns 0 at once and consumes nothing, as Linux does for sockets and pipes.
    ///
    /// # Errors
    /// Those of [`Guest::recv`]; `EBADF` also for a file of the adapter, which the adapter reads itself.
    pub fn read(&mut self, fd: Fd, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return match &*self.table.entry(fd)? {
                Entry::Socket(_) | Entry::Stream(_) => Ok(0),
                Entry::File(_) => Err(Errno::Badf),
            };
        }
        if self.is_socket(fd)? {
            return self
                .recv(fd, bufs, RecvFlags::empty())
                .map(|received| received.len);
        }
        match &*self.table.entry(fd)? {
            Entry::Stream(stream) if stream.nonblocking.get() => self.host.read(&stream.io, bufs),
            Entry::Stream(stream) => until_ready(
                &mut self.host,
                &stream.io,
                Ready::READ,
                &mut Limit::new(None),
                |host| host.read(&stream.io, bufs),
            ),
            Entry::Socket(_) | Entry::File(_) => Err(Errno::Badf),
        }
    }

    /// writev(2) on a socket or stream. Shortens `bufs` as it goes.
    ///
    /// # Errors
    /// Those of [`Guest::send`]; `EBADF` also for a file of the adapter, which the adapter writes itself.
    pub fn write(&mut self, fd: Fd, bufs: &mut [IoSlice<'_>]) -> Result<usize> {
        if self.is_socket(fd)? {
            return self.send(fd, bufs, SendFlags::empty());
        }
        match &*self.table.entry(fd)? {
            Entry::Stream(stream) if stream.nonblocking.get() => self.host.write(&stream.io, bufs),
            Entry::Stream(stream) => write_all(&mut self.host, &stream.io, bufs),
            Entry::Socket(_) | Entry::File(_) => Err(Errno::Badf),
        }
    }

    /// The kind of a stream descriptor, `None` if it is a socket or a file.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn stream_kind(&self, fd: Fd) -> Result<Option<StreamKind>> {
        Ok(match &*self.table.entry(fd)? {
            Entry::Stream(stream) => Some(stream.kind),
            Entry::Socket(_) | Entry::File(_) => None,
        })
    }

    #[inline]
    fn is_socket(&self, fd: Fd) -> Result<bool> {
        Ok(matches!(&*self.table.entry(fd)?, Entry::Socket(_)))
    }
}

/// A blocking write returns when everything is written; an error after a part was written reports the part.
fn write_all<H: Host>(host: &mut H, io: &H::Io, mut bufs: &mut [IoSlice<'_>]) -> Result<usize> {
    let mut written = 0;
    loop {
        match until_ready(host, io, Ready::WRITE, &mut Limit::new(None), |host| {
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
