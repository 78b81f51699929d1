//! A poll whose list is nearly that of the last one, which core and host keep: it is as exact as one that is made anew.

use std::collections::BTreeMap;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Domain, Fd, GuestThread, Kind, Ready, RecvFlags, SendFlags, SockAddr};
use guestnet_host_os::OsHost;

type Guest = GuestThread<OsHost, ()>;

const ASKED: Ready = Ready::READ.union(Ready::READ_HANGUP);

fn guest() -> Guest {
    let host = OsHost::new().unwrap();
    GuestThread::new(host, Arc::new(Policy::allow_all()), Capacity::default())
}

fn udp(guest: &mut Guest) -> Fd {
    let addr: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    guest.bind(fd, &addr.into()).unwrap();
    fd
}

fn send(guest: &mut Guest, from: Fd, to: &SockAddr) {
    let sent = guest.send_to(from, &mut [IoSlice::new(b"x")], to, SendFlags::empty());
    assert_eq!(sent, Ok(1));
}

fn receive(guest: &mut Guest, fd: Fd) {
    let mut byte = [0];
    let received = guest.recv(fd, &mut [IoSliceMut::new(&mut byte)], RecvFlags::DONTWAIT);
    assert_eq!(received.map(|meta| meta.len), Ok(1));
}

/// Polls the list and gives the tokens of what is ready, with the conditions.
fn poll(guest: &mut Guest, list: &[(u32, Fd, Ready)]) -> Vec<(u32, Ready)> {
    guest.poll_begin();
    let mut wrong = Vec::new();
    for (token, fd, want) in list {
        if guest.poll_add(*token, *fd, *want).is_err() {
            wrong.push((*token, Ready::empty()));
        }
    }
    guest.poll_wait(Some(Duration::ZERO)).unwrap();
    let mut found: Vec<(u32, Ready)> = guest
        .poll_events()
        .map(|event| (event.token, event.ready))
        .chain(wrong)
        .collect();
    found.sort_by_key(|(token, _)| *token);
    found
}

/// A generator of numbers: the tests are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Sockets of a guest, and how many datagrams wait in each.
struct Model {
    guest: Guest,
    sender: Fd,
    waiting: BTreeMap<Fd, (SockAddr, usize)>,
}

impl Model {
    fn new() -> Self {
        let mut guest = guest();
        let sender = udp(&mut guest);
        Model {
            guest,
            sender,
            waiting: BTreeMap::new(),
        }
    }

    fn open(&mut self) -> Fd {
        let fd = udp(&mut self.guest);
        let addr = self.guest.local_addr(fd).unwrap();
        self.waiting.insert(fd, (addr, 0));
        fd
    }

    /// Anything that changes what a poll finds.
    fn change(&mut self, numbers: &mut Numbers) {
        let fds: Vec<Fd> = self.waiting.keys().copied().collect();
        let fd = fds[numbers.below(fds.len())];
        match numbers.below(12) {
            0..6 => {
                let (addr, waiting) = self.waiting.get_mut(&fd).unwrap();
                send(&mut self.guest, self.sender, addr);
                *waiting += 1;
            }
            6..9 => {
                let (_, waiting) = self.waiting.get_mut(&fd).unwrap();
                if *waiting > 0 {
                    *waiting -= 1;
                    receive(&mut self.guest, fd);
                }
            }
            9 => {
                self.guest.close(fd).unwrap();
                self.waiting.remove(&fd);
                // Nearly always the same number, and another socket.
                if numbers.below(4) > 0 {
                    self.open();
                }
            }
            10 => {
                self.open();
            }
            _ => {
                let to = fds[numbers.below(fds.len())];
                self.guest.renumber(fd, to).unwrap();
                if fd != to {
                    let moved = self.waiting.remove(&fd).unwrap();
                    self.waiting.insert(to, moved);
                }
            }
        }
        while self.waiting.len() < 2 {
            self.open();
        }
    }

    /// What a poll of the list must find.
    fn expected(&self, list: &[(u32, Fd, Ready)]) -> Vec<(u32, Ready)> {
        let found = list.iter().filter_map(|(token, fd, want)| {
            let Some((_, waiting)) = self.waiting.get(fd) else {
                return Some((*token, Ready::empty()));
            };
            let mut ready = Ready::WRITE;
            ready.set(Ready::READ, *waiting > 0);
            let ready = ready & *want;
            (!ready.is_empty()).then_some((*token, ready))
        });
        found.collect()
    }
}

/// Changes a list a little, now and then a lot.
fn change_list(list: &mut Vec<(Fd, Ready)>, model: &Model, numbers: &mut Numbers) {
    let fds: Vec<Fd> = model.waiting.keys().copied().collect();
    let one = |numbers: &mut Numbers| {
        let want = [ASKED, ASKED, Ready::WRITE, ASKED | Ready::WRITE][numbers.below(4)];
        // A number that stands for nothing, too.
        let fd = match numbers.below(20) {
            0 => 999,
            _ => fds[numbers.below(fds.len())],
        };
        (fd, want)
    };
    match numbers.below(10) {
        0..3 => {}
        3 => list.push(one(numbers)),
        4 => {
            list.pop();
        }
        5 if !list.is_empty() => {
            // As Go does: the last one takes the place of one that is not waited for any more.
            let index = numbers.below(list.len());
            list.swap_remove(index);
        }
        6 if !list.is_empty() => {
            let index = numbers.below(list.len());
            list[index] = one(numbers);
        }
        7 if !list.is_empty() => {
            let index = numbers.below(list.len());
            list.insert(index, one(numbers));
        }
        8 => list.truncate(numbers.below(list.len() + 1)),
        _ => {
            let more = numbers.below(12);
            list.extend((0..more).map(|_| one(numbers)));
        }
    }
    list.truncate(40);
}

#[test]
fn a_list_that_changes_a_little_finds_what_is_ready_and_nothing_else() {
    for seed in 0..20 {
        let mut numbers = Numbers(seed);
        let mut model = Model::new();
        for _ in 0..8 {
            model.open();
        }
        let mut list = Vec::new();
        for step in 0..600 {
            for _ in 0..numbers.below(3) {
                model.change(&mut numbers);
            }
            change_list(&mut list, &model, &mut numbers);
            // Now and then the tokens are others: a clock has come before all descriptors.
            let first = u32::try_from(numbers.below(10) / 9).unwrap();
            let asked: Vec<(u32, Fd, Ready)> = (first..)
                .zip(&list)
                .map(|(token, (fd, want))| (token, *fd, *want))
                .collect();
            // Other polls of the same guest, between two of this one.
            if numbers.below(20) == 0 {
                let other = &asked[asked.len() / 2..];
                assert_eq!(poll(&mut model.guest, other), model.expected(other));
            }
            let found = poll(&mut model.guest, &asked);
            assert_eq!(
                found,
                model.expected(&asked),
                "seed {seed}, step {step}: {asked:?}"
            );
        }
    }
}

#[test]
fn a_poll_that_was_begun_and_not_waited_for_leaves_nothing_behind() {
    let mut model = Model::new();
    let fds: Vec<Fd> = (0..10).map(|_| model.open()).collect();
    let list: Vec<(u32, Fd, Ready)> = (0..).zip(&fds).map(|(token, fd)| (token, *fd, ASKED)).collect();
    assert_eq!(poll(&mut model.guest, &list), []);
    for _ in 0..3 {
        // The same request is replaced again and again, by itself and by others.
        for fd in [fds[3], fds[7], fds[3]] {
            model.guest.poll_begin();
            model.guest.poll_add(0, fd, ASKED).unwrap();
            model.guest.poll_add(0, fd, Ready::WRITE).unwrap();
        }
    }
    let (addr, waiting) = model.waiting.get_mut(&fds[3]).unwrap();
    send(&mut model.guest, model.sender, addr);
    *waiting += 1;
    assert_eq!(poll(&mut model.guest, &list), [(3, Ready::READ)]);
    model.guest.poll_begin();
    assert_eq!(
        model.guest.poll_events().count(),
        0,
        "of a poll that has not waited"
    );
    assert_eq!(poll(&mut model.guest, &list), [(3, Ready::READ)]);
}

#[test]
fn thousands_of_requests_for_one_descriptor_are_replaced_one_by_one() {
    let mut model = Model::new();
    let one = model.open();
    let other = model.open();
    let mut list: Vec<(u32, Fd, Ready)> = (0..30_000).map(|token| (token, one, ASKED)).collect();
    assert_eq!(poll(&mut model.guest, &list), []);
    // From the middle of the chain, from its end and from its beginning.
    for index in (10_000..20_000).chain(0..10_000).chain(20_000..30_000) {
        list[index].1 = other;
    }
    assert_eq!(poll(&mut model.guest, &list), []);
    let (addr, waiting) = model.waiting.get_mut(&other).unwrap();
    send(&mut model.guest, model.sender, addr);
    *waiting += 1;
    assert_eq!(poll(&mut model.guest, &list).len(), 30_000);
    list.truncate(9);
    assert_eq!(poll(&mut model.guest, &list), model.expected(&list));
}

#[test]
fn a_socket_that_moves_onto_a_files_number_is_not_where_it_was() {
    let mut model = Model::new();
    let fds: Vec<Fd> = (0..6).map(|_| model.open()).collect();
    let file = model.guest.insert_file(()).unwrap();
    let list: Vec<(u32, Fd, Ready)> = (0..).zip(&fds).map(|(token, fd)| (token, *fd, ASKED)).collect();
    let (addr, waiting) = model.waiting.get_mut(&fds[2]).unwrap();
    send(&mut model.guest, model.sender, addr);
    *waiting += 1;
    assert_eq!(poll(&mut model.guest, &list), [(2, Ready::READ)]);
    // Nothing of the host is closed by it.
    model.guest.renumber(fds[2], file).unwrap();
    assert_eq!(poll(&mut model.guest, &list), [(2, Ready::empty())], "EBADF");
    model.guest.renumber(file, fds[3]).unwrap();
    assert_eq!(
        poll(&mut model.guest, &list),
        [(2, Ready::empty()), (3, Ready::READ)]
    );
}
