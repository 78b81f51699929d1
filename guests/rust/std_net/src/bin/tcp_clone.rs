//! Two owners of one socket.

use std::io::{self, Read, Write};
use std::time::Duration;

use std_net::net::{Shutdown, TcpListener, TcpStream};
use std_net::{pair, show};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let (client, mut server) = pair(&listener)?;
    show(
        "a clone of a stream",
        client.try_clone().and_then(|clone| written_by(client, clone)),
    );
    let mut all = String::new();
    show("read", server.read_to_string(&mut all));
    println!("{all:?}");

    let (mut client, server) = pair(&listener)?;
    show(
        "one ends what the other reads",
        server.try_clone().and_then(|mut clone| {
            client.write_all(b"x")?;
            server.set_read_timeout(Some(Duration::from_secs(10)))?;
            let limit = clone.read_timeout()?.is_some();
            let len = clone.read(&mut [0; 8])?;
            server.shutdown(Shutdown::Write)?;
            Ok((limit, len, client.read(&mut [0; 8])?))
        }),
    );

    let address = listener.local_addr()?;
    show(
        "a clone of a listener",
        listener.try_clone().and_then(|clone| {
            let same = clone.local_addr()? == address;
            drop(listener);
            let _client = TcpStream::connect(address)?;
            Ok((same, clone.accept().is_ok()))
        }),
    );
    show("when both are gone", TcpStream::connect(address).map(drop));
    Ok(())
}

/// What the clone can do when the first owner is gone.
fn written_by(first: TcpStream, mut clone: TcpStream) -> io::Result<bool> {
    (&first).write_all(b"by the first, ")?;
    let same = first.local_addr()? == clone.local_addr()?;
    drop(first);
    clone.write_all(b"and by the clone")?;
    Ok(same)
}
