//! Listeners of a service manager: systemd's own `systemd-socket-activate` opens them, waits for a client and hands them over. The native
//! program that is started in the same way is the oracle. The units of docs/cli.md are checked by systemd.

use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Program, Running, docs, guest, native_guest, paths};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;

/// The program that opens the sockets.
const ACTIVATE: &str = "systemd-socket-activate";

/// What it prints for each socket, before the socket and its number.
const LISTENING: &str = "Listening on ";

/// What a script does that takes connections from all of its listeners, says how many there are, and answers one client of each.
const GREETER: &str = "import * as os from 'os'; import * as std from 'std';
    const count = Number(std.getenv('LISTEN_FDS'));
    for (let listener = 3; listener < 3 + count; listener++) {
        const [fd] = await os.accept(listener);
        const text = `${listener} of ${count}\\n`;
        await os.send(fd, Uint8Array.from(text, c => c.charCodeAt(0)).buffer);
        os.close(fd);
    }";

#[test]
fn a_server_that_systemd_starts_for_its_first_client_serves_as_the_native_one() {
    let oracle = serve(&[native_guest("go", "preopened").as_os_str()]);
    let module = guest("go", "preopened");
    let got = serve(&[
        paths::guestnet_bin().as_os_str(),
        "run".as_ref(),
        module.as_os_str(),
    ]);
    assert_same_transcript(&oracle, &got);
    assert!(got.ends_with("bye\n") && got.contains("LISTEN_FDS 1\n"), "{got}");
}

/// Has systemd start `command` for a client, and returns what both have printed.
#[track_caller]
fn serve(command: &[&std::ffi::OsStr]) -> String {
    let addr = free();
    let server = activate(&["-l", &addr.to_string()], command, 1);
    let client = Program::new(&native_guest("go", "http_client"));
    let client = client
        .arg(format!("http://{addr}"))
        .arg("quit")
        .finish()
        .success();
    let printed = server.finish().success();
    // systemd names the program that it starts.
    let (_, printed) = printed
        .split_once("Execing")
        .expect("systemd says that it starts it");
    let (_, printed) = printed.split_once('\n').unwrap_or_default();
    format!("{client}{printed}")
}

#[test]
fn systemd_hands_over_several_listeners_in_their_order_unix_sockets_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let script = dir.path().join("greeter.js");
    fs::write(&script, GREETER).expect("written");
    let (first, path) = (free(), dir.path().join("socket"));
    let run = [
        paths::guestnet_bin().into_os_string(),
        "run".into(),
        script.into(),
    ];
    let run: Vec<_> = run.iter().map(std::ffi::OsString::as_os_str).collect();
    let sockets = ["-l", &first.to_string(), "-l", &path.display().to_string()];
    let server = activate(&sockets, &run, 2);
    assert_eq!(
        everything(TcpStream::connect(first).expect("connect")),
        "3 of 2\n"
    );
    assert_eq!(
        everything(UnixStream::connect(&path).expect("connect")),
        "4 of 2\n"
    );
    let _ = server.finish().success();
}

#[test]
fn systemd_hands_over_one_connection_as_a_socket_and_as_standard_streams() {
    let dir = tempfile::tempdir().expect("a directory");
    let on_3 = "import * as os from 'os';
        const buffer = new Uint8Array(16);
        const count = await os.recv(3, buffer.buffer);
        await os.send(3, buffer.slice(0, count).buffer);";
    let on_0 = "import * as std from 'std'; std.out.puts(std.in.getline() + '\\n');";
    for (how, text) in [(&["-a"][..], on_3), (&["-a", "--inetd"][..], on_0)] {
        let script = dir.path().join("echo.js");
        fs::write(&script, text).expect("written");
        let addr = free();
        let text = addr.to_string();
        let options = [how, &["-l", &text]].concat();
        let bin = paths::guestnet_bin();
        let run = [bin.as_os_str(), "run".as_ref(), script.as_os_str()];
        // A program for each client: it goes on until it is dropped.
        let _server = activate(&options, &run, 1);
        for _ in 0..2 {
            let mut client = TcpStream::connect(addr).expect("connect");
            client.write_all(b"hello\n").expect("write");
            client.shutdown(Shutdown::Write).expect("shutdown");
            assert_eq!(everything(client), "hello\n", "{how:?}");
        }
    }
}

#[test]
fn a_component_that_systemd_hands_a_listener_is_refused_in_one_sentence() {
    let addr = free();
    let component = guest("component", "tcp_echo");
    let run = [
        paths::guestnet_bin().into_os_string(),
        "run".into(),
        component.into_os_string(),
    ];
    let run: Vec<_> = run.iter().map(std::ffi::OsString::as_os_str).collect();
    let server = activate(&["-l", &addr.to_string()], &run, 1);
    let client = TcpStream::connect(addr).expect("connect");
    let ended = server.finish();
    drop(client);
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    let last = ended.stdout.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("guestnet: ") && last.contains("WASI 0.2"),
        "{ended}"
    );
}

#[test]
fn the_units_of_the_documentation_are_what_systemd_takes_and_their_command_serves() {
    let dir = tempfile::tempdir().expect("a directory");
    let units = docs::root().join("examples/systemd");
    let web = dir.path().join("web");
    fs::create_dir(&web).expect("made");
    fs::write(web.join("index.html"), "hello\n").expect("written");
    // As on the machine of a reader who has put the files where the units say.
    let here = [
        ("/usr/local/bin/guestnet", paths::guestnet_bin()),
        ("/srv/web", web),
        ("/usr/local/lib/web", docs::root().join("examples/js")),
    ];
    let mut files = Vec::new();
    for name in ["web.socket", "web.service"] {
        let mut text = fs::read_to_string(units.join(name)).expect("the unit");
        for (there, here) in &here {
            text = text.replace(there, &here.display().to_string());
        }
        fs::write(dir.path().join(name), &text).expect("written");
        files.push(text);
    }
    let [socket, service] = files.as_slice() else {
        unreachable!()
    };
    let names = [dir.path().join("web.socket"), dir.path().join("web.service")];
    let verify = Program::new(Path::new("systemd-analyze"))
        .arg("verify")
        .args(names)
        .finish();
    // What it does not know is a line, and no failure.
    assert!(verify.status.success() && verify.stderr.is_empty(), "{verify}");

    let value = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|rest| rest.strip_prefix('='))
            .expect("the key")
            .to_owned()
    };
    let listen: SocketAddr = value(socket, "ListenStream").parse().expect("an address");
    assert_eq!(listen.ip(), Ipv4Addr::LOCALHOST);
    let command = value(service, "ExecStart");
    let command: Vec<_> = command.split(' ').map(std::ffi::OsStr::new).collect();
    let addr = free();
    let _server = activate(&["-l", &addr.to_string()], &command, 1);
    let mut client = TcpStream::connect(addr).expect("connect");
    client
        .write_all(b"GET /index.html HTTP/1.1\r\nHost: web\r\n\r\n")
        .expect("write");
    let answer = everything(client);
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhello\n"),
        "{answer}"
    );
}

/// Starts systemd's program, and waits until it listens on so many sockets. What it prints itself is on standard output too.
#[track_caller]
fn activate(options: &[&str], command: &[&std::ffi::OsStr], sockets: usize) -> Running {
    // It hands on no other variable than those that are named.
    let cache = "GUESTNET_CACHE";
    let program =
        Program::new(Path::new("/bin/sh")).args(["-c", "exec \"$@\" 2>&1", "sh", ACTIVATE, "-E", cache]);
    let cached = paths::target_dir().join("guestnet-cache");
    let mut running = program.args(options).args(command).env(cache, cached).start();
    for _ in 0..sockets {
        let _ = running.line(LISTENING);
    }
    running
}

/// An address of loopback that no other process uses, with a port that was free a moment ago and that no other test has had: systemd takes
/// no port 0.
fn free() -> SocketAddr {
    static GIVEN: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());
    let [_, b, c, d] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, b | 0x80, c, d);
    let mut given = GIVEN.lock().expect("no test fails here");
    loop {
        let listener = TcpListener::bind((own, 0)).expect("bind");
        let addr = listener.local_addr().expect("local_addr");
        if !given.contains(&addr) {
            given.push(addr);
            return addr;
        }
    }
}

/// What comes until the end.
#[track_caller]
fn everything(mut stream: impl Read) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text).expect("read");
    text
}
