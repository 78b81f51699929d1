// What scripts on guestnet can import, as TypeScript has it. docs/quickjs.md and docs/quickjs-std.md say what it does.
//
// It lives beside TypeScript's lib.dom and beside @types/node, and takes no name of theirs. A project without @types/node can
// add os.d.ts, for the module's short name "os"; one without lib.dom either, globals.d.ts.
//
// A test compares the names in here with what the modules export.

/** The script's name and its arguments. */
declare const scriptArgs: string[];
/** Prints values with a space between: strings as they are, others as `console.log` of qjs shows them. */
declare function print(...values: unknown[]): void;

declare module "qjs:os" {
    /** What a call wants bytes of. */
    export type Bytes = ArrayBufferLike | ArrayBufferView;
    /** A number that is not negative, or the negative errno. */
    export type Result = number;
    export type Address =
        | { family?: number; addr: string; port: number; scope?: number; path?: undefined }
        | { family?: number; path: string; addr?: undefined; port?: undefined }
        /** `AF_UNSPEC`. */
        | { family: number; addr?: undefined; port?: undefined; path?: undefined };
    /** An address as calls return it. */
    export type SocketAddress =
        | { family: number; addr: string; port: number; scope?: number; path?: undefined }
        | { family: number; path: string; addr?: undefined; port?: undefined; scope?: undefined };
    export interface FoundAddress {
        family: number;
        addr: string;
        port: number;
        socktype: number;
        scope?: number;
        canonname?: string;
    }
    export interface Hints {
        service?: string | number;
        family?: number;
        socktype?: number;
        flags?: number;
    }
    /** An AbortSignal, wherever its type comes from. */
    export interface Signal {
        readonly aborted: boolean;
        readonly reason: any;
        throwIfAborted(): void;
    }
    export interface Abortable {
        /** Rejects the promise with the signal's reason, unless bytes were moved already: then their count is the result. */
        signal?: Signal | null;
    }
    export interface DatagramOptions extends Abortable {
        length?: number;
        offset?: number;
        flags?: number;
    }
    export interface TransferOptions extends DatagramOptions {
        /** Go on over short transfers. */
        fully?: boolean;
    }
    export interface Stat {
        dev: number;
        ino: number;
        mode: number;
        nlink: number;
        uid: number;
        gid: number;
        rdev: number;
        size: number;
        blocks: number;
        /** Milliseconds since 1970, as the two below. */
        atime: number;
        mtime: number;
        ctime: number;
    }

    export function socket(family: number, type: number, protocol?: number): Result;
    export function socketpair(family: number, type: number, protocol?: number): [number, number] | number;
    export function bind(fd: number, addr: Address): Result;
    export function listen(fd: number, backlog?: number): Result;
    export function shutdown(fd: number, how: number): Result;
    export function getsockname(fd: number): SocketAddress | number;
    export function getpeername(fd: number): SocketAddress | number;
    export function getsockopt(fd: number, name: number, buffer: Bytes): Result;
    export function getsockopt(fd: number, level: number, name: number, buffer: Bytes): Result;
    export function setsockopt(fd: number, name: number, value: Bytes | number | boolean): Result;
    export function setsockopt(fd: number, level: number, name: number, value: Bytes | number | boolean): Result;
    export function getaddrinfo(node: string | null, service?: string | number | Hints | null): FoundAddress[] | number;
    export function getaddrinfoAsync(
        node: string | null,
        service?: string | number | (Hints & Abortable) | null,
    ): Promise<FoundAddress[]>;
    /** Rejections of promises are negative errnos, as numbers, or the reason of a signal. */
    export function connect(fd: number, addr: Address, options?: Abortable): Promise<number>;
    export function accept(fd: number, options?: Abortable): Promise<[number, SocketAddress]>;
    export function recv(fd: number, buffer: Bytes, options: TransferOptions): Promise<number>;
    export function recv(fd: number, buffer: Bytes, length?: number, flags?: number, fully?: boolean): Promise<number>;
    export function recvfrom(fd: number, buffer: Bytes, options: DatagramOptions): Promise<[number, SocketAddress]>;
    export function recvfrom(fd: number, buffer: Bytes, length?: number, flags?: number): Promise<[number, SocketAddress]>;
    export function send(fd: number, buffer: Bytes, options: TransferOptions): Promise<number>;
    export function send(fd: number, buffer: Bytes, length?: number, flags?: number, fully?: boolean): Promise<number>;
    export function sendto(fd: number, addr: Address, buffer: Bytes, options: DatagramOptions): Promise<number>;
    export function sendto(fd: number, addr: Address, buffer: Bytes, length?: number, flags?: number): Promise<number>;
    export function sendto(
        fd: number,
        buffer: Bytes,
        length: number,
        addr: Address,
        flags?: number | Omit<DatagramOptions, "length">,
    ): Promise<number>;
    export function sendto(fd: number, buffer: Bytes, addr: Address): Promise<number>;
    export function setReadHandler(fd: number, func: (() => void) | null): void;
    export function setWriteHandler(fd: number, func: (() => void) | null): void;

    export function open(path: string, flags?: number, mode?: number): Result;
    export function close(fd: number): Result;
    export function seek(fd: number, offset: number, whence?: number): number;
    export function seek(fd: number, offset: bigint, whence?: number): bigint;
    export function read(fd: number, buffer: Bytes, offset?: number, length?: number): Result;
    export function write(fd: number, buffer: Bytes, offset?: number, length?: number): Result;
    export function isatty(fd: number): boolean;
    /** The end to read from and the end to write to. */
    export function pipe(): [number, number] | null;
    export function dup(fd: number): Result;
    export function dup2(from: number, to: number): Result;
    export function stat(path: string): [Stat | null, number];
    export function lstat(path: string): [Stat | null, number];
    export function readdir(path: string): [string[], number];
    export function mkdir(path: string, mode?: number): Result;
    /** A new directory whose name ends in six random letters and digits: its path and 0, or the pattern and -errno. */
    export function mkdtemp(pattern?: string): [string, number];
    /** A new file, likewise: its path and a descriptor, or the pattern and -errno. */
    export function mkstemp(pattern?: string): [string, Result];
    /** Times in milliseconds since 1970. */
    export function utimes(path: string, atime: number, mtime: number): Result;
    export function remove(path: string): Result;
    export function rename(from: string, to: string): Result;
    export function realpath(path: string): [string, number];
    export function symlink(target: string, path: string): Result;
    export function readlink(path: string): [string, number];
    export function getcwd(): [string, number];
    export function chdir(path: string): Result;

    export function setTimeout(func: () => void, delay?: number): number;
    export function clearTimeout(id: number | undefined): void;
    /** Calls `func` again and again, at least a millisecond after each call. */
    export function setInterval(func: () => void, delay?: number): number;
    export function clearInterval(id: number | undefined): void;
    export function sleep(delay: number): Result;
    export function sleepAsync(delay: number): Promise<void>;
    export function now(): number;
    /** Microseconds that this thread of the script has computed. */
    export function cputime(): number;
    /**
     * Calls `func` when a signal comes. `null` gives the signal its default action back, `undefined` ignores it. A signal
     * that no script may handle is `-EINVAL`. Undefined in workers, and where an embedder offers no signals.
     */
    export function signal(signal: number, func?: (() => void) | null): number | undefined;
    export const platform: "linux";
    /** Always `undefined`, which quickjs-ng returns where the path is not known. */
    export function exePath(): string | undefined;

    export class Worker {
        /** Starts a module, whose name is as seen from the caller's, on a thread of its own. */
        constructor(module: string);
        /** In a worker, the port to the script that started it. */
        static readonly parent?: Worker;
        postMessage(message: any): void;
        /** Stops the worker wherever it is. */
        terminate(): void;
        onmessage: ((event: { data: any }) => void) | null;
    }

    export const AF_INET: number, AF_INET6: number, AF_UNIX: number, AF_UNSPEC: number, AI_ADDRCONFIG: number;
    export const AI_ALL: number, AI_CANONNAME: number, AI_NUMERICHOST: number, AI_NUMERICSERV: number, AI_PASSIVE: number;
    export const AI_V4MAPPED: number, EAI_AGAIN: number, EAI_BADFLAGS: number, EAI_FAIL: number, EAI_FAMILY: number;
    export const EAI_MEMORY: number, EAI_NODATA: number, EAI_NONAME: number, EAI_SERVICE: number, EAI_SOCKTYPE: number;
    export const IPPROTO_IP: number, IPPROTO_IPV6: number, IPPROTO_TCP: number, IPPROTO_UDP: number, IPV6_ADD_MEMBERSHIP: number;
    export const IPV6_DROP_MEMBERSHIP: number, IPV6_JOIN_GROUP: number, IPV6_LEAVE_GROUP: number, IPV6_MTU: number;
    export const IPV6_MTU_DISCOVER: number, IPV6_MULTICAST_HOPS: number, IPV6_MULTICAST_IF: number, IPV6_MULTICAST_LOOP: number;
    export const IPV6_RECVHOPLIMIT: number, IPV6_RECVPKTINFO: number, IPV6_RECVTCLASS: number, IPV6_TCLASS: number;
    export const IPV6_UNICAST_HOPS: number, IPV6_V6ONLY: number, IP_ADD_MEMBERSHIP: number, IP_BIND_ADDRESS_NO_PORT: number;
    export const IP_DROP_MEMBERSHIP: number, IP_MTU: number, IP_MTU_DISCOVER: number, IP_MULTICAST_ALL: number;
    export const IP_MULTICAST_IF: number, IP_MULTICAST_LOOP: number, IP_MULTICAST_TTL: number, IP_PKTINFO: number;
    export const IP_RECVTOS: number, IP_RECVTTL: number, IP_TOS: number, IP_TTL: number, MSG_DONTWAIT: number;
    export const MSG_MORE: number, MSG_NOSIGNAL: number, MSG_OOB: number, MSG_PEEK: number, MSG_TRUNC: number;
    export const MSG_WAITALL: number, O_APPEND: number, O_CREAT: number, O_EXCL: number, O_RDONLY: number, O_RDWR: number;
    export const O_TRUNC: number, O_WRONLY: number, SHUT_RD: number, SHUT_RDWR: number, SHUT_WR: number, SOCK_BLOCK: number;
    export const SOCK_CLOEXEC: number, SOCK_DGRAM: number, SOCK_NONBLOCK: number, SOCK_RAW: number, SOCK_SEQPACKET: number;
    export const SOCK_STREAM: number;
    export const SIGABRT: number, SIGALRM: number, SIGCHLD: number, SIGCONT: number, SIGFPE: number, SIGHUP: number;
    export const SIGILL: number, SIGINT: number, SIGKILL: number, SIGPIPE: number, SIGQUIT: number, SIGSEGV: number;
    export const SIGSTOP: number, SIGTERM: number, SIGTSTP: number, SIGTTIN: number, SIGTTOU: number, SIGUSR1: number;
    export const SIGUSR2: number;
    export const SOL_IP: number, SOL_IPV6: number, SOL_SOCKET: number, SOL_TCP: number, SOL_UDP: number, SOMAXCONN: number;
    export const SO_ACCEPTCONN: number, SO_BINDTODEVICE: number, SO_BROADCAST: number, SO_DOMAIN: number, SO_DONTROUTE: number;
    export const SO_ERROR: number, SO_KEEPALIVE: number, SO_LINGER: number, SO_OOBINLINE: number, SO_PRIORITY: number;
    export const SO_PROTOCOL: number, SO_RCVBUF: number, SO_RCVLOWAT: number, SO_RCVTIMEO: number, SO_REUSEADDR: number;
    export const SO_REUSEPORT: number, SO_RXQ_OVFL: number, SO_SNDBUF: number, SO_SNDTIMEO: number, SO_TIMESTAMP: number;
    export const SO_TIMESTAMPNS: number, SO_TYPE: number, S_IFBLK: number, S_IFCHR: number, S_IFDIR: number;
    export const S_IFIFO: number, S_IFLNK: number, S_IFMT: number, S_IFREG: number, S_IFSOCK: number, S_ISGID: number;
    export const S_ISUID: number, TCP_CORK: number, TCP_DEFER_ACCEPT: number, TCP_FASTOPEN: number, TCP_FASTOPEN_CONNECT: number;
    export const TCP_KEEPCNT: number, TCP_KEEPIDLE: number, TCP_KEEPINTVL: number, TCP_LINGER2: number, TCP_MAXSEG: number;
    export const TCP_NODELAY: number, TCP_NOTSENT_LOWAT: number, TCP_QUICKACK: number, TCP_SYNCNT: number, TCP_USER_TIMEOUT: number;
    export const TCP_WINDOW_CLAMP: number;
    export const IP_ADD_SOURCE_MEMBERSHIP: number, IP_BLOCK_SOURCE: number, IP_DROP_SOURCE_MEMBERSHIP: number;
    export const IP_FREEBIND: number, IP_UNBLOCK_SOURCE: number, MCAST_BLOCK_SOURCE: number, MCAST_JOIN_GROUP: number;
    export const MCAST_JOIN_SOURCE_GROUP: number, MCAST_LEAVE_GROUP: number, MCAST_LEAVE_SOURCE_GROUP: number;
    export const MCAST_UNBLOCK_SOURCE: number, SO_BUSY_POLL: number, SO_PEERCRED: number, TCP_CONGESTION: number;
    export const TCP_INFO: number, UDP_GRO: number, UDP_SEGMENT: number;
}

declare module "qjs:std" {
    import { Bytes } from "qjs:os";

    export interface FILE {
        close(): number;
        puts(...values: unknown[]): void;
        printf(format: string, ...values: unknown[]): number;
        flush(): void;
        tell(): number;
        tello(): bigint;
        seek(offset: number | bigint, whence?: number): number;
        seeko(offset: number | bigint, whence?: number): number;
        eof(): boolean;
        fileno(): number;
        error(): boolean;
        clearerr(): void;
        read(buffer: Bytes, offset?: number, length?: number): number;
        /** A part of a string is counted in the bytes of its UTF-8. */
        write(content: string | Bytes, offset?: number, length?: number): number;
        /** `null` at the end. */
        getline(): string | null;
        readAsString(most?: number): string;
        readAsArrayBuffer(most?: number): ArrayBuffer;
        /** -1 at the end. */
        getByte(): number;
        putByte(byte: number): number;
    }

    export function exit(code?: number): never;
    export function gc(): void;
    export function evalScript(source: string, options?: { backtrace_barrier?: boolean; async?: boolean }): any;
    export function loadScript(path: string): any;
    export function loadFile(path: string, options: { binary: true }): Uint8Array | null;
    export function loadFile(path: string, options?: { binary?: false }): string | null;
    /** Throws where it cannot. */
    export function writeFile(path: string, content?: string | Bytes): void;
    export function getenv(name: string): string | undefined;
    export function setenv(name: string, value: string): void;
    export function unsetenv(name: string): void;
    export function getenviron(): Record<string, string>;
    export function strerror(errno: number): string;
    export function open(path: string, mode: string, error?: { errno?: number }): FILE | null;
    export function fdopen(fd: number, mode: string, error?: { errno?: number }): FILE | null;
    export function tmpfile(error?: { errno?: number }): FILE | null;
    export function puts(...values: unknown[]): void;
    export function printf(format: string, ...values: unknown[]): number;
    export function sprintf(format: string, ...values: unknown[]): string;
    export const SEEK_SET: number, SEEK_CUR: number, SEEK_END: number;
    /** Every errno by its name. */
    export const Error: Record<string, number>;
    const _in: FILE, _out: FILE, _err: FILE;
    export { _in as in, _out as out, _err as err };
}

declare module "std" {
    export * from "qjs:std";
}

declare module "guestnet:text" {
    import { Bytes } from "qjs:os";

    /** UTF-8. */
    export function encode(text: string): Uint8Array;
    /** What is no UTF-8 is replaced by U+FFFD. */
    export function decode(bytes: Bytes): string;
}

declare module "guestnet:io" {
    export class IoError extends Error {
        constructor(call: string, errno: number);
        readonly call: string;
        readonly errno: number;
        /** Its name, such as "ECONNRESET". */
        readonly code: string;
    }
    export class EndOfStream extends Error {}
    export type Source = number | { read(view: Uint8Array): number | Promise<number> };

    /** Turns a negative result of `os` into an `IoError`. */
    export function check<T>(call: string, result: T): T;
    export function checked<T>(call: string, promise: Promise<T>): Promise<T>;
    export function readable(fd: number): Promise<void>;
    export function writable(fd: number): Promise<void>;
    export function read(fd: number, view: Uint8Array): Promise<number>;
    export function write(fd: number, data: string | ArrayBuffer | ArrayBufferView): Promise<void>;
    export function concat(pieces: Uint8Array[]): Uint8Array;

    export class Reader implements AsyncIterable<string> {
        constructor(source: Source);
        readonly buffered: number;
        read(most?: number): Promise<Uint8Array | null>;
        readExact(count: number): Promise<Uint8Array>;
        readLine(limit?: number): Promise<string | null>;
        readLineBytes(limit?: number): Promise<Uint8Array | null>;
        readAll(limit?: number): Promise<Uint8Array>;
        [Symbol.asyncIterator](): AsyncIterator<string>;
    }
}

declare module "guestnet:http" {
    export type Content = string | ArrayBuffer | ArrayBufferView;
    export type BodyInit = Content | Iterable<Content> | AsyncIterable<Content> | null;
    export type HeadersInit = Headers | [string, string | number][] | Record<string, string | number>;
    export interface Limits {
        head: number;
        headers: number;
        body: number;
        idle: number;
        requests: number;
        connections: number;
        kept: number;
    }
    export const limits: Readonly<Limits>;

    export class HttpError extends Error {
        constructor(message: string, status?: number);
        readonly status: number;
    }
    export class Headers implements Iterable<[string, string]> {
        constructor(init?: HeadersInit);
        append(name: string, value: string | number): void;
        set(name: string, value: string | number): void;
        delete(name: string): void;
        get(name: string): string | null;
        getAll(name: string): string[];
        has(name: string): boolean;
        readonly size: number;
        [Symbol.iterator](): Iterator<[string, string]>;
    }
    export interface Body extends AsyncIterable<Uint8Array> {
        bytes(): Promise<Uint8Array>;
        text(): Promise<string>;
        json(): Promise<any>;
    }
    export interface Request {
        method: string;
        path: string;
        headers: Headers;
        body: Body & { skip(most?: number): Promise<boolean> };
        peer: any;
        version: "1.0" | "1.1";
    }
    export interface Answer extends Body {
        readonly status: number;
        readonly reason: string;
        readonly ok: boolean;
        readonly headers: Headers;
        cancel(): void;
    }
    export type Reply = string | { status?: number; headers?: HeadersInit; body?: BodyInit } | undefined | null;
    export interface Server {
        readonly address: any;
        readonly port: number;
        readonly connections: number;
        readonly finished: Promise<void>;
        close(): void;
    }
    export interface RequestOptions {
        method?: string;
        headers?: HeadersInit;
        body?: BodyInit;
    }

    export function parseUrl(url: string): { host: string; hostname: string; port: number; path: string };
    export class Client {
        constructor(options?: Partial<Limits>);
        request(url: string, options?: RequestOptions): Promise<Answer>;
        close(): void;
    }
    /** One request on a connection of its own. */
    export function request(url: string, options?: RequestOptions): Promise<Answer>;
    export function serve(
        options: { hostname?: string; port?: number; backlog?: number } & Partial<Limits>,
        handler: (request: Request) => Reply | Promise<Reply>,
    ): Promise<Server>;
}

declare module "guestnet:sockets" {
    import { FoundAddress } from "qjs:os";

    export interface Readable extends AsyncIterable<Uint8Array> {
        readonly locked: boolean;
        getReader(): {
            read(): Promise<{ value: Uint8Array | undefined; done: boolean }>;
            cancel(): Promise<void>;
            releaseLock(): void;
        };
        cancel(): Promise<void>;
    }
    export interface Writable {
        readonly locked: boolean;
        getWriter(): {
            write(data: string | ArrayBuffer | ArrayBufferView): Promise<void>;
            close(): Promise<void>;
            releaseLock(): void;
        };
    }
    export interface Socket {
        readonly readable: Readable;
        readonly writable: Writable;
        readonly opened: Promise<{ remoteAddress?: string; localAddress?: string }>;
        readonly closed: Promise<void>;
        close(): Promise<void>;
        startTls(): never;
    }

    export function connect(
        address: string | { hostname: string; port: number },
        options?: { secureTransport?: "off"; allowHalfOpen?: boolean },
    ): Socket;
    export function lookup(hostname: string, port: number | string): Promise<FoundAddress[]>;
    export function connectTo(hostname: string, port: number): Promise<number>;
    export function listenOn(hostname: string, port: number, backlog?: number): Promise<number>;
}
