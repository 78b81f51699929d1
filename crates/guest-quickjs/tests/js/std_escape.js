// Every way out of a directory that a script could think of. The test has put these into /box, which is the
// directory `inner` of the host: `up` -> .., `secret` -> ../secret, `absolute` -> the host's path of the secret,
// `loop` -> loop, `dir/`. The file `secret` is in the same directory as `inner`.
import * as os from "os";
import * as std from "std";
import { equal } from "./std_check.js";

const { EACCES, ELOOP } = std.Error;
const host = std.getenv("HOST");

const ways = [
    "/box/../secret", "/box/dir/../../secret", "/box/up/secret", "/box/secret", "/box/absolute", "box/up/../secret",
    "/secret", host, `/box/${host}/../../../../../../../../etc/passwd`, "/etc/passwd", "/", "..", "../..", "/proc/self/environ",
    "/box/dir/../../../../../../../../etc/passwd", "/box/up/up/etc/passwd",
];
for (const path of ways) {
    const refused = (error, what) => {
        if (error !== EACCES && error !== std.Error.ENOENT) {
            throw new Error(`${what}(${path}): ${error}`);
        }
    };
    refused(-os.open(path, os.O_RDONLY), "open");
    refused(-os.open(path, os.O_WRONLY | os.O_TRUNC), "open to cut");
    // A file with another name in the directory of a link is inside.
    const other = /^\/box\/[a-z]+$/.test(path) ? `${path}/` : path;
    refused(-os.open(other + "2", os.O_WRONLY | os.O_CREAT), "open to make");
    refused(os.stat(path)[1], "stat");
    refused(os.readdir(path)[1], "readdir");
    refused(os.realpath(path)[1], "realpath");
    refused(-os.mkdir(other + "3"), "mkdir");
    refused(-os.rename("/box/file", other + "4"), "rename to");
    refused(-os.chdir(path), "chdir");
    equal(std.loadFile(path), null, "loadFile");
    equal(std.open(path, "r"), null, "std.open");
}
// A link itself can be read and removed; what it leads to cannot.
equal(os.lstat("/box/secret")[1], 0, "lstat of the link");
equal(os.stat("/box/loop")[1], ELOOP, "a loop");
equal(os.symlink("/etc/passwd", "/box/made"), -EACCES, "an absolute link");
equal(os.symlink("../secret", "/box/dir/made"), 0, "a link that stays inside by its text");
equal(os.symlink("../../secret", "/box/dir/made2"), 0, "a link that leads outside");
equal(os.open("/box/dir/made2", os.O_RDONLY), -EACCES, "is not followed");
equal(os.rename("/box/up", "/box/moved"), 0, "a link can be renamed");
equal(std.loadFile("/box/moved/secret"), null, "and leads nowhere still");
equal(std.loadFile("/box/file"), "mine", "what is inside is there");
print("ok");
