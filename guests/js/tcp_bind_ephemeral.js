// guests/c/tcp_bind_ephemeral.c in JavaScript.
import * as os from "os";
import { fact, ip, localAddr, loopback, show, showAddr, tcp } from "./t.js";

const first = tcp(os.AF_INET), second = tcp(os.AF_INET);
showAddr("before bind", localAddr(first));
await show("bind", os.bind(first, loopback(os.AF_INET, 0)));
await show("bind", os.bind(second, loopback(os.AF_INET, 0)));
showAddr("after bind", localAddr(first));
fact("ports differ", localAddr(first).port !== localAddr(second).port);
fact("not a privileged port", localAddr(first).port >= 1024);
const wildcard = tcp(os.AF_INET6);
showAddr("v6 before bind", localAddr(wildcard));
await show("bind v6 wildcard", os.bind(wildcard, ip("::", 0)));
showAddr("v6 after bind", localAddr(wildcard));
