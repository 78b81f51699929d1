//! Each name of `os` and `std` that qjs (bellard/quickjs of May 2026) or quickjs-ng (0.16.2) has is offered, or docs/quickjs-std.md
//! says why not. The lists are facts from their sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::harness::Run;

const OS: &str = "
    O_APPEND O_BINARY O_CREAT O_EXCL O_RDONLY O_RDWR O_TEXT O_TRUNC O_WRONLY SIGABRT SIGALRM SIGCHLD SIGCONT SIGFPE SIGILL SIGINT
    SIGPIPE SIGQUIT SIGSEGV SIGSTOP SIGTERM SIGTSTP SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 S_IFBLK S_IFCHR S_IFDIR S_IFIFO S_IFLNK S_IFMT
    S_IFREG S_IFSOCK S_ISGID S_ISUID WNOHANG Worker chdir clearInterval clearTimeout close cputime dup dup2 exePath exec getcwd
    getpid isatty kill lstat mkdir mkdtemp mkstemp now open pipe platform read readdir readlink realpath remove rename seek
    setInterval setReadHandler setTimeout setWriteHandler signal sleep sleepAsync stat symlink ttyGetWinSize ttySetRaw utimes
    waitpid write";

const STD: &str = "
    Error SEEK_CUR SEEK_END SEEK_SET __printObject err evalScript exit fdopen gc getenv getenviron in loadFile loadScript open out
    parseExtJSON popen printf puts setenv sprintf strerror tmpfile unsetenv urlGet writeFile";

const FILE: &str = "
    clearerr close eof error fileno flush getByte getline printf putByte puts read readAsArrayBuffer readAsString seek tell tello
    write";

const WORKER: &str = "onmessage postMessage";

const ERRORS: &str = "EACCES EBADF EBUSY EEXIST EINVAL EIO ENOENT ENOSPC ENOSYS EPERM EPIPE";

/// The names of the reference, as they are written in documentation.
fn reference() -> BTreeSet<String> {
    let all = [
        ("os.", OS),
        ("std.", STD),
        ("FILE.", FILE),
        ("Worker.", WORKER),
        ("Error.", ERRORS),
    ];
    all.iter()
        .flat_map(|(prefix, names)| {
            names
                .split_whitespace()
                .map(move |name| format!("{prefix}{name}"))
        })
        .collect()
}

/// The names that a script finds.
fn offered() -> BTreeSet<String> {
    let outcome = Run::new().text(
        "import * as os from 'os';
         import * as std from 'std';
         const names = (prefix, object) => { for (const name of Object.getOwnPropertyNames(object)) print(prefix + name); };
         names('os.', os);
         names('std.', std);
         names('FILE.', Object.getPrototypeOf(std.out));
         names('Worker.', os.Worker.prototype);
         names('Error.', std.Error);",
    );
    assert_eq!(outcome.err, "");
    outcome.out.lines().map(str::to_owned).collect()
}

/// The names in the first column of the table of what is not offered; each has a reason in the second one.
fn documented() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/quickjs-std.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("\n## What is not offered\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut names = BTreeSet::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let [_, cells, reason, _] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        assert!(reason.split_whitespace().count() > 2, "no reason: {line}");
        for name in cells.split(',') {
            let name = name
                .trim()
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'));
            assert!(names.insert(name.unwrap().to_owned()), "twice: {line}");
        }
    }
    names
}

#[test]
fn each_name_of_qjs_and_quickjs_ng_is_offered_or_documented() {
    let (reference, offered, documented) = (reference(), offered(), documented());
    let missing: Vec<_> = reference
        .iter()
        .filter(|name| !offered.contains(*name) && !documented.contains(*name))
        .collect();
    assert_eq!(missing, [""; 0], "neither offered nor documented");
    let both: Vec<_> = documented.intersection(&offered).collect();
    assert_eq!(both, [""; 0], "offered, and documented as not offered");
    let invented: Vec<_> = documented.difference(&reference).collect();
    assert_eq!(invented, [""; 0], "documented, and no name of either");
}
