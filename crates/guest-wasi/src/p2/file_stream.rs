//! Streams of files: wasmtime-wasi's, without the threads on which it reads ahead. So everything that a guest polls is ours, and
//! a file's streams never wait, as with poll(2).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use guestnet_core::Fd;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, StreamError};

use super::error::unpermitted;
use super::lend::PIECE;

/// A file that is read from a place on.
pub(crate) struct Reader {
    /// `None` after its end or an error.
    pub(crate) stream: Option<DynInputStream>,
    /// The descriptor that the file counts as.
    pub(crate) file: Option<Fd>,
}

/// A file that is written from a place on, or at its end.
pub(crate) struct Writer {
    /// `None` after an error.
    pub(crate) stream: Option<DynOutputStream>,
    /// As of a [`Reader`].
    pub(crate) file: Option<Fd>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writer")
    }
}

impl Reader {
    pub(crate) fn read(&mut self, len: usize) -> Result<Bytes, StreamError> {
        let stream = self.stream.as_mut().ok_or(StreamError::Closed)?;
        if len == 0 {
            return Ok(Bytes::new());
        }
        let result = at_once(stream.blocking_read(len));
        if result.is_err() {
            self.stream = None;
        }
        result
    }
}

impl Writer {
    pub(crate) fn check(&self) -> Result<(), StreamError> {
        self.stream.as_ref().map(drop).ok_or(StreamError::Closed)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        let stream = self.stream.as_mut().ok_or(StreamError::Closed)?;
        if bytes.len() > PIECE {
            return Err(unpermitted(bytes.len()));
        }
        if bytes.is_empty() {
            return Ok(());
        }
        let result = at_once(stream.blocking_write_and_flush(Bytes::copy_from_slice(bytes)));
        if result.is_err() {
            self.stream = None;
        }
        result
    }
}

/// The result of a call that wasmtime-wasi makes on this thread, because the context allows it (`allow_blocking_current_thread`).
fn at_once<T>(
    mut call: Pin<Box<dyn Future<Output = Result<T, StreamError>> + Send + '_>>,
) -> Result<T, StreamError> {
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => Err(StreamError::trap("a call of a file's stream that did not end")),
    }
}
