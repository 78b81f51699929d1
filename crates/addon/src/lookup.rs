//! Look-ups that a program does not wait for: each is made by a thread of its own, which then makes a descriptor readable.

use std::collections::HashMap;
use std::io::IoSlice;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::Builder;

use guestnet_core::Fd;
use guestnet_emscripten::{Args, Lookup, LookupResult};
use guestnet_host_os::OsHost;

use crate::instance::lock;
use crate::napi::{Arguments, Failure, Value};

/// Look-ups of one thread that are not taken yet. One more says `EAGAIN`; each holds a thread and a pipe.
const MOST: usize = 64;

/// `EAGAIN` of the C library.
const AGAIN: i32 = -6;

/// `EAI_AGAIN`: there is no result yet.
const EAI_AGAIN: i32 = -3;

/// `EAI_SYSTEM`: no such look-up.
const EAI_SYSTEM: i32 = -11;

/// The look-ups of a thread.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    pending: HashMap<i32, Pending>,
    last: i32,
}

#[derive(Debug)]
struct Pending {
    outcome: Arc<Mutex<Option<LookupResult>>>,
    /// Readiness that the program had been told of when it began.
    told: u64,
}

/// lookupStart(memory, node, service, hints, end): looks up on another thread, then writes a byte to the pipe `end` and
/// closes it, also if anything fails. The number of the look-up, or `EAGAIN`.
pub(crate) fn start(arguments: &Arguments) -> Result<Value, Failure> {
    let env = arguments.env();
    let thread = arguments.thread()?;
    let memory = arguments.memory().ok_or("no memory")?;
    let mut args = Args::default();
    for (index, slot) in args.0.iter_mut().enumerate().take(3) {
        *slot = arguments.int(index + 1);
    }
    let lookup = Lookup::read(memory, &args);
    let end: Fd = arguments.int(4).cast_unsigned();
    let mut lookups = thread.lookups.borrow_mut();
    if lookups.pending.len() >= MOST {
        return env.int(AGAIN);
    }
    let Ok(mut process) = thread.instance.process(|_| ()) else {
        return env.int(AGAIN);
    };
    let outcome = Arc::new(Mutex::new(None));
    let there = Arc::clone(&outcome);
    let body = move || {
        let found = process.look_up(&lookup);
        *lock(&there) = Some(found);
        let guest = process.guest();
        // The program may have closed the other end, or have ended: nobody is waiting then.
        let _ = guest.write(end, &mut [IoSlice::new(&[0])]);
        let _ = guest.close(end);
    };
    if Builder::new()
        .name("guestnet-lookup".to_owned())
        .spawn(body)
        .is_err()
    {
        return env.int(AGAIN);
    }
    lookups.last = lookups.last.checked_add(1).unwrap_or(1);
    let (id, told) = (lookups.last, thread.instance.told.load(Ordering::Relaxed));
    lookups.pending.insert(id, Pending { outcome, told });
    env.int(id)
}

/// lookupTake(number, later): how many results there are, which `takeAnswer` writes, or an `EAI_*`. There is nothing yet
/// as long as the program can neither have been told that it is ready nor is on a `later` turn.
pub(crate) fn take(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    let mut lookups = thread.lookups.borrow_mut();
    let id = arguments.int(0);
    let result = match lookups.pending.get(&id) {
        None => EAI_SYSTEM,
        Some(pending)
            if arguments.int(1) == 0 && pending.told == thread.instance.told.load(Ordering::Relaxed) =>
        {
            EAI_AGAIN
        }
        Some(pending) => {
            let outcome = lock(&pending.outcome).take();
            match outcome {
                None => EAI_AGAIN,
                Some(outcome) => {
                    lookups.pending.remove(&id);
                    thread
                        .with_process(|process| process.store_result(outcome))
                        .unwrap_or(EAI_SYSTEM)
                }
            }
        }
    };
    arguments.env().int(result)
}

/// lookupDrop(number): nobody wants it any more.
pub(crate) fn drop_lookup(arguments: &Arguments) -> Result<Value, Failure> {
    let thread = arguments.thread()?;
    thread.lookups.borrow_mut().pending.remove(&arguments.int(0));
    arguments.env().undefined()
}
