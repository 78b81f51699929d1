//! Socket options: every value is the kernel's, read back from it.

use std::net::SocketAddr;

use super::state::Socket;
use crate::addr::Domain;
use crate::errno::{Errno, Result};
use crate::fd::{Slots, Target};
use crate::gate::Gate;
use crate::guest::GuestThread;
use crate::host::Host;
use crate::open_file::OpenFile;
use crate::option::{OptKind, OptValue, SockOpt};
use crate::policy::Protocol;
use crate::sync::lock;

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// getsockopt(2).
    ///
    /// # Errors
    /// `ENOPROTOOPT` (not an option of this socket, or it cannot be read), `EOPNOTSUPP` (refused:
    /// `SO_BINDTODEVICE`), `EBADF`, `ENOTSOCK`.
    pub fn option(&mut self, fd: impl Into<Target<T::Pin>>, option: SockOpt) -> Result<OptValue> {
        let fd = &fd.into();
        let result = self.with_socket(fd, |call, socket| match option.kind() {
            OptKind::Name => Err(Errno::EOPNOTSUPP),
            OptKind::Membership => Err(Errno::ENOPROTOOPT),
            OptKind::Int if option == SockOpt::Broadcast && socket.broadcast.get() => Ok(OptValue::Int(1)),
            OptKind::Int | OptKind::Time | OptKind::Linger | OptKind::Interface4 | OptKind::Fact => {
                match call.host.option(&socket.io, option)? {
                    OptValue::Error(None) => Ok(OptValue::Error(lock(&socket.kept_error).take())),
                    value => Ok(value),
                }
            }
        });
        self.traced(
            "getsockopt",
            result,
            |_| 0,
            format_args!("{fd}, {}, {:?}", option.name(), result),
        )
    }

    /// Takes the pending error of a socket, for an adapter that reports it by an event, and keeps it for the program
    /// ([`GuestThread::keep_error`]).
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`.
    pub fn take_error(&mut self, fd: impl Into<Target<T::Pin>>) -> Result<Option<Errno>> {
        self.with_socket(&fd.into(), |call, socket| {
            match call.host.option(&socket.io, SockOpt::Error)? {
                OptValue::Error(Some(errno)) => {
                    *lock(&socket.kept_error) = Some(errno);
                    Ok(Some(errno))
                }
                _ => Ok(None),
            }
        })
    }

    /// Keeps an error that the adapter took from the socket to report it by an event: the next `SO_ERROR` returns it, once,
    /// unless there is a newer one or a connect began. So a program that asks in its event handler learns what Linux would
    /// say.
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`.
    pub fn keep_error(&mut self, fd: impl Into<Target<T::Pin>>, errno: Errno) -> Result<()> {
        self.with_socket(&fd.into(), |_, socket| {
            *lock(&socket.kept_error) = Some(errno);
            Ok(())
        })
    }

    /// setsockopt(2).
    ///
    /// # Errors
    /// `ENOPROTOOPT` (not an option of this socket, or read-only), `EINVAL`, `EDOM` (a time out of range),
    /// `EOPNOTSUPP` (refused: `SO_BINDTODEVICE`), `EACCES` (a multicast group that the policy does not let the
    /// guest listen on), `ENOBUFS` (`SO_SNDBUF` and `SO_RCVBUF` beyond the guest's limit of buffers), `EBADF`,
    /// `ENOTSOCK`.
    ///
    /// `SO_BROADCAST` can always be set. Where the policy does not allow broadcasts it has no effect.
    ///
    /// # Portability
    /// A UNIX socket's `SO_SNDBUF` becomes no larger than it begins with, as on a Linux whose `net.core.wmem_max` is no
    /// larger than the default: what was sent outlives its sender in the receiver's queue, and would count against no
    /// guest.
    pub fn set_option(
        &mut self,
        fd: impl Into<Target<T::Pin>>,
        option: SockOpt,
        value: OptValue,
    ) -> Result<()> {
        let fd = &fd.into();
        let result = self.do_set_option(fd, option, value);
        self.traced(
            "setsockopt",
            result,
            |()| 0,
            format_args!("{fd}, {}, {value:?}", option.name()),
        )
    }

    fn do_set_option(&mut self, fd: &Target<T::Pin>, option: SockOpt, value: OptValue) -> Result<()> {
        let entry = fd.entry(&self.guest.table)?;
        let socket = entry.socket()?;
        match option.kind() {
            OptKind::Name => return Err(Errno::EOPNOTSUPP),
            OptKind::Fact => return Err(Errno::ENOPROTOOPT),
            OptKind::Int | OptKind::Time | OptKind::Linger | OptKind::Interface4 | OptKind::Membership => {}
        }
        if option == SockOpt::Broadcast {
            let refused = value != OptValue::Int(0) && !self.guest.gate.broadcast("setsockopt");
            socket.broadcast.set(refused);
            if refused {
                // Who sets it to be on the safe side goes on; a broadcast is EACCES, as without it.
                return Ok(());
            }
        }
        // Joining a group is a way to be reached at its address.
        let group = match (option, value) {
            (SockOpt::IpAddMembership, OptValue::Membership4 { group, .. }) => Some(group.into()),
            (SockOpt::Ipv6JoinGroup, OptValue::Membership6 { group, .. }) => Some(group.into()),
            _ => None,
        };
        if let Some(group) = group {
            let port = self
                .host
                .local_addr(&socket.io)?
                .inet()
                .map_or(0, |addr| addr.port());
            self.guest
                .gate
                .listen("setsockopt", Protocol::Udp, SocketAddr::new(group, port))?;
        }
        let size = match (option, value) {
            (SockOpt::SndBuf | SockOpt::RcvBuf, OptValue::Int(size)) => Some(size),
            _ => None,
        };
        match size {
            Some(size) => set_buffer(&mut self.host, socket, option, size)?,
            None => self.host.set_option(&socket.io, option, value)?,
        }
        // The kernel's descriptor never blocks, so the limits are kept here, as the kernel rounded them.
        match (option, self.host.option(&socket.io, option)) {
            (SockOpt::RcvTimeo, Ok(OptValue::Time(limit))) => socket.recv_timeout.set(limit),
            (SockOpt::SndTimeo, Ok(OptValue::Time(limit))) => socket.send_timeout.set(limit),
            (SockOpt::RcvLowat, Ok(OptValue::Int(bytes))) => {
                socket.low_water.set(usize::try_from(bytes).unwrap_or(1));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Sets `SO_SNDBUF` or `SO_RCVBUF`, if the guest has room for what the kernel makes of it. What it had at most stays
/// taken: a buffer that is made smaller still holds what was in it.
///
/// # Errors
/// `ENOBUFS`; then the size is what it was. What the host says.
fn set_buffer<H: Host>(host: &mut H, socket: &Socket<H::Io>, option: SockOpt, size: i32) -> Result<()> {
    if socket.domain == Domain::Unix {
        // The kernel doubles what it is given.
        let most = i32::try_from(socket.send_buffer() / 2).unwrap_or(i32::MAX);
        let size = if option == SockOpt::SndBuf && size > 0 {
            size.min(most)
        } else {
            size
        };
        return host.set_option(&socket.io, option, OptValue::Int(size));
    }
    let bytes = |value| match value {
        OptValue::Int(bytes) => usize::try_from(bytes).unwrap_or(0),
        _ => 0,
    };
    // Held while the size is changed and counted, so that no other thread's change gets in between.
    let mut asked = lock(&socket.asked);
    let [send, receive] = &mut *asked;
    let most = if option == SockOpt::SndBuf { send } else { receive };
    let before = bytes(host.option(&socket.io, option)?);
    host.set_option(&socket.io, option, OptValue::Int(size))?;
    let after = bytes(host.option(&socket.io, option)?);
    let more = after.saturating_sub(*most);
    if socket
        .buffers
        .grow(u64::try_from(more).unwrap_or(u64::MAX))
        .is_err()
    {
        let before = i32::try_from(before / 2).unwrap_or(i32::MAX);
        host.set_option(&socket.io, option, OptValue::Int(before))?;
        return Err(Errno::ENOBUFS);
    }
    *most = after.max(*most);
    Ok(())
}

/// Gives the observer the reason why a broadcast failed on a socket whose `SO_BROADCAST` has no effect.
pub(super) fn record_broadcast<Io, T>(
    gate: &Gate,
    socket: &Socket<Io>,
    call: &'static str,
    to: SocketAddr,
    outcome: &Result<T>,
) {
    if matches!(outcome, Err(Errno::EACCES)) && socket.broadcast.get() {
        gate.broadcast_refused(call, to);
    }
}
