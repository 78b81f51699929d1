// guests/c/tcp_getpeername.c in JavaScript.
import * as os from "os";
import { acceptOne, localAddr, loopback, must, show, showAddr, tcp, tcpListener } from "./t.js";

const showPeer = async (when, fd) => {
    const addr = os.getpeername(fd);
    if (typeof addr === "number") await show(when, addr);
    else showAddr(when, addr);
};
const listener = await tcpListener(os.AF_INET);
const fd = tcp(os.AF_INET);
await showPeer("fresh", fd);
await must("bind", os.bind(fd, loopback(os.AF_INET, 0)));
await showPeer("bound", fd);
await must("connect", os.connect(fd, localAddr(listener)));
await showPeer("connected", fd);
const accepted = await acceptOne(listener);
await showPeer("accepted", accepted);
await showPeer("listener", listener);
await must("shutdown", os.shutdown(accepted, os.SHUT_WR));
await must("recv", os.recv(fd, new Uint8Array(1)));
await showPeer("after the peer's SHUT_WR", fd);
os.close(accepted);
await must("shutdown", os.shutdown(fd, os.SHUT_WR));
while (typeof os.getpeername(fd) !== "number") await os.sleepAsync(1); // until the last segment is acknowledged
await showPeer("after both ends", fd);
