// guests/c/opt_keepalive.c in JavaScript.
import * as os from "os";
import { setInt, show, showOption, tcp, tcpPair } from "./t.js";

const get = (what, fd) => showOption(what, fd, os.SOL_SOCKET, os.SO_KEEPALIVE);
const set = (what, fd, value) => show(what, setInt(fd, os.SOL_SOCKET, os.SO_KEEPALIVE, value));
const fd = tcp(os.AF_INET);
await get("fresh", fd);
await set("set 1", fd, 1);
await get("get", fd);
const pair = await tcpPair(os.AF_INET);
await set("connected set 1", pair[0], 1);
await get("connected get", pair[0]);
await set("connected set 0", pair[0], 0);
await get("connected get", pair[0]);
await get("the other end", pair[1]);
