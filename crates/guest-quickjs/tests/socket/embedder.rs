//! What an embedder adds: modules of its own, and what it does with the context.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Guest};
use guestnet_host_os::OsHost;
use guestnet_quickjs::rquickjs::function::Func;
use guestnet_quickjs::rquickjs::module::{Declarations, Exports, ModuleDef};
use guestnet_quickjs::rquickjs::{Ctx, Exception, Result};
use guestnet_quickjs::{BuildError, End, ScriptBuilder, ThreadHost};

use super::support::{PRELUDE, run_in, run_with};

fn builder() -> ScriptBuilder<OsHost> {
    let host = OsHost::new().expect("an eventfd");
    ScriptBuilder::new(Guest::new(Arc::new(Policy::allow_all()), Capacity::default(), 0).thread(host))
}

#[test]
fn a_script_calls_a_module_of_the_embedder_together_with_a_socket() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let source = format!(
        "{PRELUDE}
        import {{ log, limit }} from 'app:log';
        const [a, b] = os.socketpair(os.AF_UNIX, os.SOCK_STREAM);
        await os.send(a, new Uint8Array([104, 105]));
        const buffer = new Uint8Array(limit);
        log(`${{await os.recv(b, buffer)}} bytes, the first is ${{buffer[0]}}`);
        print(log.name, typeof limit);"
    );
    let outcome = run_with(&source, |builder| {
        builder.module("app:log", move |_, exports| {
            let log = Arc::clone(&log);
            let push = move |line: String| log.lock().expect("no panic").push(line);
            exports.set("log", Func::from(push))?;
            exports.set("limit", 16)
        });
    });
    assert_eq!((outcome.err.as_str(), outcome.end), ("", End::Exit(0)));
    assert_eq!(outcome.out, " number\n");
    assert_eq!(*lines.lock().expect("no panic"), ["2 bytes, the first is 104"]);
}

#[test]
fn a_module_is_made_once_for_all_that_import_it() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(
        directory.path().join("other.js"),
        "import * as app from 'app'; export { app };",
    )
    .expect("a file");
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let source = "
        import * as app from 'app';
        import { app as same } from '/other.js';
        const { default: whole, answer } = await import('app');
        print(app === same, whole, answer, Object.keys(app));";
    let mut builder = builder();
    builder.directory(directory.path(), "/").expect("a directory");
    builder.module("app", move |_, exports| {
        count.fetch_add(1, Ordering::Relaxed);
        exports.set("default", "whole")?;
        exports.set("answer", 42)
    });
    let mut script = builder.build().expect("a script");
    script.with(|ctx| {
        let print = |line: String| assert_eq!(line, "true whole 42 answer,default");
        ctx.globals().set("check", Func::from(print)).expect("a global");
    });
    let source = source
        .replace("print(", "check([")
        .replace("app));", "app)].join(' '));");
    assert_eq!(script.run("test.js", source.as_bytes()), End::Exit(0));
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
fn an_exception_of_a_module_is_the_importers_and_the_next_import_tries_again() {
    let made = AtomicUsize::new(0);
    let source = "
        const errors = [];
        for (let count = 0; count < 2; count++)
            await import('app').catch(error => print(error.message));
        const { fail } = await import('app');
        try { fail(); } catch (error) { print(error instanceof TypeError, error.message); }";
    let outcome = run_with(source, |builder| {
        builder.module("app", move |ctx, exports| {
            if made.fetch_add(1, Ordering::Relaxed) < 2 {
                return Err(Exception::throw_message(ctx, "not yet"));
            }
            let fail = |ctx: Ctx<'_>| -> Result<()> { Err(Exception::throw_type(&ctx, "as asked for")) };
            exports.set("fail", Func::from(fail))
        });
    });
    assert_eq!((outcome.err.as_str(), outcome.end), ("", End::Exit(0)));
    assert_eq!(outcome.out, "not yet\nnot yet\ntrue as asked for\n");
}

struct Answer;

impl ModuleDef for Answer {
    fn declare<'js>(declarations: &Declarations<'js>) -> Result<()> {
        declarations.declare("answer").map(drop)
    }

    fn evaluate<'js>(_ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        exports.export("answer", 42).map(drop)
    }
}

#[test]
fn a_module_that_is_written_for_rquickjs_can_be_added() {
    let outcome = run_with("import { answer } from 'app'; print(answer);", |builder| {
        builder.module_def::<Answer>("app");
    });
    assert_eq!((outcome.out.as_str(), outcome.err.as_str()), ("42\n", ""));
}

#[test]
fn workers_import_the_modules_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let child = "import { add } from 'app'; import { Worker } from 'os';
        Worker.parent.postMessage(add(40, 2));";
    std::fs::write(directory.path().join("child.js"), child).expect("a file");
    let total = Arc::new(AtomicUsize::new(0));
    let sum = Arc::clone(&total);
    let mut builder = builder();
    builder.directory(directory.path(), "/").expect("a directory");
    builder.module("app", move |_, exports| {
        let sum = Arc::clone(&sum);
        let add = |one: i32, other: i32| one + other;
        let done = move |value: usize| sum.store(value, Ordering::Relaxed);
        exports.set("add", Func::from(add))?;
        exports.set("done", Func::from(done))
    });
    builder.workers(|| {
        let host = OsHost::new()?;
        let stopper = host.stopper();
        let stop = Box::new(move || stopper.stop().expect("an eventfd"));
        Ok(ThreadHost { host, stop })
    });
    let source = "import { done } from 'app'; import { Worker } from 'os';
        const worker = new Worker('/child.js');
        worker.onmessage = ({ data }) => { done(data); worker.onmessage = null; };";
    let end = builder
        .build()
        .expect("a script")
        .run("test.js", source.as_bytes());
    assert_eq!((end, total.load(Ordering::Relaxed)), (End::Exit(0), 42));
}

#[test]
fn a_stop_ends_a_worker_that_waits_for_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    let child = "import 'app'; import { Worker } from 'os';
        Worker.parent.onmessage = ({ data }) => {
            const cells = new Int32Array(data);
            for (;;) {
                Atomics.wait(cells, 0, 0);
                Atomics.add(cells, 1, 1);
            }
        };";
    std::fs::write(directory.path().join("child.js"), child).expect("a file");
    let host = OsHost::new().expect("an eventfd");
    let stopper = host.stopper();
    let guest = Guest::new(Arc::new(Policy::allow_all()), Capacity::default(), 0).thread(host);
    let mut builder = ScriptBuilder::new(guest);
    builder.directory(directory.path(), "/").expect("a directory");
    let flag = builder.stop_flag();
    // Each engine that has imported the module holds it.
    let held = Arc::new(());
    let engines = Arc::clone(&held);
    builder.module("app", move |_, exports| {
        let (engine, flag, stopper) = (Arc::clone(&engines), Arc::clone(&flag), stopper.clone());
        let stop = move || {
            let _engine = &engine;
            flag.store(true, Ordering::Relaxed);
            stopper.stop().expect("an eventfd");
        };
        exports.set("stop", Func::from(stop))
    });
    builder.workers(|| {
        let host = OsHost::new()?;
        let stopper = host.stopper();
        let stop = Box::new(move || stopper.stop().expect("an eventfd"));
        Ok(ThreadHost { host, stop })
    });
    let source = "import { stop } from 'app'; import { Worker } from 'os';
        const shared = new SharedArrayBuffer(8);
        const cells = new Int32Array(shared);
        for (let i = 0; i < 4; i++) new Worker('/child.js').postMessage(shared);
        while (Atomics.load(cells, 1) < 4) {
            Atomics.notify(cells, 0);
            await new Promise(resolve => setTimeout(resolve));
        }
        stop();
        await 0;";
    let mut script = builder.build().expect("a script");
    assert_eq!(script.run("test.js", source.as_bytes()), End::Stop);
    drop(script);
    while Arc::strong_count(&held) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn a_name_that_cannot_be_an_embedders_is_an_error_that_says_why() {
    for (name, reason) in [
        ("os", "the name is one of guestnet's own"),
        ("std", "the name is one of guestnet's own"),
        ("qjs:os", "the name is one of guestnet's own"),
        ("guestnet:http", "the name is one of guestnet's own"),
        ("guestnet:mine", "the name is one of guestnet's own"),
        ("./app.js", "a relative name is a file's"),
        ("twice", "there is one with this name"),
    ] {
        let mut builder = builder();
        builder.module("twice", |_, _| Ok(()));
        builder.module(name, |_, _| Ok(()));
        builder.module("os", |_, _| Ok(()));
        let error = builder.build().expect_err("the name is refused");
        assert!(matches!(error, BuildError::Module { .. }), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!("the module {name:?} cannot be added: {reason}")
        );
    }
}

#[test]
fn a_module_that_is_missing_is_an_error_of_the_import() {
    let outcome = run_with(
        "await import('app:none').catch(error => print(error.name, error.message));",
        |builder| {
            builder.module("app", |_, _| Ok(()));
        },
    );
    assert_eq!((outcome.err.as_str(), outcome.end), ("", End::Exit(0)));
    let directory = tempfile::tempdir().expect("a directory");
    let without = run_in(
        directory.path(),
        "await import('app:none').catch(error => print(error.name, error.message));",
    );
    assert!(outcome.out.contains("app:none"), "{}", outcome.out);
    assert!(without.out.contains("app:none"), "{}", without.out);
}

#[test]
fn the_context_is_the_embedders_before_and_after_the_script() {
    let mut script = builder().build().expect("a script");
    script.with(|ctx| ctx.globals().set("given", 21).expect("a global"));
    let end = script.run("test.js", b"globalThis.found = given * 2;");
    assert_eq!(end, End::Exit(0));
    let found: i32 = script.with(|ctx| ctx.globals().get("found").expect("a global"));
    assert_eq!(found, 42);
}
