//! Real programs, built from their authors' sources with emcc and the npm package, against real peers: what each prints
//! is what Debian's own build of it prints.

use guestnet_tests::emscripten::{self, Engine};
use guestnet_tests::paths::target_dir;
use guestnet_tests::peers::{Nginx, Redis};
use guestnet_tests::run::assert_same_transcript;
use guestnet_tests::{Program, Running};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ENGINES: [Engine; 4] = [Engine::Node20, Engine::Node26, Engine::Deno, Engine::Bun];

/// A program of `cargo xtask guests programs` under an engine.
fn built(engine: Engine, name: &str) -> Program {
    let path = target_dir()
        .join("guests/emscripten-programs")
        .join(format!("{name}.cjs"));
    assert!(
        path.is_file(),
        "{} is not there: run `cargo xtask guests programs`",
        path.display()
    );
    emscripten::script(engine, &path)
}

/// The machine's own build of it.
fn native(name: &str) -> Program {
    Program::new(Path::new("/usr/bin/env")).arg(name)
}

/// Bytes in which a part that is lost, doubled or moved shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| u8::try_from((index ^ (index >> 8) ^ (index >> 16)) & 0xff).unwrap_or(0))
        .collect()
}

/// An address that was free a moment ago, for a program that cannot say which port it was given.
fn free_addr() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}

/// What one redis-cli prints for a script of commands, with a server of its own.
fn redis_script(cli: Program, script: &str) -> String {
    let server = Redis::start().expect("start redis");
    let file = server.dir().join("script");
    fs::write(&file, script).expect("write the script");
    cli.args(["-h", "127.0.0.1", "-p", &server.addr().port().to_string()])
        .stdin(File::open(&file).expect("open the script"))
        .finish()
        .success()
}

#[test]
fn redis_cli_prints_what_the_native_one_prints_against_a_real_redis_server() {
    let long = "x".repeat(300_000);
    let script = format!(
        "PING\nSET greeting hello\nAPPEND greeting \" world\"\nGET greeting\nINCR counter\nINCRBY counter 41\n\
         RPUSH list a b c\nLRANGE list 0 -1\nHSET hash one 1 two 2\nHGET hash two\nLPUSH greeting wrong\n\
         SET long {long}\nSTRLEN long\nGETRANGE long 299990 -1\nGET long\nNOSUCHCOMMAND\nMULTI\nINCR counter\n\
         GET counter\nEXEC\nEVAL \"return redis.call('GET', KEYS[1])\" 1 counter\nDBSIZE\nQUIT\n"
    );
    let expected = redis_script(native("redis-cli"), &script);
    assert!(
        expected.contains("hello world") && expected.contains(&long),
        "{expected:.300}"
    );
    for engine in ENGINES {
        assert_same_transcript(&expected, &redis_script(built(engine, "redis-cli"), &script));
    }
}

#[test]
fn redis_cli_fills_a_redis_server_through_its_pipe_mode() {
    const KEYS: usize = 20_000;
    // Mass insertion writes and reads at once, with non-blocking sockets and select.
    let commands: String = (0..KEYS)
        .map(|key| format!("SET key:{key} value:{key}\r\n"))
        .collect();
    for engine in ENGINES {
        let server = Redis::start().expect("start redis");
        let file = server.dir().join("commands");
        fs::write(&file, &commands).expect("write the commands");
        let port = server.addr().port().to_string();
        let printed = built(engine, "redis-cli")
            .args(["-p", &port, "--pipe"])
            .stdin(File::open(&file).expect("open the commands"))
            .finish()
            .success();
        assert!(
            printed.ends_with(&format!("errors: 0, replies: {KEYS}\n")),
            "{engine:?} printed {printed:?}"
        );
        let size = native("redis-cli")
            .args(["-p", &port, "DBSIZE"])
            .finish()
            .success();
        assert_eq!(size.trim(), KEYS.to_string());
    }
}

#[test]
fn redis_cli_subscribes_while_another_publishes() {
    // Each against one server: the subscriber is stopped by the server's end of the connection.
    for engine in ENGINES {
        let server = Redis::start().expect("start redis");
        let port = server.addr().port().to_string();
        let mut subscriber = built(engine, "redis-cli")
            .args(["-p", &port, "SUBSCRIBE", "news"])
            .start();
        assert_eq!(subscriber.line("subscribe"), "");
        let receivers = native("redis-cli")
            .args(["-p", &port, "PUBLISH", "news", "it works"])
            .finish()
            .success();
        assert_eq!(receivers.trim(), "1");
        assert_eq!(subscriber.line("it works"), "");
    }
}

/// The names of the files that nginx serves in these tests.
fn nginx() -> Nginx {
    let large = pattern(5_000_000);
    Nginx::start(&[("small.txt", b"a small file\n"), ("large.bin", &large)]).expect("start nginx")
}

/// Without what differs between two runs of the same program.
fn without_dates(text: &str) -> String {
    text.lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("date:"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn curl_prints_what_the_native_one_prints_of_a_real_nginx() {
    let server = nginx();
    let port = server.addr().port();
    let socket = server.socket().display().to_string();
    let small = format!("http://127.0.0.1:{port}/small.txt");
    let named = format!("http://localhost:{port}/small.txt");
    let pinned = format!("http://any.test:{port}/small.txt");
    let resolve = format!("any.test:{port}:127.0.0.1");
    let missing = format!("http://127.0.0.1:{port}/missing");
    let format = "%{http_code} %{size_download} %{num_connects} %{remote_ip}\\n";
    let cases: [&[&str]; 7] = [
        &["-i", &small],
        &["-I", &small],
        // The second request goes over the connection of the first.
        &["-w", format, &small, &small],
        &["-w", format, &named],
        &["-w", format, "--resolve", &resolve, &pinned],
        &["-i", "-d", "a=b", &missing],
        &["--unix-socket", &socket, "http://any.test/small.txt"],
    ];
    for case in cases {
        let run =
            |curl: Program| without_dates(&curl.args(["-sS", "-A", "curl"]).args(case).finish().success());
        let expected = run(native("curl"));
        for engine in ENGINES {
            assert_same_transcript(&expected, &run(built(engine, "curl")));
        }
    }
}

#[test]
fn curl_loads_megabytes_from_a_real_nginx() {
    let server = nginx();
    let url = format!("http://127.0.0.1:{}/large.bin", server.addr().port());
    let directory = tempfile::tempdir().expect("a temporary directory");
    for engine in ENGINES {
        let file = directory.path().join(format!("{engine:?}"));
        let curl = built(engine, "curl").args(["-sS", "--fail", "-o"]).arg(&file);
        let _ = curl.arg(&url).finish().success();
        assert!(
            fs::read(&file).expect("read the file") == pattern(5_000_000),
            "{engine:?}"
        );
    }
}

#[test]
fn curl_says_that_a_connection_is_refused() {
    // The port of a connection's own end: no program listens there, and no other program gets it.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let holder = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    let addr = holder.local_addr().expect("local_addr");
    for engine in ENGINES {
        let finished = built(engine, "curl")
            .args(["-sS", &format!("http://{addr}/")])
            .finish();
        // CURLE_COULDNT_CONNECT
        assert_eq!(finished.status.code(), Some(7), "{finished}");
    }
}

/// CivetWeb with its threads, serving a directory.
struct CivetWeb {
    addr: SocketAddr,
    /// Ends with the test.
    _running: Running,
}

impl CivetWeb {
    fn start(root: &Path) -> Self {
        // The test has to choose its port, and another program may be quicker.
        for _ in 0..8 {
            let addr = free_addr();
            let mut running = built(Engine::Node20, "civetweb")
                .args([
                    "-listening_ports",
                    &addr.to_string(),
                    "-num_threads",
                    "4",
                    "-enable_keep_alive",
                    "yes",
                    "-document_root",
                ])
                .arg(root)
                .start();
            let deadline = Instant::now() + Duration::from_secs(60);
            while Instant::now() < deadline && !running.has_ended() {
                if TcpStream::connect(addr).is_ok() {
                    return Self {
                        addr,
                        _running: running,
                    };
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        panic!("civetweb does not answer");
    }
}

/// Asks for `name` over one connection `times` times; gives the bodies.
fn requests(addr: SocketAddr, name: &str, times: usize) -> Vec<Vec<u8>> {
    let mut stream = TcpStream::connect(addr).expect("connect");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("set_read_timeout");
    let mut bodies = Vec::new();
    for _ in 0..times {
        write!(stream, "GET /{name} HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("send");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("read the head");
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("a head in ASCII");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .and_then(|length| length.parse().ok())
            .unwrap_or_else(|| panic!("no length: {head}"));
        let mut body = vec![0; length];
        stream.read_exact(&mut body).expect("read the body");
        bodies.push(body);
    }
    bodies
}

#[test]
fn a_server_with_many_threads_serves_many_connections_at_once() {
    const CONNECTIONS: usize = 4;
    const REQUESTS: usize = 25;
    let root = tempfile::tempdir().expect("a temporary directory");
    let file: PathBuf = root.path().join("file.bin");
    let content = pattern(200_000);
    fs::write(&file, &content).expect("write the file");
    let server = CivetWeb::start(root.path());
    // As many connections as it has workers, each kept open over all requests: every worker is at work.
    std::thread::scope(|scope| {
        let clients = [(); CONNECTIONS].map(|()| scope.spawn(|| requests(server.addr, "file.bin", REQUESTS)));
        for client in clients {
            let bodies = client.join().expect("a client");
            assert_eq!(bodies.len(), REQUESTS);
            assert!(
                bodies.iter().all(|body| *body == content),
                "a body is not the file"
            );
        }
    });
    let curl = native("curl").args(["-sS", "--fail", &format!("http://{}/file.bin", server.addr)]);
    assert_eq!(
        curl.arg("-o").arg(root.path().join("copy")).finish().success(),
        ""
    );
    assert!(fs::read(root.path().join("copy")).expect("read the copy") == content);
}

/// Reads a stream to its end and then sends all of it back.
fn echo_at_the_end(mut stream: impl Read + Write) {
    let mut received = Vec::new();
    stream.read_to_end(&mut received).expect("read");
    stream.write_all(&received).expect("write");
}

/// Runs socat between a file and `address`, and expects the file back.
fn socat_copies(engine: Engine, address: &str) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (input, output) = (directory.path().join("in"), directory.path().join("out"));
    fs::write(&input, pattern(3_000_000)).expect("write the input");
    // -t: how long it waits for the other direction after one has ended.
    let socat = built(engine, "socat").args(["-t", "60"]).arg(format!(
        "OPEN:{},rdonly!!CREATE:{}",
        input.display(),
        output.display()
    ));
    let _ = socat.arg(address).finish().success();
    assert!(
        fs::read(&output).expect("read the output") == pattern(3_000_000),
        "{engine:?}"
    );
}

#[test]
fn socat_copies_a_file_through_tcp_and_sees_both_ends() {
    for engine in ENGINES {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let addr = listener.local_addr().expect("local_addr");
        std::thread::scope(|scope| {
            scope.spawn(|| echo_at_the_end(listener.accept().expect("accept").0));
            socat_copies(engine, &format!("TCP:{addr}"));
        });
    }
}

#[test]
fn socat_copies_a_file_through_a_unix_socket() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for engine in ENGINES {
        let path = directory.path().join(format!("{engine:?}"));
        let listener = UnixListener::bind(&path).expect("bind");
        std::thread::scope(|scope| {
            scope.spawn(|| echo_at_the_end(listener.accept().expect("accept").0));
            socat_copies(engine, &format!("UNIX-CONNECT:{}", path.display()));
        });
    }
}

#[test]
fn socat_sends_and_receives_datagrams() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let question = directory.path().join("question");
    fs::write(&question, "a question").expect("write the question");
    for engine in ENGINES {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("set_read_timeout");
        let addr = socket.local_addr().expect("local_addr");
        let answer = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut buffer = [0; 100];
                let (length, from) = socket.recv_from(&mut buffer).expect("receive");
                assert_eq!(buffer.get(..length), Some(b"a question".as_slice()));
                socket.send_to(b"an answer", from).expect("send");
                socket.send_to(b"", from).expect("send the end");
            });
            let socat = built(engine, "socat").args(["-t", "60"]);
            // An empty datagram is the end.
            let address = format!("UDP:{addr},null-eof");
            let input = File::open(&question).expect("open the question");
            socat
                .args(["-,ignoreeof", &address])
                .stdin(input)
                .finish()
                .success()
        });
        assert_eq!(answer, "an answer", "{engine:?}");
    }
}

#[test]
fn socat_relays_a_download_to_a_real_nginx() {
    let nginx = nginx();
    let directory = tempfile::tempdir().expect("a temporary directory");
    for engine in ENGINES {
        let addr = free_addr();
        let listen = format!("TCP-LISTEN:{},bind=127.0.0.1,reuseaddr", addr.port());
        let relay = built(engine, "socat")
            .args([&listen, &format!("TCP:{}", nginx.addr())])
            .start();
        let file = directory.path().join(format!("{engine:?}"));
        let curl = native("curl").args(["-sS", "--fail", "--retry-connrefused", "--retry", "120"]);
        let curl = curl
            .args(["--retry-delay", "1", "-H", "Connection: close", "-o"])
            .arg(&file);
        let _ = curl.arg(format!("http://{addr}/large.bin")).finish().success();
        let _ = relay.finish().success();
        assert!(
            fs::read(&file).expect("read the file") == pattern(5_000_000),
            "{engine:?}"
        );
    }
}
