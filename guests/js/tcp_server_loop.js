// guests/c/tcp_server_loop.c in JavaScript, with handlers in the place of poll.
import * as os from "os";
import { bytes, localAddr, show, tcp, tcpListener } from "./t.js";

const CLIENTS = 20;
const listener = await tcpListener(os.AF_INET);
let answers = 0, ends = 0;
const finished = async () => {
    if (answers < CLIENTS || ends < CLIENTS) return;
    os.setReadHandler(listener, null);
    await show("answers", answers);
    await show("ends", ends);
};
os.setReadHandler(listener, async () => {
    const [fd] = await os.accept(listener);
    const byte = new Uint8Array(1);
    os.setReadHandler(fd, () => {
        if (os.read(fd, byte.buffer, 0, 1) === 1) {
            os.write(fd, byte.buffer, 0, 1);
        } else {
            ends++;
            os.close(fd);
            finished();
        }
    });
});
for (let i = 0; i < CLIENTS; i++) {
    const fd = tcp(os.AF_INET), name = bytes(String.fromCharCode(97 + i)), byte = new Uint8Array(1);
    os.connect(fd, localAddr(listener)).then(() => os.send(fd, name));
    os.setReadHandler(fd, () => {
        if (os.read(fd, byte.buffer, 0, 1) !== 1) return;
        if (byte[0] === name[0]) answers++;
        os.close(fd);
        finished();
    });
}
