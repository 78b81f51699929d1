//! What a guest is handed when it starts: streams and sockets that are open already.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use guestnet_core::{Domain, Host, Kind, OptValue, Result, SockOpt, StreamKind};

use crate::convert::errno;
use crate::io::{Io, IoKind};
use crate::{OsHost, option};

impl OsHost {
    /// Takes over an open descriptor as a byte stream, such as standard input. Its flags are left alone, because
    /// every process that has the same open file shares them.
    ///
    /// # Errors
    /// What fstat(2) says.
    pub fn adopt_stream(&mut self, fd: OwnedFd) -> Result<Io> {
        let kind = match rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&fd).map_err(errno)?.st_mode) {
            rustix::fs::FileType::CharacterDevice => StreamKind::CharacterDevice,
            rustix::fs::FileType::Fifo => StreamKind::Pipe,
            rustix::fs::FileType::RegularFile => StreamKind::File,
            rustix::fs::FileType::Socket => StreamKind::Socket,
            _ => StreamKind::Unknown,
        };
        let access = rustix::fs::fcntl_getfl(&fd).map_err(errno)? & rustix::fs::OFlags::RWMODE;
        let mut io = Io::new(fd, IoKind::Stream(kind));
        io.shared = true;
        io.no_read = access == rustix::fs::OFlags::WRONLY;
        io.no_write = access == rustix::fs::OFlags::RDONLY;
        Ok(io)
    }

    /// Takes over an open socket, such as a listener of the service manager, and makes it non-blocking.
    ///
    /// # Errors
    /// `ENOTSOCK`, and what fcntl(2) says.
    pub fn adopt_socket(&mut self, fd: OwnedFd) -> Result<Io> {
        let kind = option::kind(fd.as_fd())?;
        let flags = rustix::fs::fcntl_getfl(&fd).map_err(errno)?;
        rustix::fs::fcntl_setfl(&fd, flags | rustix::fs::OFlags::NONBLOCK).map_err(errno)?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC).map_err(errno)?;
        let mut io = Io::new(fd, IoKind::Socket(kind));
        io.shared = true;
        io.note_linger(option::option(io.fd(), SockOpt::Linger));
        Ok(io)
    }

    /// Opens a TCP listener with `SO_REUSEADDR`, for the guest to be handed when it starts.
    ///
    /// # Errors
    /// Those of socket(2), bind(2) and listen(2).
    pub fn listener(&mut self, addr: SocketAddr, backlog: i32) -> Result<Io> {
        let domain = if addr.is_ipv4() {
            Domain::Inet
        } else {
            Domain::Inet6
        };
        let io = self.socket(domain, Kind::Stream)?;
        self.set_option(&io, SockOpt::ReuseAddr, OptValue::Int(1))?;
        self.bind(&io, addr)?;
        Host::listen(self, &io, backlog)?;
        Ok(io)
    }
}
