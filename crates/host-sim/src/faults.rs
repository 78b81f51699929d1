//! [`Faults`]: what goes wrong, how often, and the [`Dice`] that decide it from a seed.

use std::ops::Range;
use std::time::Duration;

/// How often something happens: in so many of 1000 cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chance(pub u32);

impl Chance {
    /// Every time.
    pub const ALWAYS: Chance = Chance(1000);
}

/// What goes wrong on a network. By default nothing does, and everything arrives at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A send or receive on a stream moves only a part of what it could.
    pub short: Chance,
    /// A call on a socket that is ready is `EAGAIN` all the same, as after a datagram with a wrong checksum.
    pub again: Chance,
    /// A wait ends with `EINTR` at once, as if the guest had been stopped and went on.
    pub interrupt: Chance,
    /// A connect is refused although there is a listener.
    pub refuse: Chance,
    /// A send on a stream finds the connection reset; so does the other side.
    pub reset: Chance,
    /// A datagram is lost.
    pub loss: Chance,
    /// How long connections, bytes and datagrams are under way. Bytes of one connection keep their order, datagrams do
    /// not. An empty range is no delay.
    pub delay: Range<Duration>,
}

/// Pseudo-random numbers (SplitMix64): the same from the same seed on every machine.
#[derive(Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, 0 if that is 0.
    fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// Whether it happens this time. What never happens takes no number from the sequence.
    pub(crate) fn happens(&mut self, chance: Chance) -> bool {
        chance.0 > 0 && self.below(1000) < u64::from(chance.0)
    }

    /// A part of `len` that is not empty, if `len` is not.
    pub(crate) fn part(&mut self, len: usize) -> usize {
        let end = u64::try_from(len).unwrap_or(u64::MAX);
        usize::try_from(1 + self.below(end)).unwrap_or(len).min(len)
    }

    /// A time of a range, its start if it is empty.
    pub(crate) fn time(&mut self, range: &Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start).as_nanos();
        range.start + Duration::from_nanos(self.below(u64::try_from(span).unwrap_or(u64::MAX)))
    }
}
