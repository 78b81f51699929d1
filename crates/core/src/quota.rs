//! [`Meter`]: how many bytes a guest may still move, and how fast. Sent and received bytes of IP sockets count alike.
//!
//! Several threads of a guest may move bytes at the same time. So a call reserves what it may move before it moves
//! anything, and gives back what it did not use. A reservation lives for one system call that does not wait.
//!
//! A guest that is over its rate waits on its own thread, so that it takes nothing from any other guest.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::host::{Clock, Host};
use crate::limits::{Bucket, Limits};
use crate::sync::lock;

/// The least that can be saved up: a guest with a low rate still sends whole datagrams and short answers at once.
const LEAST_BURST: u64 = 16 << 10;

/// How long a non-blocking call sleeps before it returns `EAGAIN`. poll(2) reports the socket as ready, which is true;
/// without this sleep the guest would try again without a pause.
const HOLD: Duration = Duration::from_millis(5);

/// What a datagram counts against the rate in addition to its data: its headers of IPv4 and UDP. A flood of empty
/// datagrams is a flood.
pub(crate) const DATAGRAM: u64 = 28;

/// What a TCP connection counts against the rate: the headers of the three packets that open it.
pub(crate) const CONNECTION: u64 = 120;

/// The longest datagram of IPv4 and IPv6 without jumbograms.
const LONGEST_DATAGRAM: u64 = 65_536;

/// What a guest's calls count against.
#[derive(Debug)]
pub(crate) struct Meter {
    quota: Mutex<Quota>,
    given_back: Condvar,
}

/// What is left to a guest.
#[derive(Debug)]
struct Quota {
    rate: Option<Bucket>,
    /// Less what is reserved.
    left: u64,
    /// How many calls have a reservation.
    reservations: usize,
    /// How many calls wait for one of these to be given back.
    waiting: usize,
}

/// What a call is going to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A piece of a stream, of so many bytes at most.
    UpTo(usize),
    /// A datagram of this length to be sent: whole, on credit of the rate if need be, but not beyond the total.
    Datagram(usize),
    /// A datagram that has come, of whatever length. It is taken whole, also beyond the total.
    NextDatagram,
    /// A connection.
    Connection,
}

/// Bytes that one call may move. What is not [settled](Reservation::settle) is given back.
#[derive(Debug)]
pub(crate) struct Reservation<'m> {
    meter: &'m Meter,
    reserved: Grant,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Grant {
    /// Of the total; for a stream also how many may be moved.
    bytes: u64,
    /// Of the rate.
    rate: u64,
}

/// What a call gets when it asks for a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// It may go on.
    Granted(Grant),
    /// The guest is over its rate for so long; `None` is for ever.
    Later(Option<Duration>),
    /// Another call has reserved what would be needed, and may give it back in a moment.
    Busy,
}

impl Meter {
    /// `None` if nothing is limited.
    pub(crate) fn new(limits: &Limits) -> Option<Meter> {
        if limits.bytes_per_second.is_none() && limits.bytes_total.is_none() {
            return None;
        }
        let rate = limits
            .bytes_per_second
            .map(|rate| Bucket::new(rate, (rate / 8).max(LEAST_BURST.min(rate.max(1)))));
        Some(Meter {
            quota: Mutex::new(Quota {
                rate,
                left: limits.bytes_total.unwrap_or(u64::MAX),
                reservations: 0,
                waiting: 0,
            }),
            given_back: Condvar::new(),
        })
    }

    /// Reserves what a call wants, or for a stream a part of it. No lock is held while it waits for the rate.
    ///
    /// # Errors
    /// `ENOBUFS`: the total does not allow it. `EAGAIN`: over the rate, and the call does not block. `EINTR`: the guest
    /// was stopped.
    pub(crate) fn reserve<H: Host>(&self, host: &mut H, want: Want, blocks: bool) -> Result<Reservation<'_>> {
        let mut held = false;
        loop {
            let pause = match self.ask(want, || host.now(Clock::Monotonic))? {
                Ok(reserved) => {
                    return Ok(Reservation {
                        meter: self,
                        reserved,
                    });
                }
                Err(_) if held => return Err(Errno::EAGAIN),
                Err(pause) => pause,
            };
            if blocks {
                // At a rate of 0 there is never anything: sleep until the guest is stopped.
                host.sleep(pause)?;
            } else {
                held = true;
                host.poll_begin();
                host.poll_wait(Some(pause.map_or(HOLD, |pause| pause.min(HOLD))))?;
            }
        }
    }

    /// Asks until no other thread's reservation is in the way: such a thread makes a single call that does not wait.
    /// `Err` within is how long the guest is over its rate, `None` for ever.
    fn ask(
        &self,
        want: Want,
        now: impl Fn() -> Duration,
    ) -> Result<std::result::Result<Grant, Option<Duration>>> {
        let mut quota = lock(&self.quota);
        loop {
            match quota.reserve(want, &now)? {
                Answer::Granted(reserved) => return Ok(Ok(reserved)),
                Answer::Later(pause) => return Ok(Err(pause)),
                Answer::Busy => {
                    quota.waiting += 1;
                    let given_back = self.given_back.wait(quota);
                    quota = given_back.unwrap_or_else(PoisonError::into_inner);
                    quota.waiting -= 1;
                }
            }
        }
    }

    /// A reservation of nothing, for what was counted before.
    pub(crate) fn nothing(&self) -> Reservation<'_> {
        lock(&self.quota).reservations += 1;
        Reservation {
            meter: self,
            reserved: Grant::default(),
        }
    }
}

impl Reservation<'_> {
    /// How many bytes of a stream may be moved.
    pub(crate) fn bytes(&self) -> usize {
        usize::try_from(self.reserved.bytes).unwrap_or(usize::MAX)
    }

    /// Counts what was moved, and `overhead` against the rate alone.
    pub(crate) fn settle(mut self, moved: usize, overhead: u64) {
        let moved = u64::try_from(moved).unwrap_or(u64::MAX);
        let reserved = std::mem::take(&mut self.reserved);
        lock(&self.meter.quota).settle(reserved, moved, moved.saturating_add(overhead));
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut quota = lock(&self.meter.quota);
        quota.settle(self.reserved, 0, 0);
        quota.reservations -= 1;
        let waited_for = quota.waiting > 0;
        drop(quota);
        if waited_for {
            self.meter.given_back.notify_all();
        }
    }
}

impl Quota {
    /// # Errors
    /// `ENOBUFS`: the total does not allow it.
    fn reserve(&mut self, want: Want, now: impl FnOnce() -> Duration) -> Result<Answer> {
        let (least, most) = match want {
            Want::UpTo(bytes) => (1, u64::try_from(bytes).unwrap_or(u64::MAX)),
            Want::Datagram(bytes) => {
                let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                // An empty one needs a total that is not used up, too.
                (bytes.max(1), bytes)
            }
            // One byte is enough to take it, unless others are taking something.
            Want::NextDatagram if self.reservations == 0 => (1, LONGEST_DATAGRAM),
            Want::NextDatagram => (LONGEST_DATAGRAM, LONGEST_DATAGRAM),
            Want::Connection => (0, 0),
        };
        if self.left < least {
            return if self.reservations > 0 {
                Ok(Answer::Busy)
            } else {
                Err(Errno::ENOBUFS)
            };
        }
        let mut reserved = Grant {
            bytes: most.min(self.left),
            rate: 0,
        };
        if let Some(rate) = &mut self.rate {
            let available = rate.available(now());
            if available == 0 {
                return Ok(Answer::Later(rate.wait()));
            }
            reserved.rate = match want {
                Want::UpTo(_) => {
                    reserved.bytes = reserved.bytes.min(available);
                    reserved.bytes
                }
                Want::Datagram(_) => reserved.bytes.saturating_add(DATAGRAM),
                // How long it is shows when it is there; until then the others do not pay for it.
                Want::NextDatagram => 0,
                Want::Connection => CONNECTION,
            };
            rate.take(reserved.rate);
        }
        self.left -= reserved.bytes;
        self.reservations += 1;
        Ok(Answer::Granted(reserved))
    }

    /// Gives a reservation back, and counts what became of it.
    fn settle(&mut self, reserved: Grant, bytes: u64, rate: u64) {
        self.left = self.left.saturating_add(reserved.bytes).saturating_sub(bytes);
        if let Some(bucket) = &mut self.rate {
            bucket.give_back(reserved.rate);
            bucket.take(rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(9);

    fn quota(total: Option<u64>, rate: Option<u64>) -> Quota {
        let limits = Limits {
            bytes_total: total,
            bytes_per_second: rate,
            ..Limits::default()
        };
        let meter = Meter::new(&limits).expect("something is limited");
        meter.quota.into_inner().expect("no thread has panicked")
    }

    fn ask(quota: &mut Quota, want: Want) -> Result<Answer> {
        quota.reserve(want, || NOW)
    }

    fn granted(quota: &mut Quota, want: Want) -> Grant {
        match ask(quota, want) {
            Ok(Answer::Granted(reserved)) => reserved,
            other => panic!("{other:?}"),
        }
    }

    /// What a reservation does when it ends.
    fn end(quota: &mut Quota, reserved: Grant, bytes: u64, rate: u64) {
        quota.settle(reserved, bytes, rate);
        quota.reservations -= 1;
    }

    #[test]
    fn a_policy_without_limits_of_bytes_has_no_meter() {
        assert!(Meter::new(&Limits::default()).is_none());
        let only = |bytes_total, bytes_per_second| Limits {
            bytes_total,
            bytes_per_second,
            ..Limits::default()
        };
        assert!(Meter::new(&only(Some(1), None)).is_some());
        assert!(Meter::new(&only(None, Some(1))).is_some());
    }

    #[test]
    fn a_stream_is_granted_what_is_left_and_what_it_does_not_use_comes_back() {
        let mut quota = quota(Some(100), None);
        let first = granted(&mut quota, Want::UpTo(70));
        assert_eq!((first.bytes, first.rate), (70, 0));
        assert_eq!(granted(&mut quota, Want::UpTo(70)).bytes, 30);
        // Another call may still give something back.
        assert_eq!(ask(&mut quota, Want::UpTo(1)), Ok(Answer::Busy));
        end(&mut quota, first, 50, 50);
        assert_eq!(granted(&mut quota, Want::UpTo(70)).bytes, 20);
        quota.reservations = 0;
        assert_eq!(ask(&mut quota, Want::UpTo(1)), Err(Errno::ENOBUFS));
    }

    #[test]
    fn a_datagram_to_be_sent_is_granted_whole_or_not_at_all() {
        let mut quota = quota(Some(100), None);
        assert_eq!(ask(&mut quota, Want::Datagram(101)), Err(Errno::ENOBUFS));
        let whole = granted(&mut quota, Want::Datagram(100));
        assert_eq!(whole.bytes, 100);
        assert_eq!(ask(&mut quota, Want::Datagram(0)), Ok(Answer::Busy));
        end(&mut quota, whole, 100, 128);
        assert_eq!(ask(&mut quota, Want::Datagram(0)), Err(Errno::ENOBUFS));
        // A connection moves nothing of the total.
        assert_eq!(granted(&mut quota, Want::Connection).bytes, 0);
    }

    #[test]
    fn one_that_has_come_needs_a_byte_or_room_for_the_longest_with_others() {
        let mut quota = quota(Some(100), None);
        let alone = granted(&mut quota, Want::NextDatagram);
        assert_eq!(alone.bytes, 100);
        assert_eq!(ask(&mut quota, Want::NextDatagram), Ok(Answer::Busy));
        // It was longer than what was left.
        end(&mut quota, alone, 5000, 5028);
        assert_eq!(quota.left, 0);
        assert_eq!(ask(&mut quota, Want::NextDatagram), Err(Errno::ENOBUFS));
        quota.left = 2 * LONGEST_DATAGRAM;
        for _ in 0..2 {
            assert_eq!(granted(&mut quota, Want::NextDatagram).bytes, LONGEST_DATAGRAM);
        }
        quota.left = LONGEST_DATAGRAM - 1;
        assert_eq!(ask(&mut quota, Want::NextDatagram), Ok(Answer::Busy));
    }

    #[test]
    fn a_rate_is_taken_when_it_is_reserved_and_what_is_not_used_comes_back() {
        let mut quota = quota(None, Some(1000));
        let first = granted(&mut quota, Want::UpTo(600));
        assert_eq!((first.bytes, first.rate), (600, 600));
        assert_eq!(granted(&mut quota, Want::UpTo(600)).bytes, 400);
        // A millisecond a byte.
        let pause = Duration::from_nanos(1_000_001);
        assert_eq!(ask(&mut quota, Want::UpTo(1)), Ok(Answer::Later(Some(pause))));
        end(&mut quota, first, 0, 0);
        assert_eq!(granted(&mut quota, Want::UpTo(1000)).bytes, 600);
    }

    #[test]
    fn a_datagram_and_a_connection_cost_of_the_rate_on_credit() {
        let mut quota = quota(None, Some(100));
        let reserved = granted(&mut quota, Want::Datagram(10));
        assert_eq!((reserved.bytes, reserved.rate), (10, 38));
        end(&mut quota, reserved, 10, 38);
        assert_eq!(granted(&mut quota, Want::Connection).rate, CONNECTION);
        // 58 below nothing.
        let pause = Duration::from_nanos(590_000_001);
        assert_eq!(
            ask(&mut quota, Want::NextDatagram),
            Ok(Answer::Later(Some(pause)))
        );
        quota.rate = Some(Bucket::new(100, 100));
        // How long one is that has come shows afterwards.
        let next = granted(&mut quota, Want::NextDatagram);
        assert_eq!(next.rate, 0);
        end(&mut quota, next, 500, 528);
        let pause = Duration::from_nanos(4_290_000_001);
        assert_eq!(ask(&mut quota, Want::UpTo(1)), Ok(Answer::Later(Some(pause))));
    }

    #[test]
    fn an_eighth_of_a_second_may_be_saved_up_or_some_datagrams_but_never_more_than_a_second() {
        for (rate, burst) in [(0, 1), (1, 1), (1000, 1000), (1 << 20, 1 << 17), (20_000, 16_384)] {
            let mut quota = quota(None, Some(rate));
            let most = granted(&mut quota, Want::UpTo(usize::MAX)).bytes;
            assert_eq!(most, burst, "{rate}");
        }
    }

    /// Each waits until the one before has given back what it did not use.
    #[test]
    fn threads_that_wait_for_each_others_reservations_all_go_on() {
        let limits = Limits {
            bytes_total: Some(10),
            ..Limits::default()
        };
        let meter = Meter::new(&limits).unwrap();
        let now = || Duration::ZERO;
        let reserve = || Reservation {
            meter: &meter,
            reserved: meter.ask(Want::UpTo(10), now).unwrap().unwrap(),
        };
        for _ in 0..3 {
            let first = reserve();
            assert_eq!(first.bytes(), 10);
            std::thread::scope(|scope| {
                let waiting = [(); 2].map(|()| scope.spawn(|| reserve().bytes()));
                while lock(&meter.quota).waiting < 2 {
                    std::thread::yield_now();
                }
                drop(first);
                for thread in waiting {
                    assert_eq!(thread.join().unwrap(), 10);
                }
            });
            let quota = lock(&meter.quota);
            assert_eq!((quota.waiting, quota.reservations, quota.left), (0, 0, 10));
        }
    }
}
