//! Scripts: what the options do for them.

use crate::scratch::{Running, Scratch, finish};
use rustix::process::Signal;
use std::net::TcpListener;

#[test]
fn a_script_runs_with_its_arguments_and_its_exit_code() {
    let scratch = Scratch::new();
    scratch.file(
        "app.js",
        "import * as std from 'std';\nprint(scriptArgs.join(' '), std.getenv('NAME'));\nstd.exit(7);\n",
    );
    scratch
        .run(&["run", "--env", "NAME=value", "app.js", "--one", "two"])
        .assert(7, "app.js --one two value\n", "");
    scratch.file("ends.mjs", "await 1; print('done');");
    scratch.run(&["run", "ends.mjs"]).assert(0, "done\n", "");
}

#[test]
fn an_error_is_printed_and_the_exit_code_is_1() {
    let scratch = Scratch::new();
    scratch.file("app.js", "print('before');\nthrow new Error('no');\n");
    scratch
        .run(&["run", "app.js"])
        .assert(1, "before\n", "Error: no\n    at <anonymous> (app.js:2:11)\n");
}

#[test]
fn a_script_imports_what_is_beside_it_and_nothing_above() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path().join("app/lib")).expect("directories");
    scratch.file("secret.js", "export default 'secret';");
    scratch.file("app/lib/name.js", "export default 'name';");
    scratch.file("app/main.js", "import name from './lib/name.js'; print(name);");
    scratch.run(&["run", "app/main.js"]).assert(0, "name\n", "");
    scratch.file("app/bad.js", "import secret from '../secret.js'; print(secret);");
    let finished = scratch.run(&["run", "app/bad.js"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(1), ""),
        "{finished:?}"
    );
    let outside = "'../secret.js': outside of the script's directory";
    assert!(finished.stderr.contains(outside), "{finished:?}");
}

#[test]
fn a_script_imports_what_is_beside_its_directory_where_a_directory_of_the_guest_covers_it() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path().join("app")).expect("a directory");
    std::fs::create_dir_all(scratch.path().join("lib")).expect("a directory");
    scratch.file(
        "lib/x.js",
        "import y from './y.json' with {type: 'json'}; export default y;",
    );
    scratch.file("lib/y.json", "[1]");
    scratch.file("app/main.js", "import x from '../lib/x.js'; print(x);");
    for directory in [".::/", "lib::/lib", "lib"] {
        let arguments = ["run", "--dir", directory, "app/main.js"];
        scratch.run(&arguments).assert(0, "[ 1 ]\n", "");
    }
    let finished = scratch.run(&["run", "--dir", "app::/", "app/main.js"]);
    assert!(finished.stderr.contains("outside of"), "{finished:?}");
}

#[test]
fn files_are_those_of_its_directories() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path().join("data")).expect("a directory");
    scratch.file("data/text", "hello");
    scratch.file(
        "app.js",
        "import * as std from 'std'; print(std.loadFile('/data/text'), std.loadFile('/etc/passwd'), std.loadFile('app.js'));",
    );
    scratch
        .run(&["run", "--dir", "data::/data", "app.js"])
        .assert(0, "hello null null\n", "");
}

#[test]
fn a_denial_is_printed_with_the_flag_that_would_allow_it() {
    let scratch = Scratch::new();
    scratch.file(
        "app.js",
        "import * as os from 'os';
         const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
         await os.connect(fd, {addr: '10.0.0.5', port: 5432}).catch(print);",
    );
    scratch.run(&["run", "app.js"]).assert(
        0,
        "-13\n",
        "guestnet: connect 10.0.0.5:5432: denied because no rule allows it; --allow-connect 10.0.0.5:5432 would\n",
    );
}

#[test]
fn calls_are_traced() {
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    scratch.file(
        "app.js",
        format!(
            "import * as os from 'os';
             const fd = os.socket(os.AF_INET, os.SOCK_STREAM);
             await os.connect(fd, {{addr: '127.0.0.1', port: {}}});
             os.close(fd);",
            address.port()
        ),
    );
    let finished = scratch.run(&["run", "--allow-connect", "127.0.0.1", "--trace", "app.js"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    for call in ["socket(", "connect(", "close("] {
        assert!(finished.stderr.contains(call), "{call}: {finished:?}");
    }
}

#[test]
fn listeners_are_descriptors_from_3_on() {
    let scratch = Scratch::new();
    scratch.file(
        "app.js",
        "import * as os from 'os'; import * as std from 'std';
         const addr = os.getsockname(3);
         const client = os.socket(os.AF_INET, os.SOCK_STREAM);
         const accepted = os.accept(3);
         await os.connect(client, addr);
         const [fd, peer] = await accepted;
         print(std.getenv('LISTEN_FDS'), addr.addr, peer.port === os.getsockname(client).port);",
    );
    let finished = scratch.run(&[
        "run",
        "--listen",
        "tcp://127.0.0.1:0",
        "--allow-connect",
        "127.0.0.1",
        "app.js",
    ]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "1 127.0.0.1 true\n"),
        "{finished:?}"
    );
}

/// Scripts that print `ready` and never end: computing, waiting, and inside a function of the engine that looks at
/// nothing.
const ENDLESS: [(&str, &str); 4] = [
    ("spin.js", "print('ready'); for (;;);"),
    (
        "catch.js",
        "print('ready'); for (;;) try { for (;;); } catch {} finally { continue; }",
    ),
    (
        "wait.js",
        "import * as os from 'os'; print('ready'); await os.accept(3);",
    ),
    (
        "native.js",
        "print('ready'); Array.prototype.indexOf.call({length: 2 ** 53 - 1}, 1);",
    ),
];

#[test]
fn timeout_ends_every_script() {
    let scratch = Scratch::new();
    for (name, source) in ENDLESS {
        scratch.file(name, source);
        let finished = scratch.run(&["run", "--listen=tcp://127.0.0.1:0", "--timeout", "300ms", name]);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(124), "ready\n"),
            "{finished:?}"
        );
        assert!(
            finished
                .stderr
                .ends_with("guestnet: stopped: --timeout 300ms is over\n"),
            "{finished:?}"
        );
    }
}

#[test]
fn signals_end_every_script() {
    let scratch = Scratch::new();
    for (name, source) in ENDLESS {
        scratch.file(name, source);
        let running = Running::start(scratch.guestnet(&["run", "--listen=tcp://127.0.0.1:0", name]));
        running.signal(Signal::TERM);
        assert_eq!(running.finish().code, Some(143), "{name}");
    }
}

#[test]
fn memory_is_limited() {
    let scratch = Scratch::new();
    scratch.file(
        "app.js",
        "const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1));",
    );
    let finished = scratch.run(&["run", "--max-memory", "64MiB", "app.js"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(1), ""),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("out of memory"), "{finished:?}");
    scratch.run(&["run", "--max-memory", "10kB", "app.js"]).assert(
        1,
        "",
        "guestnet: cannot run app.js: the limit of memory is too low for the engine to start\n",
    );
}

#[test]
fn sockets_are_limited() {
    let scratch = Scratch::new();
    scratch.file(
        "app.js",
        "import * as os from 'os'; const open = () => os.socket(os.AF_INET, os.SOCK_DGRAM);
         print(open() > 0, open() > 0, open());",
    );
    scratch
        .run(&["run", "--max-sockets", "2", "app.js"])
        .assert(0, "true true -24\n", "");
}

#[test]
fn what_is_no_module_is_refused() {
    let scratch = Scratch::new();
    scratch.file("old.cjs", "1");
    assert_eq!(scratch.run(&["run", "old.cjs"]).code, Some(2));
    scratch.file("app.js", "1");
    assert_eq!(scratch.run(&["inspect", "app.js"]).code, Some(2));
    assert_eq!(scratch.run(&["run", "missing.js"]).code, Some(1));
}

#[test]
fn an_errno_that_nothing_catches_has_its_name_and_the_line_of_its_call() {
    let scratch = Scratch::new();
    let port = {
        // Closed again, so that a connection is refused.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let refused = "ECONNREFUSED (connection refused), from os.connect at app.js:";
    let unhandled = "Possibly unhandled promise rejection: ";
    let dial =
        format!("os.connect(os.socket(os.AF_INET, os.SOCK_STREAM), {{addr: '127.0.0.1', port: {port}}})");
    let cases = [
        (format!("await {dial};"), format!("{refused}3\n")),
        (format!("{dial};"), format!("{unhandled}{refused}3\n")),
        (
            format!("async function f() {{\n await {dial}; }}\nf().then(print);"),
            format!("{unhandled}{refused}4\n"),
        ),
        // What was caught and is thrown again is still that call's.
        (
            format!("try {{ await {dial} }} catch (e) {{ await os.sleepAsync(1); throw e }}"),
            format!("{refused}3\n"),
        ),
        (
            "await os.recv(99, new Uint8Array(1));".to_owned(),
            "EBADF (bad file descriptor), from os.recv at app.js:3\n".to_owned(),
        ),
        (
            "await os.getaddrinfoAsync('127.0.0.1', 'nonsense-service');".to_owned(),
            "EAI_SERVICE (servname not supported for ai_socktype), from os.getaddrinfoAsync at app.js:3\n"
                .to_owned(),
        ),
        // A number of the script's own is no errno of a call.
        ("throw -5;".to_owned(), "-5\n".to_owned()),
    ];
    for (source, expected) in cases {
        scratch.file("app.js", format!("import * as os from 'os';\n\n{source}\n"));
        scratch
            .run(&["run", "--allow-net", "app.js"])
            .assert(1, "", &expected);
    }
    // The promise still rejects with a number, and a script that catches it prints what it likes.
    scratch.file(
        "app.js",
        format!("import * as os from 'os';\nprint(await {dial}.catch(errno => errno));\n"),
    );
    scratch
        .run(&["run", "--allow-net", "app.js"])
        .assert(0, "-111\n", "");
}

#[test]
fn an_await_that_never_ends_is_code_13_and_one_sentence() {
    let scratch = Scratch::new();
    let sentence = |name| {
        format!("{name}: an await at the top level never ends: nothing is pending that could settle it\n")
    };
    scratch.file(
        "app.js",
        "print('before');\nawait new Promise(() => {});\nprint('never');\n",
    );
    scratch
        .run(&["run", "app.js"])
        .assert(13, "before\n", &sentence("app.js"));
    // Of a module that is imported as well.
    scratch.file("lib.js", "await new Promise(() => {});\n");
    scratch.file("app.js", "import './lib.js';\nprint('never');\n");
    scratch
        .run(&["run", "app.js"])
        .assert(13, "", &sentence("app.js"));
    // A promise that no await waits for, and one that a timer settles, are no such thing.
    scratch.file(
        "app.js",
        "import * as os from 'os';\nnew Promise(() => {});\nawait os.sleepAsync(1);\nprint('over');\n",
    );
    scratch.run(&["run", "app.js"]).assert(0, "over\n", "");
}

#[test]
fn a_script_comes_from_standard_input_and_what_does_not_run_is_named() {
    let scratch = Scratch::new();
    scratch.file("lib.js", "export default 'lib';");
    let input = scratch.file(
        "input",
        "import lib from './lib.js';\nprint(lib, scriptArgs.join(' '));\nthrow new Error('no');\n",
    );
    let mut command = scratch.guestnet(&["run", "-", "--one"]);
    command.stdin(std::fs::File::open(&input).expect("the input"));
    finish(command).assert(
        1,
        "lib <stdin> --one\n",
        "Error: no\n    at <anonymous> (<stdin>:3:11)\n",
    );
    let mut command = scratch.guestnet(&["run", "/dev/stdin"]);
    command.stdin(std::fs::File::open(&input).expect("the input"));
    finish(command).assert(
        1,
        "",
        "guestnet: /dev/stdin is something else, not WebAssembly: a script from standard input is guestnet run -\n",
    );
    let module = scratch.file("module", b"\0asm\x01\0\0\0");
    let mut command = scratch.guestnet(&["run", "-"]);
    command.stdin(std::fs::File::open(module).expect("the input"));
    finish(command).assert(
        2,
        "",
        "guestnet: `-` is a script from standard input, and this is WebAssembly: name it /dev/stdin\n",
    );
    scratch.file("x.ts", "const n: number = 1;");
    scratch.run(&["run", "x.ts"]).assert(
        2,
        "",
        "guestnet: x.ts is TypeScript, which guestnet does not run: compile it to JavaScript first, for instance with tsc\n",
    );
}
