// guests/c/udp_reconnect.c in JavaScript.
import * as os from "os";
import { bytes, fact, localAddr, peerAddr, sameAddr, show, showData, udpBound } from "./t.js";

const fd = await udpBound(os.AF_INET), first = await udpBound(os.AF_INET), second = await udpBound(os.AF_INET);
const port = localAddr(fd).port;
const buffer = new Uint8Array(16);
await show("connect", os.connect(fd, localAddr(first)));
await show("connect to another", os.connect(fd, localAddr(second)));
fact("the peer is the second", sameAddr(peerAddr(fd), localAddr(second)));
fact("the local port stays", localAddr(fd).port === port);
await show("send", os.send(fd, bytes("x")));
await showData("the second's recv", os.recv(second, buffer), buffer);
await show("the first's recv", os.recv(first, buffer, {flags: os.MSG_DONTWAIT}));
