// guests/c/opt_linger.c in JavaScript.
import * as os from "os";
import { show, tcp } from "./t.js";

const fd = tcp(os.AF_INET);
const showLinger = async () => {
    const value = Int32Array.of(-1, -1);
    if (await show("get", os.getsockopt(fd, os.SO_LINGER, value)) === 0)
        print(`on ${value[0] ? "yes" : "no"}, ${value[1]} s, length right`);
};
const set = (what, ...value) => show(what, os.setsockopt(fd, os.SO_LINGER, Int32Array.from(value)));
await showLinger();
await set("set on, 12", 1, 12);
await showLinger();
await set("set on, 0", 1, 0);
await showLinger();
await set("set off", 0, 0);
await showLinger();
await set("set too short", 0);
