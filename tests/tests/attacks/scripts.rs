//! A40 a script that has the host hold what its engine's own memory does not show. (What each call holds is tested in
//! `crates/guest-quickjs/tests/std_modules/memory.rs`.)

use super::support::measured;
use guestnet_tests::Guestnet;
use std::fs;
use std::path::Path;

/// What each script may have, KiB.
const LIMIT: u64 = 80 * 1024;

/// What a process may hold in addition, KiB: stacks of 17 threads, and what each needs of the host.
const OVERHEAD: u64 = 24 * 1024;

/// Each of these prints "done" when it holds all that it can get, and holds it until it is ended.
const BEGIN: &str = r#"
    import * as os from "os";
    import * as std from "std";
    const refused = new Set();
    const more = act => { try { act(); return true; } catch (error) { refused.add(error.message); return false; } };
    const done = () => { print([...refused].join()); print("done"); os.setTimeout(() => {}, 1e9); };
    const start = () => Array.from({ length: 16 }, () => new os.Worker("./worker.js"));
"#;

/// What a script printed before "done", on its one line, and the most memory that its process had, KiB.
fn peak(directory: &Path, main: &str, worker: &str) -> (String, u64) {
    let path = directory.join("main.js");
    fs::write(&path, format!("{BEGIN}{main}")).expect("write the script");
    fs::write(directory.join("worker.js"), worker).expect("write the worker");
    let (printed, peak) = measured(Guestnet::run().option("--max-memory=80MiB").guest(&path));
    (printed.trim_end().to_owned(), peak)
}

#[track_caller]
fn bounded(main: &str, worker: &str) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (_, least) = peak(directory.path(), "done();", "");
    let (printed, peak) = peak(directory.path(), main, worker);
    assert!(
        peak <= least + LIMIT + OVERHEAD,
        "{peak} KiB against {least} KiB; refused: {printed}"
    );
    printed
}

/// Takes no message.
const DEAF: &str =
    r#"import * as os from "os"; os.Worker.parent.onmessage = () => { for (;;) os.sleep(1000); };"#;

#[test]
fn messages_that_sixteen_workers_do_not_take_are_within_the_limit_of_the_script() {
    let main = "
        const piece = new Uint8Array(1 << 20);
        for (const worker of start()) for (let i = 0; i < 63; i++) more(() => worker.postMessage(piece));
        done();
    ";
    assert_eq!(bounded(main, DEAF), "too many messages wait to be received");
}

#[test]
fn what_sixteen_workers_send_and_no_peer_reads_is_within_it_too() {
    let worker = r#"
        import * as os from "os";
        const piece = new Uint8Array(1 << 20);
        os.Worker.parent.onmessage = () => {
            try { for (;;) os.Worker.parent.postMessage(piece); } catch {}
            for (;;) os.sleep(1000);
        };
    "#;
    // They begin when all are there, and have filled it when the script itself may send nothing any more.
    let main = "
        const workers = start();
        for (const worker of workers) more(() => worker.postMessage(0));
        while (more(() => workers[0].postMessage(new Uint8Array(1 << 20)))) os.sleep(1);
        done();
    ";
    let refused = bounded(main, worker);
    // The script itself may be the one that has no memory left.
    let either = ["too many messages wait to be received", "out of memory"];
    assert!(refused.split(',').all(|each| either.contains(&each)), "{refused}");
}

#[test]
fn sixteen_engines_with_gaps_in_their_heaps_are_within_it_too() {
    let worker = r#"
        import * as os from "os";
        import * as std from "std";
        let all = [];
        try {
            while (all.length < 60000) all.push({ text: "x".repeat(100 + all.length % 7) });
            all = all.filter((_, index) => index % 100 === 0);
        } catch {
            all.length = 0;
        }
        std.gc();
        os.Worker.parent.postMessage(all.length > 0);
        for (;;) os.sleep(1000);
    "#;
    let main = "
        let full = 0;
        for (let i = 0; i < 16 && full === 0; i++) {
            let worker;
            if (!more(() => { worker = new os.Worker('./worker.js'); })) break;
            const { data } = await new Promise(resolve => { worker.onmessage = resolve; });
            if (!data) full++;
        }
        if (full > 0) refused.add('out of memory');
        done();
    ";
    assert_eq!(bounded(main, worker), "out of memory");
}

#[test]
fn messages_to_workers_that_are_gone_are_not_kept() {
    let worker = r#"import * as os from "os"; os.Worker.parent.postMessage("there");"#;
    let main = "
        const piece = new Uint8Array(8 << 20);
        const kept = [];
        for (let i = 0; i < 30; i++) {
            const worker = new os.Worker('./worker.js');
            await new Promise(resolve => { worker.onmessage = resolve; });
            worker.onmessage = null;
            for (let n = 0; n < 3; n++) more(() => worker.postMessage(piece));
            kept.push(worker);
        }
        refused.clear();
        done();
    ";
    assert_eq!(bounded(main, worker), "");
}
