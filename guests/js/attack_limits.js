// What guests/c/app_limits.c does, with the calls of os:
//   peek recv|recvfrom udp|tcp PORT | twice PORT | short PORT | empty PORT MS | connect PORT MS
import * as os from "os";
import * as std from "std";

const [, mode, ...rest] = scriptArgs;
const room = new Uint8Array(65536);
const nothing = new Uint8Array(0);
const to = port => ({ family: os.AF_INET, addr: "127.0.0.1", port: Number(port) });
const names = Object.fromEntries(Object.entries(std.Error).map(([name, number]) => [number, name]));
const named = error => typeof error === "number" ? names[-error].replace("EWOULDBLOCK", "EAGAIN") : String(error);

async function look(call, fd, flags) {
    if (call === "recv") return os.recv(fd, room, room.length, flags);
    return (await os.recvfrom(fd, room, room.length, flags))[0];
}

async function peek(call, kind, port) {
    let seen = 0;
    let fd = -1;
    try {
        if (kind === "udp") {
            fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
            await os.connect(fd, to(port));
            await os.send(fd, nothing);
        }
        for (;;) {
            if (kind === "tcp") {
                fd = os.socket(os.AF_INET, os.SOCK_STREAM);
                await os.connect(fd, to(port));
            }
            seen += await look(call, fd, os.MSG_PEEK);
            if (kind === "tcp") os.close(fd);
            else await os.recv(fd, nothing, 0);
        }
    } catch (error) {
        print(`saw ${seen} then ${named(error)}`);
    }
}

async function twice(port) {
    let taken = 0;
    try {
        const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
        await os.connect(fd, to(port));
        for (let count; (count = await os.recv(fd, room, 100, os.MSG_PEEK)) > 0;) {
            count = await os.recv(fd, room, count, os.MSG_PEEK);
            taken += await os.recv(fd, room, count);
        }
        print(`took ${taken} then the end`);
    } catch (error) {
        print(`took ${taken} then ${named(error)}`);
    }
}

async function short(port) {
    let taken = 0;
    const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
    await os.connect(fd, to(port));
    await os.send(fd, nothing);
    try {
        for (;; taken++) await os.recv(fd, room, 1);
    } catch (error) {
        print(`took ${taken} then ${named(error)}`);
    }
}

async function storm(ms, act) {
    const start = os.now();
    let count = 0;
    let refused = "EAGAIN";
    while (os.now() - start < ms) {
        try {
            await act();
            count++;
        } catch (error) {
            if (named(error) !== "EAGAIN") refused = named(error);
        }
    }
    print(`sent ${count} refused ${refused} in ${Math.round(os.now() - start)}`);
}

if (mode === "peek") await peek(...rest);
if (mode === "twice") await twice(...rest);
if (mode === "short") await short(...rest);
if (mode === "empty") {
    const fd = os.socket(os.AF_INET, os.SOCK_DGRAM);
    await os.connect(fd, to(rest[0]));
    await storm(rest[1], () => os.send(fd, nothing, 0, os.MSG_DONTWAIT));
}
if (mode === "connect") {
    // A promise waits for its turn: what is counted is how many there are in all.
    await storm(rest[1], async () => {
        const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
        await os.connect(fd, to(rest[0]));
        os.close(fd);
    });
}
