//! Sending and receiving under a limit of bytes: the calls of `transfer`, in pieces that the quota allows.

use std::io::{IoSlice, IoSliceMut};

use crate::addr::{Domain, Kind, SockAddr};
use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots};
use crate::guest::{Entry, Guest};
use crate::host::{Host, Received, RecvFlags, SendFlags};
use crate::quota;
use crate::resolve::lock;

impl<H: Host, F, T: Slots<Entry<H::Io, F>>> Guest<H, F, T> {
    /// Whether what this descriptor moves is counted: not that of UNIX sockets, which stay on the machine.
    #[inline]
    pub(super) fn metered(&self, fd: Fd) -> bool {
        self.quota.is_some()
            && self
                .table
                .entry(fd)
                .is_ok_and(|entry| entry.socket().is_ok_and(|socket| socket.domain != Domain::Unix))
    }

    /// A stream is sent in pieces; a datagram goes whole, on credit if need be, but not beyond the total.
    pub(super) fn send_metered(
        &mut self,
        fd: Fd,
        mut bufs: &mut [IoSlice<'_>],
        addr: Option<&SockAddr>,
        flags: SendFlags,
    ) -> Result<usize> {
        let (stream, nonblocking) = self.kind_and_mode(fd)?;
        let blocks = !nonblocking && !flags.contains(SendFlags::DONTWAIT);
        let mut sent = 0;
        loop {
            let outcome = self.allowance(blocks).and_then(|most| {
                if !stream {
                    let len: usize = bufs.iter().map(|buf| buf.len()).sum();
                    return if self.within_total(len) {
                        self.send_once(fd, bufs, addr, flags)
                    } else {
                        Err(Errno::Nobufs)
                    };
                }
                let piece = bufs
                    .iter()
                    .find(|buf| !buf.is_empty())
                    .map_or(&[][..], |buf| &**buf);
                let piece = piece.get(..most).unwrap_or(piece);
                self.send_once(fd, &mut [IoSlice::new(piece)], addr, flags)
            });
            match outcome {
                Ok(count) => {
                    self.count(count);
                    sent += count;
                    if !stream {
                        return Ok(sent);
                    }
                    IoSlice::advance_slices(&mut bufs, count);
                    if !blocks || bufs.iter().all(|buf| buf.is_empty()) {
                        return Ok(sent);
                    }
                }
                Err(errno) if sent == 0 => return Err(errno),
                // What was queued is reported; the error shows at the next call.
                Err(_) => return Ok(sent),
            }
        }
    }

    pub(super) fn recv_metered(
        &mut self,
        fd: Fd,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(Received, SockAddr)> {
        let (stream, nonblocking) = self.kind_and_mode(fd)?;
        let blocks = !nonblocking && !flags.contains(RecvFlags::DONTWAIT);
        if stream
            && blocks
            && flags & (RecvFlags::WAITALL | RecvFlags::PEEK | RecvFlags::OOB) == RecvFlags::WAITALL
        {
            return self.recv_whole_metered(fd, bufs, flags);
        }
        let most = self.allowance(blocks)?;
        let room: usize = bufs.iter().map(|buf| buf.len()).sum();
        let result = match bufs.iter_mut().find(|buf| !buf.is_empty()) {
            // As recv(2) may always do, a stream gives less than there is room for.
            Some(buf) if stream && room > most => {
                let len = buf.len().min(most);
                let piece = buf.get_mut(..len).ok_or(Errno::Inval)?;
                self.do_recv_from(fd, &mut [IoSliceMut::new(piece)], flags)
            }
            _ => self.do_recv_from(fd, bufs, flags),
        };
        if let (Ok((received, _)), false) = (&result, flags.contains(RecvFlags::PEEK)) {
            self.count(received.len);
        }
        result
    }

    /// `MSG_WAITALL` on a stream: all of it, in pieces that the quota allows. A time limit is each piece's own.
    fn recv_whole_metered(
        &mut self,
        fd: Fd,
        mut bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<(Received, SockAddr)> {
        let mut taken = 0;
        loop {
            let outcome = self.allowance(true).and_then(|most| {
                let piece: &mut [u8] = match bufs.iter_mut().find(|buf| !buf.is_empty()) {
                    Some(buf) => buf,
                    None => &mut [],
                };
                let len = piece.len().min(most);
                let piece = piece.get_mut(..len).ok_or(Errno::Inval)?;
                let (received, _) = self.do_recv_from(fd, &mut [IoSliceMut::new(piece)], flags)?;
                Ok((received.len, len))
            });
            match outcome {
                Ok((count, asked)) => {
                    self.count(count);
                    taken += count;
                    IoSliceMut::advance_slices(&mut bufs, count);
                    // Less than was asked for is the stream's end or its time limit.
                    if count == asked && bufs.iter().any(|buf| !buf.is_empty()) {
                        continue;
                    }
                }
                Err(errno) if taken == 0 => return Err(errno),
                // What has come is reported; the error shows at the next call.
                Err(_) => {}
            }
            let received = Received {
                len: taken,
                truncated: false,
            };
            return Ok((received, SockAddr::Unspec));
        }
    }

    fn send_once(
        &mut self,
        fd: Fd,
        bufs: &mut [IoSlice<'_>],
        addr: Option<&SockAddr>,
        flags: SendFlags,
    ) -> Result<usize> {
        match addr {
            Some(addr) => self.do_send_to(fd, bufs, addr, flags),
            None => self.do_send(fd, bufs, flags),
        }
    }

    /// Whether it is a stream, and whether it does not block.
    pub(super) fn kind_and_mode(&self, fd: Fd) -> Result<(bool, bool)> {
        let entry = self.table.entry(fd)?;
        let socket = entry.socket()?;
        Ok((socket.kind == Kind::Stream, socket.nonblocking.get()))
    }

    pub(super) fn allowance(&mut self, blocks: bool) -> Result<usize> {
        match &self.quota {
            Some(quota) => quota::allowance(quota, &mut self.host, blocks),
            None => Ok(usize::MAX),
        }
    }

    pub(super) fn within_total(&self, bytes: usize) -> bool {
        self.quota
            .as_ref()
            .is_none_or(|quota| lock(quota).within_total(bytes))
    }

    pub(super) fn count(&mut self, bytes: usize) {
        if let Some(quota) = &self.quota {
            lock(quota).take(bytes);
        }
    }
}
