//! The gate: whatever a guest calls in whatever order, and whatever the host answers, nothing that the policy denies
//! reaches the host (the host asserts it) and nothing from a denied peer reaches the guest.
#![no_main]

use guestnet_core::policy::{Policy, PolicyBuilder, Protocol, Use};
use guestnet_core::{
    Capacity, Guest, Kind, OptValue, Ready, RecvFlags, SendFlags, Shutdown, SockAddr, SockOpt,
};
use guestnet_fuzz::{FORBIDDEN, Script, ScriptHost, allowed};
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

fn policy(bits: u8) -> Policy {
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
    builder.build()
}

fuzz_target!(|data: &[u8]| {
    let script = Script::new(data);
    let policy = Arc::new(policy(script.byte()));
    let (host, _) = ScriptHost::new(script.clone(), Arc::clone(&policy));
    let mut guest: Guest<_, ()> = Guest::new(host, Arc::clone(&policy), Capacity::default());
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
                        allowed(&policy, Use::Accept, Protocol::Tcp, peer),
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
                send_flags(&script),
            )),
            9 => {
                let address = script.address();
                any(guest.send_to(
                    fd,
                    &mut [IoSlice::new(b"datagram")],
                    &address,
                    send_flags(&script),
                ));
            }
            10 => receive(|bufs| any(guest.recv(fd, bufs, recv_flags(&script)))),
            11 => {
                let datagram = guest.entry(fd).is_ok_and(|entry| {
                    matches!(entry, guestnet_core::Entry::Socket(socket) if socket.kind() == Kind::Datagram)
                });
                receive(|bufs| {
                    if let Ok((_, SockAddr::Inet(from))) = guest.recv_from(fd, bufs, recv_flags(&script)) {
                        let known = [Use::Accept, Use::Connect]
                            .iter()
                            .any(|side| allowed(&policy, *side, Protocol::Udp, from));
                        assert!(known || !datagram, "received from {from}");
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
});

/// Takes a result of which any is right: what matters is what reaches the host, and the guest.
fn any<T>(_result: T) {}

/// Receives into two buffers, in which nothing of a denied sender may be left.
fn receive(mut call: impl FnMut(&mut [IoSliceMut<'_>])) {
    let (mut first, mut second) = ([0; 16], [0; 64]);
    call(&mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)]);
    let traces = first
        .iter()
        .chain(&second)
        .filter(|byte| **byte == FORBIDDEN)
        .count();
    assert_eq!(traces, 0, "a denied datagram left traces in the guest's memory");
}

fn send_flags(script: &Script) -> SendFlags {
    SendFlags::from_bits_truncate(script.byte())
}

fn recv_flags(script: &Script) -> RecvFlags {
    RecvFlags::from_bits_truncate(script.byte())
}
