// guests/c/tcp_close_delivers.c in JavaScript.
import * as os from "os";
import { CHECKSUM_START, bytes, checksum, hex8, must, show, tcpPair } from "./t.js";

const [a, b] = await tcpPair(os.AF_INET);
for (let i = 0; i < 100; i++) await must("send", os.send(a, bytes("0123456789")));
await show("close", os.close(a));
const buffer = new Uint8Array(2000);
const n = await show("bytes", os.recv(b, buffer, {fully: true}));
print(`checksum: ${hex8(checksum(CHECKSUM_START, buffer.subarray(0, n)))}`);
await show("recv", os.recv(b, buffer));
