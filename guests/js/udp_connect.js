// guests/c/udp_connect.c in JavaScript.
import * as os from "os";
import { bytes, localAddr, peerAddr, show, showAddr, showData, udp, udpBound } from "./t.js";

const client = udp(os.AF_INET), server = await udpBound(os.AF_INET);
const buffer = new Uint8Array(8);
await show("getpeername before", os.getpeername(client));
await show("connect", os.connect(client, localAddr(server)));
showAddr("getpeername", peerAddr(client));
showAddr("getsockname", localAddr(client));
await show("send", os.send(client, bytes("one")));
await show("write", os.write(client, bytes("two").buffer, 0, 3));
await showData("server recv", os.recv(server, buffer), buffer);
await showData("server recv", os.recv(server, buffer), buffer);
await show("server sendto", os.sendto(server, localAddr(client), bytes("back")));
await showData("read", os.read(client, buffer.buffer, 0, 8), buffer);
