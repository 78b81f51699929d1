//! [`OpenFile`]: what a descriptor stands for, the open file description of open(2).

use std::sync::Arc;

use crate::capacity::{Buffers, SocketPermit};
use crate::cell::Flag;
use crate::errno::{Errno, Result};
use crate::host::StreamKind;
use crate::socket::Socket;

/// What a descriptor is.
#[derive(Debug)]
pub enum OpenFile<Io, F> {
    /// A socket. Boxed: an entry is moved several times on its way into the table and out of it.
    Socket(Box<Socket<Io>>),
    /// A byte stream of the host, such as standard input.
    Stream(Stream<Io>),
    /// A file of the adapter.
    File(F),
}

/// A byte stream that is not a socket of ours.
#[derive(Debug)]
pub struct Stream<Io> {
    pub(crate) io: Io,
    pub(crate) kind: StreamKind,
    pub(crate) nonblocking: Flag,
    /// What it takes of the guest's capacity, if the guest made it.
    pub(crate) _holds: Option<Holds>,
}

/// What a pipe or an epoll takes of its guest's capacity. A pipe's buffer is there as long as either end is.
#[derive(Debug)]
pub(crate) struct Holds {
    _permit: Option<SocketPermit>,
    _buffers: Arc<Buffers>,
}

impl Holds {
    pub(crate) fn new(permit: Option<SocketPermit>, buffers: &Arc<Buffers>) -> Self {
        Holds {
            _permit: permit,
            _buffers: Arc::clone(buffers),
        }
    }
}

impl<Io, F> OpenFile<Io, F> {
    /// The socket that it is.
    ///
    /// # Errors
    /// `ENOTSOCK`.
    #[inline]
    pub fn socket(&self) -> Result<&Socket<Io>> {
        match self {
            OpenFile::Socket(socket) => Ok(socket),
            OpenFile::Stream(_) | OpenFile::File(_) => Err(Errno::ENOTSOCK),
        }
    }
}
