// guests/c/tcp_ping_pong.c in JavaScript.
import * as os from "os";
import { must, setInt, show, tcpPair } from "./t.js";

const [client, server] = await tcpPair(os.AF_INET);
await must("TCP_NODELAY", setInt(client, os.IPPROTO_TCP, os.TCP_NODELAY, 1));
await must("TCP_NODELAY", setInt(server, os.IPPROTO_TCP, os.TCP_NODELAY, 1));
let right = 0;
const message = new Int32Array(1), echoed = new Int32Array(1);
for (let i = 0; i < 1000; i++) {
    message[0] = i;
    await must("send", os.send(client, message));
    await must("server recv", os.recv(server, echoed, {fully: true}));
    echoed[0]++;
    await must("server send", os.send(server, echoed));
    await must("recv", os.recv(client, message, {fully: true}));
    if (message[0] === i + 1) right++;
}
await show("round trips", right);
