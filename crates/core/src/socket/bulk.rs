//! Bulk: sendfile(2) and splice(2). The bytes go from one kernel object to another, and neither the guest's memory nor this process
//! sees them.
//!
//! The policy has nothing to say to either: a stream socket is connected, and who its peer may be was judged by then. The limits
//! of bytes, the metrics and the trace count both as they count a send and a receive.

use std::fs::File;
use std::time::Duration;

use super::metered;
use super::state::Socket;
use crate::addr::{Domain, Kind};
use crate::blocking::{Backoff, Block, Deadline, attempt};
use crate::errno::{Errno, Result};
use crate::fd::{Slots, Target, find};
use crate::guest::{Call, GuestThread};
use crate::host::{Host, StreamKind};
use crate::open_file::OpenFile;
use crate::readiness::Ready;

/// The most bytes of one call: `MAX_RW_COUNT` of Linux.
const MOST: usize = 0x7fff_f000;

/// The most bytes of one call of the host, which takes a fraction of a millisecond. Between two of them a stop is noticed: a peer that
/// takes the bytes as fast as they come would hold the guest in the kernel.
const PIECE: usize = 1 << 20;

bitflags::bitflags! {
    /// Flags of splice(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SpliceFlags: u8 {
        /// `SPLICE_F_NONBLOCK`: do not wait for a pipe, whatever its mode. A socket goes by its own mode all the same.
        const NONBLOCK = 1;
        /// `SPLICE_F_MORE`: more will follow, as `MSG_MORE` says of a send.
        const MORE = 1 << 1;
    }
}

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// sendfile(2) from a file of the adapter to a stream socket: up to `count` bytes from `offset` on. The position of the file is
    /// the adapter's affair and stays as it is. A blocking call returns when all is sent, or the file ends.
    ///
    /// One call sends at most 0x7ffff000 bytes, as on Linux.
    ///
    /// # Errors
    /// Those of [`GuestThread::send`]; `EBADF` also for a file that is not open for reading; `EINVAL` (a directory or something else that
    /// has no positions, an offset that is too large), `EOVERFLOW`, `EIO`. `EOPNOTSUPP`: datagrams, or a host that cannot; the
    /// bytes can be read and sent.
    pub fn send_file(
        &mut self,
        fd: impl Target<T::Pin>,
        file: &File,
        offset: u64,
        count: usize,
    ) -> Result<usize> {
        let result = self.with_socket(fd, |call, socket| call.send_file(socket, file, offset, count));
        self.traced(
            "sendfile",
            result,
            |sent| *sent as u64,
            format_args!("{fd}, {offset}, {count}"),
        )
    }

    /// splice(2) between a pipe and a stream socket, or two pipes: up to `count` bytes.
    ///
    /// As on Linux it takes what there is, and waits where there is nothing, or no room. To a blocking socket it sends all that the
    /// pipe has. What a pipe has and the socket did not take stays in the pipe. A `count` of 0 is 0 whatever the descriptors are.
    ///
    /// # Errors
    /// Those of [`GuestThread::send`] and [`GuestThread::recv`]; `EBADF` also for the end of a pipe that is for the other direction;
    /// `EINVAL`: neither is a pipe, both are the same one, one is something else than a pipe or a stream socket, or descriptors are under
    /// way to the guest's UNIX sockets; `EINVAL` also of a host that cannot.
    pub fn splice(
        &mut self,
        from: impl Target<T::Pin>,
        to: impl Target<T::Pin>,
        count: usize,
        flags: SpliceFlags,
    ) -> Result<usize> {
        let (table, mut call) = self.split();
        let result = match count {
            0 => Ok(0),
            _ => find(&from, table).and_then(|source| {
                let sink = find(&to, table)?;
                call.splice(&source, &sink, count, flags)
            }),
        };
        self.traced(
            "splice",
            result,
            |moved| *moved as u64,
            format_args!("{from}, {to}, {count}, {flags:?}"),
        )
    }
}

/// One end of a splice.
struct End<'e, Io> {
    io: &'e Io,
    /// `None`: a pipe.
    socket: Option<&'e Socket<Io>>,
    want: Ready,
    blocks: bool,
    limit: Deadline,
}

impl<'e, Io> End<'e, Io> {
    /// # Errors
    /// `EINVAL`: it is neither a pipe nor a stream socket.
    fn new<F>(file: &'e OpenFile<Io, F>, want: Ready, flags: SpliceFlags) -> Result<Self> {
        match file {
            OpenFile::Stream(stream) if stream.kind == StreamKind::Pipe => Ok(End {
                io: &stream.io,
                socket: None,
                want,
                blocks: !stream.nonblocking.get() && !flags.contains(SpliceFlags::NONBLOCK),
                limit: Deadline::new(None),
            }),
            OpenFile::Socket(socket) if socket.kind == Kind::Stream => Ok(End {
                io: &socket.io,
                socket: Some(socket),
                want,
                blocks: !socket.nonblocking.get(),
                limit: Deadline::new(if want == Ready::READ {
                    socket.recv_timeout.get()
                } else {
                    socket.send_timeout.get()
                }),
            }),
            OpenFile::Socket(_) | OpenFile::Stream(_) | OpenFile::File(_) => Err(Errno::EINVAL),
        }
    }

    /// Waits for this end.
    ///
    /// # Errors
    /// `EAGAIN`: it is not ready and does not block, or its time is over. `EINTR`: the guest was stopped.
    fn wait<H: Host<Io = Io>>(&mut self, host: &mut H) -> Result<()> {
        let remaining = if self.blocks {
            self.limit.remaining(host)
        } else {
            Some(Duration::ZERO)
        };
        if host.wait(self.io, self.want, remaining)? {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    }
}

impl<H: Host, F> Call<'_, H, F> {
    fn send_file(&mut self, socket: &Socket<H::Io>, file: &File, offset: u64, count: usize) -> Result<usize> {
        if socket.kind != Kind::Stream {
            return Err(Errno::EOPNOTSUPP);
        }
        let end = offset.checked_add(count as u64);
        if end.is_none_or(|end| i64::try_from(end).is_err()) {
            return Err(Errno::EINVAL);
        }
        let count = count.min(MOST);
        let (host, meter) = (&mut *self.host, self.meter);
        let blocks = !socket.nonblocking.get();
        let block = Block::new(blocks, !metered::counts(meter, socket));
        let limit = &mut Deadline::new(socket.send_timeout.get());
        let mut sent = 0;
        while sent < count {
            let piece = (count - sent).min(PIECE);
            let outcome = attempt(host, &socket.io, Ready::WRITE, block, limit, |host| {
                metered::send_piece(host, meter, socket, piece, blocks, |host, most| {
                    host.send_file(&socket.io, file, offset + sent as u64, most)
                })
            });
            match outcome {
                // The end of the file.
                Ok(0) => break,
                Ok(moved) => {
                    sent += moved;
                    if moved < piece && !blocks {
                        break;
                    }
                }
                Err(errno) if sent == 0 => return Err(errno),
                // What was sent is reported; the error shows at the next call.
                Err(_) => break,
            }
            if sent < count && host.wait(&socket.io, Ready::WRITE, Some(Duration::ZERO)).is_err() {
                break;
            }
        }
        self.counter.sent(socket.domain, socket.kind, sent);
        Ok(sent)
    }

    fn splice(
        &mut self,
        source: &OpenFile<H::Io, F>,
        sink: &OpenFile<H::Io, F>,
        count: usize,
        flags: SpliceFlags,
    ) -> Result<usize> {
        let mut source = End::new(source, Ready::READ, flags)?;
        let mut sink = End::new(sink, Ready::WRITE, flags)?;
        if let Some(socket) = source.socket
            && (sink.socket.is_some() || self.would_bring_rights(socket))
        {
            return Err(Errno::EINVAL);
        }
        let count = count.min(MOST);
        let mut moved = 0;
        let mut pause = Backoff::default();
        // How many ends were found ready since the last try.
        let mut ready = 0;
        loop {
            let piece = (count - moved).min(PIECE);
            let outcome = match self.splice_in_call(&source, &sink, piece, flags) {
                Some(done) => done,
                None => self.splice_once(&source, &sink, piece, flags),
            };
            match outcome {
                Ok(0) => return Ok(moved),
                Ok(piece) => {
                    moved += piece;
                    ready = 0;
                    // Linux goes on as long as the pipe has something.
                    if moved == count || sink.socket.is_none() || !sink.blocks {
                        return Ok(moved);
                    }
                    if self.host.wait(source.io, Ready::READ, Some(Duration::ZERO)) != Ok(true) {
                        return Ok(moved);
                    }
                }
                Err(Errno::EAGAIN) if source.blocks || sink.blocks => {
                    // It is mostly the socket that is not ready, and a try is cheaper than to ask the other one beforehand.
                    let waited = match (ready, sink.socket.is_some()) {
                        (0, true) | (1, false) => sink.wait(self.host),
                        (0, false) | (1, true) => source.wait(self.host),
                        // Both look ready: over the rate, or at a mark of urgent data.
                        _ if source.blocks && sink.blocks => pause.sleep(self.host, None),
                        _ => Err(Errno::EAGAIN),
                    };
                    ready = (ready + 1) % 3;
                    match waited {
                        Ok(()) => {}
                        Err(errno) if moved == 0 => return Err(errno),
                        Err(_) => return Ok(moved),
                    }
                }
                Err(errno) if moved == 0 => return Err(errno),
                Err(_) => return Ok(moved),
            }
        }
    }

    /// Lets one call of the host wait for the socket, where the host has that, no time is set and no limit of bytes has a say in it.
    /// `None`: it is to be tried, with waits between. The pipe is never waited for so.
    fn splice_in_call(
        &mut self,
        source: &End<'_, H::Io>,
        sink: &End<'_, H::Io>,
        count: usize,
        flags: SpliceFlags,
    ) -> Option<Result<usize>> {
        let end = if sink.socket.is_some() { sink } else { source };
        let socket = end.socket?;
        if !end.blocks || end.limit.is_limited() || metered::counts(self.meter, socket) {
            return None;
        }
        let more = flags.contains(SpliceFlags::MORE);
        let done = self
            .host
            .waiting(end.io, |host| host.splice(source.io, sink.io, count, more))
            .filter(|done| !matches!(done, Err(Errno::EAGAIN)))?;
        Some(done.inspect(|moved| self.count_spliced(socket, end.want, *moved)))
    }

    fn count_spliced(&self, socket: &Socket<H::Io>, want: Ready, moved: usize) {
        if want == Ready::READ {
            self.counter.received(socket.domain, socket.kind, moved);
        } else {
            self.counter.sent(socket.domain, socket.kind, moved);
        }
    }

    /// Moves what can be moved at once.
    fn splice_once(
        &mut self,
        source: &End<'_, H::Io>,
        sink: &End<'_, H::Io>,
        count: usize,
        flags: SpliceFlags,
    ) -> Result<usize> {
        let more = flags.contains(SpliceFlags::MORE);
        let (host, meter) = (&mut *self.host, self.meter);
        let moves = |host: &mut H, most: usize| host.splice(source.io, sink.io, most, more);
        match (source.socket, sink.socket) {
            (Some(socket), _) => {
                let taken = metered::take_piece(host, meter, socket, count, source.blocks, moves)?;
                self.count_spliced(socket, source.want, taken);
                Ok(taken)
            }
            (None, Some(socket)) => {
                let sent = metered::send_piece(host, meter, socket, count, sink.blocks, moves)?;
                self.count_spliced(socket, sink.want, sent);
                Ok(sent)
            }
            (None, None) => moves(host, count),
        }
    }

    /// Whether descriptors may come with what is in this socket: the kernel would close them, and the guest's accounts of what is
    /// under way would go on.
    fn would_bring_rights(&self, socket: &Socket<H::Io>) -> bool {
        socket.domain == Domain::Unix && !self.in_flight.is_empty()
    }
}
