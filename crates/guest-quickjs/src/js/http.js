// guestnet:http: an HTTP/1.1 client and server over the sockets of os. Plain HTTP only: there is no TLS.
//
// What is read is bounded: a message's head, its number of headers, its body. Messages that two programs could
// understand differently (two lengths, a length and chunks, folded headers) are refused.

import * as os from "os";
import { Reader, check, checked, concat, write } from "guestnet:io";
import { connectTo, listenOn } from "guestnet:sockets";
import { decode, encode } from "guestnet:text";

/** The limits, which every function here takes as options. */
export const limits = Object.freeze({
    /** Bytes of a message's first line and headers together. */
    head: 64 * 1024,
    /** Headers of a message. */
    headers: 128,
    /** Bytes of a body that is read as a whole. */
    body: 64 * 1024 * 1024,
    /** Milliseconds that a server keeps a connection on which nothing is asked. */
    idle: 30_000,
    /** Requests of one connection. */
    requests: 1_000,
    /** Connections of a server at a time. */
    connections: 10_000,
    /** Connections that a client keeps for later. */
    kept: 16,
});

/** A message that is not HTTP/1.1, or too large. `status` is what a server answers with. */
export class HttpError extends Error {
    constructor(message, status = 400) {
        super(message);
        this.name = "HttpError";
        this.status = status;
    }
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const REASONS = {
    100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
    301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
    308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 411: "Length Required", 413: "Content Too Large",
    414: "URI Too Long", 415: "Unsupported Media Type", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    505: "HTTP Version Not Supported",
};

/** The headers of a message: names without regard to case, in their order. */
export class Headers {
    #list = [];

    constructor(init = []) {
        const pairs = init instanceof Headers || Array.isArray(init) ? init : Object.entries(init);
        for (const [name, value] of pairs) {
            this.append(name, value);
        }
    }

    append(name, value) {
        name = String(name);
        value = String(value).trim();
        if (!TOKEN.test(name)) {
            throw new TypeError(`${JSON.stringify(name)} is no name of a header`);
        }
        if (/[\r\n\0]/.test(value)) {
            throw new TypeError(`the header ${name} has a line's end in its value`);
        }
        this.#list.push([name, value]);
    }

    set(name, value) {
        this.delete(name);
        this.append(name, value);
    }

    delete(name) {
        name = String(name).toLowerCase();
        this.#list = this.#list.filter(([other]) => other.toLowerCase() !== name);
    }

    /** The values of a header, joined by commas; `null` if there is none. */
    get(name) {
        const all = this.getAll(name);
        return all.length > 0 ? all.join(", ") : null;
    }

    getAll(name) {
        name = String(name).toLowerCase();
        return this.#list.filter(([other]) => other.toLowerCase() === name).map(([, value]) => value);
    }

    has(name) {
        return this.getAll(name).length > 0;
    }

    get size() {
        return this.#list.length;
    }

    [Symbol.iterator]() {
        return this.#list[Symbol.iterator]();
    }
}

/** Whether a header that is a list of words has this one. */
function lists(headers, name, word) {
    return headers.getAll(name).some(value => value.toLowerCase().split(",").some(part => part.trim() === word));
}

/** The first line and the headers of a message; `null` if the stream ended before it began. */
async function readHead(reader, bounds) {
    let left = bounds.head;
    const line = async () => {
        let text;
        try {
            text = await reader.readLineBytes(left);
        } catch (error) {
            throw error instanceof RangeError ? new HttpError("the head is too long", 431) : error;
        }
        if (text !== null) {
            left -= text.length + 2;
        }
        return text === null ? null : decode(text);
    };
    let first = await line();
    // Empty lines before a message are forgiven (RFC 9112, 2.2), a few of them.
    for (let empty = 0; first === "" && empty < 4; empty++) {
        first = await line();
    }
    if (first === null) {
        return null;
    }
    const headers = new Headers();
    for (;;) {
        const text = await line();
        if (text === null) {
            throw new HttpError("the stream ended in the head");
        }
        if (text === "") {
            return { first, headers };
        }
        const colon = text.indexOf(":");
        const name = text.slice(0, Math.max(colon, 0));
        if (!TOKEN.test(name) || /[\r\0]/.test(text)) {
            throw new HttpError("a line of the head is no header");
        }
        if (headers.size >= bounds.headers) {
            throw new HttpError("there are too many headers", 431);
        }
        headers.append(name, text.slice(colon + 1));
    }
}

/** How long a body is: bytes, "chunked", or "all" up to the end of the stream. */
function bodyLength(headers, otherwise) {
    const lengths = headers.getAll("content-length");
    if (headers.has("transfer-encoding")) {
        if (lengths.length > 0) {
            throw new HttpError("the message has a length and chunks");
        }
        if (headers.get("transfer-encoding").toLowerCase() !== "chunked") {
            throw new HttpError("only chunks are understood as a transfer encoding", 501);
        }
        return "chunked";
    }
    if (lengths.length === 0) {
        return otherwise;
    }
    const length = Number(lengths[0]);
    if (lengths.length > 1 || !/^[0-9]+$/.test(lengths[0]) || !Number.isSafeInteger(length)) {
        throw new HttpError("the length is no number");
    }
    return length;
}

/** A message's body, which is read once: in pieces (`for await`), or as a whole. */
class Body {
    #pieces;
    #done = false;
    #limit;

    constructor(reader, length, bounds) {
        this.#limit = bounds.body;
        this.#pieces = this.#read(reader, length, bounds);
    }

    async *#read(reader, length, bounds) {
        if (length === "chunked") {
            yield* chunks(reader, bounds);
        } else if (length === "all") {
            for (let piece = await reader.read(); piece !== null; piece = await reader.read()) {
                yield piece;
            }
        } else {
            for (let left = length; left > 0; ) {
                const piece = await reader.read(Math.min(left, 64 * 1024));
                if (piece === null) {
                    throw new HttpError("the stream ended in the body");
                }
                left -= piece.length;
                yield piece;
            }
        }
        this.#done = true;
    }

    [Symbol.asyncIterator]() {
        return this.#pieces;
    }

    /** The whole body. */
    async bytes() {
        const pieces = [];
        let total = 0;
        for await (const piece of this.#pieces) {
            total += piece.length;
            if (total > this.#limit) {
                throw new HttpError("the body is too long", 413);
            }
            pieces.push(piece);
        }
        return concat(pieces);
    }

    async text() {
        return decode(await this.bytes());
    }

    async json() {
        return JSON.parse(await this.text());
    }

    /** Reads what is left and forgets it, up to a limit: `false` if there is more. */
    async skip(most = 256 * 1024) {
        for await (const piece of this.#pieces) {
            most -= piece.length;
            if (most < 0) {
                return false;
            }
        }
        return this.#done;
    }
}

async function* chunks(reader, bounds) {
    for (;;) {
        const line = await reader.readLine(1024);
        const size = line === null ? null : /^([0-9A-Fa-f]{1,13})[ \t]*(;.*)?$/.exec(line);
        if (size === null) {
            throw new HttpError("a chunk has no size");
        }
        let left = Number.parseInt(size[1], 16);
        if (left === 0) {
            break;
        }
        while (left > 0) {
            const piece = await reader.read(Math.min(left, 64 * 1024));
            if (piece === null) {
                throw new HttpError("the stream ended in a chunk");
            }
            left -= piece.length;
            yield piece;
        }
        if ((await reader.readLine(2)) !== "") {
            throw new HttpError("a chunk is longer than it says");
        }
    }
    // Trailers are read and forgotten.
    for (let count = 0; (await reader.readLine(bounds.head)) !== ""; count++) {
        if (count >= bounds.headers) {
            throw new HttpError("there are too many trailers", 431);
        }
    }
}

/** The pieces of a body that is to be sent, and its length if that is known. */
function outgoing(body) {
    if (body === undefined || body === null) {
        return { length: 0, pieces: [] };
    }
    if (typeof body === "string") {
        const bytes = encode(body);
        return { length: bytes.length, pieces: [bytes] };
    }
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
        return { length: body.byteLength, pieces: [body] };
    }
    if (typeof body[Symbol.asyncIterator] === "function" || typeof body[Symbol.iterator] === "function") {
        return { length: null, pieces: body };
    }
    throw new TypeError("a body is a string, bytes, or something that gives such pieces");
}

/** Sends a message. `silent`: its body is not sent, as for HEAD. */
async function send(fd, first, headers, body, silent = false) {
    const { length, pieces } = outgoing(body);
    let head = `${first}\r\n`;
    for (const [name, value] of headers) {
        head += `${name}: ${value}\r\n`;
    }
    head += "\r\n";
    if (silent) {
        return write(fd, head);
    }
    if (length !== null) {
        // One packet for small messages.
        return write(fd, concat([encode(head), ...Array.from(pieces, piece => new Uint8Array(piece.buffer ?? piece, piece.byteOffset ?? 0, piece.byteLength))]));
    }
    await write(fd, head);
    for await (const piece of pieces) {
        const bytes = typeof piece === "string" ? encode(piece) : new Uint8Array(piece.buffer ?? piece, piece.byteOffset ?? 0, piece.byteLength);
        // An empty chunk would end the body.
        if (bytes.length > 0) {
            await write(fd, concat([encode(`${bytes.length.toString(16)}\r\n`), bytes, encode("\r\n")]));
        }
    }
    await write(fd, "0\r\n\r\n");
}

/** Says how long a body is, in the headers that are sent with it. */
function describe(headers, body, always) {
    headers.delete("content-length");
    headers.delete("transfer-encoding");
    const { length } = outgoing(body);
    if (length === null) {
        headers.set("Transfer-Encoding", "chunked");
    } else if (length > 0 || always) {
        headers.set("Content-Length", length);
    }
}

/** The parts of an http URL. */
export function parseUrl(url) {
    const found = /^http:\/\/(\[[0-9A-Fa-f:.%\w]+\]|[^\/?#:\[\]@\s]+)(?::([0-9]{1,5}))?([\/?][^#\s]*)?(#.*)?$/i.exec(String(url));
    if (found === null) {
        throw new TypeError(`${JSON.stringify(String(url))} is no http URL`);
    }
    const port = found[2] === undefined ? 80 : Number(found[2]);
    if (port > 65535) {
        throw new TypeError(`${port} is no port`);
    }
    const path = found[3] ?? "/";
    return {
        host: found[2] === undefined ? found[1] : `${found[1]}:${found[2]}`,
        hostname: found[1].replace(/^\[|\]$/g, ""),
        port,
        path: path.startsWith("/") ? path : `/${path}`,
    };
}

/** A client: keeps connections for the next request to the same server. */
export class Client {
    #kept = new Map();
    #bounds;

    constructor(options = {}) {
        this.#bounds = { ...limits, ...options };
    }

    /** Asks a server, and resolves when the head of its answer is there. */
    async request(url, { method = "GET", headers = {}, body = null } = {}) {
        const target = parseUrl(url);
        method = String(method);
        if (!TOKEN.test(method)) {
            throw new TypeError(`${JSON.stringify(method)} is no method`);
        }
        const sent = new Headers(headers);
        describe(sent, body, ["POST", "PUT", "PATCH"].includes(method));
        if (!sent.has("host")) {
            sent.set("Host", target.host);
        }
        const key = `${target.hostname}:${target.port}`;
        const first = `${method} ${target.path} HTTP/1.1`;
        // A body that can be read only once cannot be sent again.
        const again = body === null || outgoing(body).length !== null;
        for (;;) {
            const kept = again ? this.#kept.get(key)?.pop() : undefined;
            const connection = kept ?? (await this.#open(target));
            try {
                await send(connection.fd, first, sent, body);
                const answer = await this.#answer(connection, key, method);
                if (answer !== null) {
                    return answer;
                }
                throw new HttpError("the server closed the connection", 502);
            } catch (error) {
                os.close(connection.fd);
                // A server may close a connection that it has kept for long enough; once more, on a new one.
                if (kept === undefined || error instanceof HttpError && error.status !== 502) {
                    throw error;
                }
            }
        }
    }

    async #open(target) {
        const fd = await connectTo(target.hostname, target.port);
        return { fd, reader: new Reader(fd) };
    }

    async #answer(connection, key, method) {
        let head;
        let status;
        do {
            head = await readHead(connection.reader, this.#bounds);
            if (head === null) {
                return null;
            }
            const line = /^HTTP\/1\.([01]) ([1-9][0-9]{2})(?: (.*))?$/.exec(head.first);
            if (line === null) {
                throw new HttpError("the answer is not HTTP/1.1");
            }
            head.minor = line[1];
            head.reason = line[3] ?? "";
            status = Number(line[2]);
        } while (status >= 100 && status < 200);
        const empty = method === "HEAD" || status === 204 || status === 304;
        const length = empty ? 0 : bodyLength(head.headers, "all");
        const keep = length !== "all" && head.minor === "1" && !lists(head.headers, "connection", "close");
        const body = new Body(connection.reader, length, this.#bounds);
        const finish = done => this.#finish(connection, key, keep && done);
        if (length === 0) {
            finish(true);
        }
        return new Answer(status, head.reason, head.headers, body, length === 0 ? () => {} : finish);
    }

    #finish(connection, key, keep) {
        const kept = this.#kept.get(key) ?? [];
        if (!keep || kept.length >= this.#bounds.kept || connection.reader.buffered > 0) {
            os.close(connection.fd);
            return;
        }
        kept.push(connection);
        this.#kept.set(key, kept);
    }

    /** Closes the connections that are kept. */
    close() {
        for (const { fd } of [...this.#kept.values()].flat()) {
            os.close(fd);
        }
        this.#kept.clear();
    }
}

/** What a server answered. The body must be read or cancelled before the connection can serve again. */
class Answer {
    #body;
    #finish;

    constructor(status, reason, headers, body, finish) {
        this.status = status;
        this.reason = reason;
        this.headers = headers;
        this.#body = body;
        this.#finish = finish;
    }

    get ok() {
        return this.status >= 200 && this.status < 300;
    }

    #end(done) {
        const finish = this.#finish;
        this.#finish = () => {};
        finish(done);
    }

    async #whole(read) {
        let done = false;
        try {
            const value = await read();
            done = true;
            return value;
        } finally {
            this.#end(done);
        }
    }

    bytes() {
        return this.#whole(() => this.#body.bytes());
    }

    text() {
        return this.#whole(() => this.#body.text());
    }

    async json() {
        return JSON.parse(await this.text());
    }

    /** The body in pieces. */
    async *[Symbol.asyncIterator]() {
        let done = false;
        try {
            yield* this.#body;
            done = true;
        } finally {
            this.#end(done);
        }
    }

    /** Gives the body up, and the connection with it. */
    cancel() {
        this.#end(false);
    }
}

const common = new Client({ kept: 0 });

/** Asks once, on a connection of its own. */
export function request(url, options = {}) {
    return common.request(url, { ...options, headers: new Headers([...new Headers(options.headers ?? {}), ["Connection", "close"]]) });
}

/**
 * Serves HTTP. `handler(request)` returns `{ status, headers, body }` or a promise of it; a request has `method`,
 * `path`, `headers`, `body` (bytes(), text(), json(), for await) and `peer`.
 */
export async function serve({ hostname = "127.0.0.1", port = 0, backlog = 128, ...options }, handler) {
    if (typeof handler !== "function") {
        throw new TypeError("a handler is needed");
    }
    const bounds = { ...limits, ...options };
    const listener = await listenOn(hostname, port, backlog);
    const server = new Server(listener, check("getsockname", os.getsockname(listener)), bounds, handler);
    return server;
}

/** A server that runs. */
class Server {
    #listener;
    #bounds;
    #handler;
    #open = new Set();
    #closed = false;

    constructor(listener, address, bounds, handler) {
        this.#listener = listener;
        this.#bounds = bounds;
        this.#handler = handler;
        /** Where it listens. */
        this.address = address;
        this.port = address.port;
        /** Resolves when it listens no more. */
        this.finished = this.#accept();
    }

    /** How many connections are open. */
    get connections() {
        return this.#open.size;
    }

    /** Stops listening, and closes every connection. */
    close() {
        if (!this.#closed) {
            this.#closed = true;
            os.close(this.#listener);
            for (const connection of this.#open) {
                this.#drop(connection);
            }
        }
    }

    #drop(connection) {
        if (this.#open.delete(connection)) {
            os.clearTimeout(connection.timer);
            os.close(connection.fd);
        }
    }

    async #accept() {
        while (!this.#closed) {
            let accepted;
            try {
                accepted = await checked("accept", os.accept(this.#listener));
            } catch (error) {
                if (this.#closed) {
                    return;
                }
                // Out of descriptors, or the peer has gone: there will be better times.
                if (["EMFILE", "ENFILE", "ECONNABORTED", "ENOBUFS", "ENOMEM"].includes(error.code)) {
                    await os.sleepAsync(10);
                    continue;
                }
                throw error;
            }
            const [fd, peer] = accepted;
            if (this.#open.size >= this.#bounds.connections) {
                os.close(fd);
                continue;
            }
            const connection = { fd, peer, reader: new Reader(fd), timer: undefined };
            this.#open.add(connection);
            this.#serve(connection).catch(() => {}).finally(() => this.#drop(connection));
        }
    }

    async #serve(connection) {
        const { fd, reader } = connection;
        for (let count = 1; ; count++) {
            connection.timer = os.setTimeout(() => this.#drop(connection), this.#bounds.idle);
            let request;
            try {
                const head = await readHead(reader, this.#bounds);
                if (head === null) {
                    return;
                }
                request = this.#request(head, connection);
            } catch (error) {
                if (error instanceof HttpError) {
                    await this.#refuse(fd, error.status, error.message);
                }
                return;
            } finally {
                os.clearTimeout(connection.timer);
            }
            const { message, keep } = request;
            if (lists(message.headers, "expect", "100-continue")) {
                await write(fd, "HTTP/1.1 100 Continue\r\n\r\n");
            }
            const goesOn = await this.#answer(fd, message, keep && count < this.#bounds.requests);
            if (!goesOn || !(await message.body.skip())) {
                return;
            }
        }
    }

    #request({ first, headers }, { peer, reader }) {
        const line = /^(\S+) (\S+) HTTP\/([0-9])\.([0-9])$/.exec(first);
        if (line === null || !TOKEN.test(line[1])) {
            throw new HttpError("the first line is no request");
        }
        const [, method, path, major, minor] = line;
        if (major !== "1") {
            throw new HttpError("only HTTP/1.1 is spoken here", 505);
        }
        if (minor !== "0" && headers.getAll("host").length !== 1) {
            throw new HttpError("one Host is needed");
        }
        const body = new Body(reader, bodyLength(headers, 0), this.#bounds);
        const keep = minor !== "0" && !lists(headers, "connection", "close");
        return { message: { method, path, headers, body, peer, version: `1.${minor}` }, keep };
    }

    async #answer(fd, message, keep) {
        let answer;
        try {
            answer = (await this.#handler(message)) ?? { status: 404 };
        } catch (error) {
            const refused = error instanceof HttpError;
            if (!refused) {
                console.log(`guestnet:http: a handler failed: ${error?.stack ?? error}`, String(error));
            }
            await this.#refuse(fd, refused ? error.status : 500, refused ? error.message : "");
            return false;
        }
        const { status = 200, headers = {}, body = null } = typeof answer === "string" ? { body: answer } : answer;
        if (!Number.isInteger(status) || status < 200 || status > 999) {
            throw new RangeError(`${status} is no status`);
        }
        const sent = new Headers(headers);
        const empty = status === 204 || status === 304;
        describe(sent, empty ? null : body, !empty);
        const old = message.version === "1.0";
        if (old && sent.has("transfer-encoding")) {
            // HTTP/1.0 knows no chunks; the end of the connection ends the body.
            sent.delete("transfer-encoding");
        }
        if (!keep || lists(sent, "connection", "close")) {
            keep = false;
            sent.set("Connection", "close");
        }
        const first = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}`;
        if (old && outgoing(body).length === null) {
            await send(fd, first, sent, null);
            for await (const piece of body) {
                await write(fd, piece);
            }
            return false;
        }
        await send(fd, first, sent, empty ? null : body, message.method === "HEAD");
        return keep;
    }

    async #refuse(fd, status, text) {
        const headers = new Headers({ "Content-Type": "text/plain; charset=utf-8", Connection: "close" });
        const body = `${status} ${REASONS[status] ?? ""}${text === "" ? "" : `: ${text}`}\n`;
        describe(headers, body, true);
        await send(fd, `HTTP/1.1 ${status} ${REASONS[status] ?? ""}`, headers, body).catch(() => {});
        // What the peer still sends would otherwise be answered with a reset, which can take this answer away.
        os.shutdown(fd, os.SHUT_WR);
        const reader = new Reader(fd);
        const timer = os.setTimeout(() => os.shutdown(fd, os.SHUT_RD), 1_000);
        for (let left = 64 * 1024; left > 0; ) {
            const piece = await reader.read().catch(() => null);
            if (piece === null) {
                break;
            }
            left -= piece.length;
        }
        os.clearTimeout(timer);
    }
}
