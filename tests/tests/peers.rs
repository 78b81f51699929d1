//! The servers that other tests talk to: they come up, side by side, and leave nothing behind.

use guestnet_tests::peers::{MariaDb, Redis};
use guestnet_tests::{Program, native_guest};
use std::net::TcpStream;

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
