// guests/c/opt_domain_protocol.c in JavaScript.
import * as os from "os";
import { intOption, tcp, udp } from "./t.js";

const domains = {[os.AF_INET]: "AF_INET", [os.AF_INET6]: "AF_INET6", [os.AF_UNIX]: "AF_UNIX"};
const protocols = {[os.IPPROTO_TCP]: "IPPROTO_TCP", [os.IPPROTO_UDP]: "IPPROTO_UDP", 0: "0"};
const run = async (what, fd) => {
    const domain = await intOption(fd, os.SOL_SOCKET, os.SO_DOMAIN);
    const protocol = await intOption(fd, os.SOL_SOCKET, os.SO_PROTOCOL);
    print(`${what}: ${domains[domain] ?? "another"} ${protocols[protocol] ?? "another"}`);
};
await run("TCP", tcp(os.AF_INET));
await run("TCP v6", tcp(os.AF_INET6));
await run("UDP", udp(os.AF_INET));
await run("UDP v6", udp(os.AF_INET6));
await run("UNIX stream", tcp(os.AF_UNIX));
await run("UNIX datagram", udp(os.AF_UNIX));
