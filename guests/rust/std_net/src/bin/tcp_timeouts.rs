//! Time limits: of a read, of a connect, and that they go away again.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use std_net::net::{TcpListener, TcpStream};
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (mut client, mut server) = pair(&listener)?;
    show("the limit at first", client.read_timeout());
    let limit = Duration::from_millis(100);
    client.set_read_timeout(Some(limit))?;
    show("the limit", client.read_timeout());
    let began = Instant::now();
    show("nothing to read", client.read(&mut [0; 8]));
    println!("it took as long: {}", began.elapsed() >= limit);
    server.write_all(b"now")?;
    show("something to read", client.read(&mut [0; 8]));
    client.set_read_timeout(None)?;
    show("no limit", client.read_timeout());
    show(
        "a limit of nothing",
        client.set_read_timeout(Some(Duration::ZERO)),
    );
    let address = listener.local_addr()?;
    show(
        "a connect with a limit",
        TcpStream::connect_timeout(&address, Duration::from_secs(10)).map(drop),
    );
    drop(listener);
    show(
        "a refused one",
        TcpStream::connect_timeout(&address, Duration::from_secs(10)).map(drop),
    );
    Ok(())
}
