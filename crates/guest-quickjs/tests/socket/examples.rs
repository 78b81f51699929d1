//! examples/js: the web server and the web client, each in an engine of its own, against each other; the chat with a
//! thousand people.

use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, SharedGuest};
use guestnet_host_os::{Io, OsHost, Stopper};
use guestnet_quickjs::{End, ScriptBuilder};

use crate::support::{allow_files, collect};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/js")
}

/// A script that runs on a thread of its own.
struct Running {
    thread: JoinHandle<End>,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
    stopper: Stopper,
    stop: Arc<AtomicBool>,
}

impl Running {
    fn start(name: &str, args: &[&str], listener: Option<TcpListener>, directory: Option<&Path>) -> Running {
        let mut host = OsHost::new().expect("an eventfd");
        let stopper = host.stopper();
        let mut stream = |fd: OwnedFd| -> Io { host.adopt_stream(fd).expect("a stream") };
        let (out, stdout) = pipe().expect("a pipe");
        let (err, stderr) = pipe().expect("a pipe");
        let (stdout, stderr) = (stream(stdout.into()), stream(stderr.into()));
        let listener = listener.map(|listener| host.adopt_socket(listener.into()).expect("a socket"));
        let guest = SharedGuest::shared(host, Arc::new(Policy::allow_all()), Capacity::default(), 0);
        let mut builder = ScriptBuilder::new(guest);
        builder.stdout(stdout).stderr(stderr).arg(name);
        for arg in args {
            builder.arg(*arg);
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
        Running {
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
    let client = Running::start("http_client.js", &["127.0.0.1", &port, path], None, None);
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
    let server = Running::start("http_server.js", &["/site"], Some(listener), Some(site.path()));

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
    assert_eq!((end, err.as_str()), (End::Stopped, ""));
    assert_eq!(out, format!("serving /site on http://{address}/\n"));
}

#[test]
fn a_thousand_people_chat() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = Running::start("chat_server.js", &[], Some(listener), None);

    const PEOPLE: usize = 1000;
    allow_files(12_000);
    let people: Vec<TcpStream> = (0..PEOPLE)
        .map(|_| TcpStream::connect(address).expect("a connection"))
        .collect();
    // Everybody says one line at the beginning and reads all others, so that nobody is missed for being late: a line
    // is said again until the last one has heard the first one.
    let mut first = &people[0];
    let last = &people[PEOPLE - 1];
    last.set_read_timeout(Some(std::time::Duration::from_millis(50)))
        .expect("an option");
    let mut heard = [0; 64];
    let mut tries = 0;
    loop {
        first.write_all(b"are you there?\n").expect("a line");
        let mut last = last;
        match last.read(&mut heard) {
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
    assert_eq!((end, out.as_str(), err.as_str()), (End::Stopped, "", ""));
}
