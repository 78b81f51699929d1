//! Counters of eventfd(2) and timers of timerfd_create(2), as streams among a guest's descriptors.

use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::{
    Capacity, Clock, Errno, Fd, Ready, Result, StreamKind, TimerClock, TimerFlags, TimerSpec,
};

use crate::behaviour::behaviours;
use crate::guest::{Calls, TestGuest, guest, guest_with};
use crate::world::World;

behaviours! { "event":
    a_counter_gives_its_sum_and_is_0_then: Events,
    a_semaphore_gives_1_at_a_time: Events,
    less_than_8_bytes_are_einval_whatever_the_counter_is: Events,
    a_counter_that_is_full_takes_nothing: Events,
    a_timer_counts_its_expirations: Events,
    an_absolute_time_counts_from_the_guests_own_clock: Events,
    only_a_timer_is_set: Events,
    counters_and_timers_count_as_descriptors_and_not_as_sockets: Events,
}

const HOUR: Duration = Duration::from_secs(3600);

fn get<W: World>(guest: &mut TestGuest<W>, fd: Fd) -> Result<u64> {
    let mut bytes = [0; 8];
    guest.read(fd, &mut [IoSliceMut::new(&mut bytes)])?;
    Ok(u64::from_ne_bytes(bytes))
}

fn put<W: World>(guest: &mut TestGuest<W>, fd: Fd, value: u64) -> Result<usize> {
    guest.write(fd, &mut [IoSlice::new(&value.to_ne_bytes())])
}

/// A timer that expires once.
fn once(value: Duration) -> TimerSpec {
    TimerSpec {
        value,
        interval: Duration::ZERO,
    }
}

fn a_counter_gives_its_sum_and_is_0_then<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.eventfd(3, false).unwrap();
    assert_eq!(guest.stream_kind(fd), Ok(Some(StreamKind::Counter)));
    assert_eq!(put::<W>(&mut guest, fd, 4), Ok(8));
    assert!(guest.until(fd, Ready::READ).contains(Ready::READ));
    assert_eq!(get::<W>(&mut guest, fd), Ok(7));
    guest.set_nonblocking(fd, true).unwrap();
    assert_eq!(get::<W>(&mut guest, fd), Err(Errno::EAGAIN));
}

fn a_semaphore_gives_1_at_a_time<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.eventfd(2, true).unwrap();
    guest.set_nonblocking(fd, true).unwrap();
    for expected in [Ok(1), Ok(1), Err(Errno::EAGAIN)] {
        assert_eq!(get::<W>(&mut guest, fd), expected);
    }
}

fn less_than_8_bytes_are_einval_whatever_the_counter_is<W: World>(world: &W) {
    let mut guest = guest(world);
    // A blocking one: nothing waits for room, nor for a value, that is of no use.
    let fd = guest.eventfd(0, false).unwrap();
    assert_eq!(guest.read(fd, &mut []), Err(Errno::EINVAL));
    assert_eq!(
        guest.read(fd, &mut [IoSliceMut::new(&mut [0; 7])]),
        Err(Errno::EINVAL)
    );
    put::<W>(&mut guest, fd, u64::MAX - 1).unwrap();
    assert_eq!(guest.write(fd, &mut []), Err(Errno::EINVAL));
    assert_eq!(guest.write(fd, &mut [IoSlice::new(&[0; 7])]), Err(Errno::EINVAL));
    assert_eq!(put::<W>(&mut guest, fd, u64::MAX), Err(Errno::EINVAL));
}

fn a_counter_that_is_full_takes_nothing<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.eventfd(0, false).unwrap();
    guest.set_nonblocking(fd, true).unwrap();
    put::<W>(&mut guest, fd, u64::MAX - 3).unwrap();
    // There is room, but not for as much.
    assert_eq!(put::<W>(&mut guest, fd, 3), Err(Errno::EAGAIN));
    assert_eq!(get::<W>(&mut guest, fd), Ok(u64::MAX - 3));
}

fn a_timer_counts_its_expirations<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.timerfd(TimerClock::Monotonic).unwrap();
    assert_eq!(guest.timer(fd), Ok(TimerSpec::default()));
    let spec = TimerSpec {
        value: HOUR,
        interval: Duration::from_millis(1),
    };
    let before = guest.set_timer(fd, TimerFlags::empty(), spec, None);
    assert_eq!(before, Ok(TimerSpec::default()));
    let spec = TimerSpec {
        value: Duration::from_nanos(1),
        ..spec
    };
    let before = guest.set_timer(fd, TimerFlags::empty(), spec, None).unwrap();
    assert!(before.value > HOUR / 2 && before.value <= HOUR);
    assert_eq!(before.interval, Duration::from_millis(1));
    // It blocks until there is one.
    assert!(get::<W>(&mut guest, fd).unwrap() >= 1);
    assert!(get::<W>(&mut guest, fd).unwrap() >= 1);
    guest
        .set_timer(fd, TimerFlags::empty(), TimerSpec::default(), None)
        .unwrap();
    guest.set_nonblocking(fd, true).unwrap();
    assert_eq!(get::<W>(&mut guest, fd), Err(Errno::EAGAIN));
    assert_eq!(put::<W>(&mut guest, fd, 1), Err(Errno::EINVAL));
}

fn an_absolute_time_counts_from_the_guests_own_clock<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.timerfd(TimerClock::Monotonic).unwrap();
    // A clock that has just begun, and one that is far ahead of the machine's.
    for theirs in [Duration::ZERO, HOUR * 1_000_000] {
        let at = once(theirs + HOUR);
        guest
            .set_timer(fd, TimerFlags::ABSTIME, at, Some(theirs))
            .unwrap();
        let left = guest.timer(fd).unwrap().value;
        assert!(left > HOUR / 2 && left <= HOUR, "{left:?}");
        // What has passed by that clock has expired, although it is before the beginning of the machine's.
        if let Some(past) = theirs.checked_sub(HOUR * 500_000) {
            let spec = once(past);
            guest
                .set_timer(fd, TimerFlags::ABSTIME, spec, Some(theirs))
                .unwrap();
            assert_eq!(get::<W>(&mut guest, fd), Ok(1));
        }
    }
    // 0 disarms, and is no time.
    let spec = TimerSpec::default();
    guest
        .set_timer(fd, TimerFlags::ABSTIME, spec, Some(HOUR))
        .unwrap();
    assert_eq!(guest.timer(fd), Ok(TimerSpec::default()));
    // CLOCK_REALTIME is everybody's.
    let real = guest.timerfd(TimerClock::Realtime).unwrap();
    let at = once(guest.now(Clock::Realtime) + HOUR);
    guest
        .set_timer(real, TimerFlags::ABSTIME, at, Some(HOUR))
        .unwrap();
    let left = guest.timer(real).unwrap().value;
    assert!(left > HOUR / 2 && left <= HOUR, "{left:?}");
}

fn only_a_timer_is_set<W: World>(world: &W) {
    let mut guest = guest(world);
    let others = [guest.eventfd(0, false).unwrap(), guest.udp()];
    for fd in others {
        assert_eq!(guest.timer(fd), Err(Errno::EINVAL));
        let set = guest.set_timer(fd, TimerFlags::empty(), once(HOUR), None);
        assert_eq!(set, Err(Errno::EINVAL));
    }
    assert_eq!(guest.timer(99), Err(Errno::EBADF));
    let set = guest.set_timer(99, TimerFlags::empty(), once(HOUR), None);
    assert_eq!(set, Err(Errno::EBADF));
}

fn counters_and_timers_count_as_descriptors_and_not_as_sockets<W: World>(world: &W) {
    let capacity = Capacity {
        descriptors: 2,
        sockets: 0,
        buffers: 0,
    };
    let mut guest = guest_with(world, world.host(), Policy::deny_all(), capacity);
    let counter = guest.eventfd(0, false).unwrap();
    let timer = guest.timerfd(TimerClock::Boottime).unwrap();
    assert_eq!(guest.eventfd(0, false), Err(Errno::EMFILE));
    assert_eq!(guest.timerfd(TimerClock::Monotonic), Err(Errno::EMFILE));
    guest.close(counter).unwrap();
    assert_eq!(guest.timerfd(TimerClock::Monotonic), Ok(counter));
    guest.close(timer).unwrap();
    assert_eq!(guest.eventfd(0, false), Ok(timer));
}
