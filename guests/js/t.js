// What the guests in JavaScript share: the counterpart of guests/c/t.h, for the same transcripts. A call that waits in C
// is awaited here; a call that fails prints "-1 ENAME" in both.
import * as os from "os";
import * as std from "std";

const TIMEOUT_MS = 10000;

/** The name of an errno. */
const names = new Map();
for (const name of Object.getOwnPropertyNames(std.Error))
    if (/^E[A-Z0-9]+$/.test(name) && !names.has(std.Error[name])) names.set(std.Error[name], name);
const errnoName = number => names.get(number) ?? `errno ${number}`;

/** What a call gives, awaited: a failed promise rejects with the negative number that a failed call returns. */
export const outcome = async result => {
    try {
        return await result;
    } catch (error) {
        if (typeof error === "number") return error;
        throw error;
    }
};

export const show = async (what, result) => {
    const value = await outcome(result);
    print(value < 0 ? `${what}: -1 ${errnoName(-value)}` : `${what}: ${value}`);
    return value;
};

export const showFd = async (what, result) => {
    let value = await outcome(result);
    if (Array.isArray(value)) value = value[0];
    print(value < 0 ? `${what}: -1 ${errnoName(-value)}` : `${what}: fd`);
    return value;
};

export const showData = async (what, result, buffer) => {
    const count = await outcome(result);
    if (count < 0) return show(what, count);
    let text = "";
    for (const byte of new Uint8Array(buffer.buffer ?? buffer).subarray(0, count))
        text += byte >= 32 && byte < 127 && byte !== 34 && byte !== 92
            ? String.fromCharCode(byte)
            : "\\x" + byte.toString(16).padStart(2, "0");
    print(`${what}: ${count} "${text}"`);
    return count;
};

export const fact = (what, truth) => print(`${what}: ${truth ? "yes" : "no"}`);

export const must = async (what, result) => {
    const value = await outcome(result);
    if (typeof value === "number" && value < 0) {
        print(`cannot go on, ${what}: -1 ${errnoName(-value)}`);
        std.exit(1);
    }
    return value;
};

export const CHECKSUM_START = 2166136261;
export const checksum = (sum, bytes) => {
    for (const byte of bytes) sum = Math.imul(sum ^ byte, 16777619) >>> 0;
    return sum;
};
export const hex8 = number => number.toString(16).padStart(8, "0");
export const pattern = offset => (offset * 7 + Math.floor(offset / 251)) & 0xff;

export const bytes = text => Uint8Array.from(text, character => character.charCodeAt(0));

export const ip = (addr, port) => ({family: addr.includes(":") ? os.AF_INET6 : os.AF_INET, addr, port});
export const loopback = (family, port) => ip(family === os.AF_INET6 ? "::1" : "127.0.0.1", port);
export const scratch = scriptArgs[1] ?? ".";
export const scratchPath = name => `${scratch}/${name}`;
export const unixAddr = name => ({family: os.AF_UNIX, path: scratchPath(name)});

export const localAddr = fd => {
    const addr = os.getsockname(fd);
    if (typeof addr === "number") throw new Error(`getsockname: ${errnoName(-addr)}`);
    return addr;
};
export const peerAddr = fd => {
    const addr = os.getpeername(fd);
    if (typeof addr === "number") throw new Error(`getpeername: ${errnoName(-addr)}`);
    return addr;
};
export const sameAddr = (a, b) => a.family === b.family && a.port === b.port && a.addr === b.addr && a.path === b.path;

export const showAddr = (what, addr) => {
    if (addr.family === os.AF_UNIX)
        print(`${what}: AF_UNIX ${addr.path === "" ? "unnamed" : addr.path.replace(scratch, "")}`);
    else
        print(`${what}: ${addr.family === os.AF_INET6 ? "AF_INET6" : "AF_INET"} ${addr.addr} ${addr.port ? "port" : "0"}`);
};

/** Waits until the descriptor can be read, or written. */
const waitFor = (fd, set) => new Promise(resolve => {
    const timer = os.setTimeout(() => { print(`cannot go on, nothing in ${TIMEOUT_MS} ms`); std.exit(1); }, TIMEOUT_MS);
    set(fd, () => { set(fd, null); os.clearTimeout(timer); resolve(); });
});
export const waitReadable = fd => waitFor(fd, os.setReadHandler);
export const waitWritable = fd => waitFor(fd, os.setWriteHandler);

/** Waits until so many bytes can be received from a stream at once. */
export const waitBytes = async (fd, count) => {
    const buffer = new Uint8Array(count);
    for (;;) {
        await waitReadable(fd);
        if (await outcome(os.recv(fd, buffer, count, os.MSG_PEEK | os.MSG_DONTWAIT)) >= count) return;
    }
};

export const tcp = family => os.socket(family, os.SOCK_STREAM);
export const udp = family => os.socket(family, os.SOCK_DGRAM);
export const tcpListener = async family => {
    const fd = tcp(family);
    await must("bind", os.bind(fd, loopback(family, 0)));
    await must("listen", os.listen(fd, 64));
    return fd;
};
export const udpBound = async family => {
    const fd = udp(family);
    await must("bind", os.bind(fd, loopback(family, 0)));
    return fd;
};
/** A port where nothing listens: bound, so that no other program gets it. */
export const refusingAddr = async family => {
    const fd = tcp(family);
    await must("bind", os.bind(fd, loopback(family, 0)));
    return localAddr(fd);
};
export const acceptOne = async listener => (await must("accept", os.accept(listener)))[0];
export const tcpPair = async family => {
    const listener = await tcpListener(family);
    const client = tcp(family);
    await must("connect", os.connect(client, localAddr(listener)));
    const server = await acceptOne(listener);
    os.close(listener);
    return [client, server];
};
export const udpPair = async family => {
    const pair = [await udpBound(family), await udpBound(family)];
    await must("connect", os.connect(pair[0], localAddr(pair[1])));
    await must("connect", os.connect(pair[1], localAddr(pair[0])));
    return pair;
};
export const closeWithReset = async fd => {
    await must("setsockopt", os.setsockopt(fd, os.SO_LINGER, Int32Array.of(1, 0)));
    os.close(fd);
};

export const setInt = (fd, level, name, value) => os.setsockopt(fd, level, name, Int32Array.of(value));
export const intOption = async (fd, level, name) => {
    const value = Int32Array.of(-1);
    await must("getsockopt", os.getsockopt(fd, level, name, value));
    return value[0];
};
export const showOption = async (what, fd, level, name) => {
    const value = Int32Array.of(-1);
    const result = os.getsockopt(fd, level, name, value);
    if (result < 0) return show(what, result);
    print(`${what}: ${value[0]}`);
};
export const showSoError = async fd => {
    const error = await intOption(fd, os.SOL_SOCKET, os.SO_ERROR);
    print(`SO_ERROR: ${error ? errnoName(error) : "0"}`);
};
