// os.Worker: messages of every kind there and back, ends, errors. The other side is std_worker_child.js.
import * as os from "os";
import * as std from "std";
import { equal, holds, rejects, throws } from "./std_check.js";

const worker = new os.Worker("./std_worker_child.js");
holds(worker instanceof os.Worker, "instanceof");
equal(os.Worker.parent, undefined, "the main script has no parent");
equal(worker.onmessage, null);

const answers = [];
let wanted;
worker.onmessage = event => {
    if (wanted) {
        wanted(event.data);
        wanted = undefined;
    } else {
        answers.push(event.data);
    }
};
const next = () => answers.length > 0 ? answers.shift() : new Promise(resolve => { wanted = resolve; });
const ask = (kind, value) => { worker.postMessage({ kind, value }); return next(); };

equal(await next(), "ready");
for (const value of [1, -0.5, 2 ** 40, "é😀\ud800", true, null, [1, [2, "x"], {}], { a: { b: [1] }, c: "d" }, ["", 0, false]]) {
    equal(await ask("echo", value), value);
}
equal(await ask("echo", undefined), undefined);
equal(await ask("echo", 12345678901234567890n), 12345678901234567890n);
holds(Object.is(await ask("echo", NaN), NaN) && Object.is(await ask("echo", -0), -0), "numbers");
const map = await ask("echo", new Map([[1, new Set(["x"])]]));
holds(map instanceof Map && map.get(1).has("x"), "maps and sets");
equal((await ask("echo", new Date(5))).getTime(), 5);
const loop = { name: "loop" };
loop.self = loop;
const looped = await ask("echo", loop);
holds(looped.self === looped && looped !== loop, "a graph with a loop");

// Buffers are copied
const bytes = new Uint8Array([1, 2, 3]);
const copy = await ask("change", bytes.buffer);
equal([Array.from(bytes), Array.from(new Uint8Array(copy))], [[1, 2, 3], [9, 2, 3]], "an ArrayBuffer is copied");
const typed = await ask("echo", new Float64Array([1.5, 2.5]));
holds(typed instanceof Float64Array && typed[1] === 2.5, "a typed array");

// Shared buffers are not
const shared = new SharedArrayBuffer(16);
const cells = new Int32Array(shared);
equal(await ask("add", { cells: shared, times: 1000 }), 1000);
equal(cells[0], 1000, "both see the same bytes");
equal(await ask("keep", shared), "kept");
Atomics.store(cells, 1, 7);
equal(await ask("kept", 1), 7, "the worker still has it");
throws(InternalError, "out of memory", () => { for (const all = [];;) all.push(new SharedArrayBuffer(1 << 29)); });
std.gc();

// Many messages keep their order
const many = 2000;
worker.postMessage({ kind: "count", value: many });
for (let i = 0; i < many; i++) equal(await next(), i);

// Descriptors are shared
const [from, to] = os.pipe();
equal(await ask("write", { fd: to, text: "from the worker" }), 15);
const got = new Uint8Array(20);
equal(os.read(from, got, 0, 20), 15);
os.close(from);
os.close(to);

// What cannot be sent
throws(TypeError, "", () => worker.postMessage(() => {}));
throws(TypeError, "", () => worker.postMessage({ f() {} }));
throws(TypeError, "Worker object expected", () => worker.postMessage.call({}, 1));
throws(TypeError, "Worker object expected", () => Object.getOwnPropertyDescriptor(os.Worker.prototype, "onmessage").get.call(1));
throws(TypeError, "not a function", () => { worker.onmessage = 5; });
throws(TypeError, "new", () => os.Worker("./std_worker_child.js"));
throws(TypeError, "name", () => new os.Worker());
throws(ReferenceError, "could not load", () => new os.Worker("./none.js"));
equal(await ask("nested"), "TypeError: cannot create a worker inside a worker");
equal(await ask("signals"), "object");

// A queue has an end
const [gate, open] = os.pipe();
throws(RangeError, "too many messages", () => {
    const large = "x".repeat(1 << 20);
    worker.postMessage({ kind: "block", value: gate });
    for (let i = 0; i < 200; i++) worker.postMessage({ kind: "ignore", value: large });
});
os.write(open, new Uint8Array(1));
equal(await ask("echo", "alive"), "alive");
os.close(gate);
os.close(open);

// Ends: by itself, by terminate while it waits and while it computes
const before = os.open("/work/x", os.O_CREAT | os.O_RDWR);
os.close(before);
const ended = [];
for (const way of ["wait", "compute", "throw"]) {
    const other = new os.Worker("./std_worker_child.js");
    await new Promise(resolve => { other.onmessage = resolve; });
    ended.push(other);
    other.postMessage({ kind: way });
    if (way !== "throw") other.terminate();
}
worker.postMessage({ kind: "end" });
ended.push(worker);
globalThis.check = () => {
    for (const other of ended) {
        other.postMessage("nowhere");
        other.terminate();
    }
    equal(os.open("/work/x", os.O_RDWR), before, "the descriptors of the workers are closed");
};
print("main is done");
