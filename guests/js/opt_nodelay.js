// guests/c/opt_nodelay.c in JavaScript.
import * as os from "os";
import { setInt, show, showOption, tcp, tcpPair, udp } from "./t.js";

const fd = tcp(os.AF_INET);
await showOption("fresh", fd, os.IPPROTO_TCP, os.TCP_NODELAY);
await show("set 1", setInt(fd, os.IPPROTO_TCP, os.TCP_NODELAY, 1));
await showOption("get", fd, os.IPPROTO_TCP, os.TCP_NODELAY);
await show("set 0", setInt(fd, os.IPPROTO_TCP, os.TCP_NODELAY, 0));
await showOption("get", fd, os.IPPROTO_TCP, os.TCP_NODELAY);
const [connected] = await tcpPair(os.AF_INET6);
await show("connected set 1", setInt(connected, os.IPPROTO_TCP, os.TCP_NODELAY, 1));
await showOption("connected get", connected, os.IPPROTO_TCP, os.TCP_NODELAY);
await show("UDP set 1", setInt(udp(os.AF_INET), os.IPPROTO_TCP, os.TCP_NODELAY, 1));
