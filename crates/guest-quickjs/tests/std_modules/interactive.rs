//! Scripts that are typed line by line.

use std::sync::mpsc::channel;
use std::thread;

use guestnet_quickjs::rquickjs::Function;
use guestnet_quickjs::{End, Evaluation, Script};

use crate::harness::{Run, Session};

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

/// The names of `os` and `std` in the global scope.
const NAMES: &[u8] =
    b"import * as os from 'os'; import * as std from 'std'; Object.assign(globalThis, {os, std});";

fn session() -> Session {
    let mut session = Run::new().session();
    session.script.run("<begin>", NAMES);
    session
}

/// Gives the script a function of ours.
fn global(session: &Session, name: &str, function: impl Fn() + 'static) {
    session.script.with(|ctx| {
        let function = Function::new(ctx.clone(), function).unwrap();
        ctx.globals().set(name, function).unwrap();
    });
}

/// Evaluates a line, which calls `ready()` when it is to be interrupted.
fn interrupted(session: &mut Session, line: &str) -> Evaluation {
    let (sender, ready) = channel();
    // A line may call it more than once, and after the interruption.
    global(session, "ready", {
        let sender = sender.clone();
        move || sender.send(()).unwrap_or_default()
    });
    let handle = session.handle.clone();
    let interrupter = thread::spawn(move || {
        ready.recv().unwrap();
        handle.interrupt();
    });
    let evaluation = session.script.evaluate(line);
    // Where it has not been called, the caller sees another result.
    sender.send(()).unwrap_or_default();
    interrupter.join().unwrap();
    evaluation
}

#[test]
fn an_interruption_ends_a_line_and_not_the_session() {
    let mut session = session();
    session.script.evaluate("var a = 1");
    for line in [
        // Loops of the script: plain, in a proxy, a getter, a sort, a generator, and in microtasks.
        "ready(); a += 1; for (;;);",
        "ready(); try { for (;;); } catch { a = 0 } finally { a = 0 }",
        "new Proxy({}, {get() { ready(); for (;;); }}).x",
        "({get x() { ready(); for (;;); }}).x",
        "({toString() { ready(); for (;;); }}) + ''",
        "[2, 1].sort(() => { ready(); for (;;); })",
        "for (const x of (function* () { ready(); for (;;) yield; })());",
        "ready(); for (;;) await null",
        "ready(); for (;;) { try { await null } catch { a = 0 } }",
        "await Promise.resolve().then(() => { ready(); for (;;); })",
        "queueMicrotask(() => { ready(); for (;;); }); await new Promise(() => {})",
        "(function again() { ready(); Promise.resolve().then(again) })()",
        "ready(); const never = async () => { for (;;) { try { await nothing() } catch { a = 0 } } }; \
         const nothing = async () => { for (;;) await 0 }; await never()",
        "new Promise(() => { ready(); for (;;); }).catch(() => { a = 0 })",
        "(function again() { ready(); new Promise(() => { for (;;); }).catch(again) })()",
        "(function again() { ready(); new Promise(() => { for (;;); }).finally(again) })()",
        // Loops of the engine that ask.
        "ready(); /(x+x+)+y/.test('x'.repeat(40))",
        // Waits.
        "ready(); await os.sleepAsync(1e9)",
        "ready(); os.sleep(1e9)",
        "ready(); try { os.sleep(1e9) } catch { a = 0 }",
        "var l = os.socket(os.AF_INET, os.SOCK_STREAM); os.bind(l, {addr: '127.0.0.1', port: 0}); os.listen(l); \
         ready(); await os.accept(l)",
        // Timers and handlers that compute while a line waits.
        "os.setTimeout(() => { ready(); for (;;); }, 0); await os.sleepAsync(1e9)",
        // The last one, because it stays: it holds up whatever makes an error.
        "ready(); Error.prepareStackTrace = () => { for (;;); }; new Error()",
    ] {
        assert_eq!(interrupted(&mut session, line), Evaluation::Interrupted, "{line}");
        assert_eq!(session.script.evaluate("a"), value("2"), "{line}");
        assert_eq!(
            session.script.evaluate("await os.sleepAsync(0); 'on'"),
            value("\"on\"")
        );
    }
    assert_eq!((session.out(), session.err()), Default::default());
    assert!(!session.script.has_failed());
}

#[test]
fn a_script_that_is_stopped_while_it_is_interrupted_ends() {
    let mut session = session();
    let (handle, stop) = (session.handle.clone(), session.stop);
    let stopper = thread::spawn(move || {
        handle.interrupt();
        stop();
        handle.interrupt();
    });
    stopper.join().unwrap();
    assert_eq!(session.script.evaluate("for (;;);"), Evaluation::End(End::Stop));
}

#[test]
fn an_interruption_ends_what_its_line_has_begun_and_nothing_else() {
    let mut session = session();
    session.script.evaluate(
        "var n = 0, got = [], [r, w] = os.pipe(), \
         l = os.socket(os.AF_INET, os.SOCK_DGRAM); os.bind(l, {addr: '127.0.0.1', port: 0}); \
         os.setReadHandler(r, () => { os.read(r, new ArrayBuffer(1), 0, 1); got.push('first') })",
    );
    for line in [
        "ready(); for (;;) { n += 1; await os.sleepAsync(1) }",
        "setInterval(() => { n += 1 }, 1); ready(); await os.sleepAsync(1e9)",
        "(async () => { for (;;) { n += 1; await os.sleepAsync(1) } })(); os.setTimeout(ready, 3); await os.sleepAsync(1e9)",
        "const again = () => { n += 1; os.setTimeout(again, 1) }; again(); os.setTimeout(ready, 3); await os.sleepAsync(1e9)",
        "os.setWriteHandler(w, () => { n += 1; ready() }); await os.sleepAsync(1e9)",
        "os.recv(l, new Uint8Array(8)).then(() => got.push('second')); ready(); await os.sleepAsync(1e9)",
    ] {
        let line = line.replace("const again", "var again");
        assert_eq!(
            interrupted(&mut session, &line),
            Evaluation::Interrupted,
            "{line}"
        );
        assert_eq!(
            session
                .script
                .evaluate("var before = n; await os.sleepAsync(20); n === before"),
            value("true"),
            "{line}"
        );
    }
    // The next to receive is the first one now, and the handler of another line is still there.
    session.script.evaluate("os.write(w, new ArrayBuffer(1), 0, 1)");
    let receive = "var data = os.recv(l, new Uint8Array(8)); \
                   await os.sendto(l, new Uint8Array([7]), 1, os.getsockname(l)); \
                   while (!got.length) await os.sleepAsync(1); [await data, got.join()]";
    assert_eq!(session.script.evaluate(receive), value("[ 1, \"first\" ]"));
}

#[test]
fn a_handler_that_is_interrupted_is_called_no_more() {
    let mut session = session();
    session
        .script
        .evaluate("var n = 0, [r, w] = os.pipe(); os.write(w, new ArrayBuffer(1), 0, 1)");
    session
        .script
        .evaluate("os.setReadHandler(r, () => { n += 1; ready(); for (;;); }); setInterval(() => { n += 1; ready(); for (;;); }, 0)");
    assert_eq!(
        interrupted(&mut session, "await os.sleepAsync(1e9)"),
        Evaluation::Interrupted
    );
    assert_eq!(
        session
            .script
            .evaluate("var before = n; await os.sleepAsync(5); n === before"),
        value("true")
    );
}

#[test]
fn the_loop_turns_while_a_line_is_waited_for() {
    let mut session = session();
    session
        .script
        .evaluate("var log = []; os.setTimeout(() => log.push('timer'), 1)");
    session.script.evaluate(
        "var [r, w] = os.pipe(); \
         os.setReadHandler(r, () => { log.push(os.read(r, new ArrayBuffer(9), 0, 9)); last() })",
    );
    session.script.evaluate(
        "os.setTimeout(() => { throw new TypeError('of a timer') }, 2); \
         os.setTimeout(() => { Promise.reject(new RangeError('without a handler')) }, 3); \
         os.setTimeout(() => os.write(w, new ArrayBuffer(4), 0, 4), 4)",
    );
    assert!(!session.script.has_failed());
    let (sender, lines) = channel();
    let handle = session.handle.clone();
    global(&session, "last", move || {
        let (sender, handle) = (sender.clone(), handle.clone());
        // From another thread, once nothing is left to do: only this ends the wait.
        thread::spawn(move || {
            sender.send("log.join()").unwrap();
            handle.wake();
        });
    });
    let line = session.script.run_until(|| lines.try_recv().ok()).unwrap();
    assert_eq!(session.script.evaluate(line), value("\"timer,4\""));
    assert!(session.script.has_failed());
    let err = session.err();
    assert!(err.starts_with("TypeError: of a timer"), "{err}");
    assert!(
        err.contains("unhandled promise rejection: RangeError: without a handler"),
        "{err}"
    );
}

#[test]
fn a_wake_up_disturbs_no_call_of_the_script() {
    let mut session = session();
    let (sender, lines) = channel();
    let handle = session.handle.clone();
    global(&session, "wake", move || {
        sender.send(()).unwrap();
        handle.wake();
    });
    session
        .script
        .evaluate("var slept; os.setTimeout(() => { wake(); slept = os.sleep(1) }, 0)");
    session.script.run_until(|| lines.try_recv().ok()).unwrap();
    assert_eq!(session.script.evaluate("slept"), value("0"));
}

#[test]
fn a_handler_that_computes_is_interrupted_and_the_wait_goes_on() {
    let mut session = session();
    let (sender, lines) = channel();
    let handle = session.handle.clone();
    global(&session, "ready", move || {
        let (sender, handle) = (sender.clone(), handle.clone());
        thread::spawn(move || {
            handle.interrupt();
            sender.send("a").unwrap();
            handle.wake();
        });
    });
    session
        .script
        .evaluate("var a = 1; os.setTimeout(() => { ready(); try { for (;;); } finally { a = 0 } }, 0)");
    let line = session.script.run_until(|| lines.try_recv().ok()).unwrap();
    assert_eq!(session.script.evaluate(line), value("1"));
    // One that comes when nothing runs ends nothing.
    session.handle.interrupt();
    session.script.run_until(|| Some(())).unwrap();
    assert_eq!(session.script.evaluate("await os.sleepAsync(0); a"), value("1"));
}

#[test]
fn exit_ends_a_wait_for_lines() {
    let mut session = session();
    session.script.evaluate("os.setTimeout(() => std.exit(7), 1)");
    let ended = session.script.run_until(|| None::<()>);
    assert_eq!(ended, Err(End::Exit(7)));

    let mut session = self::session();
    let stop = session.stop;
    let stopper = thread::spawn(stop);
    assert_eq!(session.script.run_until(|| None::<()>), Err(End::Stop));
    stopper.join().unwrap();
}

#[test]
fn the_last_line_is_followed_by_what_all_lines_have_begun() {
    let mut session = session();
    session
        .script
        .evaluate("var n = 0; os.setTimeout(() => { n += 1; os.setTimeout(() => { n += 1 }, 1) }, 1)");
    assert_eq!(session.script.run_to_idle(), Ok(()));
    assert_eq!(session.script.evaluate("n"), value("2"));
    assert!(!session.script.has_failed());
    session
        .script
        .evaluate("os.setTimeout(() => none, 1); os.setTimeout(() => { n += 1 }, 2)");
    assert_eq!(session.script.run_to_idle(), Ok(()));
    assert!(session.script.has_failed());
    assert_eq!(session.script.evaluate("n"), value("3"));
    session.script.evaluate("os.setTimeout(() => std.exit(3), 1)");
    assert_eq!(session.script.run_to_idle(), Err(End::Exit(3)));
}
