// tcp_bulk recv PORT BYTES: 64 KiB a call.
import * as os from "os";

const [, , port, bytes] = scriptArgs;
const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
await os.connect(fd, { addr: "127.0.0.1", port: Number(port) });
const buffer = new Uint8Array(65536);
for (let left = Number(bytes); left > 0;) {
    const count = await os.recv(fd, buffer);
    if (count === 0) throw new Error("the peer closed early");
    left -= count;
}
os.close(fd);
