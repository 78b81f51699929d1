//! Socket options: every value is the kernel's, read back from it.

use std::net::SocketAddr;

use super::Socket;
use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots};
use crate::gate::Gate;
use crate::guest::{Entry, Guest};
use crate::host::Host;
use crate::option::{OptKind, OptValue, SockOpt};
use crate::policy::Protocol;

impl<H: Host, F, T: Slots<Entry<H::Io, F>>> Guest<H, F, T> {
    /// getsockopt(2).
    ///
    /// # Errors
    /// `ENOPROTOOPT` (not an option of this socket, or it cannot be read), `EOPNOTSUPP` (refused:
    /// `SO_BINDTODEVICE`), `EBADF`, `ENOTSOCK`.
    pub fn option(&mut self, fd: Fd, option: SockOpt) -> Result<OptValue> {
        let result = self.with_socket(fd, |host, _, socket| match option.kind() {
            OptKind::Name => Err(Errno::Opnotsupp),
            OptKind::Membership => Err(Errno::Noprotoopt),
            OptKind::Int if option == SockOpt::Broadcast && socket.broadcast.get() => Ok(OptValue::Int(1)),
            OptKind::Int | OptKind::Time | OptKind::Linger | OptKind::Interface4 | OptKind::Fact => {
                host.option(&socket.io, option)
            }
        });
        if self.traced {
            self.trace(
                "getsockopt",
                &result,
                |_| 0,
                format_args!("{fd}, {}, {:?}", option.name(), result),
            );
        }
        result
    }

    /// setsockopt(2).
    ///
    /// # Errors
    /// `ENOPROTOOPT` (not an option of this socket, or read-only), `EINVAL`, `EDOM` (a time out of range),
    /// `EOPNOTSUPP` (refused: `SO_BINDTODEVICE`), `EACCES` (a multicast group that the policy does not let the
    /// guest listen on), `EBADF`, `ENOTSOCK`.
    ///
    /// `SO_BROADCAST` can always be set. Where the policy does not allow broadcasts it has no effect.
    pub fn set_option(&mut self, fd: Fd, option: SockOpt, value: OptValue) -> Result<()> {
        let result = self.do_set_option(fd, option, value);
        if self.traced {
            self.trace(
                "setsockopt",
                &result,
                |()| 0,
                format_args!("{fd}, {}, {value:?}", option.name()),
            );
        }
        result
    }

    fn do_set_option(&mut self, fd: Fd, option: SockOpt, value: OptValue) -> Result<()> {
        let entry = self.table.entry(fd)?;
        let socket = entry.socket()?;
        match option.kind() {
            OptKind::Name => return Err(Errno::Opnotsupp),
            OptKind::Fact => return Err(Errno::Noprotoopt),
            OptKind::Int | OptKind::Time | OptKind::Linger | OptKind::Interface4 | OptKind::Membership => {}
        }
        if option == SockOpt::Broadcast {
            let refused = value != OptValue::Int(0) && !self.gate.broadcast("setsockopt");
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
            self.gate
                .listen("setsockopt", Protocol::Udp, SocketAddr::new(group, port))?;
        }
        self.host.set_option(&socket.io, option, value)?;
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

/// Tells the observer why a broadcast failed on a socket whose `SO_BROADCAST` has no effect.
pub(super) fn tell_broadcast<Io, T>(
    gate: &Gate,
    socket: &Socket<Io>,
    call: &'static str,
    to: SocketAddr,
    outcome: &Result<T>,
) {
    if matches!(outcome, Err(Errno::Acces)) && socket.broadcast.get() {
        gate.broadcast_refused(call, to);
    }
}
