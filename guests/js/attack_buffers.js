// What guests/c/app_buffers.c does, with the calls of os: sockets | pairs | pipes | half | raised | again
import * as os from "os";
import * as std from "std";

const mode = scriptArgs[1];
const MOST = 20000;
const names = Object.fromEntries(Object.entries(std.Error).map(([name, number]) => [number, name]));
const MIB = 1 << 20;

function option(fd, name) {
    const value = new Int32Array(1);
    os.getsockopt(fd, name, value.buffer);
    return value[0];
}

const makes = {
    sockets: () => os.socket(os.AF_UNIX, os.SOCK_STREAM),
    pairs: () => os.socketpair(os.AF_UNIX, os.SOCK_STREAM),
    // null, as in qjs, whatever the error.
    pipes: () => os.pipe() ?? -std.Error.ENFILE,
    half: count => {
        const pair = os.pipe() ?? -std.Error.ENFILE;
        if (typeof pair === "object") os.close(pair[count % 2]);
        return pair;
    },
};

if (mode in makes) {
    let count = 0;
    let made = 0;
    for (; count < MOST; count++) {
        made = makes[mode](count);
        if (made < 0) break;
    }
    print(`${count} then ${made < 0 ? names[-made] : "nothing"}`);
}
if (mode === "raised") {
    let [bytes, count, error] = [0, 0, 0];
    for (; count < MOST && error === 0; count++) {
        const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
        if (fd < 0) { error = fd; break; }
        for (const name of [os.SO_SNDBUF, os.SO_RCVBUF]) {
            error = os.setsockopt(fd, name, MIB);
            if (error !== 0) break;
            bytes += option(fd, name);
        }
    }
    print(`${bytes} of ${count} then ${error < 0 ? names[-error] : "nothing"}`);
}
if (mode === "again") {
    const block = new Uint8Array(65536);
    const fill = fd => {
        let bytes = 0;
        for (let count; (count = os.write(fd, block, 0, block.length)) > 0;) bytes += count;
        return bytes;
    };
    let total = 0;
    for (let count = 0; count < MOST; count++) {
        const pair = os.socketpair(os.AF_UNIX, os.SOCK_STREAM);
        if (!Array.isArray(pair)) break;
        for (const fd of pair) {
            os.setsockopt(fd, os.SO_SNDBUF, 4 * MIB);
            total += fill(fd);
            os.setsockopt(fd, os.SO_SNDBUF, 1);
            os.setsockopt(fd, os.SO_SNDBUF, 4 * MIB);
            total += fill(fd);
        }
    }
    print(`held ${total}`);
}
