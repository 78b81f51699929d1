//! `guestnet-iwa` of the npm package: the app that it makes, as it serves it, is installed in a real Chromium and runs a program; and what
//! it refuses.

use guestnet_tests::chromium::Browser;
use guestnet_tests::emscripten::{self, Engine};
use guestnet_tests::{Program, Running, paths};
use libtest_mimic::{Arguments, Trial};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use tempfile::TempDir;

/// Each under a name by which the developer's loop leaves it out: it has neither the package nor a browser.
const TESTS: [(&str, fn()); 4] = [
    ("chromium_iwa::an_app_that_was_made_runs_a_program", runs),
    ("emscripten-node::iwa::nothing_is_overwritten", overwrites_nothing),
    ("emscripten-node::iwa::only_the_app_is_served", serves_the_app),
    ("emscripten-node::iwa::a_mistake_is_one_sentence", mistakes),
];

fn main() {
    let arguments = Arguments::from_args();
    let trials = TESTS.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.into()).exit();
}

/// The command, with the oldest Node.
fn command(words: &[&str]) -> Program {
    let script = paths::target_dir().join("npm/guestnet/bin/guestnet-iwa.cjs");
    emscripten::script(Engine::Node20, &script).args(words)
}

/// A new app, and what goes with it.
fn app() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let app = directory.path().join("app");
    let _ = command(&["init", word(&app), "--name", "A test"])
        .finish()
        .success();
    (directory, app)
}

fn word(path: &Path) -> &str {
    path.to_str().expect("a name in UTF-8")
}

/// Serves an app, and says on which port.
fn serve(app: &Path) -> (Running, u16) {
    let mut server = command(&["serve", word(app)]).start();
    let port = server.line("http://127.0.0.1:");
    (server, port.parse().expect("a port"))
}

/// The status, and all of the answer, to a request for a path.
fn get(port: u16, path: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .expect("send");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("receive");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), answer)
}

fn runs() {
    let (directory, app) = app();
    let guests = paths::target_dir().join("guests/emscripten-web-jspi");
    for name in ["guests.mjs", "guests.wasm"] {
        fs::copy(guests.join(name), app.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // The guests are an ES module, which runs no program by itself.
    let program = "import('./guests.mjs').then(({ default: create }) => create(Module));\n";
    fs::write(app.join("app.js"), program).expect("written");
    let (server, port) = serve(&app);
    let browser = Browser::start_served(port).expect("installed");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let to = listener.local_addr().expect("local_addr").port();
    let peer = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut text = String::new();
        // A client that is reset has said what came before.
        let _ = stream.read_to_string(&mut text);
        text
    });
    let ended =
        "document.getElementById('output')?.textContent.includes('(exit status') && crossOriginIsolated";
    let page = browser
        .open_until(&format!("/?arg=act&arg=tcp%20127.0.0.1%20{to}"), ended)
        .expect("the program ends");
    let output = page.evaluate("document.getElementById('output').textContent");
    let output = output.expect("the output");
    let output = output.as_str().expect("a text");
    assert!(
        output.starts_with(&format!("tcp 127.0.0.1 {to}: ok\n")),
        "{output}"
    );
    assert!(output.contains("(exit status 0)"), "{output}");
    assert_eq!(peer.join().expect("the peer"), "hello");
    drop(page);
    browser.close();
    drop(server);
    assert!(
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err(),
        "it is still served"
    );
    directory.close().expect("nothing is left");
}

fn overwrites_nothing() {
    let (directory, app) = app();
    let page = app.join("index.html");
    fs::write(&page, "mine").expect("written");
    let again = command(&["init", word(&app)]).finish();
    assert_eq!(again.status.code(), Some(1), "{again}");
    assert!(again.stderr.contains("is there already"), "{again}");
    assert_eq!(fs::read_to_string(&page).expect("the page"), "mine");
    // Where there is only one file of an app, none of the others is written. A program may be there first.
    let other = directory.path().join("other");
    fs::create_dir(&other).expect("made");
    fs::write(other.join("app.js"), "").expect("written");
    fs::write(other.join("start.js"), "mine").expect("written");
    let again = command(&["init", word(&other)]).finish();
    assert_eq!(again.status.code(), Some(1), "{again}");
    assert_eq!(fs::read_dir(&other).expect("read").count(), 2, "{again}");
    fs::remove_file(other.join("start.js")).expect("removed");
    let _ = command(&["init", word(&other)]).finish().success();
}

fn serves_the_app() {
    let (directory, app) = app();
    fs::write(directory.path().join("secret.txt"), "secret").expect("written");
    std::os::unix::fs::symlink(directory.path(), app.join("link")).expect("linked");
    fs::write(app.join("a b.txt"), "spaced").expect("written");
    let (_server, port) = serve(&app);
    let host = format!("127.0.0.1:{port}");
    for (path, kind) in [
        ("/", "text/html"),
        ("/index.html?arg=1", "text/html"),
        ("/.well-known/manifest.webmanifest", "application/manifest+json"),
        ("/start.js", "text/javascript"),
        ("/icon.png", "image/png"),
        ("/guestnet/guestnet.wasm", "application/wasm"),
        ("/a%20b.txt", "text/plain"),
    ] {
        let (status, answer) = get(port, path, &host);
        assert_eq!(status, 200, "{path}");
        for header in [
            &format!("Content-Type: {kind}"),
            "Cross-Origin-Opener-Policy: same-origin",
            "Cross-Origin-Embedder-Policy: require-corp",
        ] {
            assert!(answer.contains(header), "{path} has no {header}");
        }
    }
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/guestnet/../../secret.txt",
        "//../secret.txt",
        "/link/secret.txt",
        "/guestnet",
        "/%00",
        "/%ff",
        "/nothing.js",
        "secret.txt",
        "http://127.0.0.1/secret.txt",
    ] {
        let (status, answer) = get(port, path, &host);
        assert!(matches!(status, 400 | 404), "{path}: {answer}");
        assert!(!answer.contains("secret"), "{path}: {answer}");
    }
    // What a page elsewhere reaches by a name of its own for this machine.
    assert_eq!(get(port, "/", &format!("evil.test:{port}")).0, 403);
}

fn mistakes() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let there = word(directory.path());
    let program = std::env::current_exe().expect("this program");
    let below_a_file = program.join("app");
    let table: [(&[&str], i32); 15] = [
        (&[], 2),
        (&["make"], 2),
        (&["init"], 2),
        (&["init", "--name"], 2),
        (&["init", there, "--name", " "], 2),
        (&["init", there, there], 2),
        (&["init", there, "--port", "1"], 2),
        (&["serve"], 2),
        (&["serve", there, "--port", "x"], 2),
        (&["serve", there, "--port", "65536"], 2),
        (&["serve", there], 1),
        (&["init", word(&below_a_file)], 1),
        (&["init", "/proc/app"], 1),
        (&["init", "/proc/self/app/within"], 1),
        (&["init", "/dev/null"], 1),
    ];
    for (words, status) in table {
        let output = command(words).finish();
        assert_eq!(output.status.code(), Some(status), "{output}");
        assert!(output.stderr.starts_with("guestnet-iwa: "), "{output}");
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
        if let (["init", _], 1) = (words, status) {
            let sentence = "one needs an ordinary directory that can be written";
            assert!(output.stderr.contains(sentence), "{output}");
        }
    }
    let (_directory, app) = app();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = taken.local_addr().expect("local_addr").port().to_string();
    let output = command(&["serve", word(&app), "--port", &port]).finish();
    assert_eq!(output.status.code(), Some(1), "{output}");
    assert!(output.stderr.contains("EADDRINUSE"), "{output}");
    assert_eq!(fs::read_dir(directory.path()).expect("read").count(), 0);
}
