// A chat: each line that one client sends goes to all others.
//
//   guestnet run --listen tcp://127.0.0.1:7000 chat_server.js
//   guestnet run --allow-listen 127.0.0.1:7000 chat_server.js 127.0.0.1 7000
import * as os from "os";
import * as std from "std";

/** The server keeps no more than this for one client: a client that does not read is shut out. */
const MAX_WAITING = 1 << 20;

/** The clients: descriptor -> what waits to be sent. */
const people = new Map();

const leave = fd => {
    if (people.delete(fd)) os.close(fd);
};

const say = (from, bytes) => {
    for (const [fd, person] of people) {
        if (fd === from) continue;
        person.waiting += bytes.length;
        if (person.waiting > MAX_WAITING) {
            leave(fd);
            continue;
        }
        // Sends on one descriptor go out in the order of the calls.
        os.send(fd, bytes, undefined, 0, true).then(count => { person.waiting -= count; }, () => leave(fd));
    }
};

const listen = async fd => {
    people.set(fd, {waiting: 0});
    let line = new Uint8Array(0);
    const buffer = new Uint8Array(4096);
    try {
        for (let count; (count = await os.recv(fd, buffer)) > 0;) {
            const joined = new Uint8Array(line.length + count);
            joined.set(line);
            joined.set(buffer.subarray(0, count), line.length);
            const end = joined.lastIndexOf(10) + 1;
            if (end > 0) say(fd, joined.slice(0, end));
            line = joined.slice(end);
            if (line.length > 65536) break;
        }
    } catch {
        // Gone.
    }
    leave(fd);
};

const [, host = "127.0.0.1", port = "7000"] = scriptArgs;
let listener = 3;
if (!std.getenv("LISTEN_FDS")) {
    listener = os.socket(os.AF_INET, os.SOCK_STREAM);
    const failed = [os.bind(listener, {addr: host, port}), os.listen(listener, 1024)].find(result => result < 0);
    if (failed) {
        std.err.puts(`cannot listen on ${host}:${port}: ${std.strerror(-failed)}\n`);
        std.exit(1);
    }
}
for (;;) {
    const [fd] = await os.accept(listener);
    listen(fd);
}
