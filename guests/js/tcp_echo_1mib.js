// guests/c/tcp_echo_1mib.c in JavaScript: the server echoes beside the client.
import * as os from "os";
import { CHECKSUM_START, checksum, fact, hex8, must, pattern, tcpPair } from "./t.js";

const TOTAL = 1024 * 1024;
const [client, server] = await tcpPair(os.AF_INET);
let sentSum = CHECKSUM_START, receivedSum = CHECKSUM_START;

const serve = async () => {
    const buffer = new Uint8Array(65536);
    for (let given = 0; given < TOTAL;) {
        const n = await must("server recv", os.recv(server, buffer));
        given += await must("server send", os.send(server, buffer, n, 0, true));
    }
};
const sending = async () => {
    const chunk = new Uint8Array(40000);
    let sent = 0;
    while (sent < TOTAL) {
        const count = Math.min(TOTAL - sent, chunk.length);
        for (let i = 0; i < count; i++) chunk[i] = pattern(sent + i);
        const n = await must("send", os.send(client, chunk, count));
        sentSum = checksum(sentSum, chunk.subarray(0, n));
        sent += n;
    }
    return sent;
};
const receiving = async () => {
    const chunk = new Uint8Array(30000);
    let received = 0;
    while (received < TOTAL) {
        const n = await must("recv", os.recv(client, chunk));
        receivedSum = checksum(receivedSum, chunk.subarray(0, n));
        received += n;
    }
    return received;
};
const [, sent, received] = await Promise.all([serve(), sending(), receiving()]);
print(`sent: ${sent}`);
print(`received: ${received}`);
fact("checksums agree", sentSum === receivedSum);
print(`checksum: ${hex8(receivedSum)}`);
