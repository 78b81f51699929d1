// Fetches one page and prints it.
//
//   guestnet run --allow-connect example.org:80 http_client.js example.org 80 /
import * as os from "os";
import * as std from "std";

const [, host = "127.0.0.1", port = "8080", path = "/"] = scriptArgs;
const found = await os.getaddrinfoAsync(host, {service: port, socktype: os.SOCK_STREAM});

/** Tries one address after the other. */
const connect = async () => {
    let last;
    for (const addr of found) {
        const fd = os.socket(addr.family, os.SOCK_STREAM);
        try {
            await os.connect(fd, addr);
            return fd;
        } catch (error) {
            last = error;
            os.close(fd);
        }
    }
    throw new Error(`cannot connect to ${host}: ${std.strerror(-last)}`);
};

const fd = await connect();
const request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
await os.send(fd, Uint8Array.from(request, character => character.charCodeAt(0)).buffer, undefined, 0, true);
const chunk = new Uint8Array(65536);
for (let count; (count = await os.recv(fd, chunk.buffer)) > 0;) {
    std.out.write(chunk.buffer, 0, count);
}
std.out.flush();
os.close(fd);
