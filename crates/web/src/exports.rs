//! What JavaScript calls. Each reads numbers, makes one call of the program, and gives a number back.
#![expect(
    unsafe_code,
    reason = "a name that is exported could be another module's; there is none in this one"
)]

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use guestnet_core::{Errno, Ready};
use guestnet_emscripten::{ADDRINFO_ROOM, Args, CALLS, FOREIGN, OptionValue, READY, STATE, negated};

use crate::program::{ENDED, Program, Tried};
use crate::sockets::Refused;
use crate::text;

thread_local! {
    static PROGRAM: RefCell<Option<Program>> = const { RefCell::new(None) };
    /// The options that were given until now.
    static OPTIONS: RefCell<Vec<(String, OptionValue)>> = const { RefCell::new(Vec::new()) };
    /// How long the last call would have waited, in milliseconds.
    static WAIT: Cell<f64> = const { Cell::new(0.0) };
}

/// What [`unfinished`] says of the last call.
const FINISHED: u32 = 0;
/// It would have to wait for a change, as long as [`wait`] says.
const WAITS: u32 = 1;
/// It goes on at once, behind the bytes that it has moved.
const GOES_ON: u32 = 2;
/// It would have to sleep, as long as [`wait`] says, and is then made again as it is.
const SLEEPS: u32 = 3;

thread_local! {
    static UNFINISHED: Cell<u32> = const { Cell::new(FINISHED) };
}

/// Does something with the program; `otherwise` is what there is when it has not begun or has ended.
fn with<T>(otherwise: T, work: impl FnOnce(&mut Program) -> T) -> T {
    PROGRAM.with_borrow_mut(|program| match program {
        Some(program) => work(program),
        None => otherwise,
    })
}

/// text_room(length): where a text for the next export is to be written.
#[unsafe(no_mangle)]
extern "C" fn text_room(len: usize) -> *mut u8 {
    text::room(len)
}

/// text_said(): where the text of the last export is that gave a length.
#[unsafe(no_mangle)]
extern "C" fn text_said() -> *const u8 {
    text::said()
}

/// describe(): the calls and the numbers that JavaScript shares, as JSON: the length of the text.
#[unsafe(no_mangle)]
extern "C" fn describe() -> usize {
    let mut json = String::from("{\"calls\":{");
    // Into a String, which takes everything.
    for (index, call) in CALLS.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(json, "{comma}\"{}\":{}", call.name, call.arity);
    }
    json.push('}');
    for (name, numbers) in [
        ("READY", READY),
        ("STATE", STATE),
        ("ADDRINFO_ROOM", ADDRINFO_ROOM),
    ] {
        let _ = write!(json, ",\"{name}\":{{");
        for (index, (name, number)) in numbers.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(json, "{comma}\"{name}\":{number}");
        }
        json.push('}');
    }
    let fault = negated(Errno::EIO);
    let _ = write!(json, ",\"FOREIGN\":{FOREIGN},\"FAULT\":{fault}}}");
    text::say(json)
}

/// option(key length, kind, number): the text is the key, and behind it the value. A kind is 0 for undefined, 1 boolean, 2 number,
/// 3 string, 4 strings (each with its length of 4 bytes before it), 5 anything else.
#[unsafe(no_mangle)]
extern "C" fn option(key_len: usize, kind: u32, number: f64) {
    let mut key = text::take();
    let value = key.split_off(key_len.min(key.len()));
    let string = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let value = match kind {
        0 => OptionValue::Undefined,
        1 => OptionValue::Boolean(number != 0.0),
        2 => OptionValue::Number(number),
        3 => OptionValue::String(string(value)),
        4 => OptionValue::Strings(strings(&value)),
        _ => OptionValue::Other,
    };
    OPTIONS.with_borrow_mut(|options| options.push((string(key), value)));
}

/// Texts, each with its length before it.
fn strings(mut bytes: &[u8]) -> Vec<String> {
    let mut strings = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let len = u32::from_le_bytes(*len) as usize;
        let (text, rest) = rest.split_at(len.min(rest.len()));
        strings.push(String::from_utf8_lossy(text).into_owned());
        bytes = rest;
    }
    strings
}

/// open(): starts the program with the options that were given. 0, or the length of the text that says why not.
#[unsafe(no_mangle)]
extern "C" fn open() -> usize {
    match Program::start(OPTIONS.take()) {
        Ok(program) => {
            PROGRAM.set(Some(program));
            0
        }
        Err(error) => text::say(error.to_string()),
    }
}

/// stop(): ends the program, and closes its descriptors.
#[unsafe(no_mangle)]
extern "C" fn stop() {
    if let Some(program) = PROGRAM.take() {
        program.flush();
    }
}

/// call(thread, number, moved, over, a, …): a system call of a thread. Its first `moved` bytes were moved before, and with `over` the
/// time of its wait is over. [`unfinished`] says what is left of it.
#[unsafe(no_mangle)]
extern "C" fn call(
    thread: u32,
    index: usize,
    moved: u32,
    over: u32,
    a: i32,
    b: i32,
    c: i32,
    d: i32,
    e: i32,
    f: i32,
    g: i32,
) -> i32 {
    let Some(call) = CALLS.get(index) else {
        return ENDED.result;
    };
    let args = Args([a, b, c, d, e, f, g]);
    let Tried {
        result,
        wait,
        was_cut,
    } = with(ENDED, |program| {
        program.call(thread, call, &args, moved, over != 0)
    });
    let (unfinished, time) = match wait {
        Some(Refused::Change(time)) => (WAITS, time),
        Some(Refused::Clock(time)) => (SLEEPS, time),
        None if was_cut && result > 0 => (GOES_ON, 0.0),
        None => (FINISHED, 0.0),
    };
    UNFINISHED.set(unfinished);
    WAIT.set(time);
    result
}

/// unfinished(): 0, or why the last call is not done: 1 it would wait, 2 it has moved a part, 3 it would sleep.
#[unsafe(no_mangle)]
extern "C" fn unfinished() -> u32 {
    UNFINISHED.get()
}

/// wait(): how long the last call would have waited, in milliseconds, negative for ever.
#[unsafe(no_mangle)]
extern "C" fn wait() -> f64 {
    WAIT.get()
}

/// watch_for(fd, bits): has [`take_events`] report it once. 0, or -1 if it cannot be watched.
#[unsafe(no_mangle)]
extern "C" fn watch_for(fd: u32, bits: u32) -> i32 {
    let ready = Ready::from_bits_truncate(u8::try_from(bits).unwrap_or(0));
    with(-1, |program| program.watch_for(fd, ready).map_or(-1, |()| 0))
}

/// take_events(): what is ready of what is watched: the length of pairs of a descriptor and its bits, 4 bytes each.
#[unsafe(no_mangle)]
extern "C" fn take_events() -> usize {
    text::say(with(Vec::new(), Program::take_events))
}

/// next_timer(): when, by the clock `now`, what waits has to look again because a timer of the program's may have expired; negative if
/// none is to. To be asked before what waits looks.
#[unsafe(no_mangle)]
extern "C" fn next_timer() -> f64 {
    with(-1.0, |program| program.next_timer().unwrap_or(-1.0))
}

/// lookup_begin(node, service, hints): the number of a look-up, or a negated errno.
#[unsafe(no_mangle)]
extern "C" fn lookup_begin(node: i32, service: i32, hints: i32) -> i32 {
    let args = Args([node, service, hints, 0, 0, 0, 0]);
    with(ENDED.result, |program| program.lookup_begin(&args))
}

/// lookup_start(number, end): makes the other end of the pipe readable. 0, or a negated errno.
#[unsafe(no_mangle)]
extern "C" fn lookup_start(id: i32, end: u32) -> i32 {
    with(ENDED.result, |program| program.lookup_start(id, end))
}

/// lookup_take(number, later): how many results there are, or an `EAI_*`.
#[unsafe(no_mangle)]
extern "C" fn lookup_take(id: i32, later: u32) -> i32 {
    let gone = negated(Errno::EBADF);
    with(gone, |program| program.lookup_take(id, later != 0))
}

/// lookup_cancel(number): gives a look-up up.
#[unsafe(no_mangle)]
extern "C" fn lookup_cancel(id: i32) {
    with((), |program| program.lookup_cancel(id));
}
