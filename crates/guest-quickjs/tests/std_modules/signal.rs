//! `os.signal`, with this test as the embedder that has the process's signals.

use std::io::{PipeWriter, Write, pipe};
use std::sync::{Arc, Mutex};

use guestnet_core::Errno;
use guestnet_quickjs::{End, SignalAction};

use crate::harness::{Outcome, Run};

const PRELUDE: &str = "import * as os from 'os'; import * as std from 'std';\n";

/// Runs a script that may handle each signal but SIGKILL; `came` are the bytes that it is given from the beginning.
fn run(came: &[u8], source: &str) -> (Outcome, Vec<(i32, SignalAction)>) {
    let (numbers, mut to_script) = pipe().unwrap();
    to_script.write_all(came).unwrap();
    let (outcome, asked) = run_with(numbers, source);
    // Alive until here, so that the stream has no end.
    drop::<PipeWriter>(to_script);
    (outcome, asked)
}

fn run_with(numbers: std::io::PipeReader, source: &str) -> (Outcome, Vec<(i32, SignalAction)>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let outcome = Run::new()
        .signals(numbers, move |number, action| {
            log.lock().unwrap().push((number, action));
            if number == 9 { Err(Errno::EINVAL) } else { Ok(()) }
        })
        .text(&format!("{PRELUDE}{source}"));
    let asked = asked.lock().unwrap().clone();
    (outcome, asked)
}

#[test]
fn without_an_embedder_that_offers_signals_it_is_undefined() {
    Run::new()
        .text("import * as os from 'os'; import {signal} from 'os'; print(os.signal, signal, os.SIGINT);")
        .expect("undefined undefined 2\n");
}

#[test]
fn the_embedder_is_asked_and_may_refuse() {
    let (outcome, asked) = run(
        &[],
        "const f = () => {};
         print(os.signal(os.SIGINT, f), os.signal(os.SIGINT, null), os.signal(os.SIGTERM, undefined), os.signal(1));
         print(os.signal(os.SIGKILL, f), os.signal(os.SIGKILL, null), os.signal(os.SIGKILL));",
    );
    outcome.expect("undefined undefined undefined undefined\n-22 -22 -22\n");
    use SignalAction::{Default, Deliver, Ignore};
    assert_eq!(
        asked,
        [
            (2, Deliver),
            (2, Default),
            (15, Ignore),
            (1, Ignore),
            (9, Deliver),
            (9, Default),
            (9, Ignore)
        ]
    );
}

#[test]
fn handlers_are_called_from_the_loop_lowest_number_first_and_two_at_once_are_one() {
    let (outcome, _) = run(
        &[15, 10, 15, 10, 2, 3, 0, 63, 64, 255],
        "const calls = [];
         for (const number of [2, 10, 15]) os.signal(number, function (...args) { calls.push(number, args.length); });
         os.signal(3, () => print('never'));
         os.signal(3, null);
         os.signal(10, () => calls.push('replaced'));
         Promise.resolve().then(() => print(calls.length));
         await os.sleepAsync(1);
         while (calls.length < 5) await os.sleepAsync(1);
         print(calls.join());",
    );
    outcome.expect("0\n2,0,replaced,15,0\n");
}

#[test]
fn a_handler_may_change_handlers_and_one_that_throws_ends_the_script() {
    let (outcome, _) = run(
        &[1, 2, 10],
        "os.signal(1, () => { os.signal(2, () => print('another')); os.signal(1, null); });
         os.signal(2, () => print('never'));
         os.signal(10, () => { throw new RangeError('mine'); });
         os.setTimeout(() => print('never'), 1e9);",
    );
    assert_eq!(
        (outcome.end, outcome.out.as_str()),
        (End::Exit(1), "another\n"),
        "{}",
        outcome.err
    );
    assert!(outcome.err.starts_with("RangeError: mine\n"), "{}", outcome.err);
}

#[test]
fn a_handler_keeps_no_script_going() {
    let (outcome, _) = run(&[], "os.signal(os.SIGTERM, () => print('never')); print('end');");
    outcome.expect("end\n");
}

#[test]
fn a_stream_that_ends_is_looked_at_no_more() {
    let (numbers, mut to_script) = pipe().unwrap();
    to_script.write_all(&[10]).unwrap();
    drop(to_script);
    let (outcome, _) = run_with(
        numbers,
        "let [came, turns] = [0, 0];
         os.signal(10, () => came++);
         while (!came || turns++ < 3) await os.sleepAsync(1);
         print(came, os.signal(10, () => {}));",
    );
    outcome.expect("1 undefined\n");
}

#[test]
fn whatever_becomes_of_its_descriptor_nothing_else_is_read() {
    let (outcome, _) = run(
        &[],
        "const free = os.dup(0);
         os.close(free);
         os.signal(10, () => print('never'));
         print(os.dup(0) === free + 1, os.close(free));
         const [from, to] = os.pipe();
         print(from === free);
         os.write(to, Uint8Array.of(10), 0, 1);
         os.signal(10, () => print('never'));
         os.signal(10, null);
         os.signal(10, () => print('never'));
         await os.sleepAsync(5);
         print(os.read(from, new Uint8Array(4), 0, 4));
         const [a, b] = os.pipe();
         print(os.dup2(a, from));
         os.write(b, Uint8Array.of(10), 0, 1);
         await os.sleepAsync(5);
         print(os.read(from, new Uint8Array(4), 0, 4));",
    );
    outcome.expect("true 0\ntrue\n1\n3\n1\n");
}

#[test]
fn wrong_arguments_are_type_errors() {
    let (outcome, asked) = run(
        &[],
        "let count = 0;
         for (const number of [undefined, null, NaN, 1.5, 2 ** 40, 'x', {}, [], Symbol('s'), 10n])
             try { os.signal(number, null); print('taken', String(number)); } catch (e) { count += e instanceof TypeError; }
         for (const handler of [0, 1, true, 'x', {}, [], Symbol('s'), 10n, new Proxy({}, {})])
             try { os.signal(2, handler); print('taken', String(handler)); } catch (e) { count += e instanceof TypeError; }
         print(count);",
    );
    outcome.expect("19\n");
    assert_eq!(asked, []);
}

#[test]
fn a_worker_has_none() {
    let (outcome, _) = run(
        &[],
        "const worker = new os.Worker('./std_worker_child.js');
         worker.onmessage = event => {
             if (event.data === 'ready') return worker.postMessage({kind: 'signal'});
             print(event.data);
             worker.onmessage = null;
         };",
    );
    outcome.expect("undefined\n");
}

#[test]
fn without_a_free_descriptor_it_fails_and_the_signal_does_what_it_did() {
    let (outcome, asked) = run(
        &[],
        "const all = [];
         for (let fd; (fd = os.dup(0)) >= 0;) all.push(fd);
         print(os.signal(2, () => {}) === -std.Error.EMFILE);
         all.forEach(os.close);
         print(os.signal(2, () => {}));",
    );
    outcome.expect("true\nundefined\n");
    use SignalAction::{Default, Deliver};
    assert_eq!(asked, [(2, Deliver), (2, Default), (2, Deliver)]);
}
