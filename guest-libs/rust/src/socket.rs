//! What all sockets have: the owner of a descriptor, and by macros the methods and traits that are the same for every type.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(target_os = "wasi")]
use std::sync::Arc;

use crate::addr::{Addr, Domain, Kind};
use crate::sys;

/// The owner of a descriptor.
///
/// WASI cannot duplicate a descriptor, so that there several owners share one.
pub(crate) struct Socket(
    #[cfg(target_os = "wasi")] Arc<OwnedFd>,
    #[cfg(not(target_os = "wasi"))] OwnedFd,
);

/// Programs move sockets between threads and share them, where there are threads.
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Socket>();
};

impl Socket {
    /// socket(2).
    pub(crate) fn open(domain: Domain, kind: Kind) -> io::Result<Self> {
        sys::open(domain, kind).map(Self::from)
    }

    /// socket(2) and bind(2), and what `prepare` does between them.
    pub(crate) fn bind(
        addr: &Addr,
        kind: Kind,
        prepare: impl FnOnce(BorrowedFd<'_>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let socket = Self::open(addr.domain(), kind)?;
        prepare(socket.as_fd())?;
        sys::bind(socket.as_fd(), addr)?;
        Ok(socket)
    }

    /// socket(2) and connect(2).
    pub(crate) fn connect(addr: &Addr, kind: Kind) -> io::Result<Self> {
        let socket = Self::open(addr.domain(), kind)?;
        sys::connect(socket.as_fd(), addr)?;
        Ok(socket)
    }

    /// A second owner.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        #[cfg(target_os = "wasi")]
        return Ok(Self(Arc::clone(&self.0)));
        #[cfg(not(target_os = "wasi"))]
        self.0.try_clone().map(Self)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        #[cfg(target_os = "wasi")]
        let fd = Arc::new(fd);
        Self(fd)
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        #[cfg(target_os = "wasi")]
        #[expect(
            clippy::expect_used,
            reason = "the trait has no error, and a descriptor with two owners would be closed under one of them"
        )]
        return Arc::into_inner(socket.0).expect("a socket with a clone cannot give its descriptor away");
        #[cfg(not(target_os = "wasi"))]
        socket.0
    }
}

/// Whether `recv` and its like wait, and whether what they show stays.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RecvFlags {
    pub(crate) peek: bool,
    pub(crate) dont_wait: bool,
}

impl RecvFlags {
    pub(crate) const PEEK: Self = Self {
        peek: true,
        dont_wait: false,
    };
}

/// What `recvfrom` has received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) len: usize,
    pub(crate) from: Addr,
    /// Whether the datagram was longer than the buffer.
    pub(crate) truncated: bool,
}

/// The traits of a descriptor's number, for a type that has those of its owner.
macro_rules! raw_descriptor_traits {
    ($ty:ident) => {
        impl std::os::fd::AsRawFd for $ty {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsRawFd::as_raw_fd(&std::os::fd::AsFd::as_fd(self))
            }
        }

        impl std::os::fd::IntoRawFd for $ty {
            /// # Panics
            /// On WASI, while a clone of it exists: WASI cannot duplicate a descriptor.
            fn into_raw_fd(self) -> std::os::fd::RawFd {
                std::os::fd::IntoRawFd::into_raw_fd(std::os::fd::OwnedFd::from(self))
            }
        }
    };
}

/// The traits of descriptors, and the conversions through them; `$std` is std's type of the same name.
macro_rules! descriptor_traits {
    ($ty:ident $(, $std:ty)?) => {
        impl std::os::fd::AsFd for $ty {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                std::os::fd::AsFd::as_fd(&self.0)
            }
        }

        crate::socket::raw_descriptor_traits!($ty);

        impl std::os::fd::FromRawFd for $ty {
            #[expect(unsafe_code, reason = "the trait's function is unsafe")]
            unsafe fn from_raw_fd(fd: std::os::fd::RawFd) -> Self {
                // SAFETY: the caller owns the descriptor.
                Self::from(unsafe { std::os::fd::OwnedFd::from_raw_fd(fd) })
            }
        }

        impl From<std::os::fd::OwnedFd> for $ty {
            fn from(fd: std::os::fd::OwnedFd) -> Self {
                Self(crate::socket::Socket::from(fd))
            }
        }

        impl From<$ty> for std::os::fd::OwnedFd {
            /// # Panics
            /// On WASI, while a clone of it exists: WASI cannot duplicate a descriptor.
            fn from(socket: $ty) -> Self {
                Self::from(socket.0)
            }
        }

        $(
            impl From<$std> for $ty {
                fn from(socket: $std) -> Self {
                    Self::from(std::os::fd::OwnedFd::from(socket))
                }
            }

            impl From<$ty> for $std {
                /// # Panics
                /// On WASI, while a clone of it exists: WASI cannot duplicate a descriptor.
                fn from(socket: $ty) -> Self {
                    Self::from(std::os::fd::OwnedFd::from(socket))
                }
            }
        )?
    };
}

/// `Read` and `Write` of a stream and of a reference to it.
macro_rules! stream_traits {
    ($($ty:ty),*) => {
        $(
            impl std::io::Read for $ty {
                fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
                    crate::sys::recv(
                        std::os::fd::AsFd::as_fd(&self.0),
                        buf,
                        crate::socket::RecvFlags::default(),
                    )
                }

                fn read_vectored(&mut self, bufs: &mut [std::io::IoSliceMut<'_>]) -> std::io::Result<usize> {
                    crate::sys::recv_vectored(std::os::fd::AsFd::as_fd(&self.0), bufs)
                }
            }

            impl std::io::Write for $ty {
                fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
                    crate::sys::send(std::os::fd::AsFd::as_fd(&self.0), buf)
                }

                fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
                    crate::sys::send_vectored(std::os::fd::AsFd::as_fd(&self.0), bufs)
                }

                /// Does nothing: the host has what was written.
                fn flush(&mut self) -> std::io::Result<()> {
                    Ok(())
                }
            }
        )*
    };
}

/// Methods that std has for every socket.
macro_rules! every_socket {
    () => {
        /// A second owner of the same socket.
        ///
        /// On Linux it has a descriptor of its own. WASI cannot duplicate one: there both share it, and it is closed when the last
        /// of them is dropped. As long as there are two, neither can give the descriptor away: `into_raw_fd` and the conversions
        /// into `OwnedFd` and std's type panic.
        ///
        /// # Errors
        /// `EMFILE` on Linux when there is no descriptor left.
        pub fn try_clone(&self) -> std::io::Result<Self> {
            self.0.try_clone().map(Self)
        }

        /// Whether calls return `WouldBlock` (`true`) or wait.
        ///
        /// # Errors
        /// None for a socket.
        pub fn set_nonblocking(&self, nonblocking: bool) -> std::io::Result<()> {
            crate::sys::set_nonblocking(std::os::fd::AsFd::as_fd(self), nonblocking)
        }

        /// `SO_ERROR`: the error that came up since the last call, which clears it.
        ///
        /// # Errors
        /// None for a socket.
        pub fn take_error(&self) -> std::io::Result<Option<std::io::Error>> {
            crate::option::take_error(std::os::fd::AsFd::as_fd(self))
        }
    };
}

/// The method that std has for every socket that is connected, but not for UDP.
macro_rules! halves {
    ($(#[$doc:meta])*) => {
        /// shutdown(2): ends one direction or both.
        $(#[$doc])*
        ///
        /// # Errors
        /// `NotConnected` without a peer.
        pub fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
            crate::sys::shutdown(std::os::fd::AsFd::as_fd(self), how)
        }
    };
}

/// Methods that std has for every socket but listeners.
macro_rules! every_connection {
    () => {
        /// `SO_RCVTIMEO`: how long a read waits before it is `WouldBlock`; `None` is for ever.
        ///
        /// # Errors
        /// `InvalidInput` for a timeout of zero.
        pub fn set_read_timeout(&self, timeout: Option<std::time::Duration>) -> std::io::Result<()> {
            crate::option::set_timeout(
                std::os::fd::AsFd::as_fd(self),
                crate::option::Direction::Read,
                timeout,
            )
        }

        /// `SO_SNDTIMEO`: how long a write waits before it is `WouldBlock`; `None` is for ever.
        ///
        /// # Errors
        /// `InvalidInput` for a timeout of zero.
        pub fn set_write_timeout(&self, timeout: Option<std::time::Duration>) -> std::io::Result<()> {
            crate::option::set_timeout(
                std::os::fd::AsFd::as_fd(self),
                crate::option::Direction::Write,
                timeout,
            )
        }

        /// `SO_RCVTIMEO`. The kernel keeps ticks, so that it may be a little more than what was set.
        ///
        /// # Errors
        /// None for a socket.
        pub fn read_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
            crate::sys::timeout(
                std::os::fd::AsFd::as_fd(self),
                crate::option::Direction::Read,
            )
        }

        /// `SO_SNDTIMEO`. The kernel keeps ticks, so that it may be a little more than what was set.
        ///
        /// # Errors
        /// None for a socket.
        pub fn write_timeout(&self) -> std::io::Result<Option<std::time::Duration>> {
            crate::sys::timeout(
                std::os::fd::AsFd::as_fd(self),
                crate::option::Direction::Write,
            )
        }
    };
}

pub(crate) use {
    descriptor_traits, every_connection, every_socket, halves, raw_descriptor_traits, stream_traits,
};
