// guests/c/opt_read_only.c in JavaScript.
import * as os from "os";
import { fact, intOption, setInt, show, showOption, tcp } from "./t.js";

const fd = tcp(os.AF_INET);
await show("set SO_TYPE", setInt(fd, os.SOL_SOCKET, os.SO_TYPE, 1));
await show("set SO_ERROR", setInt(fd, os.SOL_SOCKET, os.SO_ERROR, 0));
await show("set SO_ACCEPTCONN", setInt(fd, os.SOL_SOCKET, os.SO_ACCEPTCONN, 1));
fact("still a stream", await intOption(fd, os.SOL_SOCKET, os.SO_TYPE) === os.SOCK_STREAM);
await showOption("still not listening", fd, os.SOL_SOCKET, os.SO_ACCEPTCONN);
