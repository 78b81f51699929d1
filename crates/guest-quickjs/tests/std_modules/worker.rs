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
            // The worker closes its end of a pipe when it has ended: there is no other sign without a handler.
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

/// A number that a worker makes another socket's meanwhile.
#[test]
fn a_call_that_waits_goes_on_with_the_socket_that_it_began_with() {
    Run::new()
        .text(
            r#"
            import * as os from "os";
            import { decode, encode } from "guestnet:text";
            const worker = new os.Worker("./std_worker_child.js");
            const answer = () => new Promise(resolve => { worker.onmessage = event => resolve(event.data); });
            await answer();
            const reopen = fd => { worker.postMessage({ kind: "reopen", value: fd }); return answer(); };
            const udp = () => {
                const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
                os.bind(fd, { addr: "127.0.0.1", port: 0 });
                return [fd, os.getsockname(fd)];
            };
            const [sender] = udp();
            const [fd, first] = udp();
            const receive = async () => {
                const buffer = new Uint8Array(16);
                return decode(buffer.subarray(0, await os.recv(fd, buffer)));
            };
            const old = receive();
            const second = await reopen(fd);
            print(second.same);
            await os.sendto(sender, second.addr, encode("to the second"));
            // It does not wait behind the one of the first, and takes nothing away from it.
            print(await receive());
            await os.sendto(sender, first, encode("to the first"));
            print(await old);
            // A close ends what was begun under the number before.
            const older = [receive()];
            print((await reopen(fd)).same);
            older.push(receive());
            print(os.close(fd), (await Promise.allSettled(older)).map(result => result.reason).join());
            worker.onmessage = null;
            "#,
        )
        .expect("true\nto the second\nto the first\ntrue\n0 -125,-125\n");
}

/// What a script asks its worker to send back, and what becomes of it.
const ECHO: &str = r#"
    import * as os from "os";
    const worker = new os.Worker("./std_worker_child.js");
    const answer = () => new Promise(resolve => { worker.onmessage = event => resolve(event.data); });
    await answer();
    const echo = async value => {
        try {
            worker.postMessage({ kind: "echo", value });
        } catch (error) {
            return `${error.name}: ${error.message}`;
        }
        return answer();
    };
"#;

/// It had the engine write to memory that was free already: what the getter returns nothing else holds.
#[test]
fn nothing_of_the_script_runs_while_a_message_is_copied() {
    let source = r#"
        let ran = 0;
        const run = () => { ran++; return new SharedArrayBuffer(64); };
        const getter = (object, name) => Object.defineProperty(object, name, { get: run, enumerable: true, configurable: true });
        const traps = new Proxy({}, { get: (_, name) => (name === "get" || name === "has" ? run : undefined) });
        const under = prototype => Object.setPrototypeOf(new Array(2), prototype);
        const hostile = [
            getter([1], 0),
            getter([1, 2, 3], 2),
            getter(["x"], "0"),
            Object.defineProperty([], 0, { get: run }),
            new Proxy([], traps),
            new Proxy({}, traps),
            new Proxy(new Map(), traps),
            under(new Proxy([], traps)),
            under(getter([], 1)),
            under(Object.defineProperty({}, 0, { get: run })),
            under(new Uint8Array(4)),
            under(Object.create(new Proxy({}, traps))),
        ];
        const inside = [
            value => value, value => [value], value => ({ value }), value => [[{ a: [value] }]], value => new Map([[1, value]]),
            value => new Map([[value, 1]]), value => new Set([[value]]), value => ({ [Symbol.iterator]: value }),
        ];
        for (const value of hostile) {
            for (const wrap of inside) {
                const result = await echo(wrap(value));
                if (typeof result !== "string" || !result.startsWith("TypeError: ")) print(hostile.indexOf(value), wrap, result);
            }
        }
        // The elements of every array with a hole.
        for (const prototype of [Array.prototype, Object.prototype]) {
            getter(prototype, 1);
            print(await echo([1, , 3]), (await echo([1, 2, 3])).length);
            delete prototype[1];
        }
        print(await echo(getter({}, "a")));
        print(await echo({ set a(_) { ran++; } }));
        // The iterators of maps are the engine's own, whatever the script has done to them.
        Object.getPrototypeOf(new Map().entries()).next = run;
        Map.prototype.entries = Set.prototype.entries = Map.prototype[Symbol.iterator] = run;
        print(await echo(new Map([[1, [2]]])), await echo(new Set(["a"])));
        print(ran);
        worker.onmessage = null;
    "#;
    let filled = "TypeError: an array with holes that a prototype fills cannot be copied 3\n";
    let values = "TypeError: only value properties are supported\n";
    Run::new().text(&format!("{ECHO}{source}")).expect(&format!(
        "{filled}{filled}{values}{values}Map(1) {{ 1 => [ 2 ] }} Set(1) {{ \"a\" }}\n0\n"
    ));
}

#[test]
fn messages_keep_their_shape() {
    let source = r#"
        const shared = { s: 1 };
        const cycle = [shared, shared];
        cycle.push(cycle, new Map([[shared, cycle]]), [, "hole", ,], new Date(5), 10n ** 30n, "\u{1f600}", new String("x"));
        const back = await echo(cycle);
        print(back[0] === back[1], back[2] === back, back[3].get(back[0]) === back, 0 in back[4], back[4].length, back[4][1]);
        print(back[5], back[6] === 10n ** 30n, back[7], typeof back[8]);
        print(await echo(/a+/gu), await echo([/x/, { y: 1 }, "z"]));
        print(await echo([/x/, shared, shared]));
        print(await echo([shared, shared].concat(/x/)));
        print(await echo(new (class { #hidden = 1; })()));
        const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
        const [whole, tail] = [new Uint8Array(buffer), new Uint8Array(buffer, 4)];
        buffer.resize(16);
        const both = await echo([whole, tail]);
        print(both[0].length, both[1].length, both[0].buffer === both[1].buffer);
        buffer.resize(2);
        print((await echo(whole)).length, await echo(tail));
        const long = new Array(2 ** 21);
        print(await echo(long), (await echo(new Array(1000))).length, (await echo(long.fill(0))).length);
        // Also not one by one: they cost a script nothing.
        print(await echo(Array.from({ length: 3 }, () => new Array(2 ** 19))));
        worker.onmessage = null;
    "#;
    Run::new().text(&format!("{ECHO}{source}")).expect(
        "true true true true 3 hole\n\
         1970-01-01T00:00:00.005Z true \u{1f600} object\n\
         /a+/gu [ /x/, { y: 1 }, \"z\" ]\n\
         TypeError: a RegExp cannot be copied with an object that is there twice\n\
         TypeError: a RegExp cannot be copied with an object that is there twice\n\
         TypeError: an object with private fields cannot be copied\n\
         16 12 true\n\
         2 TypeError: the ArrayBuffer is detached\n\
         TypeError: arrays with holes are too long to be copied 1000 2097152\n\
         TypeError: arrays with holes are too long to be copied\n",
    );
}

#[test]
fn what_cannot_be_copied_is_refused_before_the_engine_loses_memory_for_it() {
    let source = r#"
        import * as std from "std";
        const shared = new SharedArrayBuffer(8);
        const seen = new Set();
        const post = value => {
            try {
                worker.postMessage({ kind: "ignore", value });
            } catch (error) {
                seen.add(`${error.name}: ${error.message}`);
            }
        };
        const said = () => { print([...seen].join("; ")); seen.clear(); };
        const refused = [
            new DataView(shared), () => 1, function* () {}, new Error("x"), std.out, std, worker, new WeakMap(), Promise.resolve(),
            Object(Symbol("x")), (function () { return arguments; })(), new Map().entries(),
        ];
        for (const value of refused) {
            post([shared, value]);
            post(new Map([[shared, value]]));
        }
        said();
        const gone = new ArrayBuffer(8);
        const view = new Uint8Array(gone);
        gone.transfer();
        post([shared, gone]);
        post([shared, view]);
        said();
        const many = Array.from({ length: 257 }, () => new SharedArrayBuffer(1));
        post(many);
        said();
        post(many.slice(1));
        said();
        // For want of stack the engine fails in the middle, and what it loses then it has no more of.
        const fall = () => {
            try {
                fall();
            } catch {
                post([shared, [[[shared]]]]);
                throw 0;
            }
        };
        for (let round = 0; round < 300; round++) {
            try { fall(); } catch {}
        }
        print(seen.size > 0);
        seen.clear();
        post([shared, [2]]);
        said();
        worker.onmessage = null;
        worker.terminate();
    "#;
    Run::new().text(&format!("{ECHO}{source}")).expect(
        "TypeError: unsupported object class\n\
         TypeError: the ArrayBuffer is detached\n\
         TypeError: too many shared buffers for one message\n\
         \n\
         true\n\
         \n",
    );
}
