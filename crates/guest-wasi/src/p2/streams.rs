//! `wasi:io/streams`: sockets, standard streams and files behind one pair of resources.
//!
//! Here is which of them a call is about, and what all have in common; what a socket does with what was written is in `send`.

use std::io::IoSliceMut;

use bytes::Bytes;
use guestnet_core::{Errno, Host, RecvFlags};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sync::io::streams::{
    Host as Streams, HostInputStream, HostOutputStream, StreamError as WitStreamError,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError};

use super::ctx::State;
use super::error::{stream_error, unpermitted, wrong_kind};
use super::lend::PIECE;
use super::object::{Handle, Object, Role};

type Input = Resource<DynInputStream>;
type Output = Resource<DynOutputStream>;
type StreamResult<T> = Result<T, StreamError>;

/// How much `blocking-write-and-flush` and its like take at most (`wasi:io/streams`).
const MAX_BLOCKING_WRITE: usize = 4096;

impl<H: Host> State<H> {
    /// Reads what there is; nothing if nothing is there yet.
    ///
    /// # Errors
    /// `Closed` at the end.
    pub(crate) fn read_now(&mut self, handle: Handle, len: u64) -> StreamResult<Bytes> {
        self.read_with(handle, len, RecvFlags::DONTWAIT)
    }

    /// Reads, and waits until there is something.
    ///
    /// # Errors
    /// As [`State::read_now`].
    pub(crate) fn read_blocking(&mut self, handle: Handle, len: u64) -> StreamResult<Bytes> {
        // The core waits for a socket alone, which costs less than a poll; but only if nothing is to be sent meanwhile.
        let alone = self.unsent.is_empty() && handle.role == Role::Input;
        if alone {
            return self.read_with(handle, len, RecvFlags::empty());
        }
        loop {
            let bytes = self.read_now(handle, len)?;
            if len == 0 || !bytes.is_empty() {
                return Ok(bytes);
            }
            self.wait(&[handle], true).map_err(StreamError::Trap)?;
        }
    }

    fn read_with(&mut self, handle: Handle, len: u64, flags: RecvFlags) -> StreamResult<Bytes> {
        let mut lent = self.lend(len);
        if handle.role == Role::Stdio {
            return self.read_stdin(lent);
        }
        let State { ctx, slots, .. } = self;
        match &mut slots.entry_mut(handle.slot).map_err(stream_error)?.object {
            Object::Tcp(socket) => {
                if socket.input_closed {
                    return Err(StreamError::Closed);
                }
                if len == 0 {
                    return Ok(Bytes::new());
                }
                let mut bufs = [IoSliceMut::new(lent.room())];
                match ctx.guest.recv(socket.fd, &mut bufs, flags) {
                    Ok(received) if received.len > 0 => {
                        socket.paced.moved();
                        Ok(lent.filled(received.len))
                    }
                    Ok(_) => {
                        socket.input_closed = true;
                        Err(StreamError::Closed)
                    }
                    Err(Errno::EAGAIN) => {
                        socket.paced.would_block();
                        Ok(Bytes::new())
                    }
                    Err(errno) => {
                        socket.input_closed = true;
                        Err(stream_error(errno))
                    }
                }
            }
            Object::Reader(reader) => reader.read(lent.room().len()),
            _ => Err(StreamError::Trap(wrong_kind())),
        }
    }

    /// How much may be written now.
    pub(crate) fn permit(&mut self, handle: Handle) -> StreamResult<usize> {
        if handle.role == Role::Stdio {
            return self.check_stdio_write(handle);
        }
        match &mut self.slot(handle.slot).map_err(StreamError::Trap)?.object {
            Object::Tcp(_) => self.check_tcp_write(handle),
            Object::Writer(writer) => writer.check().map(|()| PIECE),
            _ => Err(StreamError::Trap(wrong_kind())),
        }
    }

    /// Writes at most what was permitted, all of it.
    pub(crate) fn write_now(&mut self, handle: Handle, bytes: &[u8]) -> StreamResult<()> {
        if handle.role == Role::Stdio {
            return self.write_stdio(handle, bytes);
        }
        let slot = self.slots.entry_mut(handle.slot).map_err(stream_error)?;
        match &mut slot.object {
            Object::Tcp(_) => self.write_tcp(handle, bytes),
            Object::Writer(writer) => writer.write(bytes),
            _ => Err(StreamError::Trap(wrong_kind())),
        }
    }

    /// Writes all of it and waits until it has gone to the system.
    pub(crate) fn write_blocking(&mut self, handle: Handle, bytes: &[u8]) -> StreamResult<()> {
        if bytes.len() > MAX_BLOCKING_WRITE {
            return Err(StreamError::Trap(wasmtime::format_err!(
                "Buffer too large for blocking-write-and-flush (expected at most {MAX_BLOCKING_WRITE})"
            )));
        }
        self.wait_for_permit(handle)?;
        self.write_now(handle, bytes)?;
        self.flush_blocking(handle)
    }

    fn wait_for_permit(&mut self, handle: Handle) -> StreamResult<usize> {
        loop {
            let permit = self.permit(handle)?;
            if permit > 0 {
                return Ok(permit);
            }
            self.wait(&[handle], true).map_err(StreamError::Trap)?;
        }
    }

    fn flush_now(&mut self, handle: Handle) -> StreamResult<()> {
        if handle.role == Role::Stdio {
            return Ok(());
        }
        match &mut self.slot(handle.slot).map_err(StreamError::Trap)?.object {
            Object::Tcp(_) => self.flush_tcp(handle),
            Object::Writer(writer) => writer.check(),
            _ => Err(StreamError::Trap(wrong_kind())),
        }
    }

    fn flush_blocking(&mut self, handle: Handle) -> StreamResult<()> {
        self.flush_now(handle)?;
        if handle.role == Role::Output {
            self.drain_tcp(handle)?;
        }
        Ok(())
    }

    fn zeroes(&mut self, handle: Handle, len: u64) -> StreamResult<Vec<u8>> {
        // More than this is not permitted anyway, and is not made for that.
        let most = if self.permit(handle)? > 0 { PIECE } else { 0 };
        match usize::try_from(len) {
            Ok(len) if len <= most => Ok(vec![0; len]),
            _ => Err(unpermitted(usize::try_from(len).unwrap_or(usize::MAX))),
        }
    }
}

/// The handle of a resource, in a function of streams.
fn of<T: 'static>(resource: &Resource<T>) -> StreamResult<Handle> {
    Handle::of(resource).map_err(StreamError::Trap)
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

impl<H: Host> Streams for State<H> {
    fn convert_stream_error(&mut self, error: StreamError) -> wasmtime::Result<WitStreamError> {
        match error {
            StreamError::Closed => Ok(WitStreamError::Closed),
            StreamError::LastOperationFailed(error) => {
                Ok(WitStreamError::LastOperationFailed(self.table().push(error)?))
            }
            StreamError::Trap(error) => Err(error),
        }
    }
}

impl<H: Host> HostInputStream for State<H> {
    fn read(&mut self, stream: Input, len: u64) -> StreamResult<Vec<u8>> {
        self.read_now(of(&stream)?, len).map(Vec::from)
    }

    fn blocking_read(&mut self, stream: Input, len: u64) -> StreamResult<Vec<u8>> {
        self.read_blocking(of(&stream)?, len).map(Vec::from)
    }

    fn skip(&mut self, stream: Input, len: u64) -> StreamResult<u64> {
        self.read_now(of(&stream)?, len).map(|bytes| count(bytes.len()))
    }

    fn blocking_skip(&mut self, stream: Input, len: u64) -> StreamResult<u64> {
        self.read_blocking(of(&stream)?, len)
            .map(|bytes| count(bytes.len()))
    }

    fn subscribe(&mut self, stream: Input) -> wasmtime::Result<Resource<DynPollable>> {
        let handle = Handle::of(&stream)?;
        self.subscribe(handle)?;
        Ok(handle.own())
    }

    fn drop(&mut self, stream: Input) -> wasmtime::Result<()> {
        self.drop_stream(Handle::of(&stream)?)
    }
}

impl<H: Host> HostOutputStream for State<H> {
    fn check_write(&mut self, stream: Output) -> StreamResult<u64> {
        self.permit(of(&stream)?).map(count)
    }

    fn write(&mut self, stream: Output, contents: Vec<u8>) -> StreamResult<()> {
        self.write_now(of(&stream)?, &contents)
    }

    fn blocking_write_and_flush(&mut self, stream: Output, contents: Vec<u8>) -> StreamResult<()> {
        self.write_blocking(of(&stream)?, &contents)
    }

    fn flush(&mut self, stream: Output) -> StreamResult<()> {
        self.flush_now(of(&stream)?)
    }

    fn blocking_flush(&mut self, stream: Output) -> StreamResult<()> {
        self.flush_blocking(of(&stream)?)
    }

    fn subscribe(&mut self, stream: Output) -> wasmtime::Result<Resource<DynPollable>> {
        let handle = Handle::of(&stream)?;
        self.subscribe(handle)?;
        Ok(handle.own())
    }

    fn write_zeroes(&mut self, stream: Output, len: u64) -> StreamResult<()> {
        let handle = of(&stream)?;
        let zeroes = self.zeroes(handle, len)?;
        self.write_now(handle, &zeroes)
    }

    fn blocking_write_zeroes_and_flush(&mut self, stream: Output, len: u64) -> StreamResult<()> {
        let handle = of(&stream)?;
        self.wait_for_permit(handle)?;
        let zeroes = self.zeroes(handle, len)?;
        self.write_blocking(handle, &zeroes)
    }

    fn splice(&mut self, stream: Output, from: Input, len: u64) -> StreamResult<u64> {
        let (to, from) = (of(&stream)?, of(&from)?);
        let len = len.min(count(self.permit(to)?));
        if len == 0 {
            return Ok(0);
        }
        let bytes = self.read_now(from, len)?;
        self.write_now(to, &bytes)?;
        Ok(count(bytes.len()))
    }

    fn blocking_splice(&mut self, stream: Output, from: Input, len: u64) -> StreamResult<u64> {
        let (to, from) = (of(&stream)?, of(&from)?);
        let len = len.min(count(self.wait_for_permit(to)?));
        if len == 0 {
            return Ok(0);
        }
        let bytes = self.read_blocking(from, len)?;
        // What the other one waited for may have filled this one.
        self.wait_for_permit(to)?;
        self.write_now(to, &bytes)?;
        self.flush_blocking(to)?;
        Ok(count(bytes.len()))
    }

    fn drop(&mut self, stream: Output) -> wasmtime::Result<()> {
        self.drop_stream(Handle::of(&stream)?)
    }
}

impl<H: Host> State<H> {
    /// Drops a stream. That of a socket leaves the socket open, and what was written to it goes out.
    fn drop_stream(&mut self, handle: Handle) -> wasmtime::Result<()> {
        match handle.role {
            Role::Input | Role::Output => {
                self.check_childless(handle)?;
                self.slot(handle.slot)?.stream_dropped(handle.role);
                Ok(())
            }
            Role::Itself => self.drop_object(handle),
            Role::Stdio => self.stdio.dropped(handle.slot),
            Role::Network => Ok(()),
        }
    }
}
