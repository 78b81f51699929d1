//! The other ends that are not guests: plain sockets of this process, and curl.

use guestnet_tests::{Program, ProgramOutput};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends `data` to an echo server, and everything back must equal it.
pub(crate) fn tcp_echo(addr: SocketAddr, data: &[u8]) {
    let mut stream = TcpStream::connect(addr).expect("connect to the guest");
    stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
    let mut writer = stream.try_clone().expect("duplicate the socket");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(data).expect("send to the guest");
            writer.shutdown(Shutdown::Write).expect("shut down");
        });
        let mut back = Vec::new();
        stream.read_to_end(&mut back).expect("receive from the guest");
        assert!(
            back == data,
            "{} bytes sent, {} other ones came back",
            data.len(),
            back.len()
        );
    });
}

/// Sends datagrams of several sizes to an echo server, one after the other.
pub(crate) fn udp_echo(addr: SocketAddr, sizes: &[usize]) {
    let socket = UdpSocket::bind((addr.ip(), 0)).expect("bind");
    socket.connect(addr).expect("connect");
    socket.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
    let mut buffer = vec![0; 65536];
    for &size in sizes {
        let datagram = pattern(size);
        socket.send(&datagram).expect("send to the guest");
        let n = socket.recv(&mut buffer).expect("receive from the guest");
        assert!(
            buffer[..n] == datagram,
            "a datagram of {size} bytes came back changed"
        );
    }
}

/// So many clients of an echo server at once: in every round each of them gets its piece back before the next one sends, so that
/// the server serves all of them while none has ended.
pub(crate) fn tcp_in_turns(addr: SocketAddr, clients: usize, rounds: usize, piece: &[u8]) {
    let connect = |_| {
        let stream = TcpStream::connect(addr).expect("connect to the guest");
        stream.set_read_timeout(Some(PATIENCE)).expect("set a timeout");
        stream
    };
    let mut streams: Vec<TcpStream> = (0..clients).map(connect).collect();
    let mut back = vec![0; piece.len()];
    for _ in 0..rounds {
        for stream in &mut streams {
            stream.write_all(piece).expect("send to the guest");
            stream.read_exact(&mut back).expect("receive from the guest");
            assert!(back == piece, "{} bytes came back changed", piece.len());
        }
    }
    for mut stream in streams {
        stream.shutdown(Shutdown::Write).expect("shut down");
        let rest = stream.read(&mut back).expect("receive the guest's end");
        assert_eq!(rest, 0, "more came back than was sent");
    }
}

/// curl with these arguments; what it printed.
pub(crate) fn curl(args: &[&str]) -> String {
    let mut curl = Program::new(Path::new("curl"))
        .arg("--silent")
        .arg("--show-error")
        .arg("--fail");
    curl = curl.arg("--max-time").arg("60").arg("--noproxy").arg("*");
    for arg in args {
        curl = curl.arg(arg);
    }
    curl.finish().success()
}

/// Bytes in which no two blocks are alike.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|n| n.wrapping_mul(0x9e37_79b9).to_be_bytes())
        .take(length)
        .collect()
}

/// The result of a `fetch` that must have written the file that nginx has.
pub(crate) fn fetched(finished: ProgramOutput, body: &str) -> String {
    assert!(finished.stderr.contains("200 OK"), "{finished}");
    let got = finished.success();
    assert!(
        got == body,
        "nginx sent {} bytes, the guest wrote {}",
        body.len(),
        got.len()
    );
    format!("{} bytes, all equal", got.len())
}
