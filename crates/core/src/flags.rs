//! [`RecvFlags`] and [`SendFlags`]: what a call adds to a transfer. [`Shutdown`]: which transfers it ends.

bitflags::bitflags! {
    /// Flags of a receive (recv(2)).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct RecvFlags: u8 {
        /// `MSG_PEEK`: leave the data in the queue.
        const PEEK = 1;
        /// `MSG_WAITALL`: wait until the buffer is full. The core does the waiting; a host never sees it.
        const WAITALL = 1 << 1;
        /// `MSG_DONTWAIT`: do not block, whatever the descriptor's mode. The core's, as above.
        const DONTWAIT = 1 << 2;
        /// `MSG_TRUNC`: report a datagram's real length even if the buffer is shorter.
        const TRUNC = 1 << 3;
        /// `MSG_OOB`: receive urgent data.
        const OOB = 1 << 4;
    }
}

bitflags::bitflags! {
    /// Flags of a send (send(2)). `MSG_NOSIGNAL` is always on.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct SendFlags: u8 {
        /// `MSG_DONTWAIT`: do not block, whatever the descriptor's mode. The core's; a host never sees it.
        const DONTWAIT = 1;
        /// `MSG_OOB`: send urgent data.
        const OOB = 1 << 1;
        /// `MSG_MORE`: more will follow.
        const MORE = 1 << 2;
    }
}

/// Which directions shutdown(2) closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// `SHUT_RD`.
    Read,
    /// `SHUT_WR`.
    Write,
    /// `SHUT_RDWR`.
    Both,
}
