// guests/c/udp_empty_datagram.c in JavaScript.
import * as os from "os";
import { bytes, fact, localAddr, sameAddr, show, showData, udpPair, waitReadable } from "./t.js";

const [a, b] = await udpPair(os.AF_INET);
const buffer = new Uint8Array(8);
await show("send 0", os.send(a, new ArrayBuffer(0)));
await waitReadable(b);
fact("readable", true);
await show("recv", os.recv(b, buffer));
await show("recv again", os.recv(b, buffer, undefined, os.MSG_DONTWAIT));
await show("sendto 0", os.sendto(a, buffer, 0, localAddr(b)));
const [n, from] = await os.recvfrom(b, buffer);
await show("recvfrom", n);
fact("from the sender", sameAddr(from, localAddr(a)));
await show("send data behind it", os.send(a, bytes("x")));
await showData("recv", os.recv(b, buffer), buffer);
