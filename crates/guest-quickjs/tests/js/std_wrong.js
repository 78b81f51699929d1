// Every function of every module with wrong values in every place: it fails, or throws an error of its own, and that is all.
import * as os from "os";
import * as std from "std";
import * as io from "guestnet:io";
import * as http from "guestnet:http";
import * as sockets from "guestnet:sockets";
import * as text from "guestnet:text";

/** Those that end the script, hold it up, or run what they are given; a server is closed by its own close, below. */
const LEFT_OUT = ["exit", "evalScript", "loadScript", "sleep", "sleepAsync", "serve"];

const thrower = () => { throw "trap"; };
const detached = new ArrayBuffer(8);
detached.transfer();
const shrunk = new ArrayBuffer(8, { maxByteLength: 8 });
const outside = new Uint8Array(shrunk, 4);
shrunk.resize(0);
const wrong = [
    undefined, null, true, NaN, -1, 2 ** 40, 1.5, 999, 10n, "", "x", "\0", "\ud800", Symbol("s"), {}, [], () => 1,
    new Proxy({}, { get: thrower, has: thrower, ownKeys: thrower, getPrototypeOf: thrower }), new Proxy([], {}),
    new Proxy(() => 1, {}), Object.create(null), { valueOf: thrower, toString: thrower },
    { [Symbol.toPrimitive]: thrower }, { then: thrower }, { length: 2 ** 40 }, new Array(3), new ArrayBuffer(0), detached, outside,
    new DataView(new ArrayBuffer(1)), new SharedArrayBuffer(1), new ArrayBuffer(4).transferToImmutable(), new Date(NaN),
    /x/, new Map(), Promise.resolve(), new Error("mine"), globalThis,
];

const ours = error => error === "trap" || typeof error === "number" || error instanceof Error;
const pending = [];
const odd = [];
let calls = 0;

const attempt = (name, call) => {
    calls += 1;
    try {
        const result = call();
        if (result instanceof Promise) {
            pending.push(result.catch(error => { if (!ours(error)) odd.push(`${name} rejected ${String(error)}`); }));
        } else if (typeof result === "number" && (name === "os.open" || name === "os.dup" || name === "os.socket") && result > 2) {
            os.close(result);
        }
    } catch (error) {
        if (!ours(error)) odd.push(`${name} threw ${String(error)}`);
    }
};

/** Nothing that stays: what was opened is closed, and what waits is given up. */
const tidy = async () => {
    for (let fd = 3; fd < 64; fd++) os.close(fd);
    for (let id = 0; id < 100; id++) os.clearTimeout(id);
    await os.sleepAsync(0);
};

for (const [prefix, module] of Object.entries({ os, std, io, http, sockets, text })) {
    for (const [name, member] of Object.entries(module)) {
        if (typeof member !== "function" || LEFT_OUT.includes(name)) continue;
        const each = (...values) => {
            attempt(`${prefix}.${name}`, () => member(...values));
            attempt(`new ${prefix}.${name}`, () => Reflect.construct(member, values));
        };
        each();
        for (const value of wrong) {
            each(value);
            each(3, value);
            each("x", value);
            each(0, value, value);
            each(new Uint8Array(4), value, value, value);
            each(value, value, value, value, value);
        }
        await tidy();
    }
}
for (const value of wrong) {
    for (const values of [[value], [{}, value], [value, () => 1], [{ port: value }, () => 1], [{ hostname: value }, () => 1]]) {
        calls += 1;
        const server = await http.serve(...values).catch(error => { if (!ours(error)) odd.push(`http.serve rejected ${String(error)}`); });
        server?.close();
        await server?.finished;
    }
}
for (const method of Object.getOwnPropertyNames(Object.getPrototypeOf(std.out))) {
    const descriptor = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(std.out), method);
    if (typeof descriptor.value !== "function" || method === "constructor") continue;
    for (const value of wrong) {
        attempt(`FILE.${method}`, () => Reflect.apply(descriptor.value, value, [value]));
        const file = std.tmpfile();
        attempt(`FILE.${method}`, () => file[method](value, value, value));
        attempt(`FILE.${method}`, () => file[method](new Uint8Array(4), value, value));
        attempt("FILE.close", () => file.close());
        attempt(`FILE.${method}`, () => file[method](value));
    }
}
await tidy();
std.err.puts(odd.join("\n"));
std.err.puts(calls > 20000 ? "ok" : String(calls));
std.exit(0);
