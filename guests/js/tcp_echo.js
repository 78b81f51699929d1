// guests/c/tcp_echo.c in JavaScript.
import * as os from "os";
import { bytes, show, showData, tcpPair } from "./t.js";

const echo = async family => {
    const [client, server] = await tcpPair(family);
    const buffer = new Uint8Array(32);
    await show("send", os.send(client, bytes("hello")));
    const n = await showData("server recv", os.recv(server, buffer), buffer);
    await show("server send", os.send(server, buffer, n));
    await showData("recv", os.recv(client, buffer), buffer);
    await show("close", os.close(client));
    await show("server recv", os.recv(server, buffer));
    await show("server close", os.close(server));
};
await echo(os.AF_INET);
await echo(os.AF_INET6);
