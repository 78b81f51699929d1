// guests/c/opt_reuseaddr.c in JavaScript.
import * as os from "os";
import { setInt, show, showOption, tcp, udp } from "./t.js";

const fd = tcp(os.AF_INET);
const get = what => showOption(what, fd, os.SOL_SOCKET, os.SO_REUSEADDR);
await get("fresh");
for (const value of [1, 5, 0]) {
    await show(`set ${value}`, setInt(fd, os.SOL_SOCKET, os.SO_REUSEADDR, value));
    await get("get");
}
await show("UDP set 1", setInt(udp(os.AF_INET6), os.SOL_SOCKET, os.SO_REUSEADDR, 1));
