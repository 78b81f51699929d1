//! [`End`]: how a guest ended by itself, or because it was stopped.

/// How a guest ended that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code: `_start` returned (0), `proc_exit`, `std.exit`, or 1 after an error that nothing in a script
    /// caught.
    Exit(i32),
    /// By [`GuestHandle::stop`](crate::GuestHandle::stop).
    Stop,
}
