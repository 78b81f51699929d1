//! [`Ready`]: what a descriptor can do now, as poll(2) reports it.

bitflags::bitflags! {
    /// A set of readiness conditions, level-triggered, with poll(2)'s meaning.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Ready: u8 {
        /// `POLLIN`: data, a connection, end of file or an error can be read.
        const READ = 1;
        /// `POLLOUT`: a write would not block.
        const WRITE = 1 << 1;
        /// `POLLERR`: an error is pending. Always reported, asked for or not.
        const ERROR = 1 << 2;
        /// `POLLHUP`: both directions are closed. Always reported, asked for or not.
        const HANGUP = 1 << 3;
        /// `POLLPRI`: urgent data.
        const PRIORITY = 1 << 4;
        /// `POLLRDHUP`: the peer has closed its sending direction.
        const READ_HANGUP = 1 << 5;
    }
}

impl Ready {
    /// The conditions that poll(2) reports whether or not they were asked for.
    pub const ALWAYS: Ready = Ready::ERROR.union(Ready::HANGUP);
}

/// One descriptor of a poll that became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollEvent {
    /// The number that the caller gave with the descriptor.
    pub token: u32,
    /// What it is ready for: the conditions asked for, and [`Ready::ALWAYS`].
    pub ready: Ready,
}

/// The name of a set of descriptors that a host keeps from poll to poll ([`Host::poll_set`](crate::Host::poll_set)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollSet(pub u64);
