// Uses everything that npm/guestnet.d.ts declares, rightly, and wrongly where the compiler must say so. The step "types" of
// `cargo xtask test` compiles it; nothing runs it.
import * as addon from "../../npm/guestnet";
import type { Options } from "../../npm/guestnet";

const everything: Options = {policy: "net.toml", trace: "-", addon: "./guestnet.node"};
const nothing: Options = {};
// @ts-expect-error: a policy is a file's name.
const policy: Options = {policy: {allow: []}};
// @ts-expect-error: an option that there is not.
const unknown: Options = {rules: "net.toml"};

const program: number = addon.open({allowConnect: ["10.0.0.1"], maxRate: "1MiB"}, "net.toml", "-", "audit.jsonl", "--allow-net");
// @ts-expect-error: the page comes first, and is an object.
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
export {everything, nothing, policy, socket, unknown};
