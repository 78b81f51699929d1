// guests/c/tcp_full_duplex.c in JavaScript.
import * as os from "os";
import { bytes, show, showData, tcpPair, waitBytes } from "./t.js";

const [client, server] = await tcpPair(os.AF_INET);
const buffer = new Uint8Array(64);
for (let i = 0; i < 3; i++) {
    await show("client send", os.send(client, bytes("to the server;")));
    await show("server send", os.send(server, bytes("to the client;")));
}
await waitBytes(client, 42);
await waitBytes(server, 42);
await showData("client recv", os.recv(client, buffer), buffer);
await showData("server recv", os.recv(server, buffer), buffer);
