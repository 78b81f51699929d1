// guests/c/udp_boundaries.c in JavaScript.
import * as os from "os";
import { bytes, show, showData, udpPair } from "./t.js";

const [a, b] = await udpPair(os.AF_INET);
const buffer = new Uint8Array(64);
await show("send", os.send(a, bytes("one")));
await show("send", os.send(a, bytes("twotwo")));
await show("send", os.send(a, bytes("3")));
await showData("recv", os.recv(b, buffer), buffer);
await showData("recv", os.recv(b, buffer), buffer);
await showData("recv", os.recv(b, buffer), buffer);
await show("recv nothing", os.recv(b, buffer, undefined, os.MSG_DONTWAIT));
