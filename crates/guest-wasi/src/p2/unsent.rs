//! [`Unsent`]: the output of a TCP socket: what the guest has written and the kernel has not taken, and whether it may write more.
//!
//! Not here: when it is sent (`send`).

use guestnet_core::{Errno, Result};
use wasmtime_wasi::p2::StreamError;

use super::error::stream_error;

/// The output of a TCP socket.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    pub(crate) bytes: Vec<u8>,
    pub(crate) sent: usize,
    pub(crate) end: End,
}

/// Whether the guest may write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    #[default]
    Open,
    /// The guest has shut it down, and there are bytes to be sent before that.
    Ending,
    Closed,
    /// Reported once; then it is `Closed`.
    Failed(Errno),
}

impl Unsent {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len().saturating_sub(self.sent)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn is_open(&self) -> bool {
        self.end == End::Open
    }

    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    /// Forgets what there was, and gives its memory back: else each connection that was slow once would keep a piece.
    pub(crate) fn clear(&mut self) {
        self.bytes = Vec::new();
        self.sent = 0;
    }

    /// Why nothing more can be written, if that is so.
    ///
    /// # Errors
    /// `Closed`, or what a send has failed with.
    pub(crate) fn check(&mut self) -> Result<(), StreamError> {
        match self.end {
            End::Open => Ok(()),
            End::Ending | End::Closed => Err(StreamError::Closed),
            End::Failed(errno) => {
                self.end = End::Closed;
                Err(stream_error(errno))
            }
        }
    }

    /// [`Unsent::check`] for a flush, which may follow a shutdown.
    pub(crate) fn check_flush(&mut self) -> Result<(), StreamError> {
        if self.end == End::Ending {
            return Ok(());
        }
        self.check()
    }

    /// Takes over what a send has come to, of which nothing more is left to be sent after an error.
    ///
    /// # Errors
    /// `EAGAIN`, `EINTR`.
    pub(crate) fn settle(&mut self, outcome: Result<usize>) -> Result<usize> {
        match outcome {
            Err(errno @ (Errno::EAGAIN | Errno::EINTR)) => Err(errno),
            Err(errno) => {
                self.clear();
                self.end = if errno == Errno::EPIPE {
                    End::Closed
                } else {
                    End::Failed(errno)
                };
                Ok(0)
            }
            sent => sent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_or_failed_leaves_no_memory_behind() {
        let mut output = Unsent::default();
        output.bytes.extend_from_slice(&[1; 1000]);
        output.sent = 1000;
        output.clear();
        assert_eq!((output.bytes.capacity(), output.len()), (0, 0));
        output.bytes.extend_from_slice(&[1; 1000]);
        assert_eq!(output.settle(Err(Errno::ECONNRESET)), Ok(0));
        assert_eq!((output.bytes.capacity(), output.len()), (0, 0));
    }
}
