//! Workers: threads with engines of their own.

use guestnet_quickjs::End;

use crate::harness::Run;

#[test]
fn workers_behave_as_those_of_qjs() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = Run::new()
        .directory(directory.path(), "/work")
        .file("std_worker.js");
    let thrown = "Error: the worker's own\n";
    assert!(
        outcome.err.starts_with(thrown),
        "{}\n{}",
        outcome.err,
        outcome.out
    );
    assert_eq!(outcome.err.matches("Error").count(), 1, "{}", outcome.err);
    assert_eq!(
        (outcome.out.as_str(), outcome.end),
        ("main is done\n", End::Exit(0))
    );
}

#[test]
fn a_script_ends_when_its_workers_only_wait() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            const worker = new os.Worker("./std_worker_child.js");
            worker.postMessage({ kind: "echo", value: 1 });
            print("main");
            "#,
        )
        .expect("main\n");
}

#[test]
fn a_script_waits_for_workers_that_are_busy() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            new os.Worker("./std_worker_busy.js");
            print("main");
            "#,
        )
        .expect("main\nworker\n");
}

#[test]
fn exit_stops_the_workers() {
    let outcome = Run::new().text(
        r#"
        import * as os from "os";
        import * as std from "std";
        for (const kind of ["compute", "wait"]) {
            const worker = new os.Worker("./std_worker_child.js");
            await new Promise(resolve => { worker.onmessage = resolve; });
            worker.postMessage({ kind });
        }
        std.exit(3);
        "#,
    );
    assert_eq!((outcome.end, outcome.err.as_str()), (End::Exit(3), ""));
}

#[test]
fn workers_are_limited() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            const all = [];
            try {
                for (;;) all.push(new os.Worker("./std_worker_child.js"));
            } catch (error) {
                print(error.name, error.message, all.length, all[0]);
            }
            "#,
        )
        .expect("RangeError too many workers 32 Worker {  }\n");
}

#[test]
fn messages_are_kept_for_a_handler_that_comes_after_the_worker_has_ended() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            const free = () => { const fd = os.dup(0); os.close(fd); return fd; };
            const first = free();
            const worker = new os.Worker("./std_worker_child.js");
            for (const value of ["a", "b"]) worker.postMessage({ kind: "echo", value });
            worker.postMessage({ kind: "end" });
            // The worker closes its end of a pipe when it has ended: nothing else tells without a handler.
            while (free() > first + 3) await os.sleepAsync(1);
            // The loop sees it as well.
            await os.sleepAsync(1);
            worker.onmessage = event => print(event.data);
            "#,
        )
        .expect("ready\na\nb\n");
}

#[test]
fn what_is_posted_to_a_worker_that_has_ended_reaches_no_descriptor() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            const worker = new os.Worker("./std_worker_child.js");
            await new Promise(resolve => { worker.onmessage = resolve; });
            const before = os.dup(0);
            os.close(before);
            worker.postMessage({ kind: "end" });
            // The descriptors of the worker are free again when it has ended.
            for (;;) {
                const fd = os.dup(0);
                os.close(fd);
                if (fd < before) break;
                await os.sleepAsync(1);
            }
            const pipes = [];
            for (let i = 0; i < 4; i++) pipes.push(os.pipe());
            for (let i = 0; i < 4; i++) worker.postMessage(i);
            for (const [from, to] of pipes) {
                os.close(to);
                print(os.read(from, new Uint8Array(1), 0, 1));
            }
            "#,
        )
        .expect("0\n0\n0\n0\n");
}

#[test]
fn workers_are_limited_whatever_is_done_with_their_descriptors() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import * as std from "std";
            let all = 0;
            try {
                for (;;) {
                    const before = os.dup(0);
                    os.close(before);
                    new os.Worker("./std_worker_child.js");
                    all += 1;
                    for (let fd = before; fd < before + 4; fd++) os.close(fd);
                }
            } catch (error) {
                print(error.message, all);
            }
            std.exit(0);
            "#,
        )
        .expect("too many workers 32\n");
}

#[test]
fn a_queue_that_is_full_may_run_code_that_posts() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import * as std from "std";
            const worker = new os.Worker("./std_worker_child.js");
            await new Promise(resolve => { worker.onmessage = resolve; });
            const [gate] = os.pipe();
            worker.postMessage({ kind: "block", value: gate });
            const large = "x".repeat(1 << 20);
            Error.prepareStackTrace = () => { worker.postMessage({ kind: "ignore" }); };
            try {
                for (let i = 0; i < 200; i++) Reflect.apply(worker.postMessage, worker, [{ kind: "ignore", value: large }]);
            } catch (error) {
                print(error.name);
            }
            std.exit(0);
            "#,
        )
        .expect("RangeError\n");
}
