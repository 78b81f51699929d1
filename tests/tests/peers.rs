//! The servers that other tests talk to: they come up, side by side, and leave nothing behind.

use guestnet_tests::peers::{Authority, MariaDb, Mosquitto, Nginx, Postgres, Redis};
use guestnet_tests::{Program, native_guest};
use std::net::TcpStream;
use std::path::Path;

#[test]
fn two_redis_servers_run_side_by_side_and_a_dropped_one_is_gone() {
    let (first, second) = (
        Redis::start().expect("start redis"),
        Redis::start().expect("start redis"),
    );
    assert_ne!(first.addr(), second.addr());
    let (addr, dir) = (first.addr(), first.dir().to_path_buf());
    assert!(dir.is_dir());
    drop(first);
    TcpStream::connect(addr).expect_err("a dropped server must not answer");
    assert!(!dir.exists());
    TcpStream::connect(second.addr()).expect("the other one still answers");
}

#[test]
fn mariadb_lets_its_user_in_as_soon_as_it_has_started() {
    let server = MariaDb::start().expect("start MariaDB");
    let transcript = Program::new(&native_guest("go", "mysql"))
        .arg(server.dsn())
        .finish()
        .success();
    assert!(transcript.starts_with("connected\n"), "{transcript}");
    let (addr, dir) = (server.addr(), server.dir().to_path_buf());
    drop(server);
    TcpStream::connect(addr).expect_err("a dropped server must not answer");
    assert!(!dir.exists());
}

#[test]
fn postgres_asks_its_user_for_a_password_and_leaves_nothing_behind() {
    let server = Postgres::start().expect("start PostgreSQL");
    let (addr, dir) = (server.addr(), server.dir().to_path_buf());
    // Line 1 is the process id, line 7 has the key and the number of its shared memory.
    let lines = std::fs::read_to_string(dir.join("data/postmaster.pid")).expect("read the file");
    let lines: Vec<&str> = lines.lines().collect();
    let segment: u32 = lines[6]
        .split_whitespace()
        .last()
        .and_then(|id| id.parse().ok())
        .expect("a number");
    let segments = || {
        let segments = std::fs::read_to_string("/proc/sysvipc/shm").expect("read the segments");
        let ids = segments
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u32>().ok());
        ids.collect::<Vec<u32>>()
    };
    assert!(segments().contains(&segment));
    let children = format!("/proc/{0}/task/{0}/children", lines[0]);
    let children = std::fs::read_to_string(children).expect("read the children");
    assert!(children.split_whitespace().count() > 1, "{children}");
    drop(server);
    TcpStream::connect(addr).expect_err("a dropped server must not answer");
    assert!(!dir.exists());
    assert!(!segments().contains(&segment));
    for child in children.split_whitespace() {
        assert!(!Path::new("/proc").join(child).exists(), "{child} is still there");
    }
}

#[test]
fn mosquitto_lets_clients_in_and_leaves_nothing_behind() {
    let server = Mosquitto::start().expect("start mosquitto");
    let (addr, dir) = (server.addr(), server.dir().to_path_buf());
    drop(server);
    TcpStream::connect(addr).expect_err("a dropped server must not answer");
    assert!(!dir.exists());
}

#[test]
fn nginx_by_tls_is_whom_its_certificate_says_and_no_other() {
    let (authority, other) = (
        Authority::new().expect("an authority"),
        Authority::new().expect("an authority"),
    );
    let identity = authority.issue("localhost").expect("a certificate");
    let server = Nginx::start_with_tls(&[("page", b"a page\n")], &identity).expect("start nginx");
    let get = |host: &str, certificate: &Path| {
        Program::new(Path::new("/usr/bin/curl"))
            .args(["--silent", "--show-error", "--cacert"])
            .arg(certificate)
            .arg(format!("https://{host}:{}/page", server.addr().port()))
            .finish()
    };
    assert_eq!(get("localhost", &authority.certificate()).success(), "a page\n");
    for (host, certificate) in [
        ("127.0.0.1", authority.certificate()),
        ("localhost", other.certificate()),
    ] {
        let refused = get(host, &certificate);
        assert!(
            !refused.status.success() && refused.stdout.is_empty(),
            "{refused}"
        );
    }
}
