// guests/c/tcp_shutdown_unconnected.c in JavaScript.
import * as os from "os";
import { loopback, must, outcome, refusingAddr, show, tcp } from "./t.js";

let fd = tcp(os.AF_INET);
await show("fresh SHUT_RD", os.shutdown(fd, os.SHUT_RD));
await show("fresh SHUT_WR", os.shutdown(fd, os.SHUT_WR));
await show("fresh SHUT_RDWR", os.shutdown(fd, os.SHUT_RDWR));
await must("bind", os.bind(fd, loopback(os.AF_INET, 0)));
await show("bound SHUT_RDWR", os.shutdown(fd, os.SHUT_RDWR));
fd = tcp(os.AF_INET6);
await outcome(os.connect(fd, await refusingAddr(os.AF_INET6)));
await show("refused SHUT_WR", os.shutdown(fd, os.SHUT_WR));
