// Asks a DNS server for the addresses of a name, over UDP.
//
//   guestnet run --allow-connect udp://192.0.2.53:53 --allow-resolve example.org dns.js example.org
//
// 192.0.2.53 is answered by guestnet itself, under the policy; another server may be named behind the name.
import * as os from "os";
import * as std from "std";

const TYPES = {A: 1, AAAA: 28};

const query = (id, name, type) => {
    const bytes = [id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for (const label of name.replace(/\.$/, "").split(".")) {
        if (label.length === 0 || label.length > 63) throw new Error(`not a name: ${name}`);
        bytes.push(label.length, ...Array.from(label, character => character.charCodeAt(0)));
    }
    return Uint8Array.of(...bytes, 0, 0, type, 0, 1);
};

/** The addresses in an answer. */
const addresses = bytes => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const skipName = at => {
        while (view.getUint8(at) !== 0) {
            if (view.getUint8(at) >= 192) return at + 2;
            at += view.getUint8(at) + 1;
        }
        return at + 1;
    };
    const code = view.getUint8(3) & 15;
    if (code !== 0) throw new Error(code === 3 ? "there is no such name" : `the server says ${code}`);
    let at = 12;
    for (let count = view.getUint16(4); count > 0; count--) at = skipName(at) + 4;
    const found = [];
    for (let count = view.getUint16(6); count > 0; count--) {
        at = skipName(at);
        const type = view.getUint16(at), length = view.getUint16(at + 8), data = at + 10;
        if (type === TYPES.A) found.push(Array.from({length: 4}, (_, i) => view.getUint8(data + i)).join("."));
        if (type === TYPES.AAAA)
            found.push(Array.from({length: 8}, (_, i) => view.getUint16(data + 2 * i).toString(16)).join(":"));
        at = data + length;
    }
    return found;
};

const ask = async (server, name, type) => {
    const fd = os.socket(server.family, os.SOCK_DGRAM);
    // Closing the socket rejects the receive that waits.
    const timer = os.setTimeout(() => os.close(fd), 5000);
    try {
        await os.connect(fd, server);
        const id = Math.floor(Math.random() * 65536);
        await os.send(fd, query(id, name, type));
        const buffer = new Uint8Array(4096);
        for (;;) {
            const count = await os.recv(fd, buffer);
            if (count >= 12 && ((buffer[0] << 8) | buffer[1]) === id) return addresses(buffer.subarray(0, count));
        }
    } catch (error) {
        throw error === -125 ? new Error("no answer in 5 seconds") : error;
    } finally {
        os.clearTimeout(timer);
        os.close(fd);
    }
};

const [, name = "localhost", host = "192.0.2.53", port = 53] = scriptArgs;
const server = {family: host.includes(":") ? os.AF_INET6 : os.AF_INET, addr: host, port: Number(port)};
try {
    const found = await Promise.all(Object.values(TYPES).map(type => ask(server, name, type)));
    print(found.flat().join("\n"));
} catch (error) {
    std.err.puts(`${name}: ${typeof error === "number" ? std.strerror(-error) : error.message}\n`);
    std.exit(1);
}
