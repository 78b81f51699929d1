//! `wasi:cli/{stdin,stdout,stderr}`: the core's descriptors 0, 1 and 2 as streams.

use std::io::{IoSlice, IoSliceMut};

use bytes::Bytes;
use guestnet_core::{Errno, Host};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{stderr, stdin, stdout};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, StreamError};

use super::ctx::State;
use super::error::{has_children, stream_error, unpermitted, wrong_kind};
use super::lend::{Lent, PIECE};
use super::object::{Handle, Role};

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

/// What the guest has of each standard stream. All that it gets of one have one number, and are told apart by their count.
#[derive(Debug, Default)]
pub(crate) struct Stdio {
    streams: [u32; 3],
    pollables: [u32; 3],
}

impl Stdio {
    /// Gives the guest a stream.
    fn give<T: 'static>(&mut self, stream: u32) -> wasmtime::Result<Resource<T>> {
        *count(&mut self.streams, stream)? += 1;
        Ok(Handle::new(Role::Stdio, stream).own())
    }

    pub(crate) fn pollables(&mut self, stream: u32) -> wasmtime::Result<&mut u32> {
        count(&mut self.pollables, stream)
    }

    /// The guest has dropped a stream.
    ///
    /// # Errors
    /// It was the last one, and the guest has a pollable yet.
    pub(crate) fn dropped(&mut self, stream: u32) -> wasmtime::Result<()> {
        let left = count(&mut self.streams, stream)?;
        *left = left.saturating_sub(1);
        if *left == 0 && *self.pollables(stream)? != 0 {
            return Err(has_children());
        }
        Ok(())
    }
}

fn count(counts: &mut [u32; 3], stream: u32) -> wasmtime::Result<&mut u32> {
    let count = usize::try_from(stream)
        .ok()
        .and_then(|stream| counts.get_mut(stream));
    count.ok_or_else(wrong_kind)
}

impl<H: Host> State<H> {
    pub(crate) fn read_stdin(&mut self, mut lent: Lent) -> Result<Bytes, StreamError> {
        if lent.room().is_empty() {
            return Ok(Bytes::new());
        }
        match self.ctx.guest.read(STDIN, &mut [IoSliceMut::new(lent.room())]) {
            Ok(0) => Err(StreamError::Closed),
            Ok(len) => Ok(lent.filled(len)),
            Err(Errno::EAGAIN) => Ok(Bytes::new()),
            Err(errno) => Err(stream_error(errno)),
        }
    }

    pub(crate) fn check_stdio_write(&mut self, handle: Handle) -> Result<usize, StreamError> {
        match self.ctx.guest.open_file(handle.slot) {
            Ok(_) => Ok(PIECE),
            Err(errno) => Err(stream_error(errno)),
        }
    }

    /// Writes all of it. It waits for a reader who is slow: what a program prints has no place in the host to wait in.
    pub(crate) fn write_stdio(&mut self, handle: Handle, mut bytes: &[u8]) -> Result<(), StreamError> {
        if bytes.len() > PIECE {
            return Err(unpermitted(bytes.len()));
        }
        while !bytes.is_empty() {
            match self.ctx.guest.write(handle.slot, &mut [IoSlice::new(bytes)]) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::EAGAIN) => {
                    self.wait(&[handle], true).map_err(StreamError::Trap)?;
                }
                Err(errno) => return Err(stream_error(errno)),
            }
        }
        Ok(())
    }
}

impl<H: Host> stdin::Host for State<H> {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        self.stdio.give(STDIN)
    }
}

impl<H: Host> stdout::Host for State<H> {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.stdio.give(STDOUT)
    }
}

impl<H: Host> stderr::Host for State<H> {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.stdio.give(STDERR)
    }
}
