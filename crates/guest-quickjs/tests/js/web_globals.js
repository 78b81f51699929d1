// The globals of the web, but for URL (web.rs has tables for it): what the standards say, and what is wrong.
import {equal, holds, throws} from "./std_check.js";

const dom = (name, call) => {
    try {
        call();
    } catch (error) {
        holds(error instanceof DOMException, `${call}: ${error}`);
        return equal(error.name, name, String(call));
    }
    throw new Error(`nothing was thrown by ${call}`);
};
const turn = () => new Promise(resolve => setTimeout(resolve));

// Lazy globals are ordinary properties once they are read, and can be replaced before and after.
equal(typeof Object.getOwnPropertyDescriptor(globalThis, "URLSearchParams").get, "function");
holds(URLSearchParams === globalThis.URLSearchParams);
equal(Object.keys(Object.getOwnPropertyDescriptor(globalThis, "URLSearchParams")).join(), "value,writable,enumerable,configurable");
globalThis.CustomEvent = 5;
equal(CustomEvent, 5);
holds(Object.keys(globalThis).includes("setTimeout") && !Object.keys(globalThis).includes("URL"));
equal(Object.prototype.toString.call(new EventTarget()), "[object EventTarget]");

// Timers.
const order = [];
setTimeout((...args) => order.push(args.join()), 0, 1, "two");
setTimeout(() => order.push("NaN"), NaN);
setTimeout(() => order.push("text"), "1");
setTimeout(() => order.push("object"), {valueOf: () => 2});
clearTimeout(setTimeout(() => order.push("cleared")));
clearInterval(setTimeout(() => order.push("cleared too")));
for (const none of [undefined, null, "x", {}, -1, 1e300]) clearTimeout(none);
throws(TypeError, "function", () => setTimeout("print(1)"));
throws(TypeError, "", () => setTimeout(() => {}, Symbol()));
let times = 0;
await new Promise(resolve => {
    const timer = setInterval((first, second) => {
        equal(first + second, 3);
        if (++times === 3) {
            clearInterval(timer);
            resolve();
        }
    }, 0, 1, 2);
});
await new Promise(resolve => setTimeout(resolve, 4));
equal(times, 3);
equal(order.join("|"), "1,two|NaN|text|object");

// Text: labels, streams, byte order marks, faults.
const encoder = new TextEncoder();
equal([...encoder.encode("a\u00e9\u20ac\u{1f600}\ud800")].join(), "97,195,169,226,130,172,240,159,152,128,239,191,189");
equal(encoder.encode().length, 0);
for (const [text, size, read, written] of [["a\u20acb", 3, 1, 1], ["a\u20acb", 4, 2, 4], ["\u{1f600}", 3, 0, 0], ["\u{1f600}x", 5, 3, 5],
    ["\ud800", 3, 1, 3], ["x", 0, 0, 0]]) {
    for (const type of [ArrayBuffer, SharedArrayBuffer]) {
        equal(encoder.encodeInto(text, new Uint8Array(new type(size))), {read, written}, text);
    }
}
throws(TypeError, "Uint8Array", () => encoder.encodeInto("x", new Int8Array(3)));
throws(TypeError, "Uint8Array", () => encoder.encodeInto("x", new Proxy(new Uint8Array(3), {})));
for (const [label, name, bytes, text] of [
    ["unicode-1-1-utf-8", "utf-8", [0xef, 0xbb, 0xbf, 0x61, 0xff], "a\ufffd"],
    [" LATIN1\n", "windows-1252", [0x80, 0xe9], "\u20ac\u00e9"],
    ["utf-16", "utf-16le", [0x3d, 0xd8, 0x00, 0xde, 0x00, 0xd8], "\u{1f600}\ufffd"],
    ["utf-16be", "utf-16be", [0x20, 0xac], "\u20ac"],
    ["shift_jis", "shift_jis", [0x82, 0xa0], "\u3042"],
    ["gbk", "gbk", [0x80], "\u20ac"],
    ["euc-kr", "euc-kr", [0xb0, 0xa1], "\uac00"],
    ["big5", "big5", [0x88, 0x62], "\u00ca\u0304"],
    ["koi8-u", "koi8-u", [0xae], "\u045e"],
    ["x-user-defined", "x-user-defined", [0x80], "\uf780"],
    ["iso-2022-jp", "iso-2022-jp", [0x1b, 0x24, 0x42, 0x24, 0x22], "\u3042"],
]) {
    const decoder = new TextDecoder(label);
    equal(decoder.encoding, name);
    equal(decoder.decode(new Uint8Array(bytes)), text, label);
    // The same, a byte at a time.
    let all = "";
    for (const byte of bytes) all += decoder.decode(new Uint8Array([byte]), {stream: true});
    equal(all + decoder.decode(), text, `${label} as a stream`);
}
for (const label of ["", "utf8 x", "replacement", "iso-2022-kr", "nonsense"]) throws(RangeError, "label", () => new TextDecoder(label));
equal(new TextDecoder("utf-8", {ignoreBOM: true}).decode(new Uint8Array([0xef, 0xbb, 0xbf])), "\ufeff");
const fatal = new TextDecoder("utf-8", {fatal: true});
throws(TypeError, "", () => fatal.decode(new Uint8Array([0xc3])));
equal(fatal.decode(new Uint8Array([0x61])), "a");
const gone = new ArrayBuffer(3), lost = new Uint8Array(gone);
gone.transfer();
equal(new TextDecoder().decode(gone), "");
const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(0x62);
equal(new TextDecoder().decode(new DataView(shared.buffer, 1)), "b");
throws(TypeError, "buffer", () => new TextDecoder().decode("x"));
throws(TypeError, "", () => TextDecoder.prototype.decode.call({}));
throws(RangeError, "label", () => new TextDecoder({toString: () => "x".repeat(1e6)}));

// Events.
const target = new EventTarget(), seen = [];
const listener = {handleEvent(event) { seen.push(["object", this === listener, event.currentTarget === target]); }};
target.addEventListener("x", () => seen.push("bubble"));
target.addEventListener("x", () => seen.push("capture"), true);
target.addEventListener("x", listener);
target.addEventListener("x", listener);
target.addEventListener("x", event => { event.preventDefault(); seen.push(event.defaultPrevented); }, {passive: true});
target.addEventListener("x", event => { event.stopImmediatePropagation(); seen.push(event.eventPhase); }, {once: true});
target.addEventListener("x", () => seen.push("last"));
const event = new Event("x", {cancelable: true});
equal(target.dispatchEvent(event), true);
equal(seen, ["capture", "bubble", ["object", true, true], false, 2]);
equal([event.eventPhase, event.currentTarget, event.target === target, event.isTrusted], [0, null, true, false]);
seen.length = 0;
target.removeEventListener("x", listener);
target.dispatchEvent(event);
equal(seen, ["capture", "bubble", false, "last"]);
target.addEventListener("y", event => dom("InvalidStateError", () => target.dispatchEvent(event)));
target.dispatchEvent(new Event("y"));
target.addEventListener("__proto__", () => seen.push("odd"));
target.dispatchEvent(new Event("__proto__"));
equal(seen.pop(), "odd");
for (const wrong of [() => new Event(), () => target.dispatchEvent({}), () => target.addEventListener("x", 1), () => new Event("x", 1),
    () => target.addEventListener("x", null, {signal: {}}), () => EventTarget.prototype.dispatchEvent.call({}, event)]) {
    throws(TypeError, "", wrong);
}

// Signals.
throws(TypeError, "constructor", () => new AbortSignal());
const control = new AbortController(), {signal} = control;
const later = new AbortController();
const any = AbortSignal.any([later.signal, signal]), nested = AbortSignal.any([any]);
let aborts = 0;
signal.onabort = () => ++aborts;
signal.onabort = event => { aborts += 10; equal([event.isTrusted, nested.aborted], [true, true]); };
target.addEventListener("z", () => seen.push("never"), {signal: nested});
signal.throwIfAborted();
control.abort("why");
control.abort("again");
equal([aborts, signal.reason, any.reason, nested.reason, signal.aborted, later.signal.aborted], [10, "why", "why", "why", true, false]);
target.dispatchEvent(new Event("z"));
equal(seen.includes("never"), false);
try { signal.throwIfAborted(); holds(false); } catch (error) { equal(error, "why"); }
dom("AbortError", () => AbortSignal.abort().throwIfAborted());
equal(AbortSignal.any([AbortSignal.abort(1), AbortSignal.abort(2)]).reason, 1);
equal(AbortSignal.any([]).aborted, false);
for (const wrong of [-1, NaN, Infinity, "x"]) throws(TypeError, "milliseconds", () => AbortSignal.timeout(wrong));
throws(TypeError, "AbortSignal", () => AbortSignal.any([{}]));
// Nothing but its listener knows the signal.
equal(await new Promise(resolve => {
    AbortSignal.any([AbortSignal.timeout(1)]).addEventListener("abort", event => resolve(event.target.reason.name));
    setTimeout(() => resolve("lost"), 2000);
}), "TimeoutError");
// Those that are forgotten take their timers with them: more than there may be timers.
for (let index = 0; index < 70000; ++index) {
    AbortSignal.timeout(1e9);
    if (index % 100 === 0) await turn();
}

// Copies.
const twice = {}, original = {twice, list: [twice, , 3], map: new Map([[twice, new Set([1n])]]), date: new Date(5), text: Object("s")};
original.self = original;
Object.defineProperty(original, "read", {get: () => "value", enumerable: true});
const copy = structuredClone(original);
holds(copy !== original && copy.self === copy && copy.list[0] === copy.twice && [...copy.map.keys()][0] === copy.twice);
equal([copy.list.length, 1 in copy.list, copy.date.getTime(), typeof copy.text, copy.read], [3, false, 5, "object", "value"]);
equal([...[...copy.map.values()][0]][0], 1n);
const expression = structuredClone([/a.b/gsu, twice, twice]);
equal([expression[0].source, expression[0].flags, expression[1] === expression[2]], ["a.b", "gsu", true]);
class Odd extends RangeError { name = "Odd"; }
const error = structuredClone(new Odd("text", {cause: {a: 1}}));
equal([error instanceof Error, error instanceof RangeError, error.message, error.cause], [true, false, "text", {a: 1}]);
equal(structuredClone(new TypeError("t")) instanceof TypeError, true);
equal(structuredClone(new DOMException("m", "DataError")).name, "DataError");
const memory = new SharedArrayBuffer(4);
new Uint8Array(structuredClone(memory))[1] = 7;
equal(new Uint8Array(memory)[1], 7);
const grown = structuredClone(new Uint16Array(new ArrayBuffer(8, {maxByteLength: 16}), 2, 2));
equal([grown.byteOffset, grown.length, grown.buffer.resizable, grown.buffer.maxByteLength], [2, 2, true, 16]);
const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
const moved = structuredClone({view: new DataView(buffer, 1, 2), buffer}, {transfer: [buffer]});
equal([buffer.detached, moved.view.getUint8(0), moved.view.buffer === moved.buffer, moved.view.byteLength], [true, 2, true, 2]);
const kept = new ArrayBuffer(4);
dom("DataCloneError", () => structuredClone(Symbol(), {transfer: [kept]}));
equal(kept.detached, false);
for (const wrong of [() => {}, Symbol(), new Proxy({}, {}), new WeakMap(), Promise.resolve(), [() => {}], new Map([[1, Symbol()]]), new URL("a:b"),
    new TextDecoder(), target, event, signal, buffer, lost, Object(Symbol()), (function* () {})()]) {
    dom("DataCloneError", () => structuredClone(wrong));
}
dom("DataCloneError", () => structuredClone(1, {transfer: [kept, kept]}));
dom("DataCloneError", () => structuredClone(1, {transfer: [memory]}));
dom("DataCloneError", () => structuredClone({get x() { kept.transfer(); return 1; }}, {transfer: [kept]}));
throws(Error, "getter", () => structuredClone({get x() { throw new Error("a getter"); }}));
let deep = {};
for (let index = 0; index < 1e5; ++index) deep = {deep};
throws(Error, "", () => structuredClone(deep));

// Randomness.
const random = new Uint32Array(16384);
holds(crypto.getRandomValues(random) === random && random.some(number => number !== 0));
holds(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(crypto.randomUUID()));
holds(crypto.randomUUID() !== crypto.randomUUID());
dom("QuotaExceededError", () => crypto.getRandomValues(new Uint8Array(65537)));
dom("QuotaExceededError", () => crypto.getRandomValues(Object.defineProperty(new Uint8Array(65537), "byteLength", {value: 1})));
for (const wrong of [new Float32Array(1), new DataView(new ArrayBuffer(1)), [1], undefined, {}]) {
    dom("TypeMismatchError", () => crypto.getRandomValues(wrong));
}
equal(crypto.getRandomValues(lost).length, 0);
throws(TypeError, "constructor", () => new Crypto());
throws(TypeError, "", () => crypto.randomUUID.call({}));

// Query strings.
const params = new URLSearchParams("?a=1&b=%zz%C3%A9+%F0%9F&&=x&a=2&c");
equal([...params], [["a", "1"], ["b", "%zz\u00e9 \ufffd"], ["", "x"], ["a", "2"], ["c", ""]]);
equal(params.toString(), "a=1&b=%25zz%C3%A9+%EF%BF%BD&=x&a=2&c=");
equal([params.getAll("a"), params.get("none"), params.has("a", "2"), params.has("a", "3"), params.size], [["1", "2"], null, true, false, 5]);
params.set("a", "3");
params.delete("b", "nothing");
params.delete("", "x");
params.append("\ud800", "*-._~!'()");
equal(params.toString(), "a=3&b=%25zz%C3%A9+%EF%BF%BD&c=&%EF%BF%BD=*-._%7E%21%27%28%29");
const sorted = new URLSearchParams([["z", "1"], ["\ufb03", "2"], ["\u{1f308}", "3"], ["z", "0"], ["a", "4"]]);
sorted.sort();
equal([...sorted.values()].join(""), "41032");
equal(new URLSearchParams({a: 1, b: "x y"}).toString(), "a=1&b=x+y");
equal(new URLSearchParams(new URLSearchParams("q=1")).toString(), "q=1");
equal(new URLSearchParams(new Map([["m", 1]])).toString(), "m=1");
for (const wrong of [[1], [[1]], [[1, 2, 3]], {[Symbol.iterator]: 1}]) throws(TypeError, "", () => new URLSearchParams(wrong));
const url = new URL("http://h/?a=1#f"), query = url.searchParams;
query.append("b", "2 3");
equal(url.href, "http://h/?a=1&b=2+3#f");
url.search = "?c=%20";
equal([query.get("c"), query.get("a"), url.searchParams === query], [" ", null, true]);
query.delete("c");
equal(url.href, "http://h/#f");
throws(TypeError, "Invalid URL", () => url.href = "x");
throws(TypeError, "", () => Object.getOwnPropertyDescriptor(URL.prototype, "href").get.call({}));
throws(RangeError, "too long", () => new URL("http://h/" + "x".repeat(17 << 20)));
print("done");
