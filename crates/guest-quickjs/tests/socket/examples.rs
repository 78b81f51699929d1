//! examples/js, each in an engine of its own, in one process: the web server and the web client against each other, the
//! UDP tool against itself, the chat with a thousand people. In two processes: tests/tests/js.rs of the workspace.

use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Guest};
use guestnet_host_os::{Io, OsHost, Stopper};
use guestnet_quickjs::{End, ScriptBuilder};

use crate::support::{allow_files, collect};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/js")
}

/// A script that runs on a thread of its own.
struct ScriptThread {
    thread: JoinHandle<End>,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
    stopper: Stopper,
    stop: Arc<AtomicBool>,
}

/// What a script is setup in addition to its arguments.
#[derive(Default)]
struct Setup<'a> {
    /// Descriptor 3.
    listener: Option<OwnedFd>,
    /// `/site`.
    directory: Option<&'a Path>,
    input: Option<PipeReader>,
}

impl ScriptThread {
    fn start(name: &str, args: &[&str], setup: Setup<'_>) -> ScriptThread {
        let Setup {
            listener,
            directory,
            input,
        } = setup;
        let mut host = OsHost::new().expect("an eventfd");
        let stopper = host.stopper();
        let mut stream = |fd: OwnedFd| -> Io { host.adopt_stream(fd).expect("a stream") };
        let (out, stdout) = pipe().expect("a pipe");
        let (err, stderr) = pipe().expect("a pipe");
        let (stdout, stderr) = (stream(stdout.into()), stream(stderr.into()));
        let stdin = input.map(|input| stream(input.into()));
        let listener = listener.map(|listener| host.adopt_socket(listener).expect("a socket"));
        let guest = Guest::new(Arc::new(Policy::allow_all()), Capacity::default(), 0).thread(host);
        let mut builder = ScriptBuilder::new(guest);
        builder.stdout(stdout).stderr(stderr).arg(name);
        for arg in args {
            builder.arg(*arg);
        }
        if let Some(stdin) = stdin {
            builder.stdin(stdin);
        }
        if let Some(listener) = listener {
            builder.listener(listener);
        }
        if let Some(directory) = directory {
            builder.directory(directory, "/site").expect("a directory");
        }
        builder.scripts(&examples(), "").expect("the examples");
        let source = std::fs::read(examples().join(name)).expect("an example");
        let name = name.to_owned();
        let stop = builder.stop_flag();
        let thread = thread::spawn(move || builder.build().expect("a script").run(&name, &source));
        ScriptThread {
            thread,
            out: collect(out),
            err: collect(err),
            stopper,
            stop,
        }
    }

    fn finish(self) -> (End, String, String) {
        (
            self.thread.join().expect("no panic"),
            self.out.join().expect("a reader"),
            self.err.join().expect("a reader"),
        )
    }

    fn stop(self) -> (End, String, String) {
        self.stop.store(true, Ordering::Relaxed);
        self.stopper.stop().expect("an eventfd");
        self.finish()
    }
}

fn get(server: SocketAddr, path: &str) -> String {
    let port = server.port().to_string();
    let args = ["127.0.0.1", &port, path];
    let client = ScriptThread::start("http_client.js", &args, Setup::default());
    let (end, out, err) = client.finish();
    assert_eq!((end, err.as_str()), (End::Exit(0), ""));
    out
}

#[test]
fn the_web_server_answers_the_web_client() {
    let site = tempfile::tempdir().expect("a directory");
    std::fs::write(site.path().join("hello.txt"), "hello, world\n").expect("write");
    std::fs::write(site.path().join("large"), vec![b'x'; 3 << 20]).expect("write");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let setup = Setup {
        listener: Some(listener.into()),
        directory: Some(site.path()),
        input: None,
    };
    let server = ScriptThread::start("http_server.js", &["/site"], setup);

    let hello = get(address, "/hello.txt");
    assert!(hello.starts_with("HTTP/1.1 200 OK\r\n"), "{hello}");
    assert!(hello.ends_with("\r\n\r\nhello, world\n"), "{hello}");
    let listing = get(address, "/");
    assert!(
        listing.contains("<a href=\"hello.txt\">") && listing.contains("<a href=\"large\">"),
        "{listing}"
    );
    assert!(get(address, "/missing").starts_with("HTTP/1.1 404 "));
    assert!(get(address, "/../../etc/passwd").starts_with("HTTP/1.1 404 "));
    let large = get(address, "/large");
    assert_eq!(large.split_once("\r\n\r\n").expect("a body").1.len(), 3 << 20);
    let many: Vec<_> = (0..8)
        .map(|_| thread::spawn(move || get(address, "/hello.txt").ends_with("hello, world\n")))
        .collect();
    assert!(many.into_iter().all(|client| client.join().expect("no panic")));

    let (end, out, err) = server.stop();
    assert_eq!((end, err.as_str()), (End::Stop, ""));
    assert_eq!(out, format!("serving /site on http://{address}/\n"));
}

/// An input that ends at once, and one that says this.
fn saying(text: &str) -> Option<PipeReader> {
    let (reader, mut writer) = pipe().expect("a pipe");
    writer.write_all(text.as_bytes()).expect("it has room");
    Some(reader)
}

/// The UDP tool as a server on a socket that is open already, with this input.
fn udp_server(args: &[&str], input: Option<PipeReader>) -> (ScriptThread, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("an address").port().to_string();
    let setup = Setup {
        listener: Some(socket.into()),
        input,
        ..Setup::default()
    };
    (
        ScriptThread::start("udp.js", &[&["-l"], args].concat(), setup),
        port,
    )
}

#[test]
fn the_udp_tool_is_answered_by_itself() {
    let (server, port) = udp_server(&["-e"], saying(""));
    let clients: Vec<_> = (0..4)
        .map(|number| {
            let port = port.clone();
            thread::spawn(move || {
                let lines = format!("first of {number}\n\nlast, grüße");
                let setup = Setup {
                    input: saying(&lines),
                    ..Setup::default()
                };
                let client = ScriptThread::start("udp.js", &["-c", "3", "127.0.0.1", &port], setup);
                let (end, out, err) = client.finish();
                assert_eq!((end, err.as_str()), (End::Exit(0), "3 received\n"));
                assert_eq!(out, lines + "\n");
            })
        })
        .collect();
    for client in clients {
        client.join().expect("no panic");
    }
    let (end, out, err) = server.stop();
    assert_eq!((end, err.as_str()), (End::Stop, ""));
    let mut lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.remove(0), format!("listening on udp 127.0.0.1 port {port}"));
    lines.sort_unstable();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[..4], [""; 4]);
    assert_eq!(lines[8..], ["last, grüße"; 4]);
}

#[test]
fn the_udp_tool_answers_its_last_peer_and_reports_a_refusal() {
    let (input, mut typed) = pipe().expect("a pipe");
    let (server, port) = udp_server(&[], Some(input));
    let to = format!("127.0.0.1:{port}");
    let peers = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a port"));
    let mut buffer = [0; 64];
    for (number, peer) in peers.iter().enumerate() {
        peer.set_read_timeout(Some(std::time::Duration::from_millis(20)))
            .expect("an option");
        peer.send_to(b"hello", &to).expect("sent");
        // Typed again until the server has received this peer's datagram, of which there is no other sign. A line for the
        // peer before may still come.
        let line = format!("to {number}");
        let answered = (0..3000).any(|_| {
            typed.write_all(format!("{line}\n").as_bytes()).expect("it reads");
            peer.recv(&mut buffer)
                .is_ok_and(|count| buffer[..count] == *line.as_bytes())
        });
        assert!(answered, "{line}");
    }
    drop(typed);
    let (end, out, _) = server.stop();
    assert_eq!((end, out.matches("hello\n").count()), (End::Stop, 2));

    // No other socket gets the port, and no datagram but its peer's is received there.
    let unused = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = unused.local_addr().expect("an address").port().to_string();
    unused
        .connect(peers[0].local_addr().expect("an address"))
        .expect("connected");
    let setup = Setup {
        input: saying("hello?\n"),
        ..Setup::default()
    };
    let (end, out, err) = ScriptThread::start("udp.js", &["127.0.0.1", &port], setup).finish();
    assert_eq!((end, out.as_str()), (End::Exit(1), ""));
    assert_eq!(err, format!("127.0.0.1:{port}: Connection refused\n"));
}

#[test]
fn a_thousand_people_chat() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let setup = Setup {
        listener: Some(listener.into()),
        ..Setup::default()
    };
    let server = ScriptThread::start("chat_server.js", &[], setup);

    const PEOPLE: usize = 1000;
    allow_files(12_000);
    let people: Vec<TcpStream> = (0..PEOPLE)
        .map(|_| TcpStream::connect(address).expect("a connection"))
        .collect();
    // The first one writes a line again until the last one receives it: then all of them are in the room.
    let mut first = &people[0];
    let last = &people[PEOPLE - 1];
    last.set_read_timeout(Some(std::time::Duration::from_millis(50)))
        .expect("an option");
    let mut received = [0; 64];
    let mut tries = 0;
    loop {
        first.write_all(b"are you there?\n").expect("a line");
        let mut last = last;
        match last.read(&mut received) {
            Ok(count) if count > 0 => break,
            _ if tries < 600 => tries += 1,
            outcome => panic!("the last one never came in: {outcome:?}"),
        }
    }
    for (number, mut person) in people.iter().enumerate().skip(1).step_by(100) {
        person
            .write_all(format!("number {number}\n").as_bytes())
            .expect("a line");
    }
    for person in &people {
        person.set_read_timeout(None).expect("an option");
        let mut lines = BufReader::new(person).lines().map(|line| line.expect("a line"));
        let mut wanted: Vec<String> = (1..PEOPLE)
            .step_by(100)
            .map(|number| format!("number {number}"))
            .collect();
        // Not what it said itself.
        let own = people
            .iter()
            .position(|other| std::ptr::eq(other, person))
            .expect("it is one of them");
        wanted.retain(|line| *line != format!("number {own}"));
        while !wanted.is_empty() {
            let line = lines.next().expect("not the end");
            wanted.retain(|each| *each != line);
        }
    }
    let (end, out, err) = server.stop();
    assert_eq!((end, out.as_str(), err.as_str()), (End::Stop, "", ""));
}
