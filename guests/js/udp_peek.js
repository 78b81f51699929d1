// guests/c/udp_peek.c in JavaScript.
import * as os from "os";
import { bytes, fact, localAddr, must, sameAddr, show, showData, udpBound } from "./t.js";

const client = await udpBound(os.AF_INET), server = await udpBound(os.AF_INET);
const buffer = new Uint8Array(16);
await must("sendto", os.sendto(client, localAddr(server), bytes("datagram")));
let [n, from] = await os.recvfrom(server, buffer, 4, os.MSG_PEEK);
await showData("peek 4", n, buffer);
fact("from the client", sameAddr(from, localAddr(client)));
await showData("peek", os.recv(server, buffer, {flags: os.MSG_PEEK}), buffer);
[n, from] = await os.recvfrom(server, buffer);
await showData("recvfrom", n, buffer);
fact("from the client", sameAddr(from, localAddr(client)));
await show("peek nothing", os.recv(server, buffer, {flags: os.MSG_PEEK | os.MSG_DONTWAIT}));
