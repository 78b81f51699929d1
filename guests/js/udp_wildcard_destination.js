// guests/c/udp_wildcard_destination.c in JavaScript.
import * as os from "os";
import { bytes, ip, localAddr, peerAddr, show, showAddr, udp, udpBound } from "./t.js";

for (const family of [os.AF_INET, os.AF_INET6]) {
    const server = await udpBound(family), fd = udp(family);
    const any = ip(family === os.AF_INET6 ? "::" : "0.0.0.0", localAddr(server).port);
    await show("sendto", os.sendto(fd, any, bytes("x")));
    await show("server recv", os.recv(server, new Uint8Array(1)));
    await show("connect", os.connect(fd, any));
    showAddr("getpeername", peerAddr(fd));
}
