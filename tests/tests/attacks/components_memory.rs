//! A25 for components: lists, results and a `realloc` that lie about the component's memory. Each ends the component in one sentence.

use guestnet_tests::{Guestnet, ProgramOutput};
use std::fs;

/// A program with this body, whose memory is one page, and with this `realloc`. Its lists begin at 0, where the handle of a pollable is.
fn component(realloc: &str, body: &str) -> String {
    format!(
        r#"
(component
  (import "wasi:io/poll@0.2.0" (instance $io
    (export "pollable" (type $pollable (sub resource)))
    (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
  (alias export $io "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $own))
    (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $libc
    (memory (export "memory") 1)
    (table (export "calls") 1 funcref)
    (type $call (func (param i64) (result i32)))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc}))
  (core instance $libc (instantiate $libc))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $poll (canon lower (func $io "poll")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $random (canon lower (func $random "get-random-bytes")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core module $program
    (import "libc" "memory" (memory 1))
    (import "libc" "calls" (table 1 funcref))
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "poll" (func $poll (param i32 i32 i32)))
    (import "host" "random" (func $random (param i64 i32)))
    (elem (i32.const 0) func $subscribe)
    (func (export "run") (result i32)
      (i32.store (i32.const 0) (call $subscribe (i64.const 0)))
      {body}
      (i32.const 0)))
  (core instance $run (instantiate $program
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "subscribe" (func $subscribe)) (export "poll" (func $poll)) (export "random" (func $random))))))
  (func $run (result (result)) (canon lift (core func $run "run")))
  (instance $program (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $program)))"#
    )
}

fn run(component: &str, options: &[&str]) -> ProgramOutput {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("guest.wat");
    fs::write(&path, component).expect("write the guest");
    let guestnet = options
        .iter()
        .fold(Guestnet::run(), |run, option| run.option(option));
    guestnet.guest(&path).finish()
}

/// A `realloc` as it should be, for results of up to 1 KiB.
const RIGHT: &str = "(i32.const 1024)";

#[track_caller]
fn traps(what: &str, realloc: &str, body: &str) {
    let finished = run(&component(realloc, body), &[]);
    assert_eq!(finished.status.code(), Some(134), "{what}: {finished}");
    assert_eq!(finished.stderr.lines().count(), 1, "{what}: {finished}");
    assert!(!finished.stderr.contains("bug"), "{what}: {finished}");
}

#[test]
fn a_list_or_a_result_that_is_not_in_the_memory_ends_the_component() {
    let poll = |list: i64, len: i64, result: i64| {
        format!("(call $poll (i32.const {list}) (i32.const {len}) (i32.const {result}))")
    };
    let right = run(&component(RIGHT, &poll(0, 1, 16)), &[]);
    assert_eq!(right.status.code(), Some(0), "{right}");
    for (what, list, len, result) in [
        ("a list behind the end", 65_536, 1, 16),
        ("a list over the end", 65_532, 2, 16),
        ("a list of all numbers", 0, 0xffff_ffff, 16),
        ("a list that wraps", 0xffff_fff0, 8, 16),
        ("a list that begins within a number", 1, 1, 16),
        ("an empty list", 0, 0, 16),
        ("a list of what is no handle", 4, 1, 16),
        ("a result behind the end", 0, 1, 65_536),
        ("a result over the end", 0, 1, 65_532),
        ("a result that begins within a number", 0, 1, 17),
    ] {
        traps(what, RIGHT, &poll(list, len, result));
    }
}

#[test]
fn a_realloc_that_lies_traps_or_calls_back_ends_the_component() {
    let random = |len: u64| format!("(call $random (i64.const {len}) (i32.const 16))");
    let right = run(&component(RIGHT, &random(1024)), &[]);
    assert_eq!(right.status.code(), Some(0), "{right}");
    for (what, realloc) in [
        ("behind the end", "(i32.const 65536)"),
        ("over the end", "(i32.const 65000)"),
        ("the last byte", "(i32.const -1)"),
        ("a trap", "unreachable"),
        (
            "a call of the host",
            "(drop (call_indirect (type $call) (i64.const 0) (i32.const 0))) (i32.const 1024)",
        ),
        (
            "no end of calls",
            "(call 0 (local.get 0) (local.get 1) (local.get 2) (local.get 3))",
        ),
    ] {
        traps(what, realloc, &random(1024));
    }
    traps("more than the memory", "(i32.const 0)", &random(1 << 20));
    traps("more than there may be", "(i32.const 0)", &random(u64::MAX >> 1));
    let spins = component("(loop (br 0)) (i32.const 0)", &random(1024));
    let finished = run(&spins, &["--timeout=300ms"]);
    assert_eq!(finished.status.code(), Some(124), "{finished}");
}
