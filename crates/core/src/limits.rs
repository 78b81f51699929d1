//! How much of the network a guest may use, and how much is written about it. Numbers only: the code that does the work
//! counts against them.

use std::time::Duration;

/// The limits of one guest. `docs/policy.md` describes what happens at each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most sockets and ends of pipes that are open at a time. Over it: `EMFILE`.
    ///
    /// 8192 by default: above what most programs need, and a guest that leaks sockets ends before the host does.
    pub sockets: u32,
    /// The most descriptors of every kind that are open at a time. Over it: `EMFILE`. `None` leaves it to the host:
    /// [`Capacity::new`](crate::Capacity::new).
    pub descriptors: Option<u32>,
    /// The most bytes that the kernel may hold in buffers for the guest: [`Capacity::buffers`](crate::Capacity::buffers).
    /// `None` is what [`Capacity::default`](crate::Capacity) has.
    pub buffers: Option<u64>,
    /// The longest queue of connections that wait for accept on one listener. A larger backlog is cut to it, as
    /// listen(2) does.
    ///
    /// 4096 by default, as Linux has it in `net.core.somaxconn`.
    pub pending: u32,
    /// The most bytes a second, sent and received together. Over it the guest waits, or sees `EAGAIN` where it does
    /// not want to wait. No limit by default.
    pub bytes_per_second: Option<u64>,
    /// The most bytes in all, sent and received together. Over it: `ENOBUFS`. No limit by default.
    pub bytes_total: Option<u64>,
    /// The most look-ups a second that go to a server. Over it: `EAI_AGAIN`.
    ///
    /// 100 by default: far above a program's need behind a cache, and too slow for a tunnel through DNS or a flood.
    pub lookups_per_second: u32,
    /// The size in bytes that a trace and an audit of the guest may each come to. Beyond it they have only what is new.
    ///
    /// 64 MiB by default: hundreds of thousands of lines.
    pub log: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            sockets: 8192,
            descriptors: None,
            buffers: None,
            pending: 4096,
            bytes_per_second: None,
            bytes_total: None,
            lookups_per_second: 100,
            log: 64 << 20,
        }
    }
}

/// Reads a number of bytes: digits, and `KiB`, `MiB`, `GiB` or `TiB`, or `kB`, `MB`, `GB` or `TB` for thousands, or
/// `B`. `None` for anything else and for what does not fit.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A token bucket: units per second with a burst. Holds no clock. It may go below nothing by one taking, so that one
/// large piece is paid for afterwards and none is cut.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// Units a second.
    rate: u64,
    /// The most that is saved up, in billionths of a unit.
    capacity: i128,
    /// In billionths of a unit.
    level: i128,
    /// When `level` was true; `None` before the first question, when it is full.
    at: Option<Duration>,
}

const BILLION: i128 = 1_000_000_000;

impl Bucket {
    pub(crate) fn new(rate: u64, burst: u64) -> Bucket {
        let capacity = i128::from(burst) * BILLION;
        Bucket {
            rate,
            capacity,
            level: capacity,
            at: None,
        }
    }

    /// Whole units that may be taken now.
    pub(crate) fn available(&mut self, now: Duration) -> u64 {
        let passed = now.saturating_sub(self.at.unwrap_or(now));
        let nanos = i128::try_from(passed.as_nanos()).unwrap_or(i128::MAX >> 64);
        self.level = self
            .level
            .saturating_add(nanos.saturating_mul(i128::from(self.rate)))
            .min(self.capacity);
        self.at = Some(self.at.unwrap_or(now).max(now));
        u64::try_from(self.level / BILLION).unwrap_or(0)
    }

    pub(crate) fn take(&mut self, units: u64) {
        self.level = self.level.saturating_sub(i128::from(units) * BILLION);
    }

    /// Takes back what was taken and not used.
    pub(crate) fn give_back(&mut self, units: u64) {
        self.level = self
            .level
            .saturating_add(i128::from(units) * BILLION)
            .min(self.capacity);
    }

    /// How long until a unit is there, after [`Bucket::available`]; `None` for never.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let missing = BILLION - self.level;
        if missing <= 0 {
            return Some(Duration::ZERO);
        }
        let nanos = u128::try_from(missing).ok()?.checked_div(u128::from(self.rate))? + 1;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let ms = Duration::from_millis;
        let mut bucket = Bucket::new(100, 10);
        assert_eq!(bucket.available(ms(5000)), 10);
        bucket.take(10);
        assert_eq!(bucket.available(ms(5000)), 0);
        assert_eq!(bucket.wait(), Some(ms(10) + Duration::from_nanos(1)));
        assert_eq!(bucket.available(ms(5009)), 0);
        assert_eq!(bucket.available(ms(5010)), 1);
        assert_eq!(bucket.available(ms(9000)), 10);
    }

    #[test]
    fn a_debt_is_paid_before_anything_is_given() {
        let seconds = Duration::from_secs;
        let mut bucket = Bucket::new(10, 10);
        assert_eq!(bucket.available(seconds(1)), 10);
        bucket.take(50);
        assert_eq!(bucket.available(seconds(4)), 0);
        assert_eq!(bucket.available(seconds(6)), 10);
        let mut never = Bucket::new(0, 0);
        assert_eq!((never.available(seconds(9)), never.wait()), (0, None));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let mut bucket = Bucket::new(10, 1);
        assert_eq!(bucket.available(Duration::from_secs(9)), 1);
        bucket.take(1);
        assert_eq!(bucket.available(Duration::from_secs(8)), 0);
        assert_eq!(bucket.available(Duration::from_secs(9)), 0);
    }
}
