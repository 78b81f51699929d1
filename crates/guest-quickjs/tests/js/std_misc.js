// The rest of std, and printf's exceptions. The environment is A=1 and EMPTY=; /work holds script.js, with
// `var loaded = 5; loaded + 1`, and broken.js, with `let (`.
import * as os from "os";
import * as std from "std";
import * as qos from "qjs:os";
import * as qstd from "qjs:std";
import { equal, holds, throws } from "./std_check.js";

holds(qstd.open === std.open && qos.open === os.open, "the names with qjs: are the same modules");

// Environment
equal(std.getenviron(), { A: "1", EMPTY: "" }, "the guest's own environment and nothing else");
equal([std.getenv("A"), std.getenv("EMPTY"), std.getenv("PATH")], ["1", "", undefined]);
equal(std.setenv("B", "é"), undefined);
equal(std.getenv("B"), "é");
std.unsetenv("A");
std.unsetenv("NONE");
equal(std.getenviron(), { B: "é", EMPTY: "" });
throws(TypeError, "name", () => std.getenv());
throws(TypeError, "value", () => std.setenv("A"));
throws(TypeError, "invalid", () => std.setenv("A=B", "x"));
throws(TypeError, "invalid", () => std.setenv("", "x"));

// Evaluation
equal(std.evalScript("var seen = 3; seen + 1"), 4);
equal(globalThis.seen, 3, "in the global scope");
throws(SyntaxError, "", () => std.evalScript("let ("));
throws(RangeError, "mine", () => std.evalScript("throw new RangeError('mine')"));
throws(TypeError, "script", () => std.evalScript(5));
equal((await std.evalScript("await Promise.resolve(7)", { async: true })).value, 7, "with top-level await");
equal(std.loadScript("/work/script.js"), 6);
equal(globalThis.loaded, 5);
throws(ReferenceError, "could not load", () => std.loadScript("/work/none.js"));
throws(SyntaxError, "", () => std.loadScript("/work/broken.js"));
equal(std.gc(), undefined);

// Errors
equal([std.strerror(0), std.strerror(2), std.strerror(111), std.strerror(-1), std.strerror(9999)],
    ["Success", "No such file or directory", "Connection refused", "Unknown error -1", "Unknown error 9999"]);
equal([std.strerror(os.EAI_NONAME), std.strerror(os.EAI_AGAIN), std.strerror(os.EAI_AGAIN - 100)],
    ["Name or service not known", "Temporary failure in name resolution", "Unknown error -1103"]);
throws(TypeError, "error", () => std.strerror("x"));
equal([std.Error.EINVAL, std.Error.ECONNREFUSED, std.Error.EWOULDBLOCK, std.Error.EAGAIN, std.Error.ENOTSUP], [22, 111, 11, 11, 95]);
equal([std.SEEK_SET, std.SEEK_CUR, std.SEEK_END], [0, 1, 2]);

// printf
equal(std.sprintf("%5.1f|%-4s|%x|%ld|%c", 3.14159, "ab", 255, 2n ** 40n, "é"), "  3.1|ab  |ff|1099511627776|é");
equal(std.sprintf("%d %d %d %d", "12", true, 4294967297, 3.9), "12 1 1 3");
equal(std.sprintf("%ld %lu", -(2n ** 63n), 2n ** 64n - 1n), "-9223372036854775808 18446744073709551615");
equal(std.sprintf("%s %s %s", undefined, null, [1, 2]), "undefined null 1,2");
equal([std.sprintf(), std.sprintf("%%")], ["", "%"]);
throws(TypeError, "invalid conversion specifier", () => std.sprintf("%y", 1));
throws(ReferenceError, "missing argument", () => std.sprintf("%d"));
throws(RangeError, "too wide", () => std.sprintf("%999999999d", 1));
throws(TypeError, "", () => std.sprintf("%d", Symbol("s")));
throws(TypeError, "", () => std.sprintf("%s", Symbol("s")));
throws(RangeError, "mine", () => std.sprintf("%d", { valueOf() { throw new RangeError("mine"); } }));

// Time
const start = os.now();
equal(os.sleep(20), 0);
holds(os.now() - start >= 20 && performance.now() >= start, "the clock runs");
equal(await os.sleepAsync(1), undefined);
const order = [];
await new Promise(resolve => {
    os.setTimeout(() => { order.push("c"); resolve(); }, 30);
    os.setTimeout(() => order.push("b"), 15);
    const never = os.setTimeout(() => order.push("never"), 10);
    os.setTimeout(() => order.push("a"), -5);
    os.setTimeout(() => order.push("a2"));
    os.clearTimeout(never);
    os.clearTimeout(never);
    os.clearTimeout(123456);
    os.clearTimeout(undefined);
});
equal(order, ["a", "a2", "b", "c"], "timers run in their order");
throws(TypeError, "not a function", () => os.setTimeout("code", 1));
throws(TypeError, "number", () => os.setTimeout(() => {}, {}));
throws(TypeError, "number", () => os.clearTimeout({}));
throws(TypeError, "number", () => os.sleep("x"));
throws(TypeError, "number", () => os.sleepAsync(Symbol("s")));
equal(os.platform, "linux");
equal(scriptArgs, ["std_misc.js", "one", "two"]);
print("ok");
