// Uses everything that guestnet.d.ts, with os.d.ts and globals.d.ts, declares for "os", rightly, and wrongly where the compiler must say so. The step
// "types" of `cargo xtask test` compiles it; nothing runs it.
import * as os from "os";
import * as same from "qjs:os";

const words: string[] = scriptArgs;
print("any", 1, null, words);
console.log(performance.now().toFixed());

const bytes: os.Bytes[] = [
    new ArrayBuffer(1),
    new SharedArrayBuffer(1),
    new Uint8Array(1),
    new Float64Array(1),
    new DataView(new ArrayBuffer(1)),
];
const [buffer] = bytes;
const inet: os.Address = {addr: "127.0.0.1", port: 80};
const inet6: os.Address = {family: os.AF_INET6, addr: "fe80::1", port: 80, scope: 2};
const unix: os.Address = {family: os.AF_UNIX, path: "/run/socket"};
const none: os.Address = {family: os.AF_UNSPEC};
// @ts-expect-error: an address of IP has a port.
const portless: os.Address = {addr: "127.0.0.1"};
// @ts-expect-error: a port is a number.
const named: os.Address = {addr: "127.0.0.1", port: "http"};

export const fd: os.Result = os.socket(os.AF_INET, os.SOCK_STREAM);
os.socket(os.AF_INET, os.SOCK_DGRAM | os.SOCK_BLOCK, os.IPPROTO_UDP);
// @ts-expect-error: the type is needed.
os.socket(os.AF_INET);
const pair = os.socketpair(os.AF_UNIX, os.SOCK_STREAM, 0);
if (typeof pair !== "number") pair[0] + pair[1];
const results: number[] = [
    os.bind(fd, inet),
    os.listen(fd),
    os.listen(fd, 128),
    os.shutdown(fd, os.SHUT_RDWR),
    os.getsockopt(fd, os.SO_TYPE, buffer),
    os.getsockopt(fd, os.SOL_TCP, os.TCP_NODELAY, buffer),
    os.setsockopt(fd, os.SO_REUSEADDR, buffer),
    os.setsockopt(fd, os.SO_REUSEADDR, 1),
    os.setsockopt(fd, os.SOL_TCP, os.TCP_NODELAY, true),
];
// @ts-expect-error: what is read goes to a buffer.
os.getsockopt(fd, os.SO_TYPE, 1);
// @ts-expect-error: an address is an object.
os.bind(fd, "127.0.0.1:80");
for (const addr of [os.getsockname(fd), os.getpeername(fd)]) {
    if (typeof addr === "number") results.push(addr);
    else if (addr.path !== undefined) print(addr.family, addr.path.length);
    else print(addr.family, addr.addr.length, addr.port + 1, addr.scope);
}

const hints: os.Hints = {service: "http", family: os.AF_INET, socktype: os.SOCK_STREAM, flags: os.AI_PASSIVE};
const found = os.getaddrinfo("localhost", hints);
if (typeof found !== "number") {
    const first: os.FoundAddress = found[0];
    print(first.family, first.addr, first.port, first.socktype, first.scope, first.canonname);
    os.bind(fd, first);
}
os.getaddrinfo(null, 80);
os.getaddrinfo("localhost");
const [one] = await os.getaddrinfoAsync("localhost", "80");
// @ts-expect-error: an unknown hint.
os.getaddrinfo("localhost", {protocol: 6});

results.push(await os.connect(fd, one), await os.connect(fd, inet6), await os.connect(fd, unix), await os.connect(fd, none));
const [accepted, peer] = await os.accept(fd);
print(accepted + 1, peer.family + 1, peer.addr);
if (peer.addr !== undefined) print(peer.port + 1);
// @ts-expect-error: a peer may have a path instead.
peer.port + 1;
const options: os.TransferOptions = {length: 1, offset: 0, flags: os.MSG_PEEK, fully: true};
results.push(
    await os.recv(fd, buffer),
    await os.recv(fd, buffer, 1, os.MSG_DONTWAIT, true),
    await os.recv(fd, buffer, options),
    await os.send(fd, buffer),
    await os.send(fd, buffer, 1, os.MSG_MORE, true),
    await os.send(fd, buffer, options),
    await os.sendto(fd, inet, buffer),
    await os.sendto(fd, inet, buffer, 1, 0),
    await os.sendto(fd, buffer, 1, inet, 0),
    await os.sendto(fd, buffer, inet),
);
const [count, from] = await os.recvfrom(fd, buffer, 1, 0);
results.push(await os.sendto(fd, from, buffer, count));
const controller = new AbortController();
const {signal} = controller;
const ending: os.Abortable = {signal: AbortSignal.any([signal, AbortSignal.timeout(1)])};
results.push(
    await os.connect(fd, inet, {signal}),
    (await os.accept(fd, ending))[0],
    await os.recv(fd, buffer, {signal, fully: true}),
    (await os.recvfrom(fd, buffer, {signal, length: 1}))[0],
    await os.send(fd, buffer, {signal: null}),
    await os.sendto(fd, inet, buffer, {signal, flags: 0}),
    await os.sendto(fd, buffer, 1, inet, {signal}),
    (await os.getaddrinfoAsync("localhost", {service: 80, signal})).length,
);
controller.abort(new Error("enough"));
// @ts-expect-error: the controller is not its signal.
os.accept(fd, {signal: controller});
// @ts-expect-error: what holds everything cannot be ended by a signal.
os.getaddrinfo("localhost", {service: 80, signal});
// @ts-expect-error: datagrams are moved whole.
os.recvfrom(fd, buffer, {fully: true});
// @ts-expect-error: an array is no buffer.
os.send(fd, [1, 2, 3]);
// @ts-expect-error: nor is a string.
os.send(fd, "text");
// @ts-expect-error: a promise is not its value.
results.push(os.recv(fd, buffer));
os.setReadHandler(fd, () => print("ready"));
os.setWriteHandler(fd, null);
// @ts-expect-error: a handler is taken away with null.
os.setReadHandler(fd, undefined);

results.push(
    os.open("/file", os.O_RDWR | os.O_CREAT, 0o644),
    os.open("/file", os.O_RDONLY),
    os.open("/file"),
    os.seek(fd, 0, 0),
    os.seek(fd, 0),
    os.utimes("/file", Date.now(), 0),
    os.cputime(),
    os.read(fd, buffer),
    os.read(fd, buffer, 0, 1),
    os.write(fd, buffer),
    os.write(fd, buffer, 0, 1),
    os.dup(fd),
    os.dup2(fd, 9),
    os.mkdir("/dir"),
    os.mkdir("/dir", 0o755),
    os.remove("/dir"),
    os.rename("/a", "/b"),
    os.symlink("/a", "/b"),
    os.chdir("/"),
    os.close(fd),
);
const place: bigint = os.seek(fd, 0n, 0);
// @ts-expect-error: a place as a number is asked for with a number.
const wrong: bigint = os.seek(fd, 0, 0);
const terminal: boolean = os.isatty(0);
const ends = os.pipe();
if (ends) os.close(ends[0]);
// @ts-expect-error: it may be null.
os.pipe()[0];
for (const [info, errno] of [os.stat("/file"), os.lstat("/file")]) {
    if (info !== null) print(info.size + info.mtime, (info.mode & os.S_IFMT) === os.S_IFDIR, errno);
}
for (const [path, number] of [os.mkdtemp(), os.mkdtemp("/dXXXXXX"), os.mkstemp(), os.mkstemp("/f")]) print(path.length, number + 1);
// @ts-expect-error: it may not be known.
os.exePath().length;
const [names]: [string[], number] = os.readdir("/");
for (const [path, errno] of [os.realpath("/a"), os.readlink("/a"), os.getcwd()]) print(path.length, errno + 1);

const timer: number = os.setTimeout(() => {}, 10);
os.setTimeout(() => {});
os.clearTimeout(timer);
os.clearTimeout(undefined);
os.clearInterval(os.setInterval(() => {}));
os.setInterval(() => {}, 10) + 1;
results.push(os.sleep(1), os.now());
const slept: void = await os.sleepAsync(1);
// @ts-expect-error: a function is needed.
os.setTimeout("print()", 10);
const refused: number | undefined = os.signal(os.SIGINT, () => print("interrupted"));
os.signal(os.SIGTERM, null);
os.signal(os.SIGHUP, undefined);
os.signal(os.SIGUSR1);
// @ts-expect-error: a signal is its number.
os.signal("SIGINT", null);
const platform: "linux" = os.platform;

const worker = new os.Worker("./worker.js");
worker.postMessage({any: ["thing", new SharedArrayBuffer(1)]});
worker.onmessage = event => print(event.data);
worker.onmessage = null;
worker.terminate();
os.Worker.parent?.postMessage("hello");
// @ts-expect-error: in who has started it there is no parent.
os.Worker.parent.postMessage("hello");

const numbers: number[] = [os.SOMAXCONN, os.EAI_NONAME, os.IPV6_V6ONLY, os.IP_TTL, os.SO_LINGER, same.MSG_WAITALL];
// @ts-expect-error: constants are constants.
os.AF_INET = 3;
// @ts-expect-error: what guestnet does not offer is not there.
os.exec(["ls"]);
export {inet, named, names, numbers, place, platform, portless, refused, results, slept, terminal, wrong};
