// guests/c/shutdown_bad_how.c in JavaScript.
import * as os from "os";
import { bytes, show, tcpPair } from "./t.js";

const [fd] = await tcpPair(os.AF_INET);
await show("99", os.shutdown(fd, 99));
await show("-1", os.shutdown(fd, -1));
await show("send still works", os.send(fd, bytes("x")));
