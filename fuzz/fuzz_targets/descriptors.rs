//! The descriptors of a guest as a state machine: any order of calls, any answer of the host. The numbers are those
//! that POSIX promises, and no object of the host is forgotten.
#![no_main]

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Errno, Fd, GuestThread, OpenFile};
use guestnet_fuzz::{Script, ScriptHost};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Small, so that the limits are reached.
const CAPACITY: Capacity = Capacity {
    descriptors: 8,
    sockets: 4,
    buffers: 1 << 30,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Socket,
    File(u8),
}

fuzz_target!(|data: &[u8]| {
    let script = Script::new(data);
    let (host, open) = ScriptHost::new(script.clone(), Arc::new(Policy::allow_all()));
    let mut guest = GuestThread::new(host, Arc::new(Policy::allow_all()), CAPACITY);
    let mut model: BTreeMap<Fd, Is> = BTreeMap::new();
    while let Some(op) = script.next() {
        let free = (0..)
            .find(|fd| !model.contains_key(fd))
            .expect("there are more numbers than descriptors");
        let full = model.len() == CAPACITY.descriptors;
        let sockets = model.values().filter(|is| **is == Is::Socket).count();
        match op % 8 {
            0 | 1 => {
                let (domain, kind) = script.socket();
                match guest.socket(domain, kind) {
                    Ok(fd) => {
                        assert_eq!(fd, free);
                        assert!(!full && sockets < CAPACITY.sockets, "a limit was passed");
                        model.insert(fd, Is::Socket);
                    }
                    Err(errno) => assert!(errno == Errno::EMFILE || !full),
                }
            }
            2 => match guest.insert_file(op) {
                Ok(fd) => {
                    assert_eq!(fd, free);
                    model.insert(fd, Is::File(op));
                }
                Err(refused) => {
                    assert_eq!(refused, (Errno::EMFILE, op));
                    assert!(full);
                }
            },
            3 => {
                let fd = script.fd();
                let expected = match model.remove(&fd) {
                    None => Err(Errno::EBADF),
                    Some(Is::Socket) => Ok(None),
                    Some(Is::File(file)) => Ok(Some(file)),
                };
                assert_eq!(guest.close(fd), expected);
            }
            4 => {
                let (from, to) = (script.fd(), script.fd());
                let expected = match (model.get(&from).copied(), model.get(&to).copied()) {
                    (None, _) | (_, None) => Err(Errno::EBADF),
                    (Some(_), Some(_)) if from == to => Ok(None),
                    (Some(moved), Some(replaced)) => {
                        model.remove(&from);
                        model.insert(to, moved);
                        Ok(if let Is::File(file) = replaced {
                            Some(file)
                        } else {
                            None
                        })
                    }
                };
                assert_eq!(guest.renumber(from, to), expected);
            }
            5 => {
                if let Ok((fd, _)) = guest.accept(script.fd(), script.bool()) {
                    assert_eq!(fd, free);
                    assert!(!full && sockets < CAPACITY.sockets, "a limit was passed");
                    model.insert(fd, Is::Socket);
                }
            }
            6 => {
                let (fd, on) = (script.fd(), script.bool());
                let set = guest.set_nonblocking(fd, on);
                assert_eq!(set.is_ok(), model.contains_key(&fd));
                if model.get(&fd) == Some(&Is::Socket) {
                    assert_eq!(guest.nonblocking(fd), Ok(on));
                }
            }
            _ => assert_eq!(
                guest.next_descriptor(),
                if full { Err(Errno::EMFILE) } else { Ok(free) }
            ),
        }
        let there: BTreeMap<Fd, Is> = guest.descriptors().map(|(fd, entry)| (fd, is(entry))).collect();
        assert_eq!(there, model);
        let sockets = model.values().filter(|is| **is == Is::Socket).count();
        assert_eq!(
            open.get(),
            sockets,
            "the host's objects are those that the guest has"
        );
    }
    drop(guest);
    assert_eq!(open.get(), 0);
});

fn is<Io>(entry: &OpenFile<Io, u8>) -> Is {
    match entry {
        OpenFile::Socket(_) => Is::Socket,
        OpenFile::File(file) => Is::File(*file),
        OpenFile::Stream(_) => unreachable!("no stream was entered"),
    }
}
