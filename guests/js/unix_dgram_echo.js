// guests/c/unix_dgram_echo.c in JavaScript.
import * as os from "os";
import { bytes, peerAddr, show, showAddr, showData, udp, unixAddr } from "./t.js";

const serverName = unixAddr("server"), clientName = unixAddr("client");
const server = udp(os.AF_UNIX), client = udp(os.AF_UNIX);
await show("server bind", os.bind(server, serverName));
await show("client bind", os.bind(client, clientName));
const buffer = new Uint8Array(16);
await show("sendto", os.sendto(client, serverName, bytes("one")));
await show("sendto", os.sendto(client, serverName, bytes("three")));
const [n, from] = await os.recvfrom(server, buffer);
await showData("server recvfrom", n, buffer);
showAddr("from", from);
await showData("server recv", os.recv(server, buffer), buffer);
await show("server sendto", os.sendto(server, from, bytes("answer")));
await showData("recv", os.recv(client, buffer), buffer);
await show("connect", os.connect(client, serverName));
await show("send", os.send(client, bytes("connected")));
await showData("server recv", os.recv(server, buffer), buffer);
showAddr("getpeername", peerAddr(client));
await show("recv nothing", os.recv(server, buffer, {flags: os.MSG_DONTWAIT}));
