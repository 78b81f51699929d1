// guestnet:http/client: requests. A part of guestnet:http.

import * as os from "os";
import { Body, Headers, HttpError, TOKEN, bodyLength, describe, limits, lists, outgoing, readHead, send } from "guestnet:http/message";
import { Reader } from "guestnet:io";
import { connectTo } from "guestnet:sockets";

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
