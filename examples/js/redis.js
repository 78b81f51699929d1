// A client of Redis: sends one command, prints the answer.
//
//   guestnet run --allow-connect 127.0.0.1:6379 redis.js 127.0.0.1 6379 SET greeting hello
import * as os from "os";
import * as std from "std";

const encode = text => Uint8Array.from(unescape(encodeURIComponent(text)), character => character.charCodeAt(0));
const decode = bytes => decodeURIComponent(escape(Array.from(bytes, byte => String.fromCharCode(byte)).join("")));

/** A connection on which commands may be sent before the answers to others have come. */
class Redis {
    #fd;
    #bytes = new Uint8Array(0);
    #last = Promise.resolve();

    static async connect(host, service) {
        for (const addr of await os.getaddrinfoAsync(host, {service, socktype: os.SOCK_STREAM})) {
            const fd = os.socket(addr.family, os.SOCK_STREAM);
            try {
                await os.connect(fd, addr);
                return new Redis(fd);
            } catch {
                os.close(fd);
            }
        }
        throw new Error(`cannot connect to ${host}:${service}`);
    }

    constructor(fd) {
        this.#fd = fd;
    }

    /** The answer: a string, a number, null or an array of them; an error of the server is thrown. */
    command(...words) {
        const parts = words.map(word => encode(String(word)));
        const text = parts.map((part, index) => `$${part.length}\r\n${words[index]}\r\n`).join("");
        const sent = os.send(this.#fd, encode(`*${words.length}\r\n${text}`), undefined, 0, true);
        const answer = this.#last.then(() => sent).then(() => this.#answer());
        // Answers come in the order of the commands, also after one that was an error.
        this.#last = answer.catch(() => {});
        return answer;
    }

    close() {
        os.close(this.#fd);
    }

    async #answer() {
        const line = await this.#line();
        const rest = line.slice(1);
        switch (line[0]) {
            case "+": return rest;
            case ":": return Number(rest);
            case "-": throw new Error(rest);
            case "$": {
                if (rest === "-1") return null;
                const bytes = await this.#take(Number(rest) + 2);
                return decode(bytes.subarray(0, -2));
            }
            case "*": {
                if (rest === "-1") return null;
                const list = [];
                for (let count = Number(rest); count > 0; count--) list.push(await this.#answer());
                return list;
            }
            default: throw new Error(`not an answer of Redis: ${line}`);
        }
    }

    async #line() {
        for (;;) {
            const end = this.#bytes.indexOf(13);
            if (end >= 0 && end + 1 < this.#bytes.length) return decode((await this.#take(end + 2)).subarray(0, -2));
            await this.#more();
        }
    }

    async #take(count) {
        while (this.#bytes.length < count) await this.#more();
        const taken = this.#bytes.slice(0, count);
        this.#bytes = this.#bytes.slice(count);
        return taken;
    }

    async #more() {
        const buffer = new Uint8Array(16384);
        const count = await os.recv(this.#fd, buffer);
        if (count === 0) throw new Error("the server has closed the connection");
        const joined = new Uint8Array(this.#bytes.length + count);
        joined.set(this.#bytes);
        joined.set(buffer.subarray(0, count), this.#bytes.length);
        this.#bytes = joined;
    }
}

const [, host = "127.0.0.1", port = "6379", ...words] = scriptArgs;
const redis = await Redis.connect(host, port);
try {
    if (words.length > 0) {
        print(await redis.command(...words));
    } else {
        // Without a command, a hundred that are under way at once.
        const key = `guestnet-${os.now()}`;
        const answers = await Promise.all(Array.from({length: 100}, () => redis.command("INCR", key)));
        await redis.command("DEL", key);
        print(answers.every((answer, index) => answer === index + 1) ? "100 answers in order" : answers.join());
    }
} catch (error) {
    std.err.puts(`${error.message}\n`);
    std.exit(1);
} finally {
    redis.close();
}
