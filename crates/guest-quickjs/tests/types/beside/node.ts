// guestnet.d.ts beside @types/node, whose "os" is another: "qjs:os" is ours, and nothing is lost on either side.
import * as os from "qjs:os";
import * as std from "std";
import { cpus, platform } from "node:os";
import { connect } from "node:net";
import { Reader } from "guestnet:io";

print("any", 1, scriptArgs);
console.error("%s", performance.now().toFixed(), process.argv);
const linux: "linux" = os.platform;
const any: NodeJS.Platform = platform();
export const fd: os.Result = os.socket(os.AF_INET, os.SOCK_STREAM);
// @ts-expect-error: an address is an object, here too.
os.bind(fd, "127.0.0.1:80");
// @ts-expect-error: a descriptor is no text, here too.
new Reader("text");
const file: std.FILE | null = std.tmpfile();
setTimeout(() => connect(80).end(file?.readAsString() ?? ""), cpus().length);
// @ts-expect-error: Node's own types are what they were.
connect(80).end(fd);
