//! Huge numbers, and all that there is to be had. Ends with "done", and waits until it is ended, so that a test can measure the host.
//!
//! ```text
//! bounds nothing|numbers|sockets|lookups|pollables|pairs
//! bounds overlap COUNT   sends COUNT datagrams that are all the same 512 KiB; more than 16 are a trap
//! ```

use crate::{address, bound_udp, datagram, look_up, name, named, pair, report, send, sleep};
use wasi::filesystem::preopens::get_directories;
use wasi::filesystem::types::{DescriptorFlags, OpenFlags, PathFlags};
use wasi::io::poll::poll;
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{IpAddressFamily, Network};
use wasi::sockets::tcp_create_socket::create_tcp_socket;
use wasi::sockets::udp_create_socket::create_udp_socket;

/// Does what the arguments say.
pub fn run(words: &[&str]) {
    let network = instance_network();
    match words.first().copied().unwrap_or_default() {
        "nothing" => {}
        "numbers" => numbers(&network),
        "sockets" => sockets(),
        "lookups" => {
            let found = (0..1000)
                .filter(|_| look_up(&network, "localhost").is_ok())
                .count();
            let denied = (0..1000)
                .filter(|_| look_up(&network, "denied.example").is_err())
                .count();
            println!("denied {denied}, found {found}");
        }
        "pollables" => pollables(&network),
        "pairs" => pairs(&network),
        "overlap" => overlap(&network, crate::number(words, 1)),
        other => panic!("no mode {other}"),
    }
    println!("done");
    sleep()
}

fn numbers(network: &Network) {
    let ((input, output, client), (from, to, server)) = pair(network).expect("a connection to itself");
    println!("read: {:?}", input.read(u64::MAX).map(|bytes| bytes.len()).ok());
    println!("skip: {:?}", input.skip(u64::MAX).ok());
    println!("splice: {:?}", output.splice(&from, u64::MAX).ok());
    println!("permit: {:?}", output.check_write().ok());
    for _ in 0..1000 {
        output.write_zeroes(1).expect("a byte");
    }
    let mut read = 0;
    while read < 1000 {
        read += from.blocking_read(u64::MAX).expect("a byte").len();
    }
    println!("read by one call or some: {read}");
    report("backlog", client.set_listen_backlog_size(u64::MAX));
    report("buffer", client.set_receive_buffer_size(u64::MAX));
    report("idle time", client.set_keep_alive_idle_time(u64::MAX));
    report("count", client.set_keep_alive_count(u32::MAX));
    let socket = bound_udp(network, address("127.0.0.1", 0)).expect("bind");
    let here = socket.local_address().expect("an address");
    let (incoming, outgoing) = socket.stream(None).expect("streams");
    println!(
        "receive: {:?}",
        incoming.receive(u64::MAX).map(|list| list.len()).ok()
    );
    let large: Vec<_> = (0..16).map(|_| datagram(&[0; 65_507], Some(here))).collect();
    let sent = send(&outgoing, &large).expect("send");
    println!("large datagrams sent: {}", sent > 0);
    let received = incoming.receive(u64::MAX).expect("receive");
    println!("a piece of them: {}", received.len() <= 2 && !received.is_empty());
    let too_large: Vec<_> = (0..16).map(|_| datagram(&[0; 1 << 18], Some(here))).collect();
    report("too large", send(&outgoing, &too_large));
    report("a long name", look_up(network, &"a.".repeat(1 << 19)));
    let many: Vec<_> = (0..60_000).map(|_| outgoing.subscribe()).collect();
    let list: Vec<_> = many.iter().collect();
    println!("ready: {}", poll(&list).len());
    println!(
        "random: {}",
        wasi::random::random::get_random_bytes(1 << 20).len()
    );
    let (directory, _) = &get_directories()[0];
    let file = directory.open_at(
        PathFlags::empty(),
        "sparse",
        OpenFlags::CREATE,
        DescriptorFlags::READ | DescriptorFlags::WRITE,
    );
    let file = file.expect("a file");
    file.set_size(1 << 33).expect("set-size");
    println!(
        "file: {:?}",
        file.read(u64::MAX, 0).map(|(bytes, _)| bytes.len()).ok()
    );
    let stream = file.read_via_stream(0).expect("a stream");
    println!(
        "stream: {:?}",
        stream.blocking_read(u64::MAX).map(|bytes| bytes.len()).ok()
    );
    println!("splice: {:?}", output.blocking_splice(&stream, u64::MAX).ok());
    println!("behind the end: {:?}", file.read(u64::MAX, u64::MAX).is_err());
    file.set_size(0).expect("set-size");
    drop((input, output, from, to));
    drop((client, server));
}

fn sockets() {
    let mut counts = Vec::new();
    let mut errors = Vec::new();
    for _ in 0..2 {
        for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
            let (mut tcp, mut udp) = (Vec::new(), Vec::new());
            let error = loop {
                match create_tcp_socket(family) {
                    Ok(socket) => tcp.push(socket),
                    Err(error) => break error,
                }
                match create_udp_socket(family) {
                    Ok(socket) => udp.push(socket),
                    Err(error) => break error,
                }
            };
            counts.push(tcp.len() + udp.len());
            errors.push(name(error));
        }
    }
    println!("sockets: {counts:?} then {errors:?}");
}

/// Thousands of pollables of one socket, dropped from the middle outwards, and what is left still works.
fn pollables(network: &Network) {
    let socket = bound_udp(network, address("127.0.0.1", 0)).expect("bind");
    let (incoming, outgoing) = socket.stream(None).expect("streams");
    for round in 0..3 {
        let mut many: Vec<_> = (0..20_000)
            .map(|number| {
                if number % 2 == 0 {
                    incoming.subscribe()
                } else {
                    outgoing.subscribe()
                }
            })
            .collect();
        while many.len() > 2 {
            many.swap_remove(many.len() / 2);
        }
        println!(
            "round {round}: {} {}",
            many[0].ready(),
            outgoing.subscribe().ready()
        );
    }
}

/// A datagram in the component's memory, without an address (the Canonical ABI's `record { list<u8>, option<…> }`).
#[repr(C)]
#[derive(Clone, Copy)]
struct RawDatagram {
    data: *const u8,
    len: usize,
    address: [u32; 9],
}

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "wasi:sockets/udp@0.2.12")]
unsafe extern "C" {
    #[link_name = "[method]outgoing-datagram-stream.send"]
    fn raw_send(stream: u32, list: *const RawDatagram, len: usize, result: *mut [u64; 2]);
}

fn overlap(network: &Network, count: usize) {
    let socket = bound_udp(network, address("127.0.0.1", 0)).expect("bind");
    let (_incoming, outgoing) = socket.stream(None).expect("streams");
    let data = vec![7_u8; 512 << 10];
    let one = RawDatagram {
        data: data.as_ptr(),
        len: data.len(),
        address: [0; 9],
    };
    let list = vec![one; count];
    let mut result = [0; 2];
    outgoing.check_send().expect("check-send");
    // SAFETY: The list and the result are as the Canonical ABI lays them out, and live as long as the call.
    unsafe { raw_send(outgoing.handle(), list.as_ptr(), list.len(), &raw mut result) };
}

/// Both ends of many connections in one program, each full, and all of it read.
fn pairs(network: &Network) {
    let mut all = Vec::new();
    for _ in 0..40 {
        match pair(network) {
            Ok(pair) => all.push(pair),
            Err(error) => println!("a pair: {}", name(error)),
        }
    }
    let mut written = 0;
    for ((_, output, _), _) in &all {
        loop {
            let permit = output.check_write().expect("check-write");
            if permit == 0 {
                break;
            }
            output
                .write(&vec![7; usize::try_from(permit).expect("a length")])
                .expect("write");
            written += permit;
        }
    }
    let mut read = 0;
    while read < written {
        let inputs: Vec<_> = all.iter().map(|(_, (input, ..))| input.subscribe()).collect();
        for place in poll(&inputs.iter().collect::<Vec<_>>()) {
            let (_, (input, ..)) = &all[place as usize];
            read += input.read(u64::MAX).expect("read").len() as u64;
        }
    }
    println!("{} pairs, all of it came: {}", all.len(), read == written);
    println!("a datagram to itself: {}", named(to_itself(network)));
}

fn to_itself(network: &Network) -> Result<(), wasi::sockets::network::ErrorCode> {
    let socket = bound_udp(network, address("127.0.0.1", 0))?;
    let here = socket.local_address()?;
    let (incoming, outgoing) = socket.stream(Some(here))?;
    send(&outgoing, &[datagram(b"x", None)])?;
    while incoming.receive(u64::MAX)?.is_empty() {
        incoming.subscribe().block();
    }
    Ok(())
}
