// Uses everything that npm/guestnet.d.ts declares, rightly, and wrongly where the compiler must say so. The step "types" of
// `cargo xtask test` compiles it; nothing runs it.
import * as addon from "../../npm/guestnet";
import type { Options } from "../../npm/guestnet";

const everything: Options = {
    policy: "net.toml", allowNet: false, allowConnect: ["db:5432"], denyConnect: "10.0.0.0/8", allowListen: "127.0.0.1:0",
    denyListen: [], allowAccept: "127.0.0.1", denyAccept: [], allowResolve: "*.example.org", denyResolve: [],
    allowUnix: "/run/db.sock", maxSockets: 100, maxPending: 8, maxLookups: 10, maxRate: "10MiB", maxBytes: 1e9,
    dns: ["127.0.0.1:53"], hosts: "hosts", trace: "-", audit: "audit.jsonl", addon: "./guestnet.node",
};
const nothing: Options = {};
// @ts-expect-error: a policy is a file's name, or several.
const policy: Options = {policy: {allow: []}};
// @ts-expect-error: a number of sockets.
const sockets: Options = {maxSockets: "100"};
// @ts-expect-error: an option that there is not.
const unknown: Options = {rules: "net.toml"};

const program: number = addon.open(everything, "net.toml", "-", "audit.jsonl", "--max-sockets 100");
// @ts-expect-error: the module options are an object.
addon.open("net.toml");
addon.open();
// @ts-expect-error: a program is a number.
addon.stop("1");
addon.stop(program);
const calls = addon.attach(program, 1);
addon.attach(program);
const socket: number | undefined = calls?.socket?.(new Uint8Array(8), 2, 1, 0);
// @ts-expect-error: there are none for a program that has ended.
calls.socket(2, 1, 0);
// @ts-expect-error: a program is needed.
addon.attach();
const bits: number = addon.READY.READ | addon.STATE.LISTENING | addon.ADDRINFO_ROOM.NODE | addon.FOREIGN;
// @ts-expect-error: a bit that there is not.
addon.STATE.BOUND;
export {bits, everything, nothing, policy, socket, sockets, unknown};
