// guests/c/udp_send_to_self.c in JavaScript.
import * as os from "os";
import { bytes, localAddr, show, showData, udpBound } from "./t.js";

const fd = await udpBound(os.AF_INET);
const buffer = new Uint8Array(8);
await show("sendto", os.sendto(fd, localAddr(fd), bytes("me")));
await showData("recv", os.recv(fd, buffer), buffer);
await show("connect", os.connect(fd, localAddr(fd)));
await show("send", os.send(fd, bytes("me too")));
await showData("recv", os.recv(fd, buffer), buffer);
