// Buffers of every kind and in every state, in the calls that do not wait: os.read and write, FILE, guestnet:text.
import * as os from "os";
import * as std from "std";
import { decode } from "guestnet:text";
import { equal, holds, throws } from "./std_check.js";

const [from, to] = os.pipe();
const bytes = (...values) => Uint8Array.of(...values);
const content = view => Array.from(new Uint8Array(view.buffer ?? view, view.byteOffset ?? 0, view.byteLength)).join();

/** Writes 1, 2, … and reads them into a buffer; the count. */
const through = (into, ...part) => {
    equal(os.write(to, bytes(1, 2, 3, 4, 5, 6, 7, 8)), 8);
    const count = os.read(from, into, ...part);
    const rest = new Uint8Array(8);
    if (count < 8) equal(os.read(from, rest), 8 - Math.max(count, 0));
    return count;
};

// All kinds, and parts of them.
for (const make of [size => new ArrayBuffer(size), size => new SharedArrayBuffer(size)]) {
    const buffer = make(8);
    equal(through(buffer), 8);
    equal(content(buffer), "1,2,3,4,5,6,7,8");
    const view = new DataView(make(8), 2, 4);
    equal(through(view), 4);
    equal(content(view.buffer), "0,0,1,2,3,4,0,0");
    const words = new Uint16Array(make(8), 2, 2);
    equal(through(words, 1, 2), 2);
    equal(content(words.buffer), "0,0,0,1,2,0,0,0");
    equal(os.write(to, view), 4);
    equal(os.read(from, new Uint8Array(8)), 4);
    equal(decode(make(3)), "\0\0\0");
    equal(decode(new DataView(make(3), 1)), "\0\0");
}

// What tracks a buffer's length is as long as the buffer is now.
for (const [buffer, resize] of [
    [new ArrayBuffer(4, { maxByteLength: 8 }), (buffer, size) => buffer.resize(size)],
    [new SharedArrayBuffer(4, { maxByteLength: 8 }), (buffer, size) => buffer.grow(size)],
]) {
    for (const view of [new Uint8Array(buffer), new DataView(buffer)]) {
        if (buffer.byteLength < 8) resize(buffer, 8);
        equal(through(view), 8);
        equal(content(buffer), "1,2,3,4,5,6,7,8");
        equal(os.write(to, view), 8);
        equal(os.read(from, new Uint8Array(9)), 8);
        equal(decode(view).length, 8);
    }
}
const buffer = new ArrayBuffer(8, { maxByteLength: 8 });
const [whole, end] = [new Uint8Array(buffer), new Uint8Array(buffer, 4, 4)];
buffer.resize(2);
equal(through(whole), 2);
equal(decode(whole), "\x01\x02");
throws(RangeError, "overflow", () => through(whole, 0, 3));
equal(os.read(from, new Uint8Array(8)), 8);
for (const call of [
    () => os.read(from, end), () => os.write(to, end), () => decode(end), () => std.out.write(end), () => std.in.read(end),
]) throws(TypeError, "detached", call);

// Gone, or not to be written.
const gone = new Uint8Array(8);
gone.buffer.transfer();
const frozen = new ArrayBuffer(8).transferToImmutable();
equal(os.write(to, bytes(9)), 1);
for (const view of [gone, gone.buffer, frozen, new Uint8Array(frozen), new DataView(frozen)]) {
    throws(TypeError, "the ArrayBuffer is ", () => os.read(from, view));
    throws(TypeError, "the ArrayBuffer is ", () => std.in.read(view));
}
equal(os.read(from, whole), 1);
equal(whole[0], 9);
equal(os.write(to, new Uint8Array(frozen)), 8);
equal(os.read(from, new Uint8Array(9)), 8);
equal(decode(frozen).length, 8);
throws(TypeError, "detached", () => decode(gone));
throws(TypeError, "detached", () => std.writeFile("/none", gone));

// Only what was read is written to a shared buffer: another thread may use the rest.
const shared = new Uint8Array(new SharedArrayBuffer(1 << 17));
const worker = new os.Worker("./std_worker_child.js");
const answer = () => new Promise(resolve => { worker.onmessage = event => resolve(event.data); });
equal(await answer(), "ready");
worker.postMessage({ kind: "scribble", value: { bytes: shared.buffer, from: 8, times: 400000 } });
const file = std.tmpfile();
file.puts("abcdefgh");
let reads = 0;
const scribbled = answer();
for (let over = false; !over;) {
    through(shared);
    file.seek(0, std.SEEK_SET);
    equal(file.read(shared.buffer, 0, 8), 8);
    reads++;
    over = await Promise.race([scribbled.then(() => true), os.sleepAsync(0).then(() => false)]);
}
equal(await scribbled, 0);
holds(reads > 0, "it was read meanwhile");
worker.onmessage = null;
worker.postMessage({ kind: "end" });
print("ok");
