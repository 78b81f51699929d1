//! Socket options: every value is the kernel's, read back from it.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use super::state::Socket;
use crate::addr::{Domain, Kind};
use crate::errno::{Errno, Result};
use crate::fd::{Slots, Target, find};
use crate::gate::Gate;
use crate::guest::{GuestThread, is_only_guest};
use crate::host::Host;
use crate::netdevice::{self, InterfaceChoice};
use crate::open_file::OpenFile;
use crate::option::{OptKind, OptValue, PeerProgram, SockOpt};
use crate::policy::Protocol;
use crate::sync::lock;

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// getsockopt(2).
    ///
    /// # Errors
    /// `ENOPROTOOPT` (not an option of this socket, or it cannot be read), `EOPNOTSUPP` (refused:
    /// `SO_BINDTODEVICE`), `EBADF`, `ENOTSOCK`.
    pub fn option(&mut self, fd: impl Target<T::Pin>, option: SockOpt) -> Result<OptValue> {
        let result = self.with_socket(fd, |call, socket| match option.kind() {
            OptKind::Name => Err(Errno::EOPNOTSUPP),
            OptKind::Membership | OptKind::Bytes => Err(Errno::ENOPROTOOPT),
            OptKind::Fact if option == SockOpt::PeerCred => {
                peer_program(call.host, socket).map(OptValue::Peer)
            }
            OptKind::Int if option == SockOpt::Broadcast && socket.broadcast.get() => Ok(OptValue::Int(1)),
            OptKind::Int | OptKind::Time | OptKind::Linger | OptKind::Interface4 | OptKind::Fact => {
                match call.host.option(&socket.io, option)? {
                    OptValue::Error(None) => Ok(OptValue::Error(socket.kept_error.take())),
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

    /// getsockopt(2) of an option whose value is bytes of the system's own ([`OptKind::Bytes`]): how many of `room` they fill,
    /// of which [`MAX_OPTION_BYTES`](crate::MAX_OPTION_BYTES) are enough. What does not fit is cut.
    ///
    /// # Errors
    /// `ENOPROTOOPT` (not such an option, or not one of this socket), `EOPNOTSUPP`, `EBADF`, `ENOTSOCK`.
    pub fn option_bytes(
        &mut self,
        fd: impl Target<T::Pin>,
        option: SockOpt,
        room: &mut [u8],
    ) -> Result<usize> {
        let result = self.with_socket(fd, |call, socket| match option.kind() {
            OptKind::Bytes => call.host.option_bytes(&socket.io, option, room),
            _ => Err(Errno::ENOPROTOOPT),
        });
        self.traced(
            "getsockopt",
            result,
            |len| *len as u64,
            format_args!("{fd}, {}", option.name()),
        )
    }

    /// Takes the pending error of a socket, for an adapter that reports it by an event, and keeps it for the program
    /// ([`GuestThread::keep_error`]).
    ///
    /// # Errors
    /// `EBADF`, `ENOTSOCK`.
    pub fn take_error(&mut self, fd: impl Target<T::Pin>) -> Result<Option<Errno>> {
        self.with_socket(fd, |call, socket| {
            match call.host.option(&socket.io, SockOpt::Error)? {
                OptValue::Error(Some(errno)) => {
                    socket.kept_error.keep(Some(errno));
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
    pub fn keep_error(&mut self, fd: impl Target<T::Pin>, errno: Errno) -> Result<()> {
        self.with_socket(fd, |_, socket| {
            socket.kept_error.keep(Some(errno));
            Ok(())
        })
    }

    /// setsockopt(2).
    ///
    /// # Errors
    /// `ENOPROTOOPT` (not an option of this socket, or read-only), `EINVAL`, `EDOM` (a time out of range),
    /// `EOPNOTSUPP` (refused: `SO_BINDTODEVICE`), `EACCES` (a multicast group that the policy does not let the
    /// guest listen on), `ENODEV` and, for `IP_MULTICAST_IF` with an address, `EADDRNOTAVAIL` (an interface that does not exist, or
    /// that the policy does not show: [`GuestThread::interfaces`]), `EPERM` (refused: `TCP_CONGESTION`, `IP_FREEBIND` that is
    /// switched on, `SO_BUSY_POLL` that is raised), `ENOBUFS` (`SO_SNDBUF` and `SO_RCVBUF` beyond the guest's limit of buffers), `EBADF`, `ENOTSOCK`.
    ///
    /// `SO_BROADCAST` can always be set. Where the policy does not allow broadcasts it has no effect.
    ///
    /// # Portability
    /// A UNIX socket's `SO_SNDBUF` becomes no larger than it begins with, as on a Linux whose `net.core.wmem_max` is no
    /// larger than the default: what was sent outlives its sender in the receiver's queue, and would count against no
    /// guest.
    pub fn set_option(&mut self, fd: impl Target<T::Pin>, option: SockOpt, value: OptValue) -> Result<()> {
        let result = self.do_set_option(fd, option, value);
        self.traced(
            "setsockopt",
            result,
            |()| 0,
            format_args!("{fd}, {}, {value:?}", option.name()),
        )
    }

    fn do_set_option(&mut self, fd: impl Target<T::Pin>, option: SockOpt, value: OptValue) -> Result<()> {
        let entry = find(&fd, &self.guest.table)?;
        let socket = entry.socket()?;
        match option.kind() {
            OptKind::Name => return Err(Errno::EOPNOTSUPP),
            OptKind::Fact => return Err(Errno::ENOPROTOOPT),
            OptKind::Bytes => {
                // Another congestion control takes from other connections, and its name may load a module of the kernel.
                let refused = option == SockOpt::TcpCongestion && is_tcp(socket);
                return Err(if refused { Errno::EPERM } else { Errno::ENOPROTOOPT });
            }
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
        match (option, value) {
            (SockOpt::BusyPoll, OptValue::Int(wanted)) => check_busy_poll(&mut self.host, socket, wanted)?,
            // A datagram of IPv6 could then name any source, and rules are asked about the address of a bind only.
            (SockOpt::IpFreebind, OptValue::Int(on)) if on != 0 => return Err(Errno::EPERM),
            _ => {}
        }
        // Joining a group is a way to be reached at its address.
        if option.joins()
            && let Some(group) = value.group()
        {
            let port = self
                .host
                .local_addr(&socket.io)?
                .inet()
                .map_or(0, |addr| addr.port());
            self.guest
                .gate
                .listen("setsockopt", Protocol::Udp, SocketAddr::new(group, port))?;
        }
        let (choice, unknown) = chosen_interface(option, value);
        netdevice::check(&mut self.host, &self.guest.gate, choice, unknown)?;
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
            (SockOpt::UdpSegment, Ok(OptValue::Int(bytes))) => {
                socket
                    .segment
                    .store(u16::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
            }
            _ => {}
        }
        Ok(())
    }
}

fn is_tcp<Io>(socket: &Socket<Io>) -> bool {
    socket.kind == Kind::Stream && socket.domain != Domain::Unix
}

/// The interface that a value names, and the error of one that does not exist.
fn chosen_interface(option: SockOpt, value: OptValue) -> (Option<InterfaceChoice>, Errno) {
    let by_index = (option == SockOpt::Ipv6MulticastIf).then_some(value);
    match value {
        OptValue::Interface4(ip) => (InterfaceChoice::address(ip), Errno::EADDRNOTAVAIL),
        OptValue::Membership4 { interface, .. } | OptValue::Source4 { interface, .. } => {
            (InterfaceChoice::address(interface), Errno::ENODEV)
        }
        OptValue::Interface(index) => (InterfaceChoice::index(index), Errno::EADDRNOTAVAIL),
        OptValue::Membership6 { interface, .. }
        | OptValue::Group { interface, .. }
        | OptValue::GroupSource { interface, .. } => (InterfaceChoice::index(interface), Errno::ENODEV),
        _ => match by_index {
            Some(OptValue::Int(index)) => (InterfaceChoice::index(index.cast_unsigned()), Errno::ENODEV),
            _ => (None, Errno::ENODEV),
        },
    }
}

/// Who the peer is. Only of the two ends of a socketpair(2) is it certain by itself: what the kernel knows is the process, which
/// may have other guests.
fn peer_program<H: Host>(host: &mut H, socket: &Socket<H::Io>) -> Result<PeerProgram> {
    if socket.domain != Domain::Unix {
        return Ok(PeerProgram::None);
    }
    if socket.is_of_pair.get() {
        return Ok(PeerProgram::Own);
    }
    let listens = matches!(
        host.option(&socket.io, SockOpt::AcceptConn),
        Ok(OptValue::Flag(true))
    );
    Ok(match host.peer_is_in_process(&socket.io)? {
        None => PeerProgram::None,
        // A listener is its own peer.
        Some(true) if listens || is_only_guest() => PeerProgram::Own,
        Some(_) => PeerProgram::Other,
    })
}

/// `SO_BUSY_POLL`: to raise it needs a privilege that the process may have and the guest has not.
///
/// # Errors
/// `EPERM`; what the host says of a socket without it.
fn check_busy_poll<H: Host>(host: &mut H, socket: &Socket<H::Io>, wanted: i32) -> Result<()> {
    match host.option(&socket.io, SockOpt::BusyPoll)? {
        OptValue::Int(now) if wanted > now => Err(Errno::EPERM),
        _ => Ok(()),
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
