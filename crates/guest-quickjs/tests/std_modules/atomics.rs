//! `Atomics.wait`, `notify` and `waitAsync`, with workers.

use guestnet_quickjs::End;

use crate::harness::Run;

/// Workers that are asked, and memory that all have.
const PRELUDE: &str = r#"
    import * as os from "os";
    import * as std from "std";
    const shared = new SharedArrayBuffer(64);
    const cells = new Int32Array(shared);
    const worker = () => new os.Worker("./std_atomics_child.js");
    const ask = (worker, kind, rest) => new Promise(resolve => {
        worker.onmessage = event => { worker.onmessage = null; resolve(event.data); };
        worker.postMessage({ kind, shared, ...rest });
    });
    const end = (...workers) => workers.forEach(worker => worker.postMessage({ kind: "end" }));
    // Until so many wait, which nothing shows but that they are notified.
    const notified = async (index, count) => {
        for (let all = 0; (all += Atomics.notify(cells, index)) < count;) await os.sleepAsync(0);
    };
"#;

fn run(source: &str) -> crate::harness::Outcome {
    Run::new().text(&format!("{PRELUDE}{source}"))
}

#[test]
fn two_workers_take_turns() {
    run(r#"
        const [one, other] = [worker(), worker()];
        const turns = await Promise.all([one, other].map((worker, which) => ask(worker, "turns", { which, times: 2000 })));
        print(cells[0], turns.map(turn => turn >= 3999).join());
        end(one, other);
    "#)
    .expect("4000 true,true\n");
}

#[test]
fn the_main_thread_and_a_worker_take_turns() {
    run(r#"
        const one = worker();
        const turns = ask(one, "turns", { which: 0, times: 500 });
        for (let i = 0; i < 500; i++) {
            for (let value; (value = Atomics.load(cells, 0)) % 2 !== 1;) await Atomics.waitAsync(cells, 0, value).value;
            Atomics.add(cells, 0, 1);
            Atomics.notify(cells, 0);
        }
        await turns;
        print(cells[0]);
        end(one);
    "#)
    .expect("1000\n");
}

#[test]
fn arguments_are_those_of_the_language() {
    let outcome = run(r#"
        const one = worker();
        for (const result of await ask(one, "arguments")) print(result);
        end(one);
    "#);
    let (kind, shared) = (
        "TypeError: the array must be an Int32Array or a BigInt64Array\n",
        "TypeError: the array must be one of a SharedArrayBuffer\n",
    );
    let index = "RangeError: the index is not in the array\n";
    let (out, rest) = outcome.out.split_once("notify\n").unwrap_or((&outcome.out, ""));
    let expected = format!(
        "timed-out\nnot-equal\ntimed-out\ntimed-out\ntimed-out\ntimed-out\nnot-equal\nnot-equal\n\
         timed-out\ntimed-out\ntimed-out\ntimed-out\ntimed-outindex,value,timeout\n\
         not-equal1not-equal16\ntimed-out\n\
         TypeError: cannot convert to bigint\nTypeError: cannot convert BigInt to number\n\
         TypeError: cannot convert symbol to number\nTypeError: cannot convert BigInt to number\n\
         {index}{index}{index}{index}{shared}{kind}{kind}{kind}{kind}{kind}{kind}\
         0\n0\n0\n0\n0\n{index}{index}TypeError: cannot convert BigInt to number\n{kind}{kind}TypeError: the ArrayBuffer is detached\n"
    );
    assert_eq!((out, rest, outcome.err.as_str()), (expected.as_str(), "", ""));
}

#[test]
fn the_main_thread_may_not_block() {
    run(r#"
        for (const timeout of [0, 1e9]) {
            try { Atomics.wait(cells, 0, 0, timeout); } catch (error) { print(error.name); }
        }
        try { Atomics.wait(cells, 16, 0, 0); } catch (error) { print(error.name); }
        const shape = name => Object.getOwnPropertyDescriptor(Atomics, name);
        for (const name of ["wait", "notify", "waitAsync"]) {
            const { value, writable, enumerable, configurable } = shape(name);
            print(value.name, value.length, writable, enumerable, configurable);
        }
    "#)
    .expect(
        "TypeError\nTypeError\nRangeError\n\
         wait 4 true false true\nnotify 3 true false true\nwaitAsync 4 true false true\n",
    );
}

#[test]
fn those_that_have_waited_longest_are_notified_first_and_no_more_than_asked_for() {
    run(r#"
        const workers = Array.from({ length: 4 }, worker);
        const ended = [];
        const waits = workers.map((worker, index) => ask(worker, "wait", { index: 4 }).then(result => ended.push(result)));
        // A count of 0 notifies no thread.
        while (Atomics.load(cells, 1) < 4) await os.sleepAsync(0);
        print(Atomics.notify(cells, 4, 0), Atomics.notify(cells, 5));
        let all = 0;
        const counts = [];
        while (all < 4) {
            const count = Atomics.notify(cells, 4, 3);
            if (count > 3) print(count);
            all += count;
            await os.sleepAsync(0);
        }
        await Promise.all(waits);
        cells[4] = 7;
        print(ended.join(), Atomics.notify(cells, 4));
        // Promises of one thread are settled in the order in which they began.
        const order = [];
        for (let i = 0; i < 5; i++) Atomics.waitAsync(cells, 4, 7).value.then(() => order.push(i));
        print(Atomics.notify(cells, 4, 2));
        await os.sleepAsync(0);
        print(order.join(), Atomics.notify(cells, 4, Infinity));
        await os.sleepAsync(0);
        print(order.join());
        end(...workers);
    "#)
    .expect("0 0\nok,ok,ok,ok 0\n2\n0,1 3\n0,1,2,3,4\n");
}

#[test]
fn waits_have_a_time() {
    run(r#"
        const one = worker();
        const begun = performance.now();
        print(await ask(one, "wait", { timeout: 20 }), performance.now() - begun >= 20);
        const again = performance.now();
        const { async, value } = Atomics.waitAsync(cells, 0, 0, 20);
        print(async, await value, performance.now() - again >= 20, Atomics.notify(cells, 0));
        print(JSON.stringify([Atomics.waitAsync(cells, 0, 1), Atomics.waitAsync(cells, 0, 0, 0)]));
        // One that is notified has no timer any more: the script would wait for it.
        const long = Atomics.waitAsync(cells, 0, 0, 1e9);
        print(Atomics.notify(cells, 0), await long.value);
        const waits = ask(one, "wait", { timeout: 1e9 });
        await notified(0, 1);
        print(await waits);
        end(one);
    "#)
    .expect(
        "timed-out true\ntrue timed-out true 0\n\
         [{\"async\":false,\"value\":\"not-equal\"},{\"async\":false,\"value\":\"timed-out\"}]\n1 ok\nok\n",
    );
}

#[test]
fn promises_wait_in_workers_too_and_keep_them_going() {
    run(r#"
        const workers = [worker(), worker()];
        const both = workers.map(worker => ask(worker, "later"));
        workers.forEach(worker => worker.postMessage({ kind: "end" }));
        while (Atomics.load(cells, 1) < 2) await os.sleepAsync(0);
        await notified(0, 2);
        print(JSON.stringify(await Promise.all(both)));
    "#)
    .expect("[[true,\"ok\"],[true,\"ok\"]]\n");
}

#[test]
fn a_promise_that_no_thread_can_settle_keeps_no_script_going() {
    let outcome = run(r#"
        const one = worker();
        end(one);
        print("waits");
        await Atomics.waitAsync(cells, 0, 0).value;
    "#);
    assert_eq!(
        (outcome.end, outcome.out.as_str()),
        (End::Exit(13), "waits\n"),
        "{}",
        outcome.err
    );
}

#[test]
fn a_worker_that_waits_ends_when_it_is_terminated_and_with_its_script() {
    let source = r#"
        const workers = Array.from({ length: 8 }, worker);
        // Each has waited once: the next time it does is the next thing that it does.
        await Promise.all(workers.map(async worker => { await ask(worker, "wait", { timeout: 0 }); worker.postMessage({ kind: "hang", shared }); }));
    "#;
    run(&format!(
        "{source}
        workers.forEach(worker => worker.terminate());
        print('terminated');"
    ))
    .expect("terminated\n");
    let outcome = run(&format!("{source}std.exit(4);"));
    assert_eq!((outcome.end, outcome.err.as_str()), (End::Exit(4), ""));
}

/// What is left of a wait has to be nothing, in the lists and in the engine.
#[test]
fn tens_of_thousands_of_waits_leave_nothing_behind() {
    let outcome = Run::new().memory(9 << 20).text(&format!(
        r#"{PRELUDE}
        const one = worker();
        print(await ask(one, "many", {{ times: 10000 }}));
        let ok = 0, over = 0;
        for (let round = 0; round < 20; round++) {{
            const all = Array.from({{ length: 1000 }}, (_, i) => Atomics.waitAsync(cells, i % 16, 0, i % 2 ? 0.001 : 1e9).value);
            for (let i = 0; i < 16; i += 2) Atomics.notify(cells, i);
            for (const result of await Promise.all(all)) result === "ok" ? ok++ : over++;
        }}
        print(ok, over);
        for (let i = 0; i < 16; i++) if (Atomics.notify(cells, i) !== 0) print(i);
        end(one);
        "#
    ));
    outcome.expect("10000\n10000 10000\n");
}

#[test]
fn promises_that_wait_are_within_the_limit_of_memory() {
    let outcome = Run::new().memory(8 << 20).text(&format!(
        r#"{PRELUDE}
        let count = 0;
        // Without memory for an error the engine throws null.
        try {{ for (;;) {{ Atomics.waitAsync(cells, 0, 0); count++; }} }} catch (error) {{ print(error?.message ?? "out of memory", count > 1000); }}
        print(Atomics.notify(cells, 0) === count);
        "#
    ));
    assert_eq!(
        (outcome.out.as_str(), outcome.err.as_str()),
        ("out of memory true\ntrue\n", "")
    );
}
