//! sendfile, pipe and splice of the crate.

use guestnet_guest::{TcpListener, TcpStream, pipe, sendfile, splice};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use crate::beyond::kind;

pub(crate) const ALL: &[crate::Behaviour] = &[
    ("sendfile_positions", sendfile_positions),
    ("sendfile_errors", sendfile_errors),
    ("splice_proxy", splice_proxy),
    ("splice_errors", splice_errors),
];

fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    (client, listener.accept().expect("accept").0)
}

fn sendfile_positions(dir: &Path) {
    let path = dir.join("positions");
    let text: Vec<u8> = (0..=255).collect();
    fs::write(&path, &text).expect("write");
    let mut file = File::open(&path).expect("open");
    let (mut client, server) = connection();
    let sent = sendfile(&server, &file, None, 10).expect("sendfile");
    println!("sent {sent}, position {:?}", file.stream_position().ok());
    let mut offset = 100;
    let sent = sendfile(&server, &file, Some(&mut offset), 20).expect("sendfile");
    println!("sent {sent}, offset {offset}, position {:?}", file.stream_position().ok());
    file.seek(SeekFrom::Start(250)).expect("seek");
    println!("at the end {:?}", sendfile(&server, &file, None, 100).ok());
    println!("behind it {:?}", sendfile(&server, &file, None, 100).ok());
    println!("no bytes {:?}", sendfile(&server, &file, None, 0).ok());
    drop(server);
    let mut received = Vec::new();
    client.read_to_end(&mut received).expect("read");
    let expected = [&text[..10], &text[100..120], &text[250..]].concat();
    println!("these bytes: {}", received == expected);
}

fn sendfile_errors(dir: &Path) {
    let path = dir.join("errors");
    fs::write(&path, "text").expect("write");
    let file = File::open(&path).expect("open");
    let (client, server) = connection();
    let written = OpenOptions::new().write(true).open(&path).expect("open");
    println!("only written: {}", sendfile(&server, &written, None, 4).is_err());
    println!("a socket: {}", kind(sendfile(&server, &client, None, 4)));
    let mut offset = u64::MAX;
    println!("too far: {}", kind(sendfile(&server, &file, Some(&mut offset), 4)));
    println!("still {}", offset == u64::MAX);
    server.shutdown(std::net::Shutdown::Write).expect("shutdown");
    println!("shut: {}", kind(sendfile(&server, &file, None, 4)));
}

fn splice_proxy(_: &Path) {
    let ((mut client, from), (mut server, to)) = (connection(), connection());
    let (read, write) = pipe().expect("pipe");
    for text in ["one", "two and three"] {
        client.write_all(text.as_bytes()).expect("write");
        let taken = splice(&from, &write, 65_536).expect("splice");
        println!("taken {taken}, given {:?}", splice(&read, &to, taken).ok());
        let mut received = vec![0; text.len()];
        server.read_exact(&mut received).expect("read");
        println!("{:?}", String::from_utf8(received));
    }
    drop(client);
    println!("the end: {:?}", splice(&from, &write, 65_536).ok());
    drop(write);
    println!("of the pipe: {:?}", splice(&read, &to, 65_536).ok());
}

fn splice_errors(_: &Path) {
    let (client, server) = connection();
    let (read, write) = pipe().expect("pipe");
    println!("two sockets: {}", kind(splice(&client, &server, 1)));
    println!("one pipe: {}", kind(splice(&read, &write, 1)));
    println!("no bytes: {:?}", splice(&client, &server, 0).ok());
    server.set_nonblocking(true).expect("set_nonblocking");
    println!("nothing there: {}", kind(splice(&server, &write, 1)));
    server.set_nonblocking(false).expect("set_nonblocking");
    server
        .set_read_timeout(Some(Duration::from_millis(20)))
        .expect("set_read_timeout");
    println!("nothing came: {}", kind(splice(&server, &write, 1)));
    drop(read);
    let (mut client, server) = connection();
    client.write_all(b"x").expect("write");
    println!("no reader: {}", kind(splice(&server, &write, 1)));
}
