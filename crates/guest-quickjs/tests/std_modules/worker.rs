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
