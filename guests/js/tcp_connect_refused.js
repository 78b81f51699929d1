// guests/c/tcp_connect_refused.c in JavaScript.
import * as os from "os";
import { refusingAddr, show, showSoError, tcp } from "./t.js";

for (const family of [os.AF_INET, os.AF_INET6]) {
    const fd = tcp(family);
    await show(family === os.AF_INET6 ? "connect v6" : "connect v4", os.connect(fd, await refusingAddr(family)));
    await showSoError(fd);
    await show("getpeername", os.getpeername(fd));
    os.close(fd);
}
