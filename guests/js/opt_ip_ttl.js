// guests/c/opt_ip_ttl.c in JavaScript.
import * as os from "os";
import { fact, intOption, setInt, show, showOption, tcp, udp } from "./t.js";

let fd = udp(os.AF_INET);
const set = (what, value) => show(what, setInt(fd, os.IPPROTO_IP, os.IP_TTL, value));
const get = what => showOption(what, fd, os.IPPROTO_IP, os.IP_TTL);
fact("has a value", await intOption(fd, os.IPPROTO_IP, os.IP_TTL) > 0);
await set("set 42", 42);
await get("get");
await set("set 0", 0);
await set("set 256", 256);
await get("get");
await set("set 255", 255);
await get("get");
fd = tcp(os.AF_INET);
await set("TCP set 7", 7);
await get("TCP get");
