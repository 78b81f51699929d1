//! One limit of memory for a script and all its workers, and what a script tries to hold beyond it.
//!
//! Each hostile script runs in a process of its own, whose resident memory at its most is what is judged.

use std::path::Path;
use std::process::Command;
use std::{env, fs, thread};

use crate::harness::Run;

const SCRIPT: &str = "GUESTNET_TEST_SCRIPT";
const MEMORY: &str = "GUESTNET_TEST_MEMORY";

/// What the scripts here may have.
const LIMIT: usize = 64 << 20;

/// What the process may hold in addition: the test's own program with 33 stacks of threads, of which some pages are in use.
const OVERHEAD: usize = 48 << 20;

/// Runs a script that another test has written to a file, and prints this process's peak of memory.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "what the test that has started this process reads"
)]
#[ignore = "the other tests run it, in a process of its own"]
fn a_script_alone() {
    let path = env::var(SCRIPT).unwrap();
    let directory = Path::new(&path).parent().unwrap();
    let outcome = Run::new()
        .memory(env::var(MEMORY).unwrap().parse().unwrap())
        .directory(directory, "/work")
        .text(&fs::read_to_string(&path).unwrap());
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!(
        "out={:?}\nerr={:?}\npeak={}",
        outcome.out,
        outcome.err,
        peak.unwrap().trim().strip_suffix(" kB").unwrap()
    );
    // No thread joins the threads of workers, and what they have not freed yet would be taken for lost (`cargo xtask sanitize`).
    while has_workers() {
        thread::yield_now();
    }
}

/// Whether a thread of this process is a worker's.
fn has_workers() -> bool {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    threads.flatten().any(|thread| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.trim_end() == "worker")
    })
}

/// What a script under [`LIMIT`] printed, after its process held no more than that and [`OVERHEAD`].
#[track_caller]
fn bounded(source: &str, workers: &[(&str, &str)]) -> String {
    let (out, peak) = run(source, workers, LIMIT);
    assert!(
        peak <= LIMIT + OVERHEAD,
        "{} MiB were held; printed:\n{out}",
        peak >> 20
    );
    out
}

/// What a script printed, and the most that its process held, in bytes.
#[track_caller]
fn run(source: &str, workers: &[(&str, &str)], limit: usize) -> (String, usize) {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("main.js");
    fs::write(&script, source).unwrap();
    for (name, text) in workers {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let child = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "memory::a_script_alone", "--nocapture"])
        .env(SCRIPT, &script)
        .env(MEMORY, limit.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8(child.stdout).unwrap();
    assert!(
        child.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&child.stderr)
    );
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    assert_eq!(field("err="), "\"\"", "{text}");
    let peak: usize = field("peak=").parse().unwrap();
    (field("out=").to_owned(), peak << 10)
}

/// What both sides begin with: `thrown` says what a call throws.
const THROWN: &str = r#"
    import * as os from "os";
    import * as std from "std";
    const thrown = what => {
        try {
            what();
            return "nothing";
        } catch (error) {
            return `${error.name}: ${error.message}`;
        }
    };
"#;

/// Reads no messages until it is stopped.
const DEAF: &str =
    r#"import * as os from "os"; os.Worker.parent.onmessage = () => { for (;;) os.sleep(1000); };"#;

#[test]
fn messages_that_are_not_received_count_whichever_queue_they_wait_in() {
    let source = format!(
        r#"{THROWN}
        const workers = Array.from({{ length: 12 }}, () => new os.Worker("/work/deaf.js"));
        const piece = new Uint8Array(1 << 20);
        const said = new Set();
        let sent = 0;
        for (const worker of workers) {{
            for (let i = 0; i < 63; i++) {{
                const what = thrown(() => worker.postMessage(piece));
                said.add(what);
                sent += what === "nothing";
            }}
        }}
        // A message that has no room is an error; one that was taken waits.
        print([...said].join("; "), sent > 8, sent < 64);
        for (const worker of workers) worker.terminate();
        std.exit(0);
        "#
    );
    assert_eq!(
        bounded(&source, &[("deaf.js", DEAF)]),
        r#""nothing; RangeError: too many messages wait to be received true true\n""#
    );
}

#[test]
fn what_workers_send_counts_until_it_is_read_and_arrives_whole() {
    let pours = r#"
        import * as os from "os";
        const parent = os.Worker.parent;
        const piece = new Uint8Array(1 << 20);
        parent.onmessage = ({ data: full }) => {
            parent.onmessage = null;
            let sent = 0;
            try {
                for (; sent < 63; sent++) parent.postMessage(piece);
            } catch (error) {
                if (!["too many messages wait to be received", "out of memory"].includes(error.message)) throw error;
            }
            Atomics.add(full, 0, 1);
            // There is room again when the receiver reads.
            for (;;) {
                try { parent.postMessage(sent); break; } catch { os.sleep(1); }
            }
        };
        parent.postMessage("ready");
    "#;
    let source = format!(
        r#"{THROWN}
        const workers = Array.from({{ length: 8 }}, () => new os.Worker("/work/pours.js"));
        const full = new Int32Array(new SharedArrayBuffer(4));
        let [ready, announced, came, over] = [0, 0, 0, 0];
        const pour = () => {{
            for (const worker of workers) worker.postMessage(full);
            // The script does not read until they have filled what there is.
            while (Atomics.load(full, 0) < workers.length) os.sleep(1);
            for (const worker of workers) {{
                worker.onmessage = ({{ data }}) => {{
                    if (typeof data !== "number") return came++;
                    announced += data;
                    worker.onmessage = null;
                    if (++over === workers.length) print(announced === came, came > 8);
                }};
            }}
        }};
        // All of them have their memory before the first one takes the rest.
        for (const worker of workers) {{
            worker.onmessage = () => {{
                worker.onmessage = null;
                if (++ready === workers.length) pour();
            }};
        }}
        "#
    );
    assert_eq!(bounded(&source, &[("pours.js", pours)]), r#""true true\n""#);
}

#[test]
fn small_messages_in_many_queues_count_with_their_places() {
    let source = format!(
        r#"{THROWN}
        const workers = Array.from({{ length: 12 }}, () => new os.Worker("/work/deaf.js"));
        const said = new Set();
        let sent = 0;
        for (const worker of workers) {{
            for (let i = 0; i < 400000; i++) {{
                const what = thrown(() => worker.postMessage(0));
                if (what !== "nothing") {{ said.add(what); break; }}
                sent++;
            }}
        }}
        print([...said].join("; "), sent > 10000);
        std.exit(0);
        "#
    );
    let said = bounded(&source, &[("deaf.js", DEAF)]);
    assert_eq!(
        said,
        r#""RangeError: too many messages wait to be received true\n""#
    );
}

#[test]
fn messages_to_workers_that_have_ended_are_not_kept() {
    let source = format!(
        r#"{THROWN}
        const piece = new Uint8Array(8 << 20);
        const kept = [];
        for (let i = 0; i < 40; i++) {{
            const worker = new os.Worker("/work/brief.js");
            let over;
            worker.onmessage = () => over();
            await new Promise(resolve => {{ over = resolve; }});
            worker.onmessage = null;
            // It is ending, or has ended: none of these is read.
            for (let n = 0; n < 3; n++) thrown(() => worker.postMessage(piece));
            kept.push(worker);
            // Until it has.
            while (thrown(() => new Uint8Array(40 << 20)) !== "nothing") await os.sleepAsync(1);
        }}
        print(kept.length);
        "#
    );
    let brief = r#"import * as os from "os"; os.Worker.parent.postMessage("there");"#;
    assert_eq!(bounded(&source, &[("brief.js", brief)]), r#""40\n""#);
}

#[test]
fn engines_share_one_limit_with_each_other_and_with_what_they_have_had() {
    let fills = r#"
        import * as os from "os";
        import * as std from "std";
        const parent = os.Worker.parent;
        // Many small objects, of which one in a hundred stays: the pages of all are there still.
        let all = [];
        let full = false;
        try {
            while (all.length < 60000) all.push({ text: "x".repeat(100 + all.length % 7) });
            all = all.filter((_, index) => index % 100 === 0);
        } catch {
            all.length = 0;
            full = true;
        }
        std.gc();
        parent.postMessage(full);
        parent.onmessage = () => { parent.onmessage = null; };
    "#;
    let source = format!(
        r#"{THROWN}
        let full = 0;
        let refused = 0;
        for (let i = 0; i < 32; i++) {{
            let worker;
            if (thrown(() => {{ worker = new os.Worker("/work/fills.js"); }}) !== "nothing") {{ refused++; continue; }}
            full += await new Promise(resolve => {{ worker.onmessage = ({{ data }}) => resolve(data); }});
        }}
        print(full + refused > 16, full + refused < 32);
        std.exit(0);
        "#
    );
    assert_eq!(bounded(&source, &[("fills.js", fills)]), r#""true true\n""#);
}

#[test]
fn texts_of_many_threads_at_once_count() {
    let makes = r#"
        import * as os from "os";
        import * as std from "std";
        const parent = os.Worker.parent;
        const text = "x".repeat(1 << 16);
        const many = Array(500).fill(text);
        const format = "%s".repeat(500);
        parent.onmessage = ({ data: cells }) => {
            parent.onmessage = null;
            // All begin when all are there: one that starts needs memory of its own.
            Atomics.add(cells, 0, 1);
            while (Atomics.load(cells, 0) < 8) os.sleep(1);
            for (let round = 0; round < 3; round++) {
                try { std.sprintf(format, ...many); } catch {}
                try { std.writeFile("/work/none/there", new Uint8Array(1 << 20)); } catch {}
                try { std.loadFile("/work/large"); } catch {}
            }
            Atomics.add(cells, 1, 1);
        };
    "#;
    let source = format!(
        r#"{THROWN}
        const large = os.open("/work/large", os.O_RDWR | os.O_CREAT);
        os.seek(large, (30 << 20) - 1, std.SEEK_SET);
        os.write(large, new Uint8Array(1), 0, 1);
        const cells = new Int32Array(new SharedArrayBuffer(8));
        for (let i = 0; i < 8; i++) new os.Worker("/work/makes.js").postMessage(cells);
        while (Atomics.load(cells, 1) < 8) os.sleep(1);
        print("over");
        "#
    );
    assert_eq!(bounded(&source, &[("makes.js", makes)]), r#""over\n""#);
}

/// Each level of these holds a copy of one text of the engine's.
#[test]
fn calls_within_calls_do_not_pile_texts_up() {
    let source = format!(
        r#"{THROWN}
        const large = "x".repeat(4 << 20);
        const source = `deeper(); /*${{large}}*/`;
        let depth = 0;
        globalThis.deeper = () => {{ depth++; std.evalScript(source); }};
        const deep = what => {{ depth = 0; try {{ what(); }} catch {{}} return depth > 1; }};
        const results = [
            deep(globalThis.deeper),
            deep(function print_() {{ depth++; std.sprintf(large + "%s", {{ toString: print_ }}); }}),
            deep(function open_() {{ depth++; std.open(large, "r", {{ set errno(_) {{ open_(); }} }}); }}),
            deep(function ask_() {{ depth++; os.getaddrinfo(large, {{ get service() {{ ask_(); }} }}); }}),
        ];
        print(results.join());
        "#
    );
    assert_eq!(bounded(&source, &[]), r#""true,true,true,true\n""#);
}

#[test]
fn what_waits_in_the_event_loop_counts() {
    let source = format!(
        r#"{THROWN}
        const path = "/" + "x".repeat(1 << 20);
        const [a] = os.socketpair(os.AF_UNIX, os.SOCK_STREAM);
        const view = new Uint8Array(1 << 16);
        const failed = new Set();
        const keep = promise => promise.catch(error => failed.add(error));
        // Fills the socket, so that what comes next waits.
        keep(os.send(a, new Uint8Array(1 << 22), 1 << 22, 0, true));
        const what = thrown(() => {{ for (let i = 0; i < 16000; i++) keep(os.sendto(a, {{ family: os.AF_UNIX, path }}, view, 1)); }});
        print(what);
        const [b] = os.socketpair(os.AF_UNIX, os.SOCK_STREAM);
        const nothing = () => {{}};
        print(thrown(() => {{ for (;;) os.setTimeout(nothing, 1e6); }}));
        std.exit(0);
        "#
    );
    let said = bounded(&source, &[]);
    assert_eq!(
        said,
        r#""InternalError: out of memory\nInternalError: out of memory\n""#
    );
}

#[test]
fn streams_count_with_their_buffers() {
    let source = format!(
        r#"{THROWN}
        const file = os.open("/work/file", os.O_RDWR | os.O_CREAT);
        const text = "x".repeat(8000);
        const all = [];
        let error = {{}};
        for (;;) {{
            const stream = std.fdopen(file, "w", error);
            if (!stream) break;
            stream.puts(text);
            all.push(stream);
        }}
        print(error.errno === std.Error.ENOMEM, all.length > 500);
        std.exit(0);
        "#
    );
    assert_eq!(bounded(&source, &[]), r#""true true\n""#);
}

#[test]
fn shared_buffers_count_until_the_last_thread_lets_go() {
    let source = format!(
        r#"{THROWN}
        const keeps = new os.Worker("/work/keeps.js");
        const answer = () => new Promise(resolve => {{ keeps.onmessage = ({{ data }}) => resolve(data); }});
        let shared = new SharedArrayBuffer(32 << 20);
        keeps.postMessage(shared);
        await answer();
        shared = null;
        std.gc();
        print(thrown(() => new SharedArrayBuffer(40 << 20)));
        keeps.postMessage(null);
        await answer();
        print(thrown(() => new SharedArrayBuffer(40 << 20)));
        keeps.terminate();
        keeps.onmessage = null;
        "#
    );
    let keeps = r#"
        import * as os from "os";
        import * as std from "std";
        let kept;
        os.Worker.parent.onmessage = ({ data }) => { kept = data; std.gc(); os.Worker.parent.postMessage("done"); };
    "#;
    assert_eq!(
        bounded(&source, &[("keeps.js", keeps)]),
        r#""InternalError: out of memory\nnothing\n""#
    );
}
