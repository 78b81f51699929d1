//! Datagram sockets that do not wait, or only so long.

use std::io;
use std::time::{Duration, Instant};

use std_net::net::UdpSocket;
use std_net::show;

fn main() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let mut buffer = [0; 8];
    let limit = Duration::from_millis(100);
    show(
        "nothing to receive, and a limit",
        socket.set_read_timeout(Some(limit)).map(|()| {
            let began = Instant::now();
            let error = socket
                .recv_from(&mut [0; 8])
                .map(drop)
                .map_err(|error| error.kind());
            (error, began.elapsed() >= limit)
        }),
    );
    show("no limit", socket.set_read_timeout(None));
    show(
        "nothing to receive",
        socket
            .set_nonblocking(true)
            .and_then(|()| socket.recv_from(&mut buffer))
            .map(drop),
    );
    show(
        "nothing to look at",
        socket
            .set_nonblocking(true)
            .and_then(|()| socket.peek_from(&mut buffer))
            .map(drop),
    );
    socket.send_to(b"itself", socket.local_addr()?)?;
    show("what is there", socket.recv_from(&mut buffer).map(|(len, _)| len));
    Ok(())
}
