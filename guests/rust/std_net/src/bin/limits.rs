//! limits ACTION...: what options of `guestnet run` are about, one line an action. Not for a transcript: the options say what comes of it.

use std::fs;
use std::io::{self, Write};

use std_net::net::{Ipv4Addr, TcpStream, ToSocketAddrs, UdpSocket};
use std_net::show;

fn main() {
    let mut kept = Vec::new();
    for action in std::env::args().skip(1) {
        let words: Vec<&str> = action.split(' ').collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse::<usize>().ok());
        match (words[0], number(1), number(2)) {
            ("grow", Some(mebibytes), _) => show(&action, grow(mebibytes).map(|block| kept.push(block))),
            ("sockets", ..) => println!("{action}: {}", sockets()),
            ("datagrams", Some(port), Some(count)) => show(&action, datagrams(port, count)),
            ("stream", Some(port), Some(len)) => show(&action, stream(port, len)),
            ("look-up", ..) => show(&action, look_up(words[1])),
            ("look-ups", Some(count), _) => {
                let found = (0..count).filter(|index| look_up(&format!("n{index}.example")).is_ok());
                println!("{action}: {}", found.count());
            }
            ("read", ..) => show(&action, fs::read_to_string(words[1])),
            ("write", ..) => show(&action, fs::write(words[1], "written")),
            ("remove", ..) => show(&action, fs::remove_file(words[1])),
            _ => panic!("no such action: {action}"),
        }
    }
}

/// So many MiB more, each page of which is written.
fn grow(mebibytes: usize) -> io::Result<Vec<u8>> {
    let len = mebibytes << 20;
    let mut block = Vec::new();
    block
        .try_reserve_exact(len)
        .map_err(|_| io::ErrorKind::OutOfMemory)?;
    block.resize(len, 1);
    Ok(block)
}

/// How many sockets may be open, twice: closed ones leave room.
fn sockets() -> String {
    let mut counts = Vec::new();
    for _ in 0..2 {
        let mut open = Vec::new();
        let error = loop {
            match UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
                Ok(socket) => open.push(socket),
                Err(error) => break error,
            }
        };
        counts.push(format!(
            "{}, then {:?}",
            open.len(),
            error.raw_os_error().is_some()
        ));
    }
    counts.join("; ")
}

fn port_of(number: usize) -> io::Result<u16> {
    u16::try_from(number).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// Sends so many datagrams of 1,000 bytes: how many went, which is all of them unless one failed.
fn datagrams(port: usize, count: usize) -> io::Result<usize> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port_of(port)?))?;
    Ok((0..count).take_while(|_| socket.send(&[7; 1000]).is_ok()).count())
}

/// Writes so many bytes: how many the stream took.
fn stream(port: usize, len: usize) -> io::Result<usize> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port_of(port)?))?;
    let bytes = vec![7; len];
    let mut written = 0;
    while written < len {
        match stream.write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(_) => break,
        }
    }
    Ok(written)
}

fn look_up(name: &str) -> io::Result<Vec<String>> {
    let addresses = (name, 0).to_socket_addrs()?;
    let mut texts: Vec<String> = addresses.map(|address| address.ip().to_string()).collect();
    texts.sort();
    Ok(texts)
}
