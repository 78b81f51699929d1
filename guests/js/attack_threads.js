// What guests/emscripten/thread_limits.c does, with workers (attack_threads_worker.js):
//   swap PORT ROUNDS | pour PORT THREADS BYTES | drain PORT THREADS
import * as os from "os";
import * as std from "std";

const [, mode, port, number, bytes] = scriptArgs;
const names = Object.fromEntries(Object.entries(std.Error).map(([name, value]) => [value, name]));

if (mode === "swap") {
    const one = os.socket(os.AF_INET, os.SOCK_STREAM);
    await os.connect(one, { family: os.AF_INET, addr: "127.0.0.1", port: Number(port) });
    const [other, end] = os.socketpair(os.AF_UNIX, os.SOCK_STREAM);
    const place = os.dup(other);
    const over = new Int32Array(new SharedArrayBuffer(4));
    const worker = new os.Worker("./attack_threads_worker.js");
    worker.postMessage({ mode, one, other, place, over });
    const block = new Uint8Array(1024);
    const taken = new Uint8Array(65536);
    for (let round = 0; round < Number(number); round++) {
        os.write(place, block, 0, block.length);
        // Keeps room in the pair.
        if (round % 16 === 0) os.read(end, taken, 0, taken.length);
    }
    Atomics.store(over, 0, 1);
    await new Promise(resolve => { worker.onmessage = resolve; });
    worker.onmessage = null;
    os.close(one);
    print("over");
} else {
    const workers = Array.from({ length: Number(number) }, () => new os.Worker("./attack_threads_worker.js"));
    await Promise.all(workers.map(worker => new Promise(resolve => {
        worker.onmessage = ({ data: { count, error } }) => {
            print(`${mode === "pour" ? "sent" : "took"} ${count} then ${error === 0 ? "the end" : names[-error]}`);
            worker.onmessage = null;
            resolve();
        };
        worker.postMessage({ mode, port: Number(port), bytes: Number(bytes) });
    })));
}
