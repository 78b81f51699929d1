// guests/c/unix_seqpacket_echo.c in JavaScript.
import * as os from "os";
import { bytes, show, showData, showFd, unixAddr } from "./t.js";

const addr = unixAddr("packets");
const listener = await showFd("socket", os.socket(os.AF_UNIX, os.SOCK_SEQPACKET));
await show("bind", os.bind(listener, addr));
await show("listen", os.listen(listener, 4));
const fd = await showFd("socket", os.socket(os.AF_UNIX, os.SOCK_SEQPACKET));
await show("connect", os.connect(fd, addr));
const accepted = await showFd("accept", os.accept(listener));
const buffer = new Uint8Array(16);
await show("send", os.send(fd, bytes("one")));
await show("send", os.send(fd, bytes("three")));
await showData("server recv", os.recv(accepted, buffer), buffer);
await showData("server recv of less", os.recv(accepted, buffer.subarray(0, 2)), buffer);
await show("server write", os.write(accepted, bytes("hello back").buffer, 0, 10));
await showData("read", os.read(fd, buffer.buffer, 0, 16), buffer);
await show("close", os.close(fd));
await show("server recv", os.recv(accepted, buffer));
await show("unlink", os.remove(addr.path));
