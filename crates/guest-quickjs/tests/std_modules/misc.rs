//! `FILE` objects, the rest of `std`, timers, and how scripts end.

use std::fs;

use guestnet_quickjs::End;

use crate::harness::Run;

#[test]
fn file_objects_behave_as_those_of_qjs() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = Run::new()
        .input("first\nsecond é\nrest")
        .directory(directory.path(), "/work")
        .file("std_stdio.js");
    assert_eq!(outcome.err, "err\n");
    assert_eq!(outcome.out, "FILE {  } [ FILE {  } ]\nout\n5\nputs 1\nprintf é\n");
    assert_eq!(outcome.end, End::Exit(0));
    let kept = fs::read_to_string(directory.path().join("kept")).unwrap();
    assert_eq!(kept, "written at the end");
}

#[test]
fn the_rest_of_std_behaves_as_that_of_qjs() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("script.js"), "var loaded = 5; loaded + 1").unwrap();
    fs::write(directory.path().join("broken.js"), "let (").unwrap();
    Run::new()
        .directory(directory.path(), "/work")
        .env("A", "1")
        .env("EMPTY", "")
        .arg("one")
        .arg("two")
        .file("std_misc.js")
        .expect("ok\n");
}

#[test]
fn wrong_values_in_every_place_of_every_function_do_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = Run::new()
        .directory(directory.path(), "/")
        .without_names()
        .file("std_wrong.js");
    assert_eq!(outcome.end, End::Exit(0), "{}", outcome.err);
    assert!(outcome.err.ends_with("ok"), "{}", outcome.err);
    let odd: Vec<_> = outcome
        .err
        .lines()
        .filter(|line| line.contains(" threw ") || line.contains(" rejected "))
        .collect();
    assert_eq!(odd, [""; 0]);
}

#[test]
fn exit_ends_the_script_at_once_and_writes_what_files_keep() {
    let directory = tempfile::tempdir().unwrap();
    let outcome = Run::new().directory(directory.path(), "/work").text(
        r#"
        import * as os from "os";
        import * as std from "std";
        const file = std.open("/work/kept", "w");
        file.puts("kept");
        os.setTimeout(() => print("never"), 0);
        try { std.exit(263); } catch { print("never"); } finally { print("never"); }
        "#,
    );
    assert_eq!(
        (outcome.end, outcome.out.as_str(), outcome.err.as_str()),
        (End::Exit(7), "", "")
    );
    assert_eq!(fs::read_to_string(directory.path().join("kept")).unwrap(), "kept");
    let outcome = Run::new().text("import * as std from 'std'; std.exit(); print('never')");
    assert_eq!((outcome.end, outcome.out.as_str()), (End::Exit(0), ""));
    let outcome = Run::new().text("import * as std from 'std'; std.exit('x')");
    assert_eq!(outcome.end, End::Exit(1));
    assert!(
        outcome
            .err
            .contains("TypeError: the exit code must be an integer"),
        "{}",
        outcome.err
    );
}

#[test]
fn nothing_is_reached_after_exit_even_from_the_executor_of_a_promise() {
    let outcome = Run::new().text(
        r#"
        import * as std from "std";
        new Promise(() => std.exit(4));
        print("after");
        "#,
    );
    assert_eq!(
        (outcome.end, outcome.out.as_str(), outcome.err.as_str()),
        (End::Exit(4), "", "")
    );
}

#[test]
fn exceptions_of_ours_may_run_code_that_calls_us() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import * as std from "std";
            let calls = 0;
            Error.prepareStackTrace = () => { os.clearTimeout(1); os.setTimeout(() => {}, 1e9); calls += 1; };
            try {
                for (;;) Reflect.apply(os.setTimeout, null, [() => {}, 1e9]);
            } catch (error) {
                print(error.name, calls > 0);
            }
            std.exit(0);
            "#,
        )
        .expect("RangeError true\n");
}

#[test]
fn a_dup2_that_fails_leaves_the_target_as_it_is() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            const [a, b] = os.socketpair(os.AF_UNIX, os.SOCK_STREAM);
            const view = new Uint8Array(4);
            const received = os.recv(a, view);
            print(os.dup2(999, a) < 0);
            await os.send(b, new Uint8Array([1, 2]));
            print(await received);
            "#,
        )
        .expect("true\n2\n");
}

#[test]
fn an_interval_goes_on_until_it_is_cleared_and_keeps_the_script_going() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            const calls = [0, 0, 0];
            const start = os.now();
            const first = os.setInterval(() => {
                // Itself, from within; and another that was due at the same time.
                if (++calls[0] === 3) { os.clearInterval(first); os.clearTimeout(second); }
            });
            const second = os.setInterval(() => { calls[1] += 1; }, 1);
            const third = os.setInterval(() => {
                if (++calls[2] < 5) return;
                os.clearInterval(third);
                print(calls[0], calls[1] >= 2, calls[2], os.now() - start >= 25, typeof third);
                os.setTimeout(() => print("no more", calls[0], calls[2]), 10);
            }, 5);
            os.clearInterval(undefined);
            os.clearInterval(987654321);
            for (const wrong of ["code", undefined]) {
                try { os.setInterval(wrong, 1); } catch (error) { print(`${error.name}: ${error.message}`); }
            }
            "#,
        )
        .expect("TypeError: not a function\nTypeError: not a function\n3 true 5 true number\nno more 3 5\n");
    let outcome = Run::new().text(
        "import * as os from 'os'; let calls = 0; os.setInterval(() => { if (++calls === 2) throw new Error('mine'); print(calls); }, 1)",
    );
    assert_eq!((outcome.end, outcome.out.as_str()), (End::Exit(1), "1\n"));
    assert!(outcome.err.contains("Error: mine"), "{}", outcome.err);
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import * as std from "std";
            let set = 0;
            try {
                for (;;) { os.setInterval(() => {}, 1e9); set += 1; }
            } catch (error) {
                print(error.name, set);
            }
            std.exit(0);
            "#,
        )
        .expect("RangeError 65536\n");
}

#[test]
fn a_script_may_have_many_timers_but_not_any_number() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            let set = 0;
            try {
                for (;;) { os.setTimeout(() => {}, 1e9); set += 1; }
            } catch (error) {
                print(error.name, set);
            }
            import * as std from "std";
            std.exit(0);
            "#,
        )
        .expect("RangeError 65536\n");
}

#[test]
fn errors_say_what_is_wrong() {
    let outcome = Run::new().text("import './none.js';");
    assert!(
        outcome.err.contains("No such file or directory"),
        "{}",
        outcome.err
    );
    let outcome = Run::new().text("throw new Error('lone \\ud800 surrogate');");
    assert!(outcome.err.starts_with("Error: lone \u{fffd}"), "{}", outcome.err);
    assert!(outcome.err.contains(" surrogate\n"), "{}", outcome.err);
}

#[test]
fn a_file_is_closed_when_the_setter_of_errno_throws() {
    let directory = tempfile::tempdir().unwrap();
    Run::new()
        .directory(directory.path(), "/work")
        .text(
            r#"
            import * as os from "os";
            import * as std from "std";
            const free = () => { const fd = os.dup(0); os.close(fd); return fd; };
            const before = free();
            try {
                std.open("/work/x", "w", { set errno(_) { throw new Error("mine"); } });
            } catch (error) {
                print(error.message);
            }
            std.gc();
            print(free() === before);
            "#,
        )
        .expect("mine\ntrue\n");
}
