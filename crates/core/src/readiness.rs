//! [`Ready`]: what a descriptor can do now, as poll(2) reports it; what poll(2) and epoll(7) ask and report.

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

bitflags::bitflags! {
    /// How an epoll(7) watches a descriptor.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct EpollMode: u8 {
        /// `EPOLLET`: report changes only.
        const EDGE = 1;
        /// `EPOLLONESHOT`: report once, until it is changed.
        const ONESHOT = 1 << 1;
        /// `EPOLLEXCLUSIVE`: wake one of several epolls only.
        const EXCLUSIVE = 1 << 2;
    }
}

/// An operation of epoll_ctl(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpollOp {
    /// `EPOLL_CTL_ADD`.
    Add(EpollInterest),
    /// `EPOLL_CTL_MOD`.
    Modify(EpollInterest),
    /// `EPOLL_CTL_DEL`.
    Delete,
}

/// What an epoll(7) watches a descriptor for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpollInterest {
    /// The conditions.
    pub ready: Ready,
    /// How.
    pub mode: EpollMode,
    /// Comes back with each event.
    pub data: u64,
}

/// One event of an epoll(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpollEvent {
    /// What is ready.
    pub ready: Ready,
    /// What was given with the interest.
    pub data: u64,
}
