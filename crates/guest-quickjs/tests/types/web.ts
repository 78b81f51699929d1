// As os.ts, for globals.d.ts.
console.error("%s %d", "text", 1);
console.group();
console.timeLog("label", {});
// @ts-expect-error: there is no such method.
console.profile();

const timer: number = setTimeout((text: string) => print(text), 5, "text");
clearTimeout(timer);
clearInterval(setInterval(() => {}));
// @ts-expect-error: the callback wants a string.
setTimeout((text: string) => print(text), 5, 1);

const encoded: Uint8Array = new TextEncoder().encode("text");
const { read, written } = new TextEncoder().encodeInto("text", encoded);
const decoded: string = new TextDecoder("utf-8", { fatal: true }).decode(new DataView(encoded.buffer), { stream: true });
print(read + written, decoded, atob(btoa("x")));

const url = new URL("/path", new URL("http://host/"));
url.searchParams.append("name", "value");
for (const [name, value] of url.searchParams) print(name.length, value.length);
const found: URL | null = URL.parse("x");
// @ts-expect-error: it may be null.
print(found.href);
// @ts-expect-error: it is read only.
url.origin = "x";

const control = new AbortController();
const signal: AbortSignal = AbortSignal.any([control.signal, AbortSignal.timeout(5), AbortSignal.abort("why")]);
signal.onabort = event => print(event.type, signal.reason);
signal.addEventListener("abort", { handleEvent: event => event.preventDefault() }, { once: true, signal: control.signal });
// @ts-expect-error: it has no constructor.
new AbortSignal();
const detail: number = new CustomEvent("x", { detail: 5, cancelable: true }).detail;
class Own extends EventTarget {}
print(new Own().dispatchEvent(new Event("x")), detail, Event.AT_TARGET);

const copy: Map<string, number> = structuredClone(new Map([["x", 1]]), { transfer: [new ArrayBuffer(1)] });
const numbers: Uint32Array = crypto.getRandomValues(new Uint32Array(4));
print(copy, numbers, crypto.randomUUID(), new DOMException("text", "AbortError").code);
queueMicrotask(() => {});
