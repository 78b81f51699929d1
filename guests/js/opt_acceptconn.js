// guests/c/opt_acceptconn.c in JavaScript.
import * as os from "os";
import { must, showOption, tcp, tcpPair, udp } from "./t.js";

const get = (what, fd) => showOption(what, fd, os.SOL_SOCKET, os.SO_ACCEPTCONN);
const fd = tcp(os.AF_INET);
await get("fresh", fd);
await must("listen", os.listen(fd, 1));
await get("listener", fd);
const pair = await tcpPair(os.AF_INET);
await get("connected", pair[0]);
await get("accepted", pair[1]);
await get("UDP", udp(os.AF_INET));
