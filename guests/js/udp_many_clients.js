// guests/c/udp_many_clients.c in JavaScript.
import * as os from "os";
import { bytes, localAddr, must, showData, udpBound } from "./t.js";

const server = await udpBound(os.AF_INET), clients = [];
for (let i = 0; i < 8; i++) {
    clients[i] = await udpBound(os.AF_INET);
    await must("sendto", os.sendto(clients[i], localAddr(server), bytes("abcdefgh"[i])));
}
for (let i = 0; i < 8; i++) {
    const name = new Uint8Array(1);
    const [, from] = await must("recvfrom", os.recvfrom(server, name));
    await must("sendto", os.sendto(server, name, 1, from));
}
for (let i = 0; i < 8; i++) {
    const answer = new Uint8Array(4);
    await showData("client recv", os.recv(clients[i], answer), answer);
}
