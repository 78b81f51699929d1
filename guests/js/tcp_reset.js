// guests/c/tcp_reset.c in JavaScript.
import * as os from "os";
import { bytes, closeWithReset, localAddr, show, showAddr, showSoError, tcpPair, waitReadable } from "./t.js";

const [a, b] = await tcpPair(os.AF_INET);
await closeWithReset(b);
await waitReadable(a);
const byte = new Uint8Array(1);
await show("recv", os.recv(a, byte));
await show("recv", os.recv(a, byte));
await show("send", os.send(a, bytes("x")));
await showSoError(a);
await show("getpeername", os.getpeername(a));
showAddr("getsockname", localAddr(a));
