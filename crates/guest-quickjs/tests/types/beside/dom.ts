// guestnet.d.ts beside TypeScript's lib.dom, without a complaint and without a loss on either side.
import * as os from "os";
import * as same from "qjs:os";
import * as std from "std";
import { serve } from "guestnet:http";

print("any", 1, scriptArgs);
console.error("%s", performance.now().toFixed(), performance.timeOrigin);
document.title = new URL("http://localhost/").hostname;
export const fd: os.Result = same.socket(os.AF_INET, same.SOCK_STREAM);
// @ts-expect-error: an address is an object, here too.
os.bind(fd, "127.0.0.1:80");
// @ts-expect-error: a port is a number, here too.
serve({port: "80"}, () => "text");
const file: std.FILE | null = std.tmpfile();
const text: string | undefined = file?.readAsString();
// @ts-expect-error: lib.dom's own types are what they were.
const title: number = document.title;
