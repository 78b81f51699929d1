//! Scripts that are typed line by line.

use guestnet_quickjs::{End, Evaluation, Script};

use crate::harness::Run;

fn value(text: &str) -> Evaluation {
    Evaluation::Value(text.to_owned())
}

#[track_caller]
fn thrown<H: guestnet_core::Host + 'static>(script: &mut Script<H>, line: &str, expected: &str) {
    match script.evaluate(line) {
        Evaluation::Exception(text) => assert!(text.starts_with(expected), "{line}: {text}"),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn lines_share_the_global_scope_and_show_their_values() {
    let mut script = Run::new().interactive();
    assert_eq!(script.evaluate("1 + 1"), value("2"));
    assert_eq!(script.evaluate("var a = {b: ['c']}"), value("undefined"));
    assert_eq!(script.evaluate("a"), value("{ b: [ \"c\" ] }"));
    assert_eq!(
        script.evaluate("let d = 5; const e = 6; function f() { return d + e }"),
        value("undefined")
    );
    assert_eq!(script.evaluate("d += 1; f()"), value("12"));
    assert_eq!(script.evaluate("'text'"), value("\"text\""));
    assert_eq!(script.evaluate(""), value("undefined"));
}

#[test]
fn await_stands_anywhere() {
    let mut script = Run::new().interactive();
    script.run("<begin>", b"import * as os from 'os'; globalThis.os = os;");
    assert_eq!(
        script.evaluate("await os.sleepAsync(5); 'slept'"),
        value("\"slept\"")
    );
    assert_eq!(
        script.evaluate("const g = await Promise.resolve(7); g"),
        value("7")
    );
    assert_eq!(
        script.evaluate(
            "const l = os.socket(os.AF_INET, os.SOCK_STREAM); os.bind(l, {addr: '127.0.0.1', port: 0}); os.listen(l)"
        ),
        value("0")
    );
    assert_eq!(
        script.evaluate("await os.connect(os.socket(os.AF_INET, os.SOCK_STREAM), os.getsockname(l))"),
        value("0")
    );
    thrown(
        &mut script,
        "await Promise.reject(new RangeError('mine'))",
        "RangeError: mine",
    );
    thrown(
        &mut script,
        "await new Promise(() => {})",
        "the promise will never settle",
    );
}

#[test]
fn errors_end_nothing_but_exit_does() {
    let mut script = Run::new().interactive();
    thrown(&mut script, "let (", "SyntaxError");
    thrown(&mut script, "none", "ReferenceError: none is not defined");
    thrown(&mut script, "throw 5", "5");
    assert_eq!(script.evaluate("Promise.reject(1); 2"), value("2"));
    assert_eq!(script.evaluate("3"), value("3"));
    script.run("<begin>", b"import * as std from 'std'; globalThis.std = std;");
    assert_eq!(
        script.evaluate("try { std.exit(4) } catch { 5 }"),
        Evaluation::End(End::Exit(4))
    );
}

#[test]
fn timers_run_between_lines() {
    let mut script = Run::new().interactive();
    script.run("<begin>", b"import * as os from 'os'; globalThis.os = os;");
    script.evaluate(
        "var ran = 0; os.setTimeout(() => { ran += 1 }, 0); os.setTimeout(() => { ran += 10 }, 1e9)",
    );
    script.run_pending();
    assert_eq!(script.evaluate("ran"), value("1"));
    script.evaluate("os.setTimeout(() => { throw new Error('of a timer') }, 0)");
    script.run_pending();
    assert_eq!(script.evaluate("ran"), value("1"));
}

#[test]
fn names_are_completed() {
    let mut script = Run::new().interactive();
    script.evaluate("var someName = {inner: {first: 1, second: 2}}; someName.inner.self = 5");
    assert_eq!(script.completions("x + someN"), (4, vec!["someName".to_owned()]));
    assert_eq!(
        script.completions("someName.inner.se"),
        (15, vec!["second".to_owned(), "self".to_owned()])
    );
    assert_eq!(
        script.completions("someName.inner.hasOwn"),
        (15, vec!["hasOwnProperty".to_owned()])
    );
    assert!(script.completions("Math.").1.contains(&"floor".to_owned()));
    assert_eq!(script.completions("none.at.all"), (8, Vec::new()));
    assert_eq!(script.completions("é.a"), (3, Vec::new()));
    assert!(script.completions("").1.contains(&"globalThis".to_owned()));
    assert_eq!(script.evaluate("1"), value("1"));
}
