//! Byte streams that are not sockets of the guest: pipes, terminals, files, and the counters and timers of events. Their flags may
//! be another process's affair, so that none of them is waited for in the kernel.

use std::io::{IoSlice, IoSliceMut};

use guestnet_core::{Errno, Ready, Result, StreamKind};

use crate::convert::retry;
use crate::io::{Io, IoKind, PIPE_BUF};
use crate::stop::Stop;
use crate::wait;

/// readv(2).
pub(crate) fn read(io: &Io, bufs: &mut [IoSliceMut<'_>], stop: &Stop) -> Result<usize> {
    // Neither waits. An epoll is EINVAL, however ready it is.
    if io.is_event() || io.kind == IoKind::Epoll {
        return retry(|| rustix::io::readv(io.fd(), bufs));
    }
    if io.no_read {
        // It would never become ready.
        return Err(Errno::EBADF);
    }
    if io.kind != IoKind::Stream(StreamKind::File) && !wait::ready_now(io.raw(), Ready::READ, stop)? {
        return Err(Errno::EAGAIN);
    }
    retry(|| rustix::io::readv(io.fd(), bufs))
}

/// writev(2).
pub(crate) fn write(io: &Io, bufs: &[IoSlice<'_>], stop: &Stop) -> Result<usize> {
    if io.is_event() || io.kind == IoKind::Epoll {
        return retry(|| rustix::io::writev(io.fd(), bufs));
    }
    if io.no_write {
        return Err(Errno::EBADF);
    }
    if io.kind == IoKind::Stream(StreamKind::File) {
        return retry(|| rustix::io::writev(io.fd(), bufs));
    }
    if !wait::ready_now(io.raw(), Ready::WRITE, stop)? {
        return Err(Errno::EAGAIN);
    }
    let Some(buf) = bufs.iter().find(|buf| !buf.is_empty()) else {
        return Ok(0);
    };
    // The open file may be a blocking one that is not ours to change: write no more than surely fits.
    let piece = buf.get(..PIPE_BUF).unwrap_or(buf);
    if io.output_hook.as_ref().is_some_and(|hook| hook.takes(piece)) {
        return Ok(piece.len());
    }
    if io.kind == IoKind::Stream(StreamKind::Socket) {
        let flags = rustix::net::SendFlags::NOSIGNAL | rustix::net::SendFlags::DONTWAIT;
        return retry(|| rustix::net::send(io.fd(), piece, flags));
    }
    retry(|| rustix::io::write(io.fd(), piece))
}
