// guests/c/tcp_half_close.c in JavaScript.
import * as os from "os";
import { bytes, show, showData, tcpPair } from "./t.js";

const [client, server] = await tcpPair(os.AF_INET);
const buffer = new Uint8Array(32);
await show("send", os.send(client, bytes("question")));
await show("shutdown SHUT_WR", os.shutdown(client, os.SHUT_WR));
await showData("server recv", os.recv(server, buffer, {fully: true}), buffer);
await show("server recv", os.recv(server, buffer));
await show("server send", os.send(server, bytes("answer")));
await showData("recv", os.recv(client, buffer), buffer);
await show("send", os.send(client, bytes("more")));
await show("server shutdown SHUT_WR", os.shutdown(server, os.SHUT_WR));
await show("recv", os.recv(client, buffer));
