//! Connections that come and go: as many as each line of standard input says, and a line when they are done. Not for a transcript.
//!
//! `own N` connects to itself, `connect PORT N` to a peer, and `accept N` takes connections of a peer, which learns the port first.
//! `resets N` takes connections that their peer has reset before, and calls everything that there is.

use std::io::{self, Read, Write};

use std_net::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std_net::pair;

fn main() -> io::Result<()> {
    let mut line = String::new();
    while io::stdin().read_line(&mut line)? != 0 {
        line.truncate(line.trim_end().len());
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words.get(index).and_then(|word| word.parse().ok()).unwrap_or(0);
        match words[0] {
            "own" => own(number(1))?,
            "connect" => connect(u16::try_from(number(1)).unwrap_or(0), number(2))?,
            "accept" => accept(number(1))?,
            "resets" => resets(number(1))?,
            _ => panic!("no such line: {line}"),
        }
        println!("done {line}");
        line.clear();
    }
    Ok(())
}

/// Both ends here: a byte each way, and the ends take turns in who is the first to close.
fn own(count: usize) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    for index in 0..count {
        let (mut client, mut server) = pair(&listener)?;
        client.write_all(b"a")?;
        server.read_exact(&mut [0])?;
        server.write_all(b"b")?;
        client.read_exact(&mut [0])?;
        if index % 2 == 0 {
            drop(client);
            assert_eq!(server.read(&mut [0])?, 0);
        } else {
            drop(server);
            assert_eq!(client.read(&mut [0])?, 0);
        }
    }
    Ok(())
}

/// To a peer that sends back what it reads, to the end.
fn connect(port: u16, count: usize) -> io::Result<()> {
    for _ in 0..count {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.write_all(b"a")?;
        stream.read_exact(&mut [0])?;
    }
    Ok(())
}

/// From a peer that sends a byte and reads it again, to the end.
fn accept(count: usize) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("port {}", listener.local_addr()?.port());
    for stream in listener.incoming().take(count) {
        let mut stream = stream?;
        let mut byte = [0];
        while stream.read(&mut byte)? != 0 {
            stream.write_all(&byte)?;
        }
    }
    Ok(())
}

/// What the calls say is the system's choice: none of them is the end of the program.
fn resets(count: usize) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("port {}", listener.local_addr()?.port());
    // Until the peer says that all of them are reset.
    io::stdin().read_line(&mut String::new())?;
    for _ in 0..count {
        let Ok((mut stream, _)) = listener.accept() else {
            continue;
        };
        let _ = (stream.peer_addr(), stream.local_addr(), stream.take_error());
        let _ = (stream.nodelay(), stream.set_nodelay(true), stream.ttl());
        for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
            let _ = (stream.shutdown(how), stream.peer_addr());
        }
        let _ = (stream.read(&mut [0]), stream.write(b"x"), stream.flush());
    }
    Ok(())
}
