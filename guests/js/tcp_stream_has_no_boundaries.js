// guests/c/tcp_stream_has_no_boundaries.c in JavaScript.
import * as os from "os";
import { bytes, show, showData, tcpPair, waitBytes } from "./t.js";

const [a, b] = await tcpPair(os.AF_INET);
const buffer = new Uint8Array(32);
await show("send", os.send(a, bytes("ab")));
await show("send", os.send(a, bytes("cdef")));
await waitBytes(b, 6);
await showData("recv", os.recv(b, buffer), buffer);
await show("send", os.send(a, bytes("123456")));
await waitBytes(b, 6);
await showData("recv", os.recv(b, buffer, 1), buffer);
await showData("recv", os.recv(b, buffer, 2), buffer);
await showData("recv", os.recv(b, buffer), buffer);
