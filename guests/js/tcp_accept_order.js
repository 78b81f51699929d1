// guests/c/tcp_accept_order.c in JavaScript. The accepts all wait before the first client comes.
import * as os from "os";
import { bytes, fact, localAddr, must, peerAddr, sameAddr, showData, tcp, tcpListener } from "./t.js";

const listener = await tcpListener(os.AF_INET);
const accepts = [];
for (let i = 0; i < 5; i++) accepts.push(os.accept(listener));
const clients = [];
for (let i = 0; i < 5; i++) {
    clients[i] = tcp(os.AF_INET);
    await must("connect", os.connect(clients[i], localAddr(listener)));
    await must("send", os.send(clients[i], bytes("abcde"[i])));
}
for (let i = 0; i < 5; i++) {
    const [fd] = await accepts[i];
    const name = new Uint8Array(1);
    await showData("recv", os.recv(fd, name), name);
    fact("it is the next client", sameAddr(peerAddr(fd), localAddr(clients[i])));
}
