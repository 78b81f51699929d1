//! `guestnet repl`, fed by a pipe.

use std::fs::File;

use crate::scratch::{Scratch, finish};

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
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let lines: Vec<_> = finished
        .stdout
        .lines()
        .filter(|line| !line.starts_with("    at "))
        .collect();
    assert_eq!(
        lines,
        [
            "2",
            "undefined",
            "\"x\"",
            "ReferenceError: none is not defined",
            "\"slept\"",
            "EACCES (permission denied), from os.connect at <input>:1",
            "\"value\"",
            "guestnet repl",
            "undefined"
        ],
        "{finished:?}"
    );
    assert!(
        finished.stderr.contains("--allow-connect 127.0.0.1:1"),
        "{finished:?}"
    );
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
    assert!(finished.stdout.starts_with("SyntaxError"), "{finished:?}");
    scratch.run(&["repl", "app.js"]).assert(
        2,
        "",
        "guestnet: `app.js` is one argument too many: guestnet repl takes options only\n",
    );
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
