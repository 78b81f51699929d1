//! Limits of the policy on a guest: what it gets at each of them, by flags and by a file, and that no other guest
//! waits for it.

use guestnet_tests::Guestnet;
use guestnet_tests::act::{Actor, acts};
use guestnet_tests::peers::{ScriptedDns, sink};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a connection has that the kernel makes at once, or not at all.
const AT_ONCE: Duration = Duration::from_millis(500);

/// The results of these actions, in their order.
fn results(run: Guestnet, actions: &[String]) -> Vec<String> {
    let seen = acts(run, actions.iter().map(String::as_str)).finish().success();
    let results = seen.lines().zip(actions).map(|(line, action)| {
        let result = line.strip_prefix(&format!("{action}: "));
        result.expect("a result").to_owned()
    });
    results.collect()
}

fn udp() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = socket.local_addr().expect("local_addr").port();
    (socket, port)
}

#[test]
fn bytes_in_all_end_with_enobufs_and_not_one_more_is_sent() {
    let (_peer, port) = udp();
    let run = || Guestnet::run().allow_net().option("--max-bytes=1200");
    // Datagrams go whole or not at all.
    let pour = format!("pour udp 127.0.0.1 {port} 4096");
    let small = format!("send 127.0.0.1 {port}");
    assert_eq!(
        results(run(), &[pour.clone(), small.clone(), pour]),
        ["1024 then ENOBUFS", "ok", "0 then ENOBUFS"]
    );
    // A stream is cut where the limit is, and shared with what datagrams took.
    let (tcp, received) = sink();
    let pour = format!("pour tcp 127.0.0.1 {tcp} 1000000");
    assert_eq!(results(run(), &[small, pour]), ["ok", "1195 then ENOBUFS"]);
    assert_eq!(received.recv_timeout(PATIENCE).expect("a connection"), 1195);
}

#[test]
fn bytes_received_count_too() {
    let (peer, _) = udp();
    let mut guest = Actor::start(
        Guestnet::run()
            .option("--allow-listen=127.0.0.1:0")
            .option("--max-bytes=12"),
    );
    let open = guest.act("open 127.0.0.1 0");
    let port: u16 = open
        .strip_prefix("ok ")
        .and_then(|port| port.parse().ok())
        .expect("a port");
    for _ in 0..4 {
        peer.send_to(b"hello", (Ipv4Addr::LOCALHOST, port)).expect("send");
    }
    let seen: Vec<String> = (0..4).map(|_| guest.act("receive")).collect();
    let said = "127.0.0.1 says hello";
    // A datagram that has come is taken whole; from then on there is nothing left.
    assert_eq!(seen[..2], [said, said]);
    assert_eq!(seen[3], "ENOBUFS", "{seen:?}");
    let _ = guest.finish().success();
}

#[test]
fn a_stream_is_received_up_to_the_limit_however_it_is_asked_for() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let port = listener.local_addr().expect("local_addr").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // It fails when the guest closes before the end.
            let _ = stream.expect("accept").write_all(&[7; 100_000]);
        }
    });
    let run = |most: &str| Guestnet::run().allow_net().option("--max-bytes").option(most);
    for how in ["4096", "4096 all", "200000", "200000 all"] {
        let drain = [format!("drain 127.0.0.1 {port} {how}")];
        assert_eq!(results(run("10000"), &drain), ["10000 then ENOBUFS"], "{how}");
        assert_eq!(results(run("1MB"), &drain), ["100000"], "{how}");
    }
}

#[test]
fn a_rate_makes_a_guest_wait_and_one_that_does_not_want_to_gets_eagain() {
    let (_peer, port) = udp();
    let run = || Guestnet::run().allow_net().option("--max-rate=64KiB");
    let began = Instant::now();
    let pour = format!("pour udp 127.0.0.1 {port} 65536");
    // Beyond the 16 KiB that may be saved up, at 64 KiB a second.
    assert_eq!(results(run(), std::slice::from_ref(&pour)), ["65536"]);
    assert!(
        began.elapsed() >= Duration::from_millis(750),
        "{:?}",
        began.elapsed()
    );
    let now = results(run(), &[format!("{pour} now")]);
    let sent = now[0]
        .strip_suffix(" then EAGAIN")
        .and_then(|sent| sent.parse::<usize>().ok());
    assert!(sent.is_some_and(|sent| (512..65536).contains(&sent)), "{now:?}");
    // Without the limit it is soon done, and does not wait.
    let unlimited = results(Guestnet::run().allow_net(), &[format!("{pour} now")]);
    assert_eq!(unlimited, ["65536"]);
}

#[test]
fn a_guest_that_waits_for_its_rate_holds_no_other_up() {
    let (_peer, port) = udp();
    let mut slow = Actor::start(Guestnet::run().allow_net().option("--max-rate=1KiB"));
    let hour = format!("pour udp 127.0.0.1 {port} 4000000");
    slow.begin(&hour);
    let mut fast = Actor::start(Guestnet::run().allow_net());
    for _ in 0..100 {
        assert_eq!(fast.act(&format!("send 127.0.0.1 {port}")), "ok");
    }
    let _ = fast.finish().success();
    drop(slow);
}

#[test]
fn sockets_beyond_the_limit_are_emfile_by_flag_and_by_file_and_the_flag_wins() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let policy = directory.path().join("policy.toml");
    std::fs::write(&policy, "[limits]\nsockets = 7\nbytes-total = 100\n").expect("write the policy");
    let sockets = ["sockets".to_owned(), "sockets".to_owned()];
    let by_flag = Guestnet::run().option("--max-sockets=5");
    assert_eq!(results(by_flag, &sockets), ["5 then EMFILE", "5 then EMFILE"]);
    let by_file = || Guestnet::run().allow_net().option("--policy").option(&policy);
    assert_eq!(results(by_file(), &sockets), ["7 then EMFILE", "7 then EMFILE"]);
    let both = by_file().option("--max-sockets=3");
    assert_eq!(results(both, &sockets), ["3 then EMFILE", "3 then EMFILE"]);
    // The other limit of the file stands.
    let (_peer, port) = udp();
    let pour = format!("pour udp 127.0.0.1 {port} 512");
    assert_eq!(results(by_file(), &[pour]), ["0 then ENOBUFS"]);
}

/// How many connections a listener that accepts none takes, of ten.
fn taken(run: Guestnet) -> usize {
    let mut guest = Actor::start(run.option("--allow-listen=127.0.0.1:0"));
    // It asks for room for 8.
    let listening = guest.act("listen 127.0.0.1 0");
    let port: u16 = listening
        .strip_prefix("ok ")
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let streams: Vec<TcpStream> = (0..10)
        .map_while(|_| TcpStream::connect_timeout(&addr, AT_ONCE).ok())
        .collect();
    let taken = streams.len();
    // They are connections all the same.
    let mut first = &streams[0];
    first.write_all(b"hello").expect("write");
    first.shutdown(std::net::Shutdown::Write).expect("shutdown");
    assert_eq!(guest.act("accept"), "127.0.0.1 says hello");
    let _ = guest.finish().success();
    taken
}

#[test]
fn connections_that_wait_are_as_many_as_the_limit_says() {
    // Linux takes one more than the backlog.
    assert_eq!(taken(Guestnet::run()), 9);
    assert_eq!(taken(Guestnet::run().option("--max-pending=3")), 4);
}

#[test]
fn look_ups_beyond_the_rate_are_eai_again() {
    let server = ScriptedDns::answering(|asked| asked.address([192, 0, 2, 1], 60));
    let run = Guestnet::run()
        .option("--dns")
        .option(server.addr().to_string())
        .option("--allow-resolve=*.example")
        .option("--max-lookups=2");
    let actions: Vec<String> = (0..50)
        .map(|number| format!("resolve n{number}.example 4"))
        .collect();
    let began = Instant::now();
    let results = results(run, &actions);
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("a short time") + 1;
    let found = results.iter().filter(|result| *result == "192.0.2.1").count();
    let again = results.iter().filter(|result| *result == "EAI_AGAIN").count();
    assert_eq!(found + again, actions.len(), "{results:?}");
    assert!((2..=2 + 2 * seconds).contains(&found), "{found} in {seconds} s");
}
