// As os.ts, for the modules that guestnet ships.
import * as http from "guestnet:http";
import * as io from "guestnet:io";
import * as sockets from "guestnet:sockets";
import * as text from "guestnet:text";

const encoded: Uint8Array = text.encode("grüße");
const decoded: string = text.decode(encoded.buffer);
// @ts-expect-error: a string is encoded already.
text.decode("text");

const number: number = io.check("read", 5);
const array: string[] = io.check("getaddrinfo", ["a"]);
const checked: number = await io.checked("connect", Promise.resolve(0));
await io.readable(0);
await io.writable(1);
const count: number = await io.read(0, new Uint8Array(8));
// @ts-expect-error: it reads into bytes.
await io.read(0, new ArrayBuffer(8));
await io.write(1, "text");
await io.write(1, new ArrayBuffer(8));
await io.write(1, new Uint16Array(8));
const joined: Uint8Array = io.concat([encoded, encoded]);
const error = new io.IoError("recv", 104);
const about: [string, string, number, string] = [error.call, error.code, error.errno, error.message];
// @ts-expect-error: it cannot be changed.
error.errno = 0;
const early: Error = new io.EndOfStream();
const sources: io.Source[] = [0, {read: view => view.byteLength}, {read: async view => view.byteLength}];
const reader = new io.Reader(sources[0]);
// @ts-expect-error: no source.
new io.Reader("file");
const pieces: (Uint8Array | null)[] = [
    await reader.read(),
    await reader.read(10),
    await reader.readExact(10),
    await reader.readLineBytes(),
    await reader.readLineBytes(100),
    await reader.readAll(),
    await reader.readAll(1000),
];
const lines: (string | null)[] = [await reader.readLine(), await reader.readLine(100)];
const buffered: number = reader.buffered;
for await (const line of reader) print(line.length);

const {host, hostname, port, path} = http.parseUrl("http://localhost:80/");
const headers = new http.Headers({Accept: "text/plain", Age: 1});
new http.Headers([["a", "b"]]);
new http.Headers(headers);
headers.append("a", "b");
headers.set("a", 1);
headers.delete("a");
const values: [string | null, string[], boolean, number] = [headers.get("a"), headers.getAll("a"), headers.has("a"), headers.size];
for (const [name, value] of headers) print(name.length, value.length);
const limits: http.Limits = {...http.limits, idle: 5};
// @ts-expect-error: the limits of all scripts are not to be changed.
http.limits.idle = 5;
const client = new http.Client({connections: 2});
new http.Client();
const body: http.BodyInit[] = ["text", new ArrayBuffer(1), new Uint8Array(1), ["a", "b"], null, reader];
const answer: http.Answer = await client.request("http://localhost/", {method: "POST", headers, body: body[0]});
print(answer.status + 1, answer.reason, answer.ok, answer.headers.get("a"));
const all: [Uint8Array, string, any] = [await answer.bytes(), await answer.text(), await answer.json()];
for await (const piece of answer) print(piece.length);
answer.cancel();
client.close();
await http.request("http://localhost/");
// @ts-expect-error: an unknown option.
await http.request("http://localhost/", {mode: "cors"});
const server: http.Server = await http.serve({hostname: "127.0.0.1", port: 0, backlog: 5, idle: 1}, async request => {
    print(request.method, request.path, request.version, request.headers.get("host"), request.peer);
    await request.body.skip(10);
    if (request.path === "/none") return;
    if (request.path === "/error") throw new http.HttpError("no", 400);
    return request.path === "/" ? "text" : {status: 404, headers: {a: "b"}, body: await request.body.bytes()};
});
print(server.port, server.address, server.connections);
server.close();
await server.finished;
// @ts-expect-error: a handler's answer is no number.
await http.serve({}, () => 404);
const failure: number = new http.HttpError("no").status;

const socket: sockets.Socket = sockets.connect("localhost:80", {secureTransport: "off", allowHalfOpen: true});
sockets.connect({hostname: "localhost", port: 80});
// @ts-expect-error: there is no TLS.
sockets.connect("localhost:443", {secureTransport: "on"});
const opened: [string | undefined, string | undefined] = [
    (await socket.opened).remoteAddress,
    (await socket.opened).localAddress,
];
const writer = socket.writable.getWriter();
await writer.write("text");
await writer.write(encoded);
await writer.close();
writer.releaseLock();
const from = socket.readable.getReader();
const {value, done} = await from.read();
if (!done) print(value?.length);
await from.cancel();
from.releaseLock();
for await (const piece of socket.readable) print(piece.length, socket.readable.locked, socket.writable.locked);
await socket.readable.cancel();
await socket.close();
await socket.closed;
export function encrypted(): never {
    socket.startTls();
}
const [first] = await sockets.lookup("localhost", "http");
const fd: number[] = [await sockets.connectTo(first.addr, first.port), await sockets.listenOn("127.0.0.1", 0, 5)];
export {
    about, all, array, body, buffered, checked, count, decoded, early, failure, fd, host, hostname, joined, limits, lines, number,
    opened, path, pieces, port, values,
};
