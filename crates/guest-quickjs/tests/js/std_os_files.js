// os.open, read, write, seek, close and the calls that name files, in the directory /work.
import * as os from "os";
import * as std from "std";
import { bytes, equal, holds, text, throws } from "./std_check.js";

const E = std.Error;
const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = os;

// open, write, read, seek
let fd = os.open("/work/a", O_RDWR | O_CREAT | O_EXCL, 0o600);
holds(fd >= 3, "a descriptor");
equal(os.write(fd, bytes("hello, world").buffer, 0, 12), 12, "write");
equal(os.seek(fd, 7, std.SEEK_SET), 7, "seek");
equal(os.seek(fd, -5n, std.SEEK_END), 7n, "seek of a BigInt");
equal(os.seek(fd, 0, std.SEEK_CUR), 7, "seek from here");
const buffer = new ArrayBuffer(8);
equal(os.read(fd, buffer, 2, 5), 5, "read");
equal(text(buffer), "\0\0world\0", "what was read");
equal(os.read(fd, buffer, 0, 8), 0, "end of file");
equal(os.seek(fd, -1, std.SEEK_SET), -E.EINVAL, "seek before the beginning");
equal(os.seek(fd, 0, 9), -E.EINVAL, "a wrong whence");
equal(os.close(fd), 0, "close");
equal(os.close(fd), -E.EBADF, "close again");
equal(os.read(fd, buffer, 0, 1), -E.EBADF, "read of a closed one");
equal(os.write(fd, buffer, 0, 1), -E.EBADF, "write of a closed one");
equal(os.seek(fd, 0, 0), -E.EBADF, "seek of a closed one");
equal(os.close(-1), -E.EBADF, "a negative descriptor");
equal(os.seek(1000000, 0, 0), -E.EBADF, "a large descriptor");

// Flags
equal(os.open("/work/a", O_RDWR | O_CREAT | O_EXCL), -E.EEXIST, "O_EXCL");
equal(os.open("/work/none", O_RDONLY), -E.ENOENT, "no such file");
equal(os.open("/work/a/b", O_RDONLY), -E.ENOTDIR, "a file is no directory");
equal(os.open("/work/a", 3), -E.EINVAL, "no such access");
fd = os.open("/work/a", O_WRONLY | O_APPEND);
equal(os.write(fd, bytes("!!"), 1), 1, "append, with the length left out");
equal(os.read(fd, buffer), -E.EBADF, "read what is open for writing");
os.close(fd);
equal(std.loadFile("/work/a"), "hello, world!", "appended");
fd = os.open("/work/a", O_RDONLY);
equal(os.write(fd, buffer), -E.EBADF, "write what is open for reading");
os.close(fd);
os.close(os.open("/work/a", O_WRONLY | O_TRUNC));
equal(std.loadFile("/work/a"), "", "cut");
os.close(os.open("/work/new", O_RDONLY | O_CREAT));
equal(std.loadFile("/work/new"), "", "made for reading");
std.writeFile("/work/new", "x");
os.close(os.open("/work/new", O_RDWR | O_TRUNC | O_APPEND));
equal(std.loadFile("/work/new"), "", "cut to be appended to");
equal(os.open("/work", O_RDWR), -E.EISDIR, "a directory for writing");
equal([os.stat("/work/a")[0].mode & 0o777, os.stat("/work/a")[0].mode & os.S_IFMT], [0o600, os.S_IFREG], "mode");

// The lowest number is taken
const first = os.open("/work/a", O_RDONLY);
const second = os.open("/work/a", O_RDONLY);
os.close(first);
equal(os.open("/work/new", O_RDONLY), first, "the lowest number");
os.close(first);
os.close(second);

// Buffers of every kind
std.writeFile("/work/b", "0123456789");
fd = os.open("/work/b", O_RDWR);
const words = new Uint16Array(4);
equal(os.read(fd, words.subarray(1, 3)), 4, "a part of a typed array");
equal(Array.from(words), [0, 0x3130, 0x3332, 0], "its bytes");
const shared = new SharedArrayBuffer(4);
equal(os.read(fd, shared, 1, 2), 2, "a shared buffer");
equal(Array.from(new Uint8Array(shared)), [0, 0x34, 0x35, 0], "its bytes");
equal(os.write(fd, shared, 1, 2), 2, "from a shared buffer");
equal(std.loadFile("/work/b"), "0123454589");
const detached = new ArrayBuffer(4);
detached.transfer();
throws(TypeError, "detached", () => os.read(fd, detached, 0, 1));
const fixed = new ArrayBuffer(4).transferToImmutable();
throws(TypeError, "immutable", () => os.read(fd, fixed, 0, 1));
equal(os.write(fd, fixed, 0, 1), 1, "from an immutable buffer");
throws(RangeError, "overflow", () => os.read(fd, buffer, 4, 5));
throws(RangeError, "overflow", () => os.write(fd, buffer, 9));
throws(RangeError, "length", () => os.read(fd, buffer, 0, -1));
throws(RangeError, "offset", () => os.read(fd, buffer, 0.5, 1));
throws(RangeError, "length", () => os.read(fd, buffer, 0, 2 ** 60));
throws(TypeError, "ArrayBuffer", () => os.read(fd, "text", 0, 1));
throws(TypeError, "ArrayBuffer", () => os.write(fd));
throws(TypeError, "descriptor", () => os.read({}, buffer, 0, 1));
throws(TypeError, "offset", () => os.seek(fd, "x", 0));
equal(os.seek(fd, 3), 3, "no whence is SEEK_SET");
throws(TypeError, "whence", () => os.seek(fd, 0, "x"));
os.close(fd);

// stat, lstat, symlink, readlink, realpath
const [found, error] = os.stat("/work/b");
equal([found.size, error, found.nlink], [10, 0, 1], "stat");
for (const name of ["dev", "ino", "uid", "gid", "rdev", "blocks", "atime", "mtime", "ctime"]) {
    holds(Number.isInteger(found[name]), name);
}
holds(Math.abs(found.mtime - Date.now()) < 60_000, "mtime is in milliseconds");
equal(os.stat("/work/none"), [null, E.ENOENT], "stat of nothing");
equal(os.symlink("b", "/work/link"), 0, "symlink");
equal(os.symlink("b", "/work/link"), -E.EEXIST, "symlink again");
equal(os.lstat("/work/link")[0].mode & os.S_IFMT, os.S_IFLNK, "lstat");
equal(os.stat("/work/link")[0].mode & os.S_IFMT, os.S_IFREG, "stat follows");
equal(os.lstat("/work/none"), [null, E.ENOENT], "lstat of nothing");
equal(os.readlink("/work/link"), ["b", 0], "readlink");
equal(os.readlink("/work/b"), ["", E.EINVAL], "readlink of a file");
equal(os.realpath("/work/./link"), ["/work/b", 0], "realpath");
equal(os.realpath("/work/none"), ["", E.ENOENT], "realpath of nothing");

// utimes
equal(os.utimes("/work/link", 1_000.9, 2_000), 0, "utimes follows links");
equal([os.stat("/work/b")[0].atime, os.stat("/work/b")[0].mtime], [1_000, 2_000], "in milliseconds");
equal(os.utimes("/work/none", 0, 0), -E.ENOENT, "utimes of nothing");
equal([os.utimes("/work/b", -1, 0), os.utimes("/work/b", 0, -1e300)], [-E.EINVAL, -E.EINVAL], "before 1970");
equal([os.utimes("/work/b", 1e300, 0), os.utimes("/work/b", 0, NaN)], [-E.EINVAL, -E.EINVAL], "no time");
equal(os.utimes("/none", 0, 0), -E.EACCES, "utimes outside");
throws(TypeError, "modification time", () => os.utimes("/work/b", 0, "x"));

// mkdir, readdir, rename, remove, chdir, getcwd
equal(os.mkdir("/work/dir", 0o700), 0, "mkdir");
equal(os.mkdir("/work/dir"), -E.EEXIST, "mkdir again");
equal(os.mkdir("/work/none/dir"), -E.ENOENT, "mkdir below nothing");
equal(os.stat("/work/dir")[0].mode, os.S_IFDIR | 0o700, "the mode of a directory");
equal(os.rename("/work/b", "/work/dir/c"), 0, "rename");
equal(os.rename("/work/b", "/work/dir/c"), -E.ENOENT, "rename again");
equal(os.stat("/work/link"), [null, E.ENOENT], "a link to nothing");
const [names, none] = os.readdir("/work");
equal([names.sort(), none], [[".", "..", "a", "dir", "link", "new"], 0], "readdir");
equal(os.readdir("/work/dir"), [[".", "..", "c"], 0], "readdir");
equal(os.readdir("/work/none"), [[], E.ENOENT], "readdir of nothing");
equal(os.readdir("/work/a"), [[], E.ENOTDIR], "readdir of a file");
equal(os.remove("/work/dir"), -E.ENOTEMPTY, "remove a directory that is not empty");
equal(os.remove("/work/dir/c"), 0, "remove a file");
equal(os.remove("/work/dir/c"), -E.ENOENT, "remove it again");
equal(os.remove("/work/link"), 0, "remove a link");
equal(os.getcwd(), ["/", 0], "getcwd");
equal(os.chdir("work/dir"), 0, "chdir");
equal(os.getcwd(), ["/work/dir", 0], "getcwd after chdir");
equal(os.stat("../a")[1], 0, "a relative path");
equal(os.chdir("none"), -E.ENOENT, "chdir to nothing");
equal(os.chdir("../a"), -E.ENOTDIR, "chdir to a file");
equal(os.chdir("/work"), 0, "chdir");
equal(os.remove("dir"), 0, "remove a directory");

// mkdtemp, mkstemp: that another name is tried where one is taken is tested in temporary.rs
let [made, number] = os.mkdtemp();
holds(/^tmp[a-zA-Z0-9]{6}$/.test(made), made);
equal([number, os.stat(made)[0].mode], [0, os.S_IFDIR | 0o700], "mkdtemp");
[made, number] = os.mkdtemp(`${made}/dXXXXXX`);
holds(/^tmp\w{6}\/d\w{6}$/.test(made), made);
let [path, open] = os.mkstemp(`/work/${made}/f`);
holds(path.startsWith(`/work/${made}/f`) && /f\w{6}$/.test(path), path);
equal(os.write(open, bytes("temporary")), 9, "it is open for writing");
equal([os.seek(open, 0), os.read(open, new Uint8Array(9))], [0, 9], "and for reading");
equal([os.stat(path)[0].mode, std.loadFile(path)], [os.S_IFREG | 0o600, "temporary"], "mkstemp");
for (const name of [path, made, made.split("/")[0]]) equal(os.remove(name), 0, name);
equal(os.close(open), 0);
equal(os.mkdtemp("/work/none/XXXXXX"), ["/work/none/XXXXXX", -E.ENOENT], "mkdtemp below nothing");
equal(os.mkstemp("/none/x"), ["/none/xXXXXXX", -E.EACCES], "mkstemp outside");
equal(os.mkstemp("x".repeat(5000))[1], -E.ENAMETOOLONG, "a long pattern");
throws(TypeError, "pattern", () => os.mkstemp(5));

// Wrong types
for (const name of ["open", "stat", "lstat", "readdir", "mkdir", "remove", "rename", "realpath", "chdir", "readlink"]) {
    for (const wrong of [undefined, null, 1, {}, [], Symbol("s"), () => {}]) {
        throws(TypeError, "must be a string", () => os[name](wrong, "x"));
    }
    throws(TypeError, "must be a string", () => os[name]());
}
throws(TypeError, "flags", () => os.open("/work/a", "x"));
throws(TypeError, "mode", () => os.open("/work/a", O_RDONLY, {}));
throws(TypeError, "new path", () => os.rename("/work/a"));
fd = os.open("/work/a");
equal([os.write(fd, bytes("x")), os.close(fd)], [-E.EBADF, 0], "no flags are O_RDONLY");
equal(os.open("", O_RDONLY), -E.ENOENT, "an empty path");
equal(os.open("/work/a\0b", O_RDONLY), -E.EINVAL, "a path with a NUL");
equal(os.open("/work/" + "x".repeat(5000), O_RDONLY), -E.ENAMETOOLONG, "a long path");

// pipe, dup, dup2
const [from, to] = os.pipe();
equal(os.write(to, bytes("through")), 7, "write to a pipe");
const copy = os.dup(to);
equal(os.close(to), 0);
equal(os.write(copy, bytes(" both")), 5, "write to the copy");
equal(os.close(copy), 0);
const got = new Uint8Array(20);
equal([os.read(from, got), text(got.subarray(0, 12))], [12, "through both"], "read from a pipe");
equal(os.read(from, got), 0, "all ends for writing are closed");
equal(os.write(from, got), -E.EBADF, "the end for reading");
equal(os.seek(from, 0, 0), -E.ESPIPE, "a pipe has no places");
std.writeFile("/work/d", "abc");
fd = os.open("/work/d", O_RDONLY);
const other = os.dup(fd);
equal([os.read(fd, got, 0, 1), os.read(other, got, 1, 1), text(got.subarray(0, 2))], [1, 1, "ab"], "one place for both");
equal(os.dup2(fd, from), from, "dup2 onto an open one");
equal([os.read(from, got, 0, 1), got[0]], [1, 99], "is the same file");
equal(os.dup2(fd, 50), 50, "dup2 to a number that is not open");
equal(os.seek(50, 0, 0), 0);
equal(os.dup2(fd, fd), fd, "dup2 to itself");
equal([os.dup(99), os.dup2(99, 3), os.dup2(99, 99)], [-E.EBADF, -E.EBADF, -E.EBADF], "of nothing");
equal([os.dup2(fd, -1), os.dup2(fd, 100000)], [-E.EBADF, -E.EBADF], "to no number");
const next = os.dup(fd);
holds(next < 50, "nothing is left between");
for (const open of [fd, other, from, 50, next]) equal(os.close(open), 0);
equal(os.remove("/work/d"), 0);
throws(TypeError, "descriptor", () => os.dup("x"));
throws(TypeError, "descriptor", () => os.dup2(0));

// Processor time: whole microseconds that only grow; and no path of the host's
const before = os.cputime();
let sum = 0;
while (os.cputime() === before) sum += 1;
holds(Number.isInteger(before) && Number.isInteger(os.cputime()) && os.cputime() > before, "cputime");
equal(os.exePath(), undefined, "exePath");

// Terminals, the platform, and what is not there
equal([os.isatty(0), os.isatty(1), os.isatty(99)], [false, false, false], "isatty");
for (const name of ["exec", "kill", "waitpid", "getpid", "ttyGetWinSize", "ttySetRaw"]) {
    equal(os[name], undefined, name);
}
for (const name of ["popen", "urlGet", "parseExtJSON"]) {
    equal(std[name], undefined, name);
}
print("ok");
