// A small web server: the files and directories below a directory.
//
//   guestnet run --dir site --listen tcp://127.0.0.1:8080 http_server.js /site
//   guestnet run --dir site --allow-listen 127.0.0.1:8080 http_server.js /site 127.0.0.1 8080
import * as os from "os";
import * as std from "std";

const must = result => {
    if (typeof result === "number" && result < 0) throw new Error(std.strerror(-result));
    return result;
};
const bytes = text => {
    const escaped = unescape(encodeURIComponent(text));
    return Uint8Array.from(escaped, character => character.charCodeAt(0));
};

/** A listener that was given, or a new one. */
const listener = (host, port) => {
    if (std.getenv("LISTEN_FDS")) return 3;
    const found = os.getaddrinfo(host, {service: port, socktype: os.SOCK_STREAM, flags: os.AI_PASSIVE});
    if (!Array.isArray(found)) throw new Error(`no address for ${host}: ${found}`);
    const fd = must(os.socket(found[0].family, os.SOCK_STREAM));
    must(os.setsockopt(fd, os.SO_REUSEADDR, Int32Array.of(1).buffer));
    must(os.bind(fd, found[0]));
    must(os.listen(fd, 128));
    return fd;
};

/** The head of a request, up to the empty line; undefined if the peer ends before, or sends too much. */
const head = async fd => {
    const buffer = new Uint8Array(8192);
    let text = "";
    while (!text.includes("\r\n\r\n")) {
        const count = await os.recv(fd, buffer.buffer);
        if (count === 0 || text.length > 65536) return undefined;
        text += String.fromCharCode(...buffer.subarray(0, count));
    }
    return text;
};

const respond = (fd, status, type, body) => {
    const head = `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${body.byteLength}\r\nConnection: close\r\n\r\n`;
    return os.send(fd, bytes(head)).then(() => os.send(fd, body, undefined, 0, true));
};

const listing = (path, names) => {
    const links = names.filter(name => name !== "." && name !== "..").sort().map(name => `<li><a href="${name}">${name}</a>`);
    return bytes(`<!doctype html><title>${path}</title><ul>${links.join("\n")}</ul>\n`);
};

const read = (path, size) => {
    const fd = must(os.open(path, os.O_RDONLY));
    const body = new Uint8Array(size);
    let done = 0;
    while (done < size) {
        const count = must(os.read(fd, body.buffer, done, size - done));
        if (count === 0) break;
        done += count;
    }
    os.close(fd);
    return body.subarray(0, done);
};

const answer = async (fd, root) => {
    const request = await head(fd);
    if (request === undefined) return;
    const [method, target] = request.split("\r\n", 1)[0].split(" ");
    if (method !== "GET") return respond(fd, "405 Method Not Allowed", "text/plain", bytes("only GET\n"));
    const path = root + decodeURIComponent(target.split("?")[0]).replace(/\/$/, "");
    const [info, error] = os.stat(path);
    if (error !== 0) return respond(fd, "404 Not Found", "text/plain", bytes(`no ${target}\n`));
    if ((info.mode & os.S_IFMT) === os.S_IFDIR)
        return respond(fd, "200 OK", "text/html", listing(target, os.readdir(path)[0]));
    return respond(fd, "200 OK", "application/octet-stream", read(path, info.size));
};

const serve = async (fd, root) => {
    for (;;) {
        const [client] = await os.accept(fd);
        answer(client, root)
            .catch(error => print("request failed:", error))
            .finally(() => os.close(client));
    }
};

const [, root = ".", host = "127.0.0.1", port = "8080"] = scriptArgs;
const fd = listener(host, port);
const address = os.getsockname(fd);
print(`serving ${root} on http://${address.addr}:${address.port}/`);
serve(fd, root);
