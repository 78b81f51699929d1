// guestnet:sockets: connect() in the shape of the WinterTC sockets proposal, as far as an engine without web streams
// can have it, and the two functions below it.
//
// A stream here has the part of the web's interface that such programs use: `readable.getReader().read()` and
// `for await`, `writable.getWriter().write()` and `close()`. There is no TLS: `secureTransport` other than "off" is
// refused. Pipes (`pipeTo`) and backpressure by `desiredSize` are not there; a write resolves when the kernel has it.

import * as os from "os";
import { IoError, check, checked, read, write } from "guestnet:io";

/** The addresses of a name, each as `os.connect` takes it. */
export async function lookup(hostname, port) {
    const hints = { service: String(port), socktype: os.SOCK_STREAM };
    const found = await (os.getaddrinfoAsync ?? os.getaddrinfo)(hostname, hints);
    if (!Array.isArray(found)) {
        throw new Error(`${hostname}: cannot be looked up: ${found}`);
    }
    return found;
}

/** A connected stream socket: the first address of the name that answers. */
export async function connectTo(hostname, port) {
    let last = new Error(`${hostname}: there is no address`);
    for (const { family, addr, port: number } of await lookup(hostname, port)) {
        const fd = os.socket(family, os.SOCK_STREAM);
        if (fd < 0) {
            last = new IoError("socket", -fd);
            continue;
        }
        try {
            await checked("connect", os.connect(fd, { family, addr, port: number }));
            return fd;
        } catch (error) {
            os.close(fd);
            last = error;
        }
    }
    throw last;
}

/** A listening stream socket. */
export async function listenOn(hostname, port, backlog = 128) {
    const [{ family, addr, port: number }] = await lookup(hostname, port);
    const fd = check("socket", os.socket(family, os.SOCK_STREAM));
    try {
        check("setsockopt", os.setsockopt(fd, os.SO_REUSEADDR, new Int32Array([1]).buffer));
        check("bind", os.bind(fd, { family, addr, port: number }));
        check("listen", os.listen(fd, backlog));
        return fd;
    } catch (error) {
        os.close(fd);
        throw error;
    }
}

/** Connects to "host:port" or { hostname, port }. Returns at once; `opened` resolves when it is connected. */
export function connect(address, options = {}) {
    if (typeof address === "string") {
        const found = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]+)$/.exec(address);
        if (found === null) {
            throw new TypeError(`${JSON.stringify(address)} is not host:port`);
        }
        address = { hostname: found[1] ?? found[2], port: Number(found[3]) };
    }
    const { hostname, port } = address ?? {};
    if (typeof hostname !== "string" || !Number.isInteger(port) || port < 0 || port > 65535) {
        throw new TypeError("a host's name and a port are needed");
    }
    if ((options.secureTransport ?? "off") !== "off") {
        throw new TypeError("there is no TLS: secureTransport must be off");
    }
    return new Socket(hostname, port, options.allowHalfOpen === true);
}

/** A socket of `connect`. */
class Socket {
    #fd = null;
    #over = false;
    #resolve;
    #reject;
    #halfOpen;

    constructor(hostname, port, halfOpen) {
        this.#halfOpen = halfOpen;
        /** Resolves when the socket is closed, and is rejected if it fails. */
        this.closed = new Promise((resolve, reject) => {
            this.#resolve = resolve;
            this.#reject = reject;
        });
        // A rejection that the script does not look at is no error.
        this.closed.catch(() => {});
        /** Resolves to the addresses when the socket is connected. */
        this.opened = this.#open(hostname, port);
        this.opened.catch(() => {});
        this.readable = new Readable(view => this.#read(view), () => this.close());
        this.writable = new Writable(data => this.#write(data), () => this.#shut());
    }

    async #open(hostname, port) {
        try {
            const fd = await connectTo(hostname, port);
            if (this.#over) {
                os.close(fd);
                throw new Error("the socket was closed");
            }
            this.#fd = fd;
            const name = address => (typeof address === "object" ? `${address.addr}:${address.port}` : undefined);
            return { remoteAddress: name(os.getpeername(fd)), localAddress: name(os.getsockname(fd)) };
        } catch (error) {
            this.#end(error);
            throw error;
        }
    }

    #end(error) {
        if (this.#over && error === undefined) {
            return;
        }
        this.#over = true;
        if (this.#fd !== null) {
            os.close(this.#fd);
            this.#fd = null;
        }
        if (error === undefined) {
            this.#resolve();
        } else {
            this.#reject(error);
        }
    }

    async #read(view) {
        await this.opened;
        if (this.#fd === null) {
            return 0;
        }
        try {
            const count = await read(this.#fd, view);
            if (count === 0 && !this.#halfOpen) {
                this.#end();
            }
            return count;
        } catch (error) {
            if (this.#over) {
                return 0;
            }
            this.#end(error);
            throw error;
        }
    }

    async #write(data) {
        await this.opened;
        if (this.#fd === null) {
            throw new TypeError("the socket is closed");
        }
        try {
            await write(this.#fd, data);
        } catch (error) {
            this.#end(error);
            throw error;
        }
    }

    async #shut() {
        await this.opened;
        if (this.#fd !== null) {
            check("shutdown", os.shutdown(this.#fd, os.SHUT_WR));
        }
    }

    /** Closes the socket; what waits on it ends. */
    close() {
        this.#end();
        return this.closed;
    }

    startTls() {
        throw new TypeError("there is no TLS");
    }
}

/** The readable half. */
class Readable {
    #read;
    #cancel;
    #locked = false;

    constructor(read, cancel) {
        this.#read = read;
        this.#cancel = cancel;
    }

    get locked() {
        return this.#locked;
    }

    getReader() {
        if (this.#locked) {
            throw new TypeError("the stream has a reader");
        }
        this.#locked = true;
        let over = false;
        const usable = () => {
            if (over) {
                throw new TypeError("the reader was released");
            }
        };
        return {
            read: async () => {
                usable();
                const view = new Uint8Array(16 * 1024);
                const count = await this.#read(view);
                return count === 0 ? { value: undefined, done: true } : { value: view.slice(0, count), done: false };
            },
            cancel: async () => {
                usable();
                await this.#cancel();
            },
            releaseLock: () => {
                over = true;
                this.#locked = false;
            },
        };
    }

    async cancel() {
        await this.#cancel();
    }

    async *[Symbol.asyncIterator]() {
        const reader = this.getReader();
        try {
            for (let step = await reader.read(); !step.done; step = await reader.read()) {
                yield step.value;
            }
        } finally {
            reader.releaseLock();
        }
    }
}

/** The writable half. Writes go out in their order. */
class Writable {
    #write;
    #shut;
    #locked = false;
    #last = Promise.resolve();

    constructor(write, shut) {
        this.#write = write;
        this.#shut = shut;
    }

    get locked() {
        return this.#locked;
    }

    getWriter() {
        if (this.#locked) {
            throw new TypeError("the stream has a writer");
        }
        this.#locked = true;
        let over = false;
        const queue = act => {
            if (over) {
                return Promise.reject(new TypeError("the writer was released"));
            }
            const done = this.#last.then(act);
            this.#last = done.catch(() => {});
            return done;
        };
        return {
            write: data => queue(() => this.#write(data)),
            close: () => queue(() => this.#shut()),
            releaseLock: () => {
                over = true;
                this.#locked = false;
            },
        };
    }
}
