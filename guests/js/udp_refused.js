// guests/c/udp_refused.c in JavaScript.
import * as os from "os";
import { bytes, localAddr, loopback, must, show, showSoError, udp, udpBound, waitReadable } from "./t.js";

const unreachable = async family => {
    const fd = await udpBound(family);
    await must("connect", os.connect(fd, loopback(family, 9)));
    return localAddr(fd);
};
const run = async family => {
    const byte = new Uint8Array(1), x = bytes("x"), now = {flags: os.MSG_DONTWAIT};
    const fd = udp(family);
    await must("connect", os.connect(fd, await unreachable(family)));
    await show("send", os.send(fd, x));
    await waitReadable(fd);
    await show("recv", os.recv(fd, byte, now));
    await show("recv", os.recv(fd, byte, now));
    await show("send", os.send(fd, x));
    await waitReadable(fd);
    await show("send reports the error", os.send(fd, x));
    await show("send", os.send(fd, x));
    await waitReadable(fd);
    await showSoError(fd);
    await showSoError(fd);
    await show("recv", os.recv(fd, byte, now));
};
await run(os.AF_INET);
await run(os.AF_INET6);
