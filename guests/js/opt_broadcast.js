// guests/c/opt_broadcast.c in JavaScript.
import * as os from "os";
import { setInt, show, showOption, tcp, udp } from "./t.js";

let fd = udp(os.AF_INET);
await showOption("fresh", fd, os.SOL_SOCKET, os.SO_BROADCAST);
for (const value of [1, 0]) {
    await show(`set ${value}`, setInt(fd, os.SOL_SOCKET, os.SO_BROADCAST, value));
    await showOption("get", fd, os.SOL_SOCKET, os.SO_BROADCAST);
}
fd = tcp(os.AF_INET);
await show("TCP set 1", setInt(fd, os.SOL_SOCKET, os.SO_BROADCAST, 1));
await showOption("TCP get", fd, os.SOL_SOCKET, os.SO_BROADCAST);
