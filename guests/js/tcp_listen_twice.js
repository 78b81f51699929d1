// guests/c/tcp_listen_twice.c in JavaScript.
import * as os from "os";
import { localAddr, loopback, must, show, showFd, tcp, waitReadable } from "./t.js";

const listener = tcp(os.AF_INET);
await must("bind", os.bind(listener, loopback(os.AF_INET, 0)));
await show("listen", os.listen(listener, 1));
await show("connect", os.connect(tcp(os.AF_INET), localAddr(listener)));
await waitReadable(listener);
await show("listen again", os.listen(listener, 16));
await show("connect another", os.connect(tcp(os.AF_INET), localAddr(listener)));
await showFd("accept", os.accept(listener));
await showFd("accept", os.accept(listener));
