//! close(2) of a socket with `SO_LINGER`, which waits.

use std::time::{Duration, Instant};

use guestnet_core::{OptValue, SockOpt};
use rustix::net::AddressFamily;

use crate::io::Io;
use crate::stop::Stop;
use crate::{option, sys, wait};

/// How often a lingering close looks whether the peer has everything; poll(2) does not report it.
const LONGEST_LINGER_PAUSE: Duration = Duration::from_millis(5);

/// Waits as close(2) would with a linger time: until the peer has everything or the time is over. The kernel's
/// own wait cannot be ended by a [`Stopper`](crate::Stopper), not even on a non-blocking descriptor.
pub(crate) fn linger(io: &Io, stop: &Stop) {
    let Ok(OptValue::Linger { on: true, seconds }) = option::option(io.fd(), SockOpt::Linger) else {
        return;
    };
    let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
    let deadline = Instant::now().checked_add(limit);
    // UNIX sockets have nothing to wait for; an unconnected one neither.
    let connected = || matches!(rustix::net::getpeername(io.fd()), Ok(Some(peer)) if peer.address_family() != AddressFamily::UNIX);
    if !connected() || rustix::net::shutdown(io.fd(), rustix::net::Shutdown::Write).is_err() {
        return;
    }
    let mut pause = Duration::from_micros(100);
    while connected() && sys::unacknowledged(io.fd()).is_ok_and(|count| count > 0) {
        let left = deadline.map_or(pause, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        if left.is_zero() || wait::sleep(pause.min(left), stop).is_err() {
            return;
        }
        pause = (pause * 2).min(LONGEST_LINGER_PAUSE);
    }
}
