// guests/c/udp_echo.c in JavaScript.
import * as os from "os";
import { bytes, fact, localAddr, sameAddr, show, showAddr, showData, udp, udpBound } from "./t.js";

const echo = async family => {
    const client = udp(family), server = await udpBound(family);
    const buffer = new Uint8Array(32);
    await show("sendto", os.sendto(client, localAddr(server), bytes("ping")));
    let [n, from] = await os.recvfrom(server, buffer);
    await showData("server recvfrom", n, buffer);
    showAddr("from", from);
    fact("from the client's port", from.port === localAddr(client).port);
    await show("server sendto", os.sendto(server, buffer, n, from));
    [n, from] = await os.recvfrom(client, buffer);
    await showData("recvfrom", n, buffer);
    fact("from the server", sameAddr(from, localAddr(server)));
};
await echo(os.AF_INET);
await echo(os.AF_INET6);
