// guests/c/tcp_many_connections.c in JavaScript.
import * as os from "os";
import { acceptOne, localAddr, must, show, tcp, tcpListener } from "./t.js";

const COUNT = 200;
const listener = await tcpListener(os.AF_INET);
const clients = [], servers = [];
for (let i = 0; i < COUNT; i++) {
    clients[i] = tcp(os.AF_INET);
    await must("connect", os.connect(clients[i], localAddr(listener)));
    servers[i] = await acceptOne(listener);
}
// The accepting ends speak first, as in C.
for (let i = COUNT - 1; i >= 0; i--) await must("send", os.send(servers[i], Int32Array.of(i)));
let right = 0;
const value = new Int32Array(1), answer = new Int32Array(1);
for (let i = 0; i < COUNT; i++) {
    await must("receive", os.recv(clients[i], value, {flags: os.MSG_WAITALL}));
    await must("answer", os.send(clients[i], value));
    if (await os.recv(servers[i], answer, {flags: os.MSG_WAITALL}) === 4 && value[0] === i && answer[0] === i) right++;
}
await show("connections that got their own data", right);
let closed = 0;
for (let i = 0; i < COUNT; i++) {
    os.close(clients[i]);
    if (await os.recv(servers[i], value) === 0) closed++;
}
await show("connections that saw the end", closed);
