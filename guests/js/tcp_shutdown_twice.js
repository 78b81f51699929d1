// guests/c/tcp_shutdown_twice.c in JavaScript.
import * as os from "os";
import { closeWithReset, show, tcpPair, waitReadable } from "./t.js";

let pair = await tcpPair(os.AF_INET);
const byte = new Uint8Array(1);
await show("SHUT_WR", os.shutdown(pair[0], os.SHUT_WR));
await show("SHUT_WR again", os.shutdown(pair[0], os.SHUT_WR));
await show("SHUT_RD", os.shutdown(pair[0], os.SHUT_RD));
await show("SHUT_RDWR", os.shutdown(pair[0], os.SHUT_RDWR));
await show("the peer's recv", os.recv(pair[1], byte));
pair = await tcpPair(os.AF_INET);
await closeWithReset(pair[1]);
await waitReadable(pair[0]);
await show("recv", os.recv(pair[0], byte));
await show("SHUT_WR after a reset", os.shutdown(pair[0], os.SHUT_WR));
