//! `guestnet repl`, fed by a pipe.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use rustix::process::Signal;

use crate::scratch::{ProgramOutput, Running, Scratch, finish};

#[test]
fn lines_are_evaluated_and_their_values_printed() {
    let scratch = Scratch::new();
    let input = scratch.file(
        "input",
        "1 + 1\nfunction f(a) {\n  return a;\n}\nf('x')\nnone\n\nawait os.sleepAsync(1); 'slept'\n\
         await os.connect(os.socket(os.AF_INET, os.SOCK_STREAM), {addr: '127.0.0.1', port: 1})\n\
         std.getenv('NAME')\nprint(scriptArgs[0])",
    );
    let mut command = scratch.guestnet(&["repl", "--env", "NAME=value"]);
    command.stdin(File::open(input).expect("the input"));
    let finished = finish(command);
    // Two of them threw, and the others ran all the same.
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let lines: Vec<_> = finished.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "2",
            "undefined",
            "\"x\"",
            "\"slept\"",
            "\"value\"",
            "guestnet repl",
            "undefined"
        ],
        "{finished:?}"
    );
    for error in [
        "ReferenceError: none is not defined",
        "EACCES (permission denied), from os.connect at <input>:1",
        "--allow-connect 127.0.0.1:1",
    ] {
        assert!(finished.stderr.contains(error), "{finished:?}");
    }
}

#[test]
fn exit_and_what_is_never_completed_end_it() {
    let scratch = Scratch::new();
    let input = scratch.file("input", "std.exit(5)\n'never'\n");
    let mut command = scratch.guestnet(&["repl"]);
    command.stdin(File::open(input).expect("the input"));
    finish(command).assert(5, "", "");
    let input = scratch.file("input", "f(");
    let mut command = scratch.guestnet(&["repl"]);
    command.stdin(File::open(input).expect("the input"));
    let finished = finish(command);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(1), ""),
        "{finished:?}"
    );
    assert!(finished.stderr.starts_with("SyntaxError"), "{finished:?}");
    scratch.run(&["repl", "app.js"]).assert(
        2,
        "",
        "guestnet: `app.js` is one argument too many: guestnet repl takes options only\n",
    );
}

/// Runs lines to the end.
fn run(lines: &str) -> ProgramOutput {
    let scratch = Scratch::new();
    let input = scratch.file("input", lines);
    let mut command = scratch.guestnet(&["repl"]);
    command.stdin(File::open(input).expect("the input"));
    finish(command)
}

#[test]
fn what_the_lines_have_begun_goes_on_to_its_end() {
    run("setTimeout(() => console.log('late'), 10); 'now'\n").assert(0, "\"now\"\nlate\n", "");
    run("(async () => { await os.sleepAsync(1); print('late') })(); 1").assert(0, "1\nlate\n", "");
    run("std.out.puts('buffered'); 1").assert(0, "buffered1\n", "");
    run("setTimeout(() => std.exit(6), 1); 1").assert(6, "1\n", "");
}

#[test]
fn an_error_is_on_standard_error_and_in_the_exit_code() {
    for (lines, error) in [
        ("throw new RangeError('mine')\n2", "RangeError: mine\n"),
        (
            "await Promise.reject(new RangeError('mine'))\n2",
            "RangeError: mine\n",
        ),
        (
            "setTimeout(() => { throw new RangeError('mine') }, 1), 2",
            "RangeError: mine\n",
        ),
        (
            "Promise.reject(new RangeError('mine')), 2",
            "Possibly unhandled promise rejection: RangeError: mine\n",
        ),
        (
            "setTimeout(() => Promise.reject(new RangeError('mine')), 1), 2",
            "Possibly unhandled promise rejection: RangeError: mine\n",
        ),
        (
            "await new Promise(() => {})\n2",
            "the promise will never settle: nothing is pending\n",
        ),
    ] {
        let finished = run(lines);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(1), "2\n"),
            "{lines}: {finished:?}"
        );
        assert!(finished.stderr.starts_with(error), "{lines}: {finished:?}");
    }
    // What was thrown is not what ended it.
    assert_eq!(run("none\nstd.exit(0)").code, Some(0));
    // One that gets a handler in time is none.
    run("var p = Promise.reject(1); p.catch(() => {}), 1").assert(0, "1\n", "");
}

#[test]
fn the_loop_turns_while_a_line_is_waited_for() {
    let scratch = Scratch::new();
    let mut command = scratch.guestnet(&["repl"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("start it");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    input
        .write_all(b"var n = 1; os.setTimeout(() => { n += 1; print('late') }, 1), 'now'\n")
        .expect("write");
    assert_eq!(output.next().expect("a line").expect("text"), "\"now\"");
    // The input has not ended.
    assert_eq!(output.next().expect("a line").expect("text"), "late");
    input.write_all(b"n").expect("write");
    drop(input);
    assert_eq!(output.next().expect("a line").expect("text"), "2");
    assert!(output.next().is_none());
    assert_eq!(child.wait().expect("its end").code(), Some(0));
}

#[test]
fn an_interrupt_ends_a_session_that_is_fed_by_a_pipe() {
    let scratch = Scratch::new();
    let input = scratch.file("input", "print('ready'); for (;;);\n1\n");
    let mut command = scratch.guestnet(&["repl"]);
    command.stdin(File::open(input).expect("the input"));
    let running = Running::start(command);
    running.signal(Signal::INT);
    running.finish().assert(130, "", "guestnet: stopped: SIGINT\n");
}

#[test]
fn a_relative_import_counts_from_the_root() {
    let scratch = Scratch::new();
    scratch.file("x.js", "export default 5;");
    let input = scratch.file(
        "input",
        "(await import('../x.js')).default\n(await import('./x.js')).default",
    );
    let mut command = scratch.guestnet(&["repl", "--dir", ".::/"]);
    command.stdin(File::open(input).expect("the input"));
    let finished = finish(command);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "5\n5\n"),
        "{finished:?}"
    );
}
