// FILE objects, in the directory /work. Standard input is "first\nsecond é\nrest".
import * as os from "os";
import * as std from "std";
import { bytes, equal, holds, text, throws } from "./std_check.js";

const E = std.Error;

// Standard input, line by line
equal(std.in.fileno(), 0);
equal(std.in.getByte(), 0x66, "getByte");
equal(std.in.getline(), "irst", "getline");
equal(std.in.getline(), "second é");
equal(std.in.eof(), false, "not at the end");
equal(std.in.readAsString(2), "re", "readAsString with a size");
equal(std.in.readAsString(), "st", "readAsString");
equal([std.in.eof(), std.in.getline(), std.in.getByte(), std.in.readAsString()], [true, null, -1, ""], "at the end");
std.in.clearerr();
equal(std.in.eof(), false, "clearerr");

// Write, seek, read again
const error = {};
let file = std.open("/work/a", "w+", error);
equal(error.errno, 0, "errno of success");
equal(file.puts("one\n", 2, "\n", null), undefined, "puts");
equal(file.printf("%03d|%s\n", 7, "x"), 6, "printf counts");
equal([file.tell(), file.tello() === 16n], [16, true], "tell");
equal(std.loadFile("/work/a"), "", "nothing is written yet");
equal(file.flush(), undefined, "flush");
equal(std.loadFile("/work/a"), "one\n2\nnull007|x\n", "flushed");
equal(file.seek(0, std.SEEK_SET), 0, "seek");
equal(file.getline(), "one");
equal(file.tell(), 4, "tell behind a line, whatever was read ahead");
equal(file.putByte(0x41), 0x41, "putByte where the script is");
equal(file.getByte(), 10, "and read goes on there");
equal(file.seek(-2n, std.SEEK_END), 0, "seek of a BigInt");
equal(file.readAsString(), "x\n");
equal(file.eof(), true);
equal(file.seek(2, std.SEEK_CUR), 0, "beyond the end");
equal(file.eof(), false, "seek clears the end");
equal(file.seek(-1, std.SEEK_SET), -E.EINVAL, "seek before the beginning");
equal(file.seeko(4, std.SEEK_SET), 0, "seeko");
equal(file.getline(), "A");
equal(file.error(), false);
equal(file.close(), 0, "close");
equal(std.loadFile("/work/a"), "one\nA\nnull007|x\n", "what was written in the middle");
for (const name of ["close", "puts", "printf", "flush", "tell", "tello", "seek", "eof", "fileno", "error", "clearerr", "read",
    "write", "getline", "readAsString", "getByte", "putByte"]) {
    throws(TypeError, "invalid file handle", () => file[name]());
    throws(TypeError, "FILE object expected", () => file[name].call({}));
    throws(TypeError, "FILE object expected", () => file[name].call(undefined));
}

// Bytes
file = std.open("/work/b", "wb");
const buffer = bytes("0123456789");
equal(file.write(buffer.buffer, 2, 3), 3, "write");
equal(file.write(buffer), 10, "a typed array, whole");
equal(file.write(new SharedArrayBuffer(100_000)), 100_000, "a large shared buffer");
equal(file.getline(), null, "a file for writing");
equal(file.error(), true, "is not one for reading");
file.clearerr();
equal(file.error(), false);
file.close();
file = std.open("/work/b", "r");
const into = new ArrayBuffer(16);
equal(file.read(into, 1, 13), 13, "read");
equal(text(into), "\0" + "2340123456789" + "\0\0");
const shared = new SharedArrayBuffer(200_000);
equal(file.read(shared, 0, 200_000), 100_000, "as much as there is");
equal(file.eof(), true);
equal(file.read(into, 0, 1), 0, "at the end");
equal(file.puts("x"), undefined, "puts says nothing");
equal(file.error(), true, "error does");
equal(file.putByte(1), -1);
equal([file.read(into, 10, 10), file.read(into, 99)], [0, 0], "what is not in the buffer is left out");
throws(TypeError, "ArrayBuffer", () => file.read("x", 0, 1));
throws(TypeError, "immutable", () => file.read(new ArrayBuffer(4).transferToImmutable(), 0, 1));
throws(TypeError, "byte", () => file.putByte("x"));
throws(TypeError, "offset", () => file.seek({}, 0));
throws(RangeError, "negative", () => file.readAsString(-1));
file.close();

// As quickjs-ng's: strings are written, buffers are read, omitted places are the beginning, and no script closes stdio
file = std.open("/work/ng", "w+");
equal([file.write("xyzzy"), file.write("é!", 2), file.write("é!", 0, 2), file.write("x", 9)], [5, 1, 2, 0], "strings");
equal(file.seek(0), 0, "no whence is SEEK_SET");
equal(text(file.readAsArrayBuffer(5)), "xyzzy", "some bytes");
equal(Array.from(new Uint8Array(file.readAsArrayBuffer())), [0x21, 0xc3, 0xa9], "the rest");
equal(file.readAsArrayBuffer().byteLength, 0, "no more");
throws(RangeError, "negative", () => file.readAsArrayBuffer(-1));
file.close();
for (const stream of [std.in, std.out, std.err]) throws(TypeError, "cannot close stdio", () => stream.close());

// Modes
equal(std.open("/work/none", "r", error), null, "no such file");
equal(error.errno, E.ENOENT, "errno of failure");
equal(std.open("/work", "w"), null, "a directory");
equal(std.open("/work/a", "wx", error), null, "x asks for a new file");
equal(error.errno, E.EEXIST);
throws(TypeError, "invalid file mode", () => std.open("/work/a", "z"));
throws(TypeError, "mode", () => std.open("/work/a"));
throws(TypeError, "path", () => std.open());
equal(std.open("/work/a", ""), null, "no mode");
file = std.open("/work/a", "a+");
file.puts("end");
equal(file.seek(0, std.SEEK_SET), 0);
equal(file.readAsString(3), "one");
file.puts("!");
file.close();
equal(std.loadFile("/work/a"), "one\nA\nnull007|x\nend!", "appended, wherever the file is");

// More than a buffer, and lines across it
file = std.open("/work/big", "w");
for (let i = 0; i < 5000; i++) file.puts(`${i} ${"x".repeat(i % 100)}\n`);
file.close();
file = std.open("/work/big", "r");
for (let i = 0; i < 5000; i++) equal(file.getline(), `${i} ${"x".repeat(i % 100)}`);
equal(file.getline(), null);
file.close();

// fdopen and tmpfile
const fd = os.open("/work/a", os.O_RDONLY);
file = std.fdopen(fd, "r", error);
equal([file.fileno(), error.errno, file.readAsString(3)], [fd, 0, "one"], "fdopen");
file.close();
equal(os.close(fd), -E.EBADF, "the file has closed it");
equal(std.fdopen(fd, "r", error), null, "fdopen of nothing");
equal(error.errno, E.EBADF);
throws(TypeError, "invalid file mode", () => std.fdopen(1, "b"));
os.chdir("/work");
const before = os.readdir("/work")[0].length;
file = std.tmpfile(error);
equal([error.errno, os.readdir("/work")[0].length], [0, before], "tmpfile has no name");
file.puts("kept");
file.seek(0, std.SEEK_SET);
equal(file.readAsString(), "kept");
file.close();

// loadFile, writeFile
equal(std.writeFile("/work/w", "é"), undefined);
std.writeFile("/work/w2", new Uint8Array([0xc3, 0x28]));
equal([std.loadFile("/work/w"), std.loadFile("/work/w2")], ["é", "\ufffd("], "what is no UTF-8 is replaced");
equal(Array.from(std.loadFile("/work/w2", { binary: true })), [0xc3, 0x28], "as bytes");
equal(std.loadFile("/work/none"), null);
throws(Error, "could not write '/work/none/w': No such file or directory", () => std.writeFile("/work/none/w", ""));
std.writeFile("/work/empty");
equal(std.loadFile("/work/empty"), "", "nothing is written");
throws(TypeError, "ArrayBuffer", () => std.writeFile("/work/w", 5));

// What a lost object has kept is written, and its descriptor is closed
(() => std.open("/work/lost", "w").puts("lost"))();
std.gc();
equal(std.loadFile("/work/lost"), "lost", "a lost file is written");
const free = os.open("/work/a", os.O_RDONLY);
equal(free, fd, "and closed");
equal(String(std.out), "[object Object]");
print(std.out, [std.err]);
holds(Object.keys(std.out).length === 0);
std.open("/work/kept", "w").puts("written at the end");
std.out.puts("out\n");
std.err.puts("err\n");
equal(std.out.printf("%d\n", 5), 2);
std.puts("puts ", 1, "\n");
equal(std.printf("printf %s\n", "é"), 10, "bytes, not characters");
equal(std.out.seek(0, 0), -E.ESPIPE, "a stream has no places");
equal(std.out.tell(), -1);
