//! Socket options: every value is the kernel's, read back from it.

use crate::errno::{Errno, Result};
use crate::fd::{Fd, Slots};
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
    /// guest listen on, or `SO_BROADCAST` where it does not allow broadcasts), `EBADF`, `ENOTSOCK`.
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
        if option == SockOpt::Broadcast && value != OptValue::Int(0) {
            self.gate.broadcast("setsockopt")?;
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
            self.gate.listen(
                "setsockopt",
                Protocol::Udp,
                std::net::SocketAddr::new(group, port),
            )?;
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
