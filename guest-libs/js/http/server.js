// guestnet:http/server: answers. A part of guestnet:http.

import * as os from "os";
import { Body, Headers, HttpError, TOKEN, bodyLength, describe, limits, lists, outgoing, readHead, send } from "guestnet:http/message";
import { Reader, check, checked, write } from "guestnet:io";
import { listenOn } from "guestnet:sockets";

const REASONS = {
    100: "Continue", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content",
    301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
    308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 411: "Length Required", 413: "Content Too Large",
    414: "URI Too Long", 415: "Unsupported Media Type", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    505: "HTTP Version Not Supported",
};

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
