//! `wasi:cli/{stdin,stdout,stderr}`: the core's descriptors 0, 1 and 2 as streams.

use std::io::{IoSlice, IoSliceMut};

use bytes::Bytes;
use guestnet_core::{Errno, Host};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::cli::{stderr, stdin, stdout};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, StreamError};

use super::ctx::State;
use super::error::{stream_error, unpermitted};
use super::lend::{Lent, PIECE};
use super::object::Handle;

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

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
