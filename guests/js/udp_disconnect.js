// guests/c/udp_disconnect.c in JavaScript.
import * as os from "os";
import { bytes, fact, localAddr, must, peerAddr, sameAddr, show, showAddr, showData, udp, udpBound, udpPair } from "./t.js";

const unspec = {family: os.AF_UNSPEC};
const reserved = await udpBound(os.AF_INET);
const named = localAddr(reserved);
os.close(reserved);
const fd = udp(os.AF_INET), peer = await udpBound(os.AF_INET), stranger = await udpBound(os.AF_INET);
await must("bind", os.bind(fd, named));
await must("connect", os.connect(fd, localAddr(peer)));
await show("connect AF_UNSPEC", os.connect(fd, unspec));
await show("getpeername", os.getpeername(fd));
await show("send", os.send(fd, bytes("x")));
fact("the local address stays", sameAddr(localAddr(fd), named));
await must("sendto", os.sendto(stranger, named, bytes("stranger")));
const buffer = new Uint8Array(16);
await showData("recv", os.recv(fd, buffer), buffer);
await show("connect AF_UNSPEC again", os.connect(fd, unspec));
await show("connect", os.connect(fd, localAddr(stranger)));
fact("the peer is the stranger", sameAddr(peerAddr(fd), localAddr(stranger)));

const autobound = udp(os.AF_INET);
await must("connect", os.connect(autobound, localAddr(stranger)));
await show("autobound connect AF_UNSPEC", os.connect(autobound, unspec));
showAddr("getsockname", localAddr(autobound));

const [v6] = await udpPair(os.AF_INET6);
await show("v6 connect AF_UNSPEC", os.connect(v6, unspec));
await show("v6 send", os.send(v6, bytes("x")));
