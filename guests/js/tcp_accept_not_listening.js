// guests/c/tcp_accept_not_listening.c in JavaScript.
import * as os from "os";
import { loopback, must, showFd, tcp, tcpPair } from "./t.js";

await showFd("accept on a fresh socket", os.accept(tcp(os.AF_INET)));
const bound = tcp(os.AF_INET);
await must("bind", os.bind(bound, loopback(os.AF_INET, 0)));
await showFd("accept on a bound socket", os.accept(bound));
const pair = await tcpPair(os.AF_INET);
await showFd("accept on a connected socket", os.accept(pair[0]));
await showFd("accept on an accepted socket", os.accept(pair[1]));
await showFd("accept on a v6 socket", os.accept(tcp(os.AF_INET6)));
