// guests/c/tcp_half_close_server.c in JavaScript.
import * as os from "os";
import { bytes, show, showData, tcpPair } from "./t.js";

const [client, server] = await tcpPair(os.AF_INET6);
const buffer = new Uint8Array(32);
await show("server shutdown SHUT_WR", os.shutdown(server, os.SHUT_WR));
await show("recv", os.recv(client, buffer));
await show("recv", os.recv(client, buffer));
await show("send", os.send(client, bytes("still here")));
await showData("server recv", os.recv(server, buffer), buffer);
await show("server send", os.send(server, bytes("x")));
await show("close", os.close(client));
await show("server recv", os.recv(server, buffer));
