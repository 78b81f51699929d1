// guests/c/unix_connect_missing.c in JavaScript.
import * as os from "os";
import { bytes, must, scratchPath, show, tcp, udp, unixAddr } from "./t.js";

const stream = name => os.connect(tcp(os.AF_UNIX), unixAddr(name));
await show("nothing there", stream("missing"));
await show("no such directory", stream("missing/socket"));
os.close(await must("open", os.open(scratchPath("file"), os.O_RDWR | os.O_CREAT, 0o600)));
await show("a file", stream("file"));
await must("mkdir", os.mkdir(scratchPath("directory"), 0o700));
await show("a directory", stream("directory"));
const fd = tcp(os.AF_UNIX);
await must("bind", os.bind(fd, unixAddr("stale")));
await show("bound, not listening", stream("stale"));
await must("listen", os.listen(fd, 1));
os.close(fd);
await show("stale", stream("stale"));
const datagram = name => os.sendto(udp(os.AF_UNIX), unixAddr(name), bytes("x"));
await show("datagram to nothing", datagram("missing"));
await show("datagram to a file", datagram("file"));
await show("datagram to a stale one", datagram("stale"));
