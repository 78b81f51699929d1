//! poll(2)'s own form of a question: a descriptor and bits of events.

use std::os::fd::RawFd;

use guestnet_core::Ready;

/// What poll(2) is asked about a descriptor.
pub(crate) fn pollfd(fd: RawFd, want: Ready) -> libc::pollfd {
    let mut events = 0;
    for (ready, bit) in POLL_BITS {
        if want.contains(ready) {
            events |= bit;
        }
    }
    libc::pollfd {
        fd,
        events,
        revents: 0,
    }
}

/// The bits of poll(2).
pub(crate) const POLL_BITS: [(Ready, i16); 6] = [
    (Ready::READ, libc::POLLIN),
    (Ready::WRITE, libc::POLLOUT),
    (Ready::ERROR, libc::POLLERR),
    (Ready::HANGUP, libc::POLLHUP),
    (Ready::PRIORITY, libc::POLLPRI),
    (Ready::READ_HANGUP, libc::POLLRDHUP),
];
