// Lines over UDP, as `nc -u` has them: each line of standard input is a datagram, each datagram that comes is a line.
//
//   guestnet run --allow-connect udp://192.0.2.7:9000 udp.js 192.0.2.7 9000
//   guestnet run --allow-listen udp://0.0.0.0:9000 --allow-connect udp://192.0.2.0/24 udp.js -l 0.0.0.0 9000
//
// With -l it waits for a peer, and its lines go to the peer that wrote last. With -e it also sends every datagram back.
// With -c COUNT it ends after so many datagrams. A client without -c ends when its input has ended and nothing came for
// a second; a listener ends at Ctrl-C.
import * as os from "os";
import * as std from "std";
import { Reader } from "guestnet:io";
import { decode, encode } from "guestnet:text";

const QUIET = 1000;
const LARGEST = 65535;

const fail = (what, number) => {
    std.err.puts(`${what}: ${number < -1000 ? "there is no such name" : std.strerror(-number)}\n`);
    std.exit(1);
};
const must = (what, result) => (typeof result === "number" && result < 0 ? fail(what, result) : result);

const words = scriptArgs.slice(1);
/** Takes an option, with so many words behind it, out of the arguments; undefined if it is not there. */
const option = (flag, values) => {
    const place = words.indexOf(flag);
    return place < 0 ? undefined : words.splice(place, 1 + values).at(-1);
};
const echoes = option("-e", 0), listens = option("-l", 0), count = Number(option("-c", 1) ?? Infinity);
const [host = "127.0.0.1", port = "9000"] = words;

/** A socket that is open already, or a new one; and its peer, if that is known. */
const open = async () => {
    if (listens && std.getenv("LISTEN_FDS")) return [3];
    const hints = {service: port, socktype: os.SOCK_DGRAM, flags: listens ? os.AI_PASSIVE : 0};
    const [addr] = await os.getaddrinfoAsync(host, hints).catch(error => fail(host, error));
    const fd = must("socket", os.socket(addr.family, os.SOCK_DGRAM));
    if (listens) {
        must(`${host}:${port}`, os.bind(fd, addr));
        return [fd];
    }
    // A connected socket reports a port without a listener, and receives nothing from other peers.
    await os.connect(fd, addr).catch(error => fail(`${host}:${port}`, error));
    return [fd, addr];
};

let [fd, peer] = await open();
let [received, timer, over] = [0, undefined, false];

/** A client waits so long for one more datagram. */
const linger = () => {
    if (listens || !over || count < Infinity) return;
    os.clearTimeout(timer);
    // Closing the socket rejects the receive that waits.
    timer = os.setTimeout(() => os.close(fd), QUIET);
};

const send = bytes => (listens ? os.sendto(fd, peer, bytes) : os.send(fd, bytes));

const say = async () => {
    for await (const line of new Reader(0)) {
        if (!peer) std.err.puts("no peer has written yet\n");
        else await send(encode(line)).catch(error => std.err.puts(`not sent: ${std.strerror(-error)}\n`));
    }
    over = true;
    linger();
};

const receive = async () => {
    const buffer = new Uint8Array(LARGEST);
    while (received < count) {
        const [length, from] = await os.recvfrom(fd, buffer);
        const bytes = buffer.slice(0, length);
        if (listens) peer = from;
        received++;
        std.out.puts(`${decode(bytes)}\n`);
        std.out.flush();
        if (echoes) await send(bytes);
        linger();
    }
};

// Ends the receive below, and with it everything. Not every host of scripts has signals.
os.signal?.(os.SIGINT, () => os.close(fd));

if (listens) {
    const {addr, port} = must("getsockname", os.getsockname(fd));
    print(`listening on udp ${addr} port ${port}`);
}
say().catch(error => std.err.puts(`standard input: ${error.message}\n`));
try {
    await receive();
} catch (error) {
    if (typeof error !== "number") throw error;
    if (error !== -std.Error.ECANCELED) fail(`${host}:${port}`, error);
}
std.err.puts(`${received} received\n`);
std.exit(0);
