// tcp_echo blocking PORT COUNT: 64 bytes there and back, one after the other.
import * as os from "os";

const [port, count] = scriptArgs.slice(2).map(Number);
const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
await os.connect(fd, { addr: "127.0.0.1", port });
os.setsockopt(fd, os.IPPROTO_TCP, os.TCP_NODELAY, 1);
const message = new Uint8Array(64);
const buffer = new Uint8Array(64);
for (let i = 0; i < count; i++) {
    os.send(fd, message);
    if (await os.recv(fd, buffer, 64, 0, true) !== 64) throw new Error("the peer closed early");
}
os.close(fd);
