//! Counters and timers over a browser without sockets, whose clocks the test sets: a wait moves them to its end, and nothing else does.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use guestnet_core::{
    Clock, Domain, EpollEvent, EpollInterest, EpollMode, EpollOp, Errno, Host, Ready, Result, StreamKind,
    TimerClock, TimerFlags, TimerSpec,
};
use guestnet_host_direct::{Browser, DirectHost, End, Failure, Id, Io, State, TcpOptions, UdpOptions};

const SECOND: Duration = Duration::from_secs(1);

/// What the clocks say, and how a wait is answered.
#[derive(Debug, Default)]
struct Time {
    monotonic: Duration,
    realtime: Duration,
    /// How far a call's clock is ahead of both.
    ahead: Duration,
    /// A wait moves this and no clock.
    is_over: bool,
    /// The waits: the time limit, and when a timer expires.
    waits: Vec<(Option<Duration>, Option<Duration>)>,
}

/// A browser of clocks only.
#[derive(Clone, Debug, Default)]
struct Clocks(Arc<Mutex<Time>>);

impl Clocks {
    fn time(&self) -> MutexGuard<'_, Time> {
        self.0.lock().unwrap()
    }

    fn pass(&self, time: Duration) {
        let now = &mut *self.time();
        now.monotonic += time;
        now.realtime += time;
    }
}

impl Browser for Clocks {
    fn tcp_connect(&self, _: SocketAddr, _: &TcpOptions) -> Id {
        unreachable!("there are no sockets")
    }

    fn tcp_connect_to_name(&self, _: &str, _: u16, _: &TcpOptions) -> Id {
        unreachable!("there are no sockets")
    }

    fn tcp_listen(&self, _: SocketAddr, _: Option<u32>, _: Option<bool>) -> Id {
        unreachable!("there are no sockets")
    }

    fn udp_bind(&self, _: SocketAddr, _: &UdpOptions) -> Id {
        unreachable!("there are no sockets")
    }

    fn udp_connect(&self, _: SocketAddr, _: &UdpOptions) -> Id {
        unreachable!("there are no sockets")
    }

    fn udp_connect_to_name(&self, _: &str, _: u16, _: &UdpOptions) -> Id {
        unreachable!("there are no sockets")
    }

    fn state(&self, _: Id) -> State {
        unreachable!("there are no sockets")
    }

    fn failure(&self, _: Id) -> Failure {
        unreachable!("there are no sockets")
    }

    fn address(&self, _: Id, _: End) -> Option<SocketAddr> {
        unreachable!("there are no sockets")
    }

    fn available(&self, _: Id) -> usize {
        unreachable!("there are no sockets")
    }

    fn arrivals(&self, _: Id) -> u32 {
        unreachable!("there are no sockets")
    }

    fn recv(&self, _: Id, _: &mut [u8], _: Option<usize>) -> usize {
        unreachable!("there are no sockets")
    }

    fn recv_from(&self, _: Id, _: &mut [u8], _: bool) -> Option<(usize, SocketAddr)> {
        unreachable!("there are no sockets")
    }

    fn send(&self, _: Id, _: &[u8]) -> usize {
        unreachable!("there are no sockets")
    }

    fn send_to(&self, _: Id, _: &[u8], _: SocketAddr) -> bool {
        unreachable!("there are no sockets")
    }

    fn accept(&self, _: Id) -> Option<Id> {
        unreachable!("there are no sockets")
    }

    fn end(&self, _: Id) -> bool {
        unreachable!("there are no sockets")
    }

    fn close(&self, _: Id) {
        unreachable!("there are no sockets")
    }

    fn group(&self, _: Id, _: IpAddr, _: bool) -> bool {
        unreachable!("there are no sockets")
    }

    fn now(&self, clock: Clock) -> Duration {
        let ahead = self.time().ahead;
        self.real_now(clock) + ahead
    }

    fn real_now(&self, clock: Clock) -> Duration {
        match clock {
            Clock::Realtime => self.time().realtime,
            _ => self.time().monotonic,
        }
    }

    fn wait(&self, timeout: Option<Duration>, timer: Option<Duration>) -> Result<()> {
        self.time().waits.push((timeout, timer));
        if self.time().is_over {
            self.time().ahead += timeout.ok_or(Errno::EAGAIN)?;
            return Ok(());
        }
        let until = [timeout, timer].into_iter().flatten().min();
        self.pass(until.ok_or(Errno::EAGAIN)?);
        Ok(())
    }
}

type ThisHost = DirectHost<Clocks>;

/// A host an hour after its browser began, in the year 2001.
fn host() -> (ThisHost, Clocks) {
    let clocks = Clocks::default();
    *clocks.time() = Time {
        monotonic: Duration::from_secs(3600),
        realtime: Duration::from_secs(1_000_000_000),
        ..Time::default()
    };
    (DirectHost::new(clocks.clone()), clocks)
}

fn read(host: &mut ThisHost, io: &Io<Clocks>) -> Result<u64> {
    let mut bytes = [0; 8];
    let count = host.read(io, &mut [IoSliceMut::new(&mut bytes)])?;
    assert_eq!(count, 8);
    Ok(u64::from_ne_bytes(bytes))
}

fn write(host: &mut ThisHost, io: &Io<Clocks>, value: u64) -> Result<usize> {
    host.write(io, &[IoSlice::new(&value.to_ne_bytes())])
}

/// Sets a timer of the monotonic clock.
fn set(host: &mut ThisHost, io: &Io<Clocks>, value: Duration, interval: Duration) -> TimerSpec {
    let spec = TimerSpec { value, interval };
    host.set_timer(io, TimerFlags::empty(), spec).unwrap()
}

fn is_ready(host: &mut ThisHost, io: &Io<Clocks>, want: Ready) -> bool {
    let waits = host.browser().time().waits.len();
    let ready = host.wait(io, want, Some(Duration::ZERO)).unwrap();
    assert_eq!(host.browser().time().waits.len(), waits, "it waits");
    ready
}

#[test]
fn a_wait_for_a_timer_ends_when_it_expires_and_not_before() {
    let (mut host, clocks) = host();
    let timer = host.timerfd(TimerClock::Monotonic).unwrap();
    let other = host.timerfd(TimerClock::Monotonic).unwrap();
    set(&mut host, &timer, SECOND, Duration::ZERO);
    set(&mut host, &other, SECOND / 2, Duration::ZERO);
    let begun = clocks.now(Clock::Monotonic);
    assert_eq!(host.wait(&timer, Ready::READ, None), Ok(true));
    assert_eq!(clocks.now(Clock::Monotonic) - begun, SECOND);
    // First for the other one, which then has expired and is no reason to wake.
    let waits = [(None, Some(SECOND / 2)), (None, Some(SECOND / 2))];
    assert_eq!(clocks.time().waits, waits);
    assert_eq!(read(&mut host, &timer), Ok(1));
    assert_eq!(read(&mut host, &timer), Err(Errno::EAGAIN));
    assert_eq!(read(&mut host, &other), Ok(1));
    // Nothing wakes a wait for a timer that is not armed.
    assert_eq!(host.wait(&timer, Ready::READ, None), Err(Errno::EAGAIN));
}

#[test]
fn a_poll_with_a_time_limit_ends_at_the_earlier_of_the_two() {
    for (limit, is_in_time) in [(SECOND / 2, false), (SECOND * 2, true)] {
        let (mut host, clocks) = host();
        let timer = host.timerfd(TimerClock::Monotonic).unwrap();
        set(&mut host, &timer, SECOND, Duration::ZERO);
        host.poll_begin();
        host.poll_add(3, &timer, Ready::READ).unwrap();
        host.poll_wait(Some(limit)).unwrap();
        assert_eq!(host.poll_events().len(), usize::from(is_in_time));
        let passed = clocks.now(Clock::Monotonic) - Duration::from_secs(3600);
        assert_eq!(passed, limit.min(SECOND));
    }
}

#[test]
fn a_timer_does_not_expire_because_a_calls_wait_counts_as_over() {
    let (mut host, clocks) = host();
    let timer = host.timerfd(TimerClock::Monotonic).unwrap();
    set(&mut host, &timer, SECOND, Duration::ZERO);
    clocks.time().is_over = true;
    assert_eq!(host.wait(&timer, Ready::READ, Some(SECOND * 9)), Ok(false));
    assert_eq!(clocks.time().ahead, SECOND * 9);
    assert_eq!(read(&mut host, &timer), Err(Errno::EAGAIN));
}

#[test]
fn an_interval_counts_what_has_passed_and_keeps_its_beat() {
    let (mut host, clocks) = host();
    let timer = host.timerfd(TimerClock::Monotonic).unwrap();
    let interval = Duration::from_millis(10);
    set(&mut host, &timer, SECOND, interval);
    clocks.pass(SECOND - Duration::from_nanos(1));
    assert!(!is_ready(&mut host, &timer, Ready::READ));
    clocks.pass(Duration::from_nanos(1));
    assert!(is_ready(&mut host, &timer, Ready::READ));
    clocks.pass(Duration::from_millis(34));
    let left = TimerSpec {
        value: Duration::from_millis(6),
        interval,
    };
    assert_eq!(host.timer(&timer), Ok(left), "until the next beat");
    assert_eq!(read(&mut host, &timer), Ok(4));
    assert_eq!(read(&mut host, &timer), Err(Errno::EAGAIN));
    assert_eq!(host.timer(&timer), Ok(left));
    clocks.pass(Duration::from_millis(6));
    assert_eq!(read(&mut host, &timer), Ok(1), "the beat is not that of the read");
    clocks.pass(interval);
    assert_eq!(read(&mut host, &timer), Ok(1));
}

#[test]
fn setting_a_timer_gives_what_it_was_and_forgets_what_has_expired() {
    let (mut host, clocks) = host();
    let timer = host.timerfd(TimerClock::Monotonic).unwrap();
    assert_eq!(
        set(&mut host, &timer, SECOND * 3, SECOND * 2),
        TimerSpec::default()
    );
    clocks.pass(SECOND * 4);
    let before = set(&mut host, &timer, SECOND * 60, Duration::ZERO);
    let left = TimerSpec {
        value: SECOND,
        interval: SECOND * 2,
    };
    assert_eq!(before, left);
    assert!(!is_ready(&mut host, &timer, Ready::READ));
    assert_eq!(read(&mut host, &timer), Err(Errno::EAGAIN));
    // Once it has expired nothing is left, read or not.
    clocks.pass(SECOND * 61);
    assert_eq!(host.timer(&timer), Ok(TimerSpec::default()));
    // Disarmed it keeps its interval, as in Linux.
    set(&mut host, &timer, Duration::ZERO, SECOND);
    assert_eq!(read(&mut host, &timer), Err(Errno::EAGAIN));
    let disarmed = TimerSpec {
        value: Duration::ZERO,
        interval: SECOND,
    };
    assert_eq!(host.timer(&timer), Ok(disarmed));
    let longest = Duration::new(u64::MAX, 999_999_999);
    set(&mut host, &timer, longest, longest);
    assert!(!is_ready(&mut host, &timer, Ready::READ));
    let past = TimerSpec {
        value: Duration::from_nanos(1),
        interval: Duration::from_nanos(1),
    };
    host.set_timer(&timer, TimerFlags::ABSTIME, past).unwrap();
    let now = clocks.now(Clock::Monotonic).as_nanos();
    assert_eq!(read(&mut host, &timer).map(u128::from), Ok(now));
}

#[test]
fn a_time_of_the_wall_clock_moves_with_it_and_a_time_from_now_does_not() {
    let (mut host, clocks) = host();
    let absolute = host.timerfd(TimerClock::Realtime).unwrap();
    let relative = host.timerfd(TimerClock::Realtime).unwrap();
    let hour = SECOND * 3600;
    let at = TimerSpec {
        value: clocks.now(Clock::Realtime) + hour,
        interval: Duration::ZERO,
    };
    // No browser says that its clock was set: nothing is cancelled.
    let flags = TimerFlags::ABSTIME | TimerFlags::CANCEL_ON_SET;
    host.set_timer(&absolute, flags, at).unwrap();
    set(&mut host, &relative, hour, Duration::ZERO);
    assert_eq!(host.timer(&absolute).unwrap().value, hour);
    // It is looked at before, because the clock may be set.
    let now = clocks.now(Clock::Monotonic);
    assert_eq!(host.next_timer(), Some(now + SECOND * 60));
    clocks.time().realtime += hour;
    assert_eq!(read(&mut host, &absolute), Ok(1));
    assert_eq!(read(&mut host, &relative), Err(Errno::EAGAIN));
    assert_eq!(host.next_timer(), Some(now + hour));
}

#[test]
fn the_next_timer_is_the_earliest_of_all_threads_that_is_to_expire() {
    let (mut host, clocks) = host();
    let mut sibling = host.sibling();
    assert_eq!(host.next_timer(), None);
    let one = host.timerfd(TimerClock::Monotonic).unwrap();
    let two = sibling.timerfd(TimerClock::Boottime).unwrap();
    assert_eq!(host.next_timer(), None, "none is armed");
    let begun = clocks.now(Clock::Monotonic);
    set(&mut host, &one, SECOND * 3, SECOND);
    set(&mut sibling, &two, SECOND, SECOND * 10);
    assert_eq!(host.next_timer(), Some(begun + SECOND));
    assert_eq!(sibling.next_timer(), Some(begun + SECOND));
    clocks.pass(SECOND);
    // What has expired is ready, and wakes no more until it is read.
    assert_eq!(host.next_timer(), Some(begun + SECOND * 3));
    assert_eq!(read(&mut host, &two), Ok(1));
    assert_eq!(host.next_timer(), Some(begun + SECOND * 3));
    host.close(one);
    assert_eq!(host.next_timer(), Some(begun + SECOND * 11));
    set(&mut host, &two, Duration::ZERO, Duration::ZERO);
    assert_eq!(host.next_timer(), None);
}

/// An epoll that watches one object.
fn epoll(host: &mut ThisHost, io: &Io<Clocks>, ready: Ready) -> Io<Clocks> {
    let epoll = host.epoll().unwrap();
    let interest = EpollInterest {
        ready,
        mode: EpollMode::EDGE,
        data: 7,
    };
    host.epoll_control(&epoll, io, EpollOp::Add(interest)).unwrap();
    epoll
}

fn edges(host: &mut ThisHost, epoll: &Io<Clocks>) -> Vec<Ready> {
    let mut events: Vec<EpollEvent> = Vec::new();
    host.epoll_take(epoll, 8, &mut events).unwrap();
    events.iter().map(|event| event.ready).collect()
}

#[test]
fn an_edge_of_a_timer_comes_once_for_each_time_that_it_can_be_read() {
    let (mut host, clocks) = host();
    let timer = host.timerfd(TimerClock::Monotonic).unwrap();
    let epoll = epoll(&mut host, &timer, Ready::READ);
    set(&mut host, &timer, SECOND, SECOND);
    assert!(edges(&mut host, &epoll).is_empty());
    clocks.pass(SECOND);
    assert_eq!(edges(&mut host, &epoll), [Ready::READ]);
    clocks.pass(SECOND * 5);
    assert!(edges(&mut host, &epoll).is_empty(), "it was not read");
    assert_eq!(read(&mut host, &timer), Ok(6));
    assert!(edges(&mut host, &epoll).is_empty());
    clocks.pass(SECOND);
    assert_eq!(edges(&mut host, &epoll), [Ready::READ]);
    set(&mut host, &timer, SECOND, SECOND);
    clocks.pass(SECOND);
    assert_eq!(edges(&mut host, &epoll), [Ready::READ], "it was set anew");
    // A wait for the epoll is one for the timer.
    assert_eq!(read(&mut host, &timer), Ok(1));
    assert_eq!(host.wait(&epoll, Ready::READ, None), Ok(true));
    assert_eq!(clocks.time().waits, [(None, Some(SECOND))]);
}

#[test]
fn an_edge_of_a_counter_comes_with_each_write_and_with_the_first_room() {
    let (mut host, _) = host();
    let counter = host.eventfd(0, true).unwrap();
    let readers = epoll(&mut host, &counter, Ready::READ);
    let both = epoll(&mut host, &counter, Ready::READ | Ready::WRITE);
    assert!(edges(&mut host, &readers).is_empty());
    for _ in 0..2 {
        write(&mut host, &counter, 1).unwrap();
        assert_eq!(edges(&mut host, &readers), [Ready::READ]);
    }
    assert_eq!(read(&mut host, &counter), Ok(1));
    assert!(edges(&mut host, &readers).is_empty(), "a semaphore that is left");
    write(&mut host, &counter, u64::MAX - 2).unwrap();
    assert_eq!(edges(&mut host, &both), [Ready::READ]);
    assert_eq!(read(&mut host, &counter), Ok(1));
    assert_eq!(edges(&mut host, &both), [Ready::READ | Ready::WRITE]);
}

#[test]
fn a_write_waits_until_there_is_room_for_all_of_it() {
    let (mut host, _) = host();
    let mut writer = host.sibling();
    let counter = host.eventfd(0, false).unwrap();
    write(&mut host, &counter, u64::MAX - 10).unwrap();
    assert_eq!(write(&mut writer, &counter, 20), Err(Errno::EAGAIN));
    // poll(2) says that there is room; what waits for more than there is waits on.
    writer.poll_begin();
    writer.poll_add(1, &counter, Ready::WRITE).unwrap();
    writer.poll_wait(Some(Duration::ZERO)).unwrap();
    assert_eq!(writer.poll_events().len(), 1);
    assert!(!is_ready(&mut writer, &counter, Ready::WRITE));
    assert_eq!(
        write(&mut host, &counter, u64::MAX),
        Err(Errno::EINVAL),
        "whatever it holds"
    );
    assert_eq!(read(&mut host, &counter), Ok(u64::MAX - 10));
    assert!(is_ready(&mut writer, &counter, Ready::WRITE));
    assert_eq!(write(&mut writer, &counter, 20), Ok(8));
    assert_eq!(read(&mut host, &counter), Ok(20));
}

#[test]
fn only_what_a_descriptor_is_can_be_done_with_it() {
    let (mut host, _) = host();
    let counter = host.eventfd(1, false).unwrap();
    let timer = host.timerfd(TimerClock::Realtime).unwrap();
    let udp = host.socket(Domain::Inet, guestnet_core::Kind::Datagram).unwrap();
    assert_eq!(host.stream_kind(&counter), StreamKind::Counter);
    assert_eq!(host.stream_kind(&timer), StreamKind::Timer(TimerClock::Realtime));
    assert_eq!(write(&mut host, &timer, 1), Err(Errno::EINVAL));
    for io in [&counter, &udp] {
        assert_eq!(host.timer(io), Err(Errno::EINVAL));
        let set = host.set_timer(io, TimerFlags::empty(), TimerSpec::default());
        assert_eq!(set, Err(Errno::EINVAL));
    }
    for io in [&counter, &timer] {
        assert_eq!(host.local_addr(io), Err(Errno::ENOTSOCK));
        assert_eq!(host.readable_bytes(io), Err(Errno::ENOTTY));
        assert_eq!(io.id(), None);
    }
    // What is received into two buffers is one number.
    let (mut low, mut high) = ([0; 3], [0; 9]);
    let bufs = &mut [IoSliceMut::new(&mut low), IoSliceMut::new(&mut high)];
    assert_eq!(host.read(&counter, bufs), Ok(8));
    assert_eq!([&low[..], &high[..]].concat()[..8], 1_u64.to_ne_bytes());
    let value = 0x0102_0304_0506_0708_u64;
    let bytes = value.to_ne_bytes();
    let bufs = [IoSlice::new(&bytes[..5]), IoSlice::new(&bytes[5..])];
    assert_eq!(host.write(&counter, &bufs), Ok(8));
    assert_eq!(read(&mut host, &counter), Ok(value));
}
