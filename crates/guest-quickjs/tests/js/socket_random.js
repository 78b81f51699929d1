// Random calls on random sockets with random buffers, which change, close and duplicate what other calls wait for. What each
// does is not looked at: the script must come to its end, and nothing may be thrown that is not a call's own error. The line
// before this says the seed.
const OPERATIONS = 4000;

let state = seed;
const random = count => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
};
const pick = list => list[random(list.length)];

const MOST = 150;
const fds = [];
const buffers = [];
const addresses = [any, {family: os.AF_UNSPEC}, {family: os.AF_INET6, addr: "::1", port: 0}];
const timers = [];
let [calls, settled] = [0, 0];

const fd = () => (fds.length > 0 && random(50) > 0 ? pick(fds) : pick([-1, 999, 2 ** 20]));
const add = (...more) => {
    fds.push(...more.filter(fd => fd > 2));
    while (fds.length > MOST) os.close(fds.splice(random(fds.length), 1)[0]);
};
const size = () => pick([0, 1, 7, 100, 4096, 65536, 300000]);
const fresh = () => {
    const length = size();
    const buffer = pick([
        () => new ArrayBuffer(length),
        () => new ArrayBuffer(length, {maxByteLength: length * 2 + 8}),
        () => new SharedArrayBuffer(length),
        () => new SharedArrayBuffer(length, {maxByteLength: length * 2 + 8}),
        () => new ArrayBuffer(length).transferToImmutable(),
    ])();
    const offset = random(length + 1) & ~7;
    return pick([
        () => buffer,
        () => new Uint8Array(buffer),
        () => new Uint8Array(buffer, offset),
        () => new Uint8Array(buffer, 0, offset),
        () => new DataView(buffer, offset),
        () => new Float64Array(buffer, offset, Math.floor((length - offset) / 8)),
    ])();
};
const buffer = () => {
    if (buffers.length === 0 || random(3) === 0) buffers.push(fresh());
    while (buffers.length > 40) buffers.splice(random(buffers.length), 1);
    return pick(buffers);
};
const options = () => pick([
    undefined, random(100), {fully: true}, {offset: random(100), length: random(5000)}, {flags: os.MSG_DONTWAIT, fully: true},
    {flags: os.MSG_PEEK}, {flags: os.MSG_WAITALL | os.MSG_TRUNC}, {length: 2 ** 40, offset: 2 ** 40},
]);

/** A call's outcome may be anything that a call has: a result, a number as its rejection, an error of an argument. */
const attempt = call => {
    calls++;
    try {
        const result = call();
        if (!(result instanceof Promise)) return result;
        result.then(() => { settled++; }, error => {
            settled++;
            if (typeof error !== "number" || error >= 0) throw error;
        });
    } catch (error) {
        if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    }
};

const operations = [
    () => add(os.socket(pick([os.AF_INET, os.AF_INET6, os.AF_UNIX]), pick([os.SOCK_STREAM, os.SOCK_DGRAM]))),
    () => add(...os.socketpair(os.AF_UNIX, pick([os.SOCK_STREAM, os.SOCK_DGRAM]))),
    () => {
        const [fd, addr] = pick([listener, udp])();
        add(fd);
        addresses.push(addr);
        if (addresses.length > 20) addresses.splice(3, 1);
    },
    () => {
        const [l, addr] = listener();
        const client = os.socket(os.AF_INET, os.SOCK_STREAM);
        os.accept(l).then(([fd]) => { add(fd); os.close(l); }, () => {});
        os.connect(client, addr).catch(() => {});
        add(client);
    },
    () => os.connect(fd(), pick(addresses)),
    () => os.accept(fd()).then(([fd]) => add(fd)),
    () => os.recv(fd(), buffer(), options()),
    () => os.recv(fd(), buffer(), options()),
    () => os.recvfrom(fd(), buffer(), options()),
    () => os.send(fd(), buffer(), options()),
    () => os.send(fd(), buffer(), options()),
    () => os.sendto(fd(), pick(addresses), buffer(), options()),
    () => os.sendto(fd(), buffer(), random(100), pick(addresses)),
    () => os.read(fd(), buffer(), random(100), random(100)),
    () => os.write(fd(), buffer(), random(100), random(100)),
    () => os.shutdown(fd(), random(4)),
    () => os.close(fd()),
    () => os.close(fd()),
    () => add(os.dup(fd())),
    () => fds.length > 1 && os.dup2(pick(fds), pick(fds)),
    () => os.setReadHandler(fd(), pick([null, step, step])),
    () => os.setWriteHandler(fd(), pick([null, null, step])),
    () => os.getsockopt(fd(), pick([os.SO_TYPE, os.SO_ERROR, os.SO_RCVBUF, os.SO_LINGER]), buffer()),
    () => os.setsockopt(fd(), pick([os.SO_RCVBUF, os.SO_SNDBUF, os.SO_RCVLOWAT]), pick([1, 4096, buffer()])),
    () => os.getpeername(fd()) ?? os.getsockname(fd()),
    () => os.getaddrinfoAsync(pick(["127.0.0.1", "::1", "not a name"]), random(100)),
    () => { timers.push(os.setTimeout(step, random(3))); },
    () => os.clearTimeout(pick(timers)),
    () => std.gc(),
    // What changes a buffer that an operation waits with.
    () => { const it = buffer(); (it.buffer ?? it).transfer(); },
    () => { const it = buffer(); (it.buffer ?? it).transferToImmutable(); },
    () => { const it = buffer(); (it.buffer ?? it).resize(random(5000)); },
    () => { const it = buffer(); (it.buffer ?? it).grow(random(5000)); },
];
const step = () => attempt(pick(operations));

for (let done = 0; done < OPERATIONS; done++) {
    step();
    if (random(10) === 0) await os.sleepAsync(0);
}
for (const fd of fds) {
    os.setReadHandler(fd, null);
    os.setWriteHandler(fd, null);
}
for (const timer of timers) os.clearTimeout(timer);
for (const fd of fds) os.close(fd);
await os.sleepAsync(0);
print(calls >= OPERATIONS, settled > OPERATIONS / 10);
std.exit(0);
