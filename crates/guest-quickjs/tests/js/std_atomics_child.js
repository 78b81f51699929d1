// The workers of tests/std_modules/atomics.rs: each does what a message asks for, and posts what came of it.
import * as os from "os";

const parent = os.Worker.parent;
const attempt = call => {
    try {
        return String(call());
    } catch (error) {
        return `${error.name}: ${error.message}`;
    }
};

const ask = {
    // Waits once, and says so in cell 1 before.
    wait({ cells, index = 0, value = 0, timeout }) {
        Atomics.add(cells, 1, 1);
        return Atomics.wait(cells, index, value, timeout);
    },
    // Takes its turns with another worker.
    turns({ cells, which, times }) {
        for (let i = 0; i < times; i++) {
            for (let value; (value = Atomics.load(cells, 0)) % 2 !== which;) Atomics.wait(cells, 0, value);
            Atomics.add(cells, 0, 1);
            Atomics.notify(cells, 0);
        }
        return Atomics.load(cells, 0);
    },
    many({ cells, times }) {
        let over = 0;
        for (let i = 0; i < times; i++) over += Atomics.wait(cells, 0, 0, 0.001) === "timed-out";
        return over;
    },
    arguments({ shared }) {
        const [int, big] = [new Int32Array(shared), new BigInt64Array(shared)];
        big[1] = -5n;
        const order = [];
        const spy = (name, value) => ({ valueOf() { order.push(name); return value; } });
        const growing = new SharedArrayBuffer(4, { maxByteLength: 64 });
        const follows = new Int32Array(growing);
        const grow = { valueOf() { growing.grow(64); return 1; } };
        const calls = [
            () => Atomics.wait(int, 0, 0, 0),
            () => Atomics.wait(int, 0, 1, 0),
            () => Atomics.wait(int, 0, 2 ** 32, 0),
            () => Atomics.wait(int, "0", "0x0", "0"),
            () => Atomics.wait(int, undefined, undefined, -5),
            () => Atomics.wait(int, -0.9, NaN, -Infinity),
            () => Atomics.wait(int, 0, 1, Infinity),
            () => Atomics.wait(int, 0, 1),
            () => Atomics.wait(big, 1, -5n, 0),
            () => Atomics.wait(big, 1, 2n ** 64n - 5n, 0),
            () => Atomics.wait(big, 1, "-5", 0),
            () => Atomics.wait(big, 0, false, 0),
            () => Atomics.wait(int, spy("index", 0), spy("value", 0), spy("timeout", 0)) + order,
            () => Atomics.wait(follows, 0, 1) + follows.length + Atomics.wait(follows, 0, grow, 0) + follows.length,
            () => Atomics.wait(follows, 15, 0, 0),
            () => Atomics.wait(big, 0, 0, 0),
            () => Atomics.wait(int, 0, 0n, 0),
            () => Atomics.wait(int, 0, Symbol(), 0),
            () => Atomics.wait(int, 0, 0, 0n),
            () => Atomics.wait(int, int.length, 0, 0),
            () => Atomics.wait(int, -1, 0, 0),
            () => Atomics.wait(int, Infinity, 0, 0),
            () => Atomics.wait(int, 2 ** 53, 0, 0),
            () => Atomics.wait(new Int32Array(4), 0, 0, 0),
            () => Atomics.wait(new Uint32Array(shared), 0, 0, 0),
            () => Atomics.wait(new BigUint64Array(shared), 0, 0n, 0),
            () => Atomics.wait(new Int16Array(shared), 0, 0, 0),
            () => Atomics.wait(shared, 0, 0, 0),
            () => Atomics.wait(undefined, 0, 0, 0),
            () => Atomics.wait(new Proxy(int, {}), 0, 0, 0),
            () => Atomics.notify(int, 0),
            () => Atomics.notify(int, 0, -1),
            () => Atomics.notify(int, 0, NaN),
            () => Atomics.notify(new Int32Array(4), 3),
            () => Atomics.notify(new BigInt64Array(4), 3, Infinity),
            () => Atomics.notify(int, int.length),
            () => Atomics.notify(new Int32Array(4), 4),
            () => Atomics.notify(int, 0, 1n),
            () => Atomics.notify(new Uint8Array(shared), 0),
            () => Atomics.notify({}, 0),
            () => { const gone = new Int32Array(4); gone.buffer.transfer(); return Atomics.notify(gone, 0); },
        ];
        return calls.map(attempt);
    },
    // Nothing notifies it.
    hang: ({ cells }) => Atomics.wait(cells, 2, 0),
    async later({ cells, timeout }) {
        const { async, value } = Atomics.waitAsync(cells, 0, 0, timeout);
        Atomics.add(cells, 1, 1);
        Atomics.notify(cells, 1);
        return [async, await value];
    },
};

parent.onmessage = async ({ data: { kind, shared, ...rest } }) => {
    if (kind === "end") {
        parent.onmessage = null;
        return;
    }
    const cells = shared === undefined ? undefined : new Int32Array(shared);
    parent.postMessage(await ask[kind]({ shared, cells, ...rest }));
};
