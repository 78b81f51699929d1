// guests/c/opt_type.c in JavaScript.
import * as os from "os";
import { intOption, tcp, tcpListener, tcpPair, udp } from "./t.js";

const run = async (what, fd) => {
    const type = await intOption(fd, os.SOL_SOCKET, os.SO_TYPE);
    print(`${what}: ${type === os.SOCK_STREAM ? "SOCK_STREAM" : type === os.SOCK_DGRAM ? "SOCK_DGRAM" : "another"}`);
};
await run("TCP", tcp(os.AF_INET));
await run("TCP v6", tcp(os.AF_INET6));
await run("UDP", udp(os.AF_INET));
await run("UDP v6", udp(os.AF_INET6));
await run("UNIX stream", tcp(os.AF_UNIX));
await run("UNIX datagram", udp(os.AF_UNIX));
await run("listener", await tcpListener(os.AF_INET));
await run("accepted", (await tcpPair(os.AF_INET))[1]);
await run("SOCK_NONBLOCK is not in it", os.socket(os.AF_INET, os.SOCK_STREAM | os.SOCK_NONBLOCK));
