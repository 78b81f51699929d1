//! What an operation leaves in the trace and the audit: one line, however often the guest or its adapter asks what became of it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guestnet_core::limits::Limits;
use guestnet_core::policy::{PolicyBuilder, Use};
use guestnet_core::{
    AuditRecord, Denial, Errno, Fd, Observer, OptValue, Ready, RecvFlags, Result, ResultLine, Shutdown,
    SockAddr, SockOpt,
};

use crate::behaviour::behaviours;
use crate::guest::{Calls, LOOPBACK, TestGuest, guest_under};
use crate::tcp::{dead_end, stalled};
use crate::world::{PeerListener, World};

behaviours! { "once":
    a_connect_that_is_asked_about_again_is_judged_traced_and_audited_once,
    a_connect_that_the_guest_asks_about_is_audited_once,
    a_connect_elsewhere_while_one_is_under_way_is_judged,
    a_connect_after_the_end_of_one_that_was_under_way_is_judged_again,
    a_connect_after_one_whose_failure_the_guest_was_told_is_judged_again,
    a_connect_that_the_rate_holds_back_is_judged_and_audited_once,
}

/// The calls and the decisions that an observer received.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<(Vec<String>, Vec<String>)>>);

impl Observer for Lines {
    fn wants_calls(&self) -> bool {
        true
    }

    fn call(&mut self, name: &'static str, _: fmt::Arguments<'_>, result: Result<u64>) {
        let line = format!("{name} = {}", ResultLine(result));
        self.0.lock().unwrap().0.push(line);
    }

    fn denied(&mut self, _: &Denial<'_>) {}

    fn wants_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, record: &AuditRecord<'_>) {
        let line = format!("{} {}: {}", record.call, record.target, record.decision);
        self.0.lock().unwrap().1.push(line);
    }
}

impl Lines {
    fn of<W: World>(guest: &mut TestGuest<W>) -> Self {
        let lines = Lines::default();
        guest.observe(Box::new(lines.clone()));
        lines
    }

    /// The traced calls and the audited decisions since the last time.
    fn take(&self) -> (Vec<String>, Vec<String>) {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A guest that may connect to loopback, but for one address.
fn guest<W: World>(world: &W) -> TestGuest<W> {
    let mut policy = PolicyBuilder::new();
    policy.allow_net().deny(Use::Connect, "127.0.0.77").unwrap();
    guest_under(world, policy.build())
}

/// A non-blocking socket with a connect under way, which is the first thing in `lines`.
fn begin<W: World>(guest: &mut TestGuest<W>, lines: &Lines, addr: SocketAddr) -> Fd {
    let fd = guest.tcp();
    guest.make_nonblocking(fd);
    lines.take();
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
    fd
}

fn a_connect_that_is_asked_about_again_is_judged_traced_and_audited_once<W: World>(world: &W) {
    let mut guest = guest(world);
    let (addr, open) = stalled::<W>(&mut guest);
    let lines = Lines::of::<W>(&mut guest);
    let (fd, to) = (guest.tcp(), SockAddr::from(addr));
    lines.take();
    assert_eq!(guest.try_connect(fd, &to), Err(Errno::EINPROGRESS));
    for _ in 0..3 {
        assert_eq!(guest.try_connect(fd, &to), Err(Errno::EALREADY));
    }
    let (calls, decisions) = lines.take();
    assert_eq!(calls, [""; 0], "what is not over is not traced");
    assert_eq!(decisions.len(), 1, "{decisions:?}");
    while guest.try_accept(open[0], true).is_ok() {}
    guest.until(fd, Ready::WRITE);
    lines.take();
    assert_eq!(guest.try_connect(fd, &to), Ok(()));
    assert_eq!(lines.take(), (vec!["connect = 0".to_owned()], vec![]));
    // The next one is another operation.
    assert_eq!(guest.try_connect(fd, &to), Err(Errno::EISCONN));
    let (calls, decisions) = lines.take();
    assert_eq!((calls.len(), decisions.len()), (1, 1), "{calls:?} {decisions:?}");
}

fn a_connect_that_the_guest_asks_about_is_audited_once<W: World>(world: &W) {
    let mut guest = guest(world);
    let (addr, _open) = stalled::<W>(&mut guest);
    let lines = Lines::of::<W>(&mut guest);
    let fd = begin::<W>(&mut guest, &lines, addr);
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EALREADY));
    let (calls, decisions) = lines.take();
    assert_eq!(calls.len(), 2, "each call of the guest is traced: {calls:?}");
    assert_eq!(decisions.len(), 1, "{decisions:?}");
}

fn a_connect_elsewhere_while_one_is_under_way_is_judged<W: World>(world: &W) {
    let mut guest = guest(world);
    let (addr, _open) = stalled::<W>(&mut guest);
    let lines = Lines::of::<W>(&mut guest);
    let fd = begin::<W>(&mut guest, &lines, addr);
    let denied = ([127, 0, 0, 77], addr.port()).into();
    assert_eq!(guest.connect_to(fd, denied), Err(Errno::EACCES));
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EALREADY));
    let (_, decisions) = lines.take();
    assert_eq!(decisions.len(), 2, "{decisions:?}");
}

/// shutdown(2) ends a connect that is under way (Linux goes back to an unconnected socket), and so does dissolving it: the
/// next connect begins one.
fn a_connect_after_the_end_of_one_that_was_under_way_is_judged_again<W: World>(world: &W) {
    let mut guest = guest(world);
    let (addr, _open) = stalled::<W>(&mut guest);
    let lines = Lines::of::<W>(&mut guest);
    let fd = begin::<W>(&mut guest, &lines, addr);
    // Its own errno is the system's affair.
    let _ = guest.shutdown(fd, Shutdown::Both);
    let again = guest.connect_to(fd, addr).unwrap_err();
    assert_eq!(
        lines.take().1.len(),
        2,
        "after a shutdown, which was followed by {again:?}"
    );

    let fd = begin::<W>(&mut guest, &lines, addr);
    lines.take();
    guest.connect(fd, &SockAddr::Unspec).unwrap();
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
    assert_eq!(lines.take().1.len(), 1, "after the association was dissolved");
}

/// How a guest learns that a connect failed.
type Way<W> = fn(&mut TestGuest<W>, Fd) -> Option<Errno>;

/// A guest that learns of a failure by `SO_ERROR`, a receive or a send begins a new connect, which the rules and the limits
/// must see.
fn a_connect_after_one_whose_failure_the_guest_was_told_is_judged_again<W: World>(world: &W) {
    let mut guest = guest(world);
    let addr = dead_end::<W>(&mut guest);
    let lines = Lines::of::<W>(&mut guest);
    let ways: [Way<W>; 3] = [
        |guest, fd| match guest.option(fd, SockOpt::Error) {
            Ok(OptValue::Error(errno)) => errno,
            other => panic!("{other:?}"),
        },
        |guest, fd| guest.receive(fd, 1, RecvFlags::empty()).err(),
        |guest, fd| guest.transmit(fd, b"x").err(),
    ];
    for way in ways {
        let fd = begin::<W>(&mut guest, &lines, addr);
        guest.until(fd, Ready::WRITE);
        assert_eq!(way(&mut guest, fd), Some(Errno::ECONNREFUSED));
        lines.take();
        // Linux says once more that the first one is over.
        assert_eq!(guest.connect_to(fd, addr), Err(Errno::ECONNABORTED));
        assert_eq!(lines.take().1, [""; 0], "the end of the first one");
        assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
        assert_eq!(lines.take().1.len(), 1, "the next one");
    }
}

fn a_connect_that_the_rate_holds_back_is_judged_and_audited_once<W: World>(world: &W) {
    let mut policy = PolicyBuilder::new();
    policy.allow_net().limits(Limits {
        bytes_per_second: Some(1200),
        ..Limits::default()
    });
    let mut guest = guest_under(world, policy.build());
    let listener = world.listen(LOOPBACK).unwrap();
    let to = listener.local_addr().unwrap();
    let held = loop {
        let fd = guest.tcp();
        guest.make_nonblocking(fd);
        match guest.connect_to(fd, to) {
            Ok(()) | Err(Errno::EINPROGRESS) => drop(listener.accept().unwrap()),
            Err(Errno::EAGAIN) => break fd,
            other => panic!("{other:?}"),
        }
        guest.close(fd).unwrap();
    };
    let lines = Lines::of::<W>(&mut guest);
    // It was judged before there was an observer.
    while guest.connect_to(held, to) == Err(Errno::EAGAIN) {
        guest.poll(&[], Some(Duration::from_millis(1))).unwrap();
    }
    assert_eq!(lines.take().1, [""; 0]);
    drop(listener.accept().unwrap());
}
