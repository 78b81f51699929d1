//! [`Sockets`]: the browser's sockets as the host wants them.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use guestnet_core::{Clock, Errno, Result};
use guestnet_host_direct::{Browser, End, Failure, Id, State, TcpOptions, UdpOptions};

use crate::imports::{self, WrittenAddress};

/// The sockets that JavaScript holds for this module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sockets;

/// How the call that runs waits.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// Not at all.
    Refused,
    /// Its first wait is over: it was a promise of JavaScript's. Any other is refused, so that a call comes to an end.
    Over,
}

/// A wait that was refused, with its time in milliseconds, negative for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// Something has to change. When the time is over before that, so is the call's wait.
    Change(f64),
    /// The clock has to go on, and then the call is made as if for the first time.
    Clock(f64),
}

thread_local! {
    static WAIT: Cell<Wait> = const { Cell::new(Wait::Refused) };
    /// The wait that was refused. `None`: none was.
    static REFUSED: Cell<Option<Refused>> = const { Cell::new(None) };
    /// How far the clock of the call that runs is ahead, because its wait is over.
    static AHEAD: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// What that clock has said last to the call that runs. It stands still there once a sleep was refused: the call has to end with
    /// that, and cannot find meanwhile that its limit lets it go on after all.
    static TIME: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Whether a sleep was refused to the call that runs.
fn must_sleep() -> bool {
    matches!(REFUSED.get(), Some(Refused::Clock(_)))
}

/// Begins a call. `over`: the time of the wait that was refused is over.
pub(crate) fn begin_call(over: bool) {
    WAIT.set(if over { Wait::Over } else { Wait::Refused });
    REFUSED.set(None);
    AHEAD.set(Duration::ZERO);
}

/// Ends it: the wait that it would have made; `None` if it would not have waited.
pub(crate) fn end_call() -> Option<Refused> {
    AHEAD.set(Duration::ZERO);
    REFUSED.take()
}

/// A number that fits, or the largest one.
fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

/// A time as JavaScript has it.
pub(crate) fn in_millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn read(written: &WrittenAddress) -> Option<SocketAddr> {
    let text = written.text.get(..written.len as usize)?;
    let ip: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(SocketAddr::new(ip, u16::try_from(written.port).ok()?))
}

fn count(result: i32) -> usize {
    usize::try_from(result).unwrap_or(0)
}

/// Where a peek begins, or -1.
fn peek(at: Option<usize>) -> i32 {
    at.map_or(-1, |at| i32::try_from(at).unwrap_or(i32::MAX))
}

/// The options of a UDP socket that is opened at or to an address.
fn udp_options(options: &UdpOptions) -> [i32; 6] {
    [
        options.send_buffer.map_or(0, int),
        options.receive_buffer.map_or(0, int),
        0,
        options.address_sharing.into(),
        options.multicast_ttl.map_or(-1, i32::from),
        options.multicast_loopback.map_or(-1, i32::from),
    ]
}

impl Browser for Sockets {
    fn tcp_connect(&self, to: SocketAddr, options: &TcpOptions) -> Id {
        self.tcp_connect_to_name(&to.ip().to_string(), to.port(), options)
    }

    fn tcp_connect_to_name(&self, name: &str, port: u16, options: &TcpOptions) -> Id {
        let numbers = [
            options.no_delay.into(),
            options.keep_alive.map_or(0, millis),
            options.send_buffer.map_or(0, int),
            options.receive_buffer.map_or(0, int),
            0,
        ];
        imports::tcp_connect(name, port, &numbers)
    }

    fn tcp_listen(&self, at: SocketAddr, backlog: Option<u32>, only_v6: Option<bool>) -> Id {
        let only_v6 = only_v6.map_or(-1, i32::from);
        imports::tcp_listen(&at.ip().to_string(), at.port(), backlog.unwrap_or(0), only_v6)
    }

    fn udp_bind(&self, at: SocketAddr, options: &UdpOptions) -> Id {
        imports::udp_open((&at.ip().to_string(), at.port()), ("", 0), &udp_options(options))
    }

    fn udp_connect(&self, to: SocketAddr, options: &UdpOptions) -> Id {
        self.udp_connect_to_name(&to.ip().to_string(), to.port(), options)
    }

    fn udp_connect_to_name(&self, name: &str, port: u16, options: &UdpOptions) -> Id {
        imports::udp_open(("", 0), (name, port), &udp_options(options))
    }

    fn state(&self, id: Id) -> State {
        State::from_bits_truncate(imports::state(id))
    }

    fn failure(&self, id: Id) -> Failure {
        match imports::error(id) {
            1 => Failure::Network,
            2 => Failure::NotFound,
            3 => Failure::Reset,
            4 => Failure::NotAllowed,
            5 => Failure::Invalid,
            7 => Failure::TimedOut,
            _ => Failure::Other,
        }
    }

    fn address(&self, id: Id, end: End) -> Option<SocketAddr> {
        let which = match end {
            End::Local => 0,
            End::Remote => 1,
        };
        imports::address(id, which).as_ref().and_then(read)
    }

    fn available(&self, id: Id) -> usize {
        imports::available(id) as usize
    }

    fn arrivals(&self, id: Id) -> u32 {
        imports::arrivals(id)
    }

    fn recv(&self, id: Id, buffer: &mut [u8], peek_at: Option<usize>) -> usize {
        count(imports::recv(id, buffer, peek(peek_at)))
    }

    fn recv_from(&self, id: Id, buffer: &mut [u8], peek: bool) -> Option<(usize, SocketAddr)> {
        let (len, sender) = imports::recv_from(id, buffer, if peek { 0 } else { -1 });
        Some((usize::try_from(len).ok()?, read(&sender)?))
    }

    fn send(&self, id: Id, data: &[u8]) -> usize {
        count(imports::send(id, data))
    }

    fn send_to(&self, id: Id, data: &[u8], to: SocketAddr) -> bool {
        imports::send_to(id, data, &to.ip().to_string(), to.port()) > 0
    }

    fn accept(&self, id: Id) -> Option<Id> {
        Some(imports::accept(id)).filter(|id| *id != 0)
    }

    fn end(&self, id: Id) -> bool {
        imports::end(id) == 0
    }

    fn close(&self, id: Id) {
        imports::close(id);
    }

    fn group(&self, id: Id, group: IpAddr, join: bool) -> bool {
        imports::group(id, join, &group.to_string()) == 0
    }

    fn now(&self, clock: Clock) -> Duration {
        if clock == Clock::Monotonic && must_sleep() {
            return TIME.get();
        }
        let time = self.real_now(clock).saturating_add(AHEAD.get());
        if clock == Clock::Monotonic {
            TIME.set(time);
        }
        time
    }

    fn real_now(&self, clock: Clock) -> Duration {
        let millis = match clock {
            Clock::Realtime => imports::realtime(),
            _ => imports::now(),
        };
        Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
    }

    /// JavaScript asks for the next timer by itself.
    fn wait(&self, timeout: Option<Duration>, _: Option<Duration>) -> Result<()> {
        match (WAIT.get(), timeout) {
            (_, Some(Duration::ZERO)) => Ok(()),
            // It goes on to what it would wait for next, which it may not even lack.
            _ if must_sleep() => Err(Errno::EAGAIN),
            (Wait::Over, Some(timeout)) => {
                WAIT.set(Wait::Refused);
                AHEAD.set(timeout);
                Ok(())
            }
            (Wait::Refused | Wait::Over, timeout) => {
                REFUSED.set(Some(Refused::Change(timeout.map_or(-1.0, in_millis))));
                Err(Errno::EAGAIN)
            }
        }
    }

    fn sleep(&self, time: Option<Duration>) -> Result<()> {
        REFUSED.set(Some(Refused::Clock(time.map_or(-1.0, in_millis))));
        Err(Errno::EAGAIN)
    }

    /// Whatever the call waits for is an event of JavaScript's, after which it is made again.
    fn pause(&self, _: Duration, remaining: Option<Duration>) -> Result<()> {
        self.wait(remaining, None)
    }
}
