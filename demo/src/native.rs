//! The other ends that are not guests: plain sockets of this process, and curl.

use guestnet_tests::Program;
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
