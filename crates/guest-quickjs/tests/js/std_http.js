// guestnet:http, guestnet:io and guestnet:sockets against each other and against what is no HTTP, on loopback.
import * as os from "os";
import * as std from "std";
import { EndOfStream, IoError, Reader, check, checked, concat, read, write } from "guestnet:io";
import { Client, Headers, HttpError, limits, parseUrl, request, serve } from "guestnet:http";
import { connect, connectTo, listenOn, lookup } from "guestnet:sockets";
import { decode, encode } from "guestnet:text";
import { bytes, equal, holds, rejects, text, throws } from "./std_check.js";

async function fails(type, text, promise) {
    let value;
    try {
        value = await promise;
    } catch (error) {
        if (!(error instanceof type) || !error.message.includes(text)) {
            throw new Error(`${error.name}: ${error.message} is not a ${type.name} with "${text}"`);
        }
        return error;
    }
    throw new Error(`nothing was thrown, but ${value} with "${text}" expected`);
}

// Text
equal(Array.from(encode("aé😀")), [97, 195, 169, 240, 159, 152, 128]);
equal(decode(encode("aé😀")), "aé😀");
equal([decode(new Uint8Array([0xff, 97])), decode(new ArrayBuffer(0)), encode("").length], ["\ufffda", "", 0]);
equal(decode(new Uint8Array(new SharedArrayBuffer(200_000))).length, 200_000, "a shared buffer, whole");
throws(TypeError, "string", () => encode(5));
throws(TypeError, "ArrayBuffer", () => decode("x"));

// Reader
const pieces = parts => {
    const left = parts.map(part => encode(part));
    return {
        read: async view => {
            const next = left[0] ?? new Uint8Array(0);
            const count = Math.min(next.length, view.length);
            view.set(next.subarray(0, count));
            left[0] = next.subarray(count);
            if (left[0].length === 0) left.shift();
            return count;
        },
    };
};
let reader = new Reader(pieces(["one\r", "\ntwo\n\nth", "ree"]));
equal([await reader.readLine(), await reader.readLine(), await reader.readLine(), await reader.readLine(), await reader.readLine()],
    ["one", "two", "", "three", null], "lines across pieces");
reader = new Reader(pieces(["abcdef", "gh"]));
equal(decode(await reader.readExact(4)), "abcd");
equal(reader.buffered, 2);
equal(decode(await reader.read(1)), "e");
equal(decode(await reader.readExact(3)), "fgh");
equal(await reader.read(), null);
equal((await reader.readExact(0)).length, 0);
await fails(EndOfStream, "0 of 1", reader.readExact(1));
await fails(EndOfStream, "2 of 5", new Reader(pieces(["ab"])).readExact(5));
await fails(RangeError, "longer than 5", new Reader(pieces(["abcdefgh"])).readLine(5));
await fails(RangeError, "longer than 5", new Reader(pieces(["abcdefgh\n"])).readLine(5));
equal(await new Reader(pieces(["abcde\n"])).readLine(5), "abcde", "as long as allowed");
await fails(RangeError, "longer than 5", new Reader(pieces(["abc", "def"])).readAll(5));
await fails(RangeError, "count", new Reader(pieces([])).readExact(-1));
equal(decode(await new Reader(pieces(["abc", "def"])).readAll()), "abcdef");
const long = "x".repeat(10_000);
reader = new Reader(pieces([long, long, long, "\nend"]));
equal((await reader.readLine()).length, 30_000, "a line longer than the buffer");
const lines = [];
for await (const line of new Reader(pieces(["a\nb\n", "c"]))) lines.push(line);
equal(lines, ["a", "b", "c"]);
throws(TypeError, "descriptor", () => new Reader("x"));
equal(Array.from(concat([bytes("a"), bytes("bc")])), [97, 98, 99]);
throws(IoError, "Bad file", () => check("close", os.close(99)));
const wrong = await fails(IoError, "", checked("accept", os.accept(99)));
equal([wrong.errno, wrong.code, wrong.call], [std.Error.EBADF, "EBADF", "accept"]);

// Pipes, by the same functions
const [from, to] = os.pipe();
const piped = new Reader(from);
await write(to, "through a pipe\n");
equal(await piped.readLine(), "through a pipe");
os.close(to);
equal(await piped.readLine(), null);
os.close(from);

// Sockets
equal((await lookup("127.0.0.1", 80))[0].addr, "127.0.0.1");
const listener = await listenOn("127.0.0.1", 0);
const { port } = os.getsockname(listener);
const socket = connect({ hostname: "127.0.0.1", port });
const [peer] = await os.accept(listener);
equal((await socket.opened).remoteAddress, `127.0.0.1:${port}`);
const writer = socket.writable.getWriter();
const writes = [writer.write(encode("first ")), writer.write(encode("second"))];
throws(TypeError, "writer", () => socket.writable.getWriter());
await Promise.all(writes);
equal(decode(await new Reader(peer).readExact(12)), "first second", "writes in their order");
await write(peer, "answer");
const view = socket.readable.getReader();
throws(TypeError, "reader", () => socket.readable.getReader());
equal(decode((await view.read()).value), "answer");
view.releaseLock();
await fails(TypeError, "released", view.read());
await writer.close();
equal(await read(peer, new Uint8Array(1)), 0, "the writable half is closed");
os.close(peer);
for await (const piece of socket.readable) throw new Error(`${piece.length} bytes`);
equal(await socket.closed, undefined);
await fails(TypeError, "closed", writer.write(encode("x")));
throws(TypeError, "host:port", () => connect("nothing"));
throws(TypeError, "needed", () => connect({ hostname: "x", port: 99999 }));
throws(TypeError, "TLS", () => connect("x:1", { secureTransport: "on" }));
os.close(listener);
const refused = connect(`127.0.0.1:${port}`);
equal((await fails(IoError, "refused", refused.opened)).code, "ECONNREFUSED");
await fails(IoError, "refused", refused.closed);
await fails(IoError, "refused", connectTo("127.0.0.1", port));

// Headers and URLs
const headers = new Headers({ "X-One": 1 });
headers.append("x-one", " 2 ");
equal([headers.get("X-ONE"), headers.getAll("x-one"), headers.get("none"), headers.has("none"), headers.size], ["1, 2", ["1", "2"], null, false, 2]);
headers.set("x-One", "3");
equal(Array.from(headers), [["x-One", "3"]]);
throws(TypeError, "name", () => headers.append("a b", "x"));
throws(TypeError, "line's end", () => headers.append("a", "x\r\nSet-Cookie: y"));
equal(parseUrl("http://host:81/a?b#c"), { host: "host:81", hostname: "host", port: 81, path: "/a?b" });
equal(parseUrl("http://[::1]?q"), { host: "[::1]", hostname: "::1", port: 80, path: "/?q" });
for (const url of ["https://x/", "x", "http://", "http://a:b/", "http://a:99999/", "http://a b/", "http://a/ b", "http://u@h/"]) {
    throws(TypeError, "", () => parseUrl(url));
}

// A server
const seen = [];
const server = await serve({ head: 2048, headers: 20, body: 1000, idle: 10_000 }, async request => {
    seen.push(`${request.method} ${request.path}`);
    switch (request.path) {
        case "/echo":
            return { status: 201, headers: { "X-Length": request.headers.get("content-length") ?? "none" }, body: await request.body.bytes() };
        case "/chunks":
            return { body: (async function* () { yield "one "; yield ""; yield encode("two "); yield new Uint8Array(0); yield "é"; })() };
        case "/ignore": return "not read";
        case "/empty": return { status: 204 };
        case "/fail": throw new HttpError("no tea", 418);
        case "/close": return { headers: { Connection: "close" }, body: "bye" };
        case "/json": return JSON.stringify({ asked: await request.body.json() });
        case "/peer": return request.peer.addr;
        default: return undefined;
    }
});
const base = `http://127.0.0.1:${server.port}`;
const client = new Client();
let answer = await client.request(`${base}/echo`, { method: "POST", body: "héllo" });
equal([answer.status, answer.reason, answer.ok, answer.headers.get("x-length"), await answer.text()], [201, "Created", true, "6", "héllo"]);
answer = await client.request(`${base}/chunks`);
equal([answer.headers.get("transfer-encoding"), await answer.text()], ["chunked", "one two é"]);
answer = await client.request(`${base}/echo`, { method: "PUT", body: (async function* () { yield "a"; yield encode("bc"); })() });
equal([answer.headers.get("x-length"), await answer.text()], ["none", "abc"], "a body in chunks");
equal(await (await client.request(`${base}/ignore`, { method: "POST", body: "x".repeat(5000) })).text(), "not read", "a body that is not read");
equal((await client.request(`${base}/empty`)).status, 204);
answer = await client.request(`${base}/chunks`, { method: "HEAD" });
equal([answer.status, await answer.text()], [200, ""], "HEAD");
equal(await (await client.request(`${base}/json`, { method: "POST", body: "[1]" })).json(), { asked: [1] });
const got = [];
for await (const piece of await client.request(`${base}/chunks`)) got.push(decode(piece));
equal(got, ["one ", "two ", "é"], "in pieces");
equal(server.connections, 2, "one connection, and one for the body that cannot be sent again");
equal(await (await client.request(`${base}/close`)).text(), "bye");
equal((await client.request(`${base}/none`)).status, 404);
answer = await client.request(`${base}/fail`);
equal([answer.status, await answer.text()], [418, "418 : no tea\n"]);
answer = await client.request(`${base}/echo`, { method: "POST", body: "x".repeat(1001) });
equal(answer.status, 413, "a body that is too long");
answer.cancel();
equal(await (await request(`${base}/peer`)).text(), "127.0.0.1", "once");
const many = await Promise.all(Array.from({ length: 50 }, async (_, i) => (await client.request(`${base}/echo`, { method: "POST", body: `${i}` })).text()));
equal(many, Array.from({ length: 50 }, (_, i) => `${i}`), "many at once");
await fails(TypeError, "method", client.request(base, { method: "A B" }));
await fails(TypeError, "name", client.request(base, { headers: { "a b": 1 } }));
await fails(TypeError, "body", client.request(base, { body: 5 }));

// What is no HTTP is refused
const raw = async (...parts) => {
    const fd = await connectTo("127.0.0.1", server.port);
    try {
        for (const part of parts) await write(fd, part);
        os.shutdown(fd, os.SHUT_WR);
        return decode(await new Reader(fd).readAll());
    } finally {
        os.close(fd);
    }
};
const status = async (...parts) => Number((await raw(...parts)).split(" ")[1]);
const host = "Host: x\r\n";
equal(await status("nonsense\r\n\r\n"), 400);
equal(await status("GET / HTTP/2.0\r\n\r\n"), 505);
equal(await status("GET / HTTP/1.1\r\n\r\n"), 400, "no Host");
equal(await status(`GET / HTTP/1.1\r\n${host}${host}\r\n`), 400, "two Hosts");
equal(await status(`GET / HTTP/1.1\r\n${host}no header\r\n\r\n`), 400);
equal(await status(`GET / HTTP/1.1\r\n${host} folded\r\n\r\n`), 400);
equal(await status(`GET / HTTP/1.1\r\n${host}a : b\r\n\r\n`), 400, "a blank before the colon");
equal(await status(`POST /echo HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`), 400, "two lengths");
equal(await status(`POST /echo HTTP/1.1\r\n${host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`), 400, "both");
equal(await status(`POST /echo HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\n`), 400);
equal(await status(`POST /echo HTTP/1.1\r\n${host}Content-Length: 1e3\r\n\r\n`), 400);
equal(await status(`POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n`), 501);
equal(await status(`POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nzz\r\n`), 400, "no size");
equal(await status(`POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n`), 400, "a chunk too long");
equal(await status(`POST /echo HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nxy`), 400, "too little");
equal(await status(`GET /${"x".repeat(3000)} HTTP/1.1\r\n${host}\r\n`), 431);
equal(await status(`GET / HTTP/1.1\r\n${host}${"a: b\r\n".repeat(30)}\r\n`), 431);
equal(await raw(""), "", "nothing at all");
holds((await raw(`GET /chunks HTTP/1.0\r\n\r\n`)).endsWith("\r\n\r\none two é"), "HTTP/1.0 gets no chunks");
const two = await raw(`GET /none HTTP/1.1\r\n${host}\r\nGET /peer HTTP/1.1\r\n${host}\r\n`);
holds(two.startsWith("HTTP/1.1 404") && two.endsWith("\r\n\r\n127.0.0.1"), "pipelined");
holds((await raw(`POST /echo HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`)).startsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201"));
holds((await raw(`POST /echo HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`, "2;x=y\r\nhi\r\n", "0\r\nTrailer: x\r\n\r\n")).endsWith("\r\n\r\nhi"), "extensions and trailers");

// An answer that is no HTTP
const liar = await listenOn("127.0.0.1", 0);
const lies = async (answer, method = "GET") => {
    const asked = request(`http://127.0.0.1:${os.getsockname(liar).port}/`, { method }).then(answer => answer.text());
    const [fd] = await os.accept(liar);
    await new Reader(fd).readLine();
    await write(fd, answer);
    os.close(fd);
    return asked;
};
await fails(HttpError, "not HTTP", lies("SSH-2.0\r\n\r\n"));
await fails(HttpError, "in the body", lies("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"));
await fails(HttpError, "chunk", lies("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"));
await fails(Error, "", lies(""));
equal(await lies("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200\r\n\r\nup to the end"), "up to the end");
os.close(liar);

server.close();
await server.finished;
equal(server.connections, 0);
client.close();
await fails(IoError, "refused", request(base));
equal(limits.head, 65536);
print("ok");
