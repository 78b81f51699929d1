// The worker of std_worker.js.
import * as os from "os";

const parent = os.Worker.parent;
let kept;
parent.onmessage = ({ data: { kind, value } }) => {
    switch (kind) {
        case "echo":
            return parent.postMessage(value);
        case "change":
            new Uint8Array(value)[0] = 9;
            return parent.postMessage(value);
        case "add": {
            const cells = new Int32Array(value.cells);
            for (let i = 0; i < value.times; i++) Atomics.add(cells, 0, 1);
            return parent.postMessage(Atomics.load(cells, 0));
        }
        case "keep":
            kept = new Int32Array(value);
            return parent.postMessage("kept");
        case "kept":
            return parent.postMessage(Atomics.load(kept, value));
        case "count":
            for (let i = 0; i < value; i++) parent.postMessage(i);
            return;
        case "write":
            return parent.postMessage(os.write(value.fd, Uint8Array.from(value.text, c => c.charCodeAt(0))));
        case "reopen": {
            // Another socket under the same number.
            os.close(value);
            const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
            os.bind(fd, { addr: "127.0.0.1", port: 0 });
            return parent.postMessage({ same: fd === value, addr: os.getsockname(fd) });
        }
        case "nested":
            try {
                new os.Worker("./std_worker_child.js");
            } catch (error) {
                parent.postMessage(String(error));
            }
            return;
        case "signals":
            return parent.postMessage(typeof scriptArgs);
        case "scribble": {
            // Counts what another thread has changed since it was written here.
            const bytes = new Uint8Array(value.bytes);
            const expected = bytes.slice();
            let changed = 0;
            for (let i = 0; i < value.times; i++) {
                const place = value.from + i % (bytes.length - value.from);
                changed += bytes[place] !== expected[place];
                bytes[place] = expected[place] = i;
            }
            return parent.postMessage(changed);
        }
        case "fail":
            try {
                return parent.postMessage(new SharedArrayBuffer(8));
            } catch (error) {
                return parent.postMessage(String(error));
            }
        case "signal":
            return parent.postMessage(typeof os.signal);
        case "block":
            return os.read(value, new Uint8Array(1));
        case "ignore":
            return;
        case "wait":
            return os.setTimeout(() => {}, 1e9);
        case "compute":
            for (;;);
        case "throw":
            throw new Error("the worker's own");
        case "end":
            parent.onmessage = null;
    }
};
parent.postMessage("ready");
