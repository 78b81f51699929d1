// guestnet:http/message: messages of HTTP/1.1, read from a stream and sent on one. A part of guestnet:http.
//
// What is read is bounded: a message's head, its number of headers, its body. Messages that two programs could
// understand differently (two lengths, a length and chunks, folded headers) are refused.

import { concat, write } from "guestnet:io";
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

export const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
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
export function lists(headers, name, word) {
    return headers.getAll(name).some(value => value.toLowerCase().split(",").some(part => part.trim() === word));
}

/** The first line and the headers of a message; `null` if the stream ended before it began. */
export async function readHead(reader, bounds) {
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
export function bodyLength(headers, otherwise) {
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
export class Body {
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
export function outgoing(body) {
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
export async function send(fd, first, headers, body, silent = false) {
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
export function describe(headers, body, always) {
    headers.delete("content-length");
    headers.delete("transfer-encoding");
    const { length } = outgoing(body);
    if (length === null) {
        headers.set("Transfer-Encoding", "chunked");
    } else if (length > 0 || always) {
        headers.set("Content-Length", length);
    }
}
