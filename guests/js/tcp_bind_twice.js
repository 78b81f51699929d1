// guests/c/tcp_bind_twice.c in JavaScript.
import * as os from "os";
import { acceptOne, fact, localAddr, loopback, must, sameAddr, show, tcp } from "./t.js";

const fd = tcp(os.AF_INET);
await show("bind", os.bind(fd, loopback(os.AF_INET, 0)));
const before = localAddr(fd);
await show("bind again", os.bind(fd, loopback(os.AF_INET, 0)));
fact("the address stays", sameAddr(localAddr(fd), before));
await show("listen", os.listen(fd, 1));
await show("bind a listener", os.bind(fd, loopback(os.AF_INET, 0)));

const client = tcp(os.AF_INET);
await must("connect", os.connect(client, before));
await show("bind a connected socket", os.bind(client, loopback(os.AF_INET, 0)));
const accepted = await acceptOne(fd);
await show("bind an accepted socket", os.bind(accepted, loopback(os.AF_INET, 0)));
const autobound = tcp(os.AF_INET);
await must("listen", os.listen(autobound, 1));
await show("bind after listen", os.bind(autobound, loopback(os.AF_INET, 0)));
