// guests/c/tcp_bind_in_use.c in JavaScript.
import * as os from "os";
import { ip, localAddr, show, showAddr, tcp, tcpListener } from "./t.js";

let listener = await tcpListener(os.AF_INET);
let port = localAddr(listener).port;
let fd = tcp(os.AF_INET);
await show("bind to the same address", os.bind(fd, ip("127.0.0.1", port)));
await show("bind to the wildcard", os.bind(fd, ip("0.0.0.0", port)));
showAddr("still unbound", localAddr(fd));
await show("bind to 127.0.0.2", os.bind(fd, ip("127.0.0.2", port)));
showAddr("getsockname", localAddr(fd));

listener = await tcpListener(os.AF_INET6);
fd = tcp(os.AF_INET6);
port = localAddr(listener).port;
await show("bind v6 to the same address", os.bind(fd, ip("::1", port)));
await show("bind v6 to the wildcard", os.bind(fd, ip("::", port)));
