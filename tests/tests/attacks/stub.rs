//! A26 and A20: the DNS server that answers one guest on loopback answers no other program there.

use super::names::asking;
use super::support::{PATIENCE, attack};
use guestnet_tests::peers::ScriptedDns;
use guestnet_tests::peers::script::encoded;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::sync::{Mutex, mpsc};

/// The ports of a process's sockets, as proc_pid_net(5) lists those of `protocol`; only listeners of TCP.
fn ports(pid: u32, protocol: &str) -> BTreeSet<u16> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("the process's descriptors");
    let inodes: BTreeSet<String> = descriptors
        .filter_map(|entry| {
            let link = fs::read_link(entry.ok()?.path()).ok()?;
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let sockets = fs::read_to_string(format!("/proc/{pid}/net/{protocol}")).expect("the sockets");
    sockets
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let listening = protocol == "udp" || words.get(3) == Some(&"0A");
            let (_, port) = words.get(1)?.split_once(':')?;
            let port = u16::from_str_radix(port, 16).ok()?;
            (listening && inodes.contains(*words.get(9)?)).then_some(port)
        })
        .collect()
}

#[test]
fn the_resolver_of_one_guest_answers_no_other_program_on_the_machine() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let server = ScriptedDns::answering(move |asked| {
        if asked.name == "slow.example" {
            // Until the others have tried, or for good if the test has failed.
            let _ = released.lock().expect("no thread panics with it").recv();
        }
        asked.address([192, 0, 2, 77], 60)
    });
    // Dropped before the server, which waits for its script.
    let release = release;
    let run = asking(&server).option("--allow-resolve=*.example");
    let mut victim = attack(run, "names").arg("wait").arg("slow.example").start();
    let own: u16 = victim.line("port ").parse().expect("a port");
    server.wait_for("slow.example", 1);
    // The one listener that it has is its resolver's, on UDP too.
    let listening: Vec<u16> = ports(victim.id(), "tcp").into_iter().collect();
    let [stub] = listening[..] else {
        panic!("{listening:?}")
    };
    let datagrams = ports(victim.id(), "udp");
    assert!(
        datagrams.contains(&stub) && datagrams.contains(&own),
        "{datagrams:?}"
    );

    let query = |name: &str| {
        let header = [7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        [&header[..], &encoded(name), &[0, 1, 0, 1]].concat()
    };
    let stranger = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    for name in ["spy.example", "slow.example"] {
        stranger
            .send_to(&query(name), (Ipv4Addr::LOCALHOST, stub))
            .expect("send");
    }
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, stub)).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("set_read_timeout");
    let message = query("spy.example");
    let length = u16::try_from(message.len())
        .expect("a short message")
        .to_be_bytes();
    // It may be closed already.
    let _ = stream.write_all(&[&length[..], &message].concat());
    let mut answer = Vec::new();
    // Its end or a reset, and nothing before it.
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"");

    drop(release);
    let seen = victim.finish().success();
    assert!(
        seen.ends_with("the identifier is right: ok, the last byte is 77\n"),
        "{seen}"
    );
    assert_eq!(server.times("spy.example"), 0);
    stranger.set_nonblocking(true).expect("set_nonblocking");
    let nothing = stranger.recv(&mut [0; 512]).expect_err("an answer to a stranger");
    assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
}
