// As os.ts, for "std".
import * as std from "std";
import * as same from "qjs:std";

const file = std.open("/file", "r", {});
// @ts-expect-error: it may be null.
file.close();
if (file !== null) use(file);
for (const other of [std.fdopen(3, "w"), std.tmpfile(), std.tmpfile({errno: 0}), std.in, std.out, std.err]) {
    if (other !== null) use(other);
}

function use(file: std.FILE): void {
    const bytes = new Uint8Array(8);
    const numbers: number[] = [
        file.printf("%d %s", 1, "text"),
        file.tell(),
        file.seek(0, std.SEEK_SET),
        file.seek(0n, std.SEEK_CUR),
        file.seeko(0, std.SEEK_END),
        file.fileno(),
        file.read(bytes),
        file.read(bytes.buffer, 0, 8),
        file.write(bytes),
        file.write(bytes.buffer, 0, 8),
        file.getByte(),
        file.putByte(10),
        file.close(),
    ];
    const place: bigint = file.tello();
    const states: boolean[] = [file.eof(), file.error()];
    const texts: (string | null)[] = [file.getline(), file.readAsString(), file.readAsString(10)];
    file.puts("text", 1, numbers, place, states, texts);
    file.flush();
    file.clearerr();
    const rest: ArrayBuffer[] = [file.readAsArrayBuffer(), file.readAsArrayBuffer(10)];
    print(file.write("text") + file.write("text", 1, 2) + file.seek(0), rest);
    // @ts-expect-error: nothing is read into a string.
    file.read("text");
    // @ts-expect-error: the last line is followed by null.
    file.getline().length;
}

export function end(): never {
    std.gc();
    std.exit();
}
export function fail(): never {
    std.exit(1);
}
export function mistake(): never {
    // @ts-expect-error: a code is a number.
    std.exit("1");
}
std.evalScript("1 + 1", {backtrace_barrier: true, async: true});
std.evalScript("1 + 1");
std.loadScript("/script.js");
const text: string | null = std.loadFile("/file");
const same_text: string | null = std.loadFile("/file", {binary: false});
const bytes: Uint8Array | null = std.loadFile("/file", {binary: true});
// @ts-expect-error: bytes are asked for.
const no_bytes: Uint8Array | null = std.loadFile("/file");
const written: void[] = [std.writeFile("/file", "text"), std.writeFile("/file", new Uint8Array(1)), std.writeFile("/file")];
const home: string | undefined = std.getenv("HOME");
// @ts-expect-error: a variable may not be set.
std.getenv("HOME").length;
std.setenv("A", "1");
std.unsetenv("A");
for (const [name, value] of Object.entries(std.getenviron())) print(name.length, value.length);
// @ts-expect-error: a variable's value is a string.
std.setenv("A", 1);
const message: string = std.strerror(std.Error.ECONNREFUSED);
std.puts("text", 1);
const printed: number = std.printf("%d\n", 1);
const line: string = std.sprintf("%05.1f", 1.5);
// @ts-expect-error: a format is a string.
std.sprintf(5);
same.out.puts(line);
export {bytes, home, message, no_bytes, printed, same_text, text, written};
