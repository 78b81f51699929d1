// guestnet:io: reading lines and exact counts of bytes from descriptors, and writing all of them.
//
// Works on sockets, pipes, standard input and files alike; nothing here holds the event loop.

import * as os from "os";
import * as std from "std";
import { decode, encode } from "guestnet:text";
import * as wait from "guestnet:wait";

/** How much is asked for at a time. */
const CHUNK = 16 * 1024;

/** The longest line, unless the caller says otherwise. */
const MAX_LINE = 1024 * 1024;

/** What went wrong with a descriptor: `errno` is positive, `code` its name such as "ECONNRESET". */
export class IoError extends Error {
    constructor(call, errno) {
        super(`${call}: ${std.strerror(errno)}`);
        this.name = "IoError";
        this.call = call;
        this.errno = errno;
        this.code = Object.keys(std.Error).find(name => std.Error[name] === errno) ?? "UNKNOWN";
    }
}

/** The stream ended where more was asked for. */
export class EndOfStream extends Error {
    constructor(message = "the stream ended too early") {
        super(message);
        this.name = "EndOfStream";
    }
}

/** Turns a negative result of `os` into an exception. */
export function check(call, result) {
    if (typeof result === "number" && result < 0) {
        throw new IoError(call, -result);
    }
    return result;
}

/** Waits for a promise of `os`, whose rejections are numbers. */
export async function checked(call, promise) {
    try {
        return check(call, await promise);
    } catch (error) {
        throw typeof error === "number" ? new IoError(call, -error) : error;
    }
}

/** Resolves when a descriptor can be read; rejects with ECANCELED when it is closed. */
export function readable(fd) {
    return checked("poll", wait.readable(fd));
}

/** Resolves when a descriptor can be written; rejects with ECANCELED when it is closed. */
export function writable(fd) {
    return checked("poll", wait.writable(fd));
}

/** Reads some bytes into a typed array; 0 is the end. */
export async function read(fd, view) {
    for (;;) {
        let count;
        try {
            return await os.recv(fd, view);
        } catch (error) {
            if (error !== -std.Error.ENOTSOCK) {
                throw typeof error === "number" ? new IoError("recv", -error) : error;
            }
        }
        // A file, a pipe or a terminal.
        await readable(fd);
        count = os.read(fd, view, 0, view.byteLength);
        if (count !== -std.Error.EAGAIN) {
            return check("read", count);
        }
    }
}

/** Writes all of a string (as UTF-8) or typed array. */
export async function write(fd, data) {
    let rest = typeof data === "string" ? encode(data) : new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength);
    let socket = true;
    while (rest.byteLength > 0) {
        let count;
        if (socket) {
            try {
                count = await os.send(fd, rest);
            } catch (error) {
                if (error !== -std.Error.ENOTSOCK) {
                    throw typeof error === "number" ? new IoError("send", -error) : error;
                }
                socket = false;
                continue;
            }
        } else {
            await writable(fd);
            count = os.write(fd, rest, 0, rest.byteLength);
            if (count === -std.Error.EAGAIN) {
                continue;
            }
            check("write", count);
        }
        rest = rest.subarray(count);
    }
}

/** Reads from a descriptor, or from an object with `read(view)` that says how many bytes it has put there. */
export class Reader {
    #source;
    #buffer = new Uint8Array(CHUNK);
    #start = 0;
    #end = 0;
    #over = false;

    constructor(source) {
        if (typeof source === "number") {
            this.#source = view => read(source, view);
        } else if (typeof source?.read === "function") {
            this.#source = view => source.read(view);
        } else {
            throw new TypeError("a descriptor, or an object with read(), is needed");
        }
    }

    /** How many bytes are there without waiting. */
    get buffered() {
        return this.#end - this.#start;
    }

    /** Waits until more bytes are there; `false` at the end. */
    async #fill() {
        if (this.#over) {
            return false;
        }
        if (this.#start > 0) {
            this.#buffer.copyWithin(0, this.#start, this.#end);
            this.#end -= this.#start;
            this.#start = 0;
        }
        if (this.#end === this.#buffer.length) {
            const larger = new Uint8Array(this.#buffer.length * 2);
            larger.set(this.#buffer);
            this.#buffer = larger;
        }
        const count = await this.#source(this.#buffer.subarray(this.#end));
        this.#end += count;
        this.#over = count === 0;
        return count > 0;
    }

    #take(count) {
        const bytes = this.#buffer.slice(this.#start, this.#start + count);
        this.#start += count;
        return bytes;
    }

    /** Some bytes, at most so many; `null` at the end. */
    async read(most = CHUNK) {
        if (this.buffered === 0 && !(await this.#fill())) {
            return null;
        }
        return this.#take(Math.min(most, this.buffered));
    }

    /** Exactly so many bytes. Throws `EndOfStream` if there are fewer. */
    async readExact(count) {
        if (!Number.isSafeInteger(count) || count < 0) {
            throw new RangeError("a count of bytes is needed");
        }
        const pieces = new Uint8Array(count);
        let done = 0;
        while (done < count) {
            const piece = await this.read(count - done);
            if (piece === null) {
                throw new EndOfStream(`the stream ended after ${done} of ${count} bytes`);
            }
            pieces.set(piece, done);
            done += piece.length;
        }
        return pieces;
    }

    /** A line as bytes, without its "\n" or "\r\n"; `null` at the end. The last line may have no end. */
    async readLineBytes(limit = MAX_LINE) {
        let seen = 0;
        for (;;) {
            const place = this.#buffer.subarray(this.#start + seen, this.#end).indexOf(10);
            if ((place < 0 ? this.buffered : seen + place) > limit) {
                throw new RangeError(`a line is longer than ${limit} bytes`);
            }
            if (place >= 0) {
                const line = this.#take(seen + place + 1);
                return line.subarray(0, line.length - (line.at(-2) === 13 ? 2 : 1));
            }
            seen = this.buffered;
            if (!(await this.#fill())) {
                return this.buffered > 0 ? this.#take(this.buffered) : null;
            }
        }
    }

    /** A line as a string, without its end; `null` at the end. */
    async readLine(limit = MAX_LINE) {
        const line = await this.readLineBytes(limit);
        return line === null ? null : decode(line);
    }

    /** Everything up to the end, but not more than so many bytes. */
    async readAll(limit = 64 * 1024 * 1024) {
        const pieces = [];
        let total = 0;
        for (let piece = await this.read(); piece !== null; piece = await this.read()) {
            total += piece.length;
            if (total > limit) {
                throw new RangeError(`the stream is longer than ${limit} bytes`);
            }
            pieces.push(piece);
        }
        return concat(pieces);
    }

    /** The lines, as strings. */
    async *[Symbol.asyncIterator]() {
        for (let line = await this.readLine(); line !== null; line = await this.readLine()) {
            yield line;
        }
    }
}

/** Typed arrays of bytes, one after the other. */
export function concat(pieces) {
    const whole = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
    let place = 0;
    for (const piece of pieces) {
        whole.set(piece, place);
        place += piece.length;
    }
    return whole;
}
