//! What a script may have outside of its engine's memory.

use std::fs::File;

use guestnet_quickjs::End;

use crate::harness::Run;

#[test]
fn what_lies_outside_of_the_engine_is_limited_as_the_engine_is() {
    let directory = tempfile::tempdir().unwrap();
    let large = File::create(directory.path().join("large.js")).unwrap();
    large.set_len(9 << 20).unwrap();
    Run::new()
        .memory(8 << 20)
        .directory(directory.path(), "/work")
        .text(
            r#"
            import * as os from "os";
            import * as std from "std";
            const thrown = what => {
                try {
                    return what();
                } catch (error) {
                    return `${error.name}: ${error.message}`;
                }
            };
            print(std.loadFile("/work/large.js"));
            print(thrown(() => std.loadScript("/work/large.js")));
            print(await import("/work/large.js").catch(error => error.message.includes("Cannot allocate memory")));
            print(thrown(() => new SharedArrayBuffer(9 << 20)));
            const text = "x".repeat(1 << 20);
            const many = Array(9).fill(text);
            print(thrown(() => std.sprintf("%s".repeat(9), ...many)));
            print(thrown(() => print(...many)));
            "#,
        )
        .expect(
            "null\n\
             ReferenceError: could not load '/work/large.js'\n\
             true\n\
             InternalError: out of memory\n\
             InternalError: out of memory\n\
             InternalError: out of memory\n",
        );
}

#[test]
fn the_environment_is_limited() {
    Run::new()
        .text(
            r#"
            import * as std from "std";
            const text = "x".repeat(1 << 18);
            for (let i = 0; i < 9; i++) std.setenv("A", text);
            let set = 0;
            try {
                for (;;) { std.setenv(`B${set}`, text); set += 1; }
            } catch (error) {
                print(error.name, set);
            }
            std.unsetenv("A");
            std.setenv("C", text);
            "#,
        )
        .expect("RangeError 2\n");
}

#[test]
fn what_is_pending_is_limited() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import * as std from "std";
            const count = async (most, start, number) => {
                let refused = 0;
                for (let i = 0; i < most + 5; i++) start().catch(error => { refused += error === number; });
                await os.sleepAsync(0);
                return refused;
            };
            const [a] = os.socketpair(os.AF_UNIX, os.SOCK_STREAM);
            const view = new Uint8Array(1);
            print(await count(1 << 14, () => os.recv(a, view), -std.Error.ENOBUFS));
            print(await count(1024, () => os.getaddrinfoAsync("127.0.0.1", 1), os.EAI_MEMORY));
            std.exit(0);
            "#,
        )
        .expect("5\n5\n");
}

#[test]
fn many_rejections_that_are_handled_later_take_no_long() {
    Run::new()
        .text(
            r#"
            const all = [];
            for (let i = 0; i < 200000; i++) all.push(Promise.reject(i));
            for (const promise of all) promise.catch(() => {});
            print("done");
            "#,
        )
        .expect("done\n");
    let outcome = Run::new().text("Promise.reject('first'); Promise.reject('second');");
    assert_eq!(outcome.end, End::Exit(1));
    assert_eq!(outcome.err, "Possibly unhandled promise rejection: first\n");
}
