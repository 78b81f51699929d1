//! sendfile(2) and splice(2).

use std::fs::File;

use guestnet_core::{Errno, Kind, Result, StreamKind};
use rustix::pipe::SpliceFlags;

use crate::convert::retry;
use crate::io::{Io, IoKind};
use crate::{OsHost, sys};

impl OsHost {
    /// sendfile(2).
    pub(crate) fn file_to_socket(&self, io: &Io, file: &File, offset: u64, len: usize) -> Result<usize> {
        // It has no flag not to wait: another process may have made this socket one that blocks.
        if io.shared {
            return Err(Errno::EOPNOTSUPP);
        }
        let send =
            || sys::sigpipe::without(|| rustix::fs::sendfile(io.fd(), file, Some(&mut { offset }), len));
        match self.kernel_wait() {
            Some(wait) => wait.call(send),
            None => {
                io.set_waits(false)?;
                retry(send)
            }
        }
    }

    /// splice(2).
    pub(crate) fn splice_pipe(&self, from: &Io, to: &Io, len: usize, more: bool) -> Result<usize> {
        let wait = self.kernel_wait();
        for end in [from, to] {
            match end.kind {
                // As above; and what a guest writes is shown to the hook.
                _ if end.shared && end.kind != IoKind::Stream(StreamKind::Pipe) => return Err(Errno::EINVAL),
                IoKind::Socket(Kind::Stream) if wait.is_none() => end.set_waits(false)?,
                IoKind::Socket(Kind::Stream) => {}
                IoKind::Stream(StreamKind::Pipe) if end.output_hook.is_none() => {}
                _ => return Err(Errno::EINVAL),
            }
        }
        // Of the pipe; also of one that is not ours to make non-blocking.
        let mut flags = SpliceFlags::NONBLOCK;
        flags.set(SpliceFlags::MORE, more);
        let splice =
            || sys::sigpipe::without(|| rustix::pipe::splice(from.fd(), None, to.fd(), None, len, flags));
        match wait {
            Some(wait) => wait.call(splice),
            None => retry(splice),
        }
    }
}
