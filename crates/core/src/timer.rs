//! The arguments of timerfd_create(2) and its like. Not here: the calls, which are in `event`.

use std::time::Duration;

bitflags::bitflags! {
    /// How a timer is set (timerfd_settime(2)).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct TimerFlags: u8 {
        /// `TFD_TIMER_ABSTIME`: the value is a time of the timer's clock, and not how long to wait.
        const ABSTIME = 1;
        /// `TFD_TIMER_CANCEL_ON_SET`: a read is `ECANCELED` when the clock was set.
        const CANCEL_ON_SET = 1 << 1;
    }
}

/// The clock of a timer (timerfd_create(2)). None of them wakes a machine that sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerClock {
    /// `CLOCK_REALTIME`.
    Realtime,
    /// `CLOCK_MONOTONIC`.
    Monotonic,
    /// `CLOCK_BOOTTIME`.
    Boottime,
}

/// `struct itimerspec` of timerfd_settime(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimerSpec {
    /// When the timer expires first; 0 for never.
    pub value: Duration,
    /// The time between its later expirations; 0 if there are none.
    pub interval: Duration,
}
