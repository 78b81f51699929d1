//! Modules whose memory or start is not what a WASI program's is: one clear sentence, or it works; never a panic.

use guestnet_tests::{Guestnet, ProgramOutput};

const OPEN: &str =
    r#"(import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))"#;
const EXIT: &str = r#"(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))"#;
const GET: &str =
    r#"(import "wasi_snapshot_preview1" "fd_prestat_get" (func $get (param i32 i32) (result i32)))"#;
/// Exits with the errno of opening a socket, whose number goes to address 8.
const START: &str = r#"(func (export "_start")
    (call $exit (call $open (i32.const 1) (i32.const 2) (i32.const 8))))"#;

fn run(module: &str) -> ProgramOutput {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("guest.wat");
    std::fs::write(&path, format!("(module {module})")).expect("write the guest");
    Guestnet::run().option("--max-memory=1MiB").guest(&path).finish()
}

/// It cannot run, and one line says why.
fn refused(module: &str, reason: &str) {
    let finished = run(module);
    assert_eq!(finished.status.code(), Some(1), "{finished}");
    assert!(finished.stderr.contains(reason), "{finished}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished}");
}

fn exits(module: &str, code: i32) {
    let finished = run(module);
    assert_eq!(finished.status.code(), Some(code), "{finished}");
    assert_eq!(finished.stderr, "", "{finished}");
}

#[test]
fn a_memory_that_wasi_cannot_use_is_named_in_one_sentence() {
    let start = format!("{OPEN} {EXIT}");
    refused(
        &format!("{start} {START}"),
        "exports no memory of its own named `memory`",
    );
    refused(
        &format!(r#"{start} (memory (export "mem") 1) {START}"#),
        "exports no memory of its own named `memory`",
    );
    refused(
        &format!(r#"{start} (func (export "memory")) {START}"#),
        "exports no memory of its own named `memory`",
    );
    refused(
        &format!(r#"{start} (import "env" "memory" (memory 1)) (export "memory" (memory 0)) {START}"#),
        "imports env.memory, which no ABI of guestnet has",
    );
    refused(
        &format!(r#"{start} (memory (export "memory") 1 1 shared) {START}"#),
        "its memory is shared between threads",
    );
    refused(
        &format!(r#"{start} (memory (export "memory") i64 1) {START}"#),
        "its memory has 64-bit addresses",
    );
}

#[test]
fn a_shared_memory_is_no_way_round_the_limit_of_memory() {
    let body = r#"(memory (export "memory") 1 60000 shared) (func (export "_start")
        (call $exit (i32.ge_s (memory.grow (i32.const 5000)) (i32.const 0))))"#;
    refused(&format!("{EXIT} {body}"), "its memory is shared between threads");
}

#[test]
fn calls_of_a_start_section_are_calls_as_any_other() {
    let body = r#"(memory (export "memory") 1) (func $s
        (call $exit (i32.add (i32.const 40) (call $open (i32.const 1) (i32.const 2) (i32.const 8)))))
        (start $s) (func (export "_start"))"#;
    exits(&format!("{OPEN} {EXIT} {body}"), 40);
}

#[test]
fn a_growth_that_a_start_section_was_refused_is_not_why_it_ended() {
    let body = r#"(memory (export "memory") 1) (func $s
        (drop (memory.grow (i32.const 1000))) (call $exit (i32.const 7))) (start $s) (func (export "_start"))"#;
    exits(&format!("{EXIT} {body}"), 7);
    let body = r#"(memory (export "memory") 1) (func $s
        (drop (memory.grow (i32.const 1000))) unreachable) (start $s) (func (export "_start"))"#;
    let finished = run(&format!("{EXIT} {body}"));
    assert_eq!(finished.status.code(), Some(134), "{finished}");
    assert!(finished.stderr.contains("unreachable"), "{finished}");
    refused(
        r#"(memory (export "memory") 17) (func (export "_start"))"#,
        "--max-memory",
    );
}

#[test]
fn of_two_memories_the_one_that_is_exported_is_written() {
    // The number, 3, must be in the second memory and nothing in the first: 30 if so.
    let body = r#"(memory $a 1) (memory $b (export "memory") 1) (func (export "_start")
        (drop (call $open (i32.const 1) (i32.const 2) (i32.const 8)))
        (call $exit (i32.add (i32.load $a (i32.const 8)) (i32.mul (i32.const 10) (i32.load $b (i32.const 8))))))"#;
    exits(&format!("{OPEN} {EXIT} {body}"), 30);
}

#[test]
fn a_memory_of_no_pages_is_efault_for_every_pointer() {
    let body = format!(r#"(memory (export "memory") 0) {START}"#);
    exits(&format!("{OPEN} {EXIT} {body}"), 21);
}

#[test]
fn an_exit_within_nested_calls_and_loops_ends_the_guest_with_its_code() {
    let body = r#"(memory (export "memory") 1) (table 1 funcref) (elem (i32.const 0) $deep)
        (func $deep (param i32) (loop $again
            (if (i32.eqz (local.get 0)) (then (call $exit (i32.const 125))))
            (call_indirect (param i32) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
            (br $again)))
        (func (export "_start") (call $deep (i32.const 10000)))"#;
    exits(&format!("{EXIT} {body}"), 125);
}

#[test]
fn a_call_at_the_very_end_of_the_stack_is_a_trap_and_not_the_end_of_the_host() {
    // Each level calls the host; the last one has next to no stack left.
    let body = r#"(memory (export "memory") 1) (func $deep
        (drop (call $get (i32.const 3) (i32.const 0))) (call $deep))
        (func (export "_start") (call $deep))"#;
    let finished = run(&format!("{GET} {body}"));
    assert_eq!(finished.status.code(), Some(134), "{finished}");
    assert!(finished.stderr.contains("call stack exhausted"), "{finished}");
}
