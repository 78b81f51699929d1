// guests/c/udp_connected_filter.c in JavaScript.
import * as os from "os";
import { bytes, localAddr, show, showData, udpBound, udpPair } from "./t.js";

const [fd, peer] = await udpPair(os.AF_INET);
const stranger = await udpBound(os.AF_INET);
const buffer = new Uint8Array(16);
await show("the stranger's sendto", os.sendto(stranger, localAddr(fd), bytes("stranger")));
await show("the peer's send", os.send(peer, bytes("peer")));
await showData("recv", os.recv(fd, buffer), buffer);
await show("recv nothing more", os.recv(fd, buffer, {flags: os.MSG_DONTWAIT}));
