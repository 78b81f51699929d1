//! The gate: whatever a guest calls in whatever order, and whatever the host answers, nothing that the policy denies
//! reaches the host (the host asserts it) and nothing from a denied peer reaches the guest, nor more bytes than the policy's
//! limit in either direction; also when a second thread changes what the descriptors mean in the middle of calls.
#![no_main]

use guestnet_core::policy::{Policy, PolicyBuilder, Protocol, Use};
use guestnet_core::{
    Capacity, Fd, Guest, GuestThread, Kind, OpenFile, OptValue, Ready, RecvFlags, SendFlags,
    SharedGuestThread, Shutdown, Slots, SockAddr, SockOpt,
};
use guestnet_fuzz::{COUNTED, FORBIDDEN, Io, Script, ScriptHost, allowed};
use libfuzzer_sys::fuzz_target;
use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;

/// Each bit of the input's first byte says whether a rule is there.
const RULES: [(bool, Use, &str); 8] = [
    (true, Use::Connect, "10.0.0.0/8:443"),
    (false, Use::Connect, "10.0.0.5"),
    (true, Use::Connect, "udp://8.8.8.8:53"),
    (true, Use::Listen, "127.0.0.0/8:*"),
    (false, Use::Listen, "*:80"),
    (true, Use::Accept, "127.0.0.0/8"),
    (false, Use::Accept, "127.0.0.1"),
    (true, Use::Unix, "/tmp/a"),
];

/// What a guest may move in all, where that is limited: two calls' worth.
const TOTAL: u64 = 100;

fn policy(bits: u8, limited: bool) -> Policy {
    let mut builder = PolicyBuilder::new();
    for (number, (allow, usage, text)) in RULES.into_iter().enumerate() {
        if bits >> number & 1 == 1 {
            let added = if allow {
                builder.allow(usage, text)
            } else {
                builder.deny(usage, text)
            };
            added.expect("a rule of this list");
        }
    }
    builder.limits_mut().bytes_total = limited.then_some(TOTAL);
    builder.build()
}

fuzz_target!(|data: &[u8]| {
    let script = Script::new(data);
    let bits = script.byte();
    let how = script.byte();
    let policy = Arc::new(policy(bits, how & 1 == 1));
    let (host, _) = ScriptHost::new(script.clone(), Arc::clone(&policy));
    if how & 2 == 0 {
        let guest: GuestThread<_, ()> = GuestThread::new(host, Arc::clone(&policy), Capacity::default());
        drive(guest, &script, &policy, false);
    } else {
        let meanwhile = host.meanwhile();
        let guest = Guest::new(Arc::clone(&policy), Capacity::default(), RESERVED).thread(host);
        let (host, _) = ScriptHost::new(script.clone(), Arc::clone(&policy));
        *meanwhile.borrow_mut() = Some(another_thread(guest.guest().thread(host), script.clone()));
        drive(guest, &script, &policy, true);
        // It has a handle on the table, whose entries must not outlive this.
        meanwhile.borrow_mut().take();
    }
});

/// Numbers below it are placed.
const RESERVED: Fd = 5;

/// What a second thread does in the middle of the calls of the first: it changes what numbers mean.
fn another_thread(mut guest: SharedGuestThread<ScriptHost, ()>, script: Script) -> Box<dyn FnMut()> {
    Box::new(move || {
        let (one, other) = (script.fd(), script.fd());
        match script.byte() % 8 {
            0 => any(guest.close(one)),
            1 => any(guest.renumber(one, other)),
            2 => any(guest.set_nonblocking(one, script.bool())),
            3 | 4 => {
                if let Ok(copy) = guest.dup(one) {
                    any(guest.install_at(copy, other));
                }
            }
            _ => {}
        }
    })
}

/// Makes the calls of the script. `swaps`: numbers may mean something else from one moment to the next.
fn drive<T: Slots<OpenFile<Io, ()>>>(
    mut guest: GuestThread<ScriptHost, (), T>,
    script: &Script,
    policy: &Policy,
    swaps: bool,
) {
    let mut shown = 0;
    while let Some(op) = script.next() {
        let fd = script.fd();
        match op % 16 {
            0..=2 => {
                let (domain, kind) = script.socket();
                any(guest.socket(domain, kind));
            }
            3 => any(guest.bind(fd, &script.address())),
            4 => any(guest.listen(fd, i32::from(script.byte()))),
            5 => {
                if let Ok((_, SockAddr::Inet(peer))) = guest.accept(fd, script.bool()) {
                    assert!(
                        allowed(policy, Use::Accept, Protocol::Tcp, peer),
                        "accepted {peer}"
                    );
                }
            }
            6 => any(guest.connect(fd, &script.address())),
            7 => any(guest.shutdown(
                fd,
                script.one_of(&[Shutdown::Read, Shutdown::Write, Shutdown::Both]),
            )),
            8 => any(guest.send(
                fd,
                &mut [IoSlice::new(b"one"), IoSlice::new(b"two")],
                send_flags(script),
            )),
            9 => {
                let address = script.address();
                any(guest.send_to(fd, &mut [IoSlice::new(b"datagram")], &address, send_flags(script)));
            }
            10 => shown += receive(script, |bufs, flags| any(guest.recv(fd, bufs, flags))),
            11 => {
                let datagram = guest.open_file(fd).is_ok_and(
                    |entry| matches!(&*entry, OpenFile::Socket(socket) if socket.kind() == Kind::Datagram),
                );
                shown += receive(script, |bufs, flags| {
                    if let Ok((_, SockAddr::Inet(from))) = guest.recv_from(fd, bufs, flags) {
                        let known = [Use::Accept, Use::Connect]
                            .iter()
                            .any(|side| allowed(policy, *side, Protocol::Udp, from));
                        assert!(known || swaps || !datagram, "received from {from}");
                    }
                });
            }
            12 => any(guest.close(fd)),
            13 => any(guest.set_nonblocking(fd, script.bool())),
            14 => {
                let option = script.one_of(SockOpt::ALL);
                any(guest.set_option(fd, option, OptValue::Int(i32::from(script.byte()))));
                any(guest.option(fd, option));
            }
            _ => {
                guest.poll_begin();
                any(guest.poll_add(7, fd, Ready::READ | Ready::WRITE));
                any(guest.poll_wait(None));
                assert!(guest.poll_events().all(|event| event.token == 7));
            }
        }
    }
    let total = policy.limits().bytes_total.unwrap_or(u64::MAX);
    // The last datagram is taken whole.
    assert!(
        shown <= total.saturating_add(ROOM),
        "{shown} bytes of {total} were received"
    );
}

/// Takes a result of which any is right: what matters is what reaches the host, and the guest.
fn any<T>(_result: T) {}

/// How much one receive has room for.
const ROOM: u64 = 16 + 64;

/// Receives into two buffers, in which nothing of a denied sender may be left. How many bytes that count were taken.
fn receive(script: &Script, mut call: impl FnMut(&mut [IoSliceMut<'_>], RecvFlags)) -> u64 {
    let (mut first, mut second) = ([0; 16], [0; 64]);
    let flags = RecvFlags::from_bits_truncate(script.byte());
    call(
        &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)],
        flags,
    );
    let count = |of: u8| first.iter().chain(&second).filter(|byte| **byte == of).count();
    let traces = count(FORBIDDEN);
    assert_eq!(traces, 0, "a denied datagram left traces in the guest's memory");
    if flags.contains(RecvFlags::PEEK) {
        0
    } else {
        count(COUNTED) as u64
    }
}

fn send_flags(script: &Script) -> SendFlags {
    SendFlags::from_bits_truncate(script.byte())
}
