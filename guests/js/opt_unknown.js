// guests/c/opt_unknown.c in JavaScript.
import * as os from "os";
import { setInt, show, tcp, udp } from "./t.js";

let fd = tcp(os.AF_INET);
const get = (what, level, name) => show(what, os.getsockopt(fd, level, name, new Int32Array(1)));
const set = (what, level, name) => show(what, setInt(fd, level, name, 1));
await get("get SOL_SOCKET 9999", os.SOL_SOCKET, 9999);
await set("set SOL_SOCKET 9999", os.SOL_SOCKET, 9999);
await get("get SOL_SOCKET -1", os.SOL_SOCKET, -1);
await get("get IPPROTO_TCP 9999", os.IPPROTO_TCP, 9999);
await set("set IPPROTO_TCP 9999", os.IPPROTO_TCP, 9999);
await set("set level 9999", 9999, os.SO_REUSEADDR);
fd = udp(os.AF_INET);
await set("UDP set SOL_SOCKET 9999", os.SOL_SOCKET, 9999);
await set("UDP set level 9999", 9999, 1);
