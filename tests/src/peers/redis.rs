//! A redis-server with nothing in it and nothing written to disk.

use super::{Server, installed};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long one PING may take.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// A running redis-server.
#[derive(Debug)]
pub struct Redis {
    server: Server,
}

impl Redis {
    /// Starts one, and returns when it answers a PING.
    ///
    /// # Errors
    ///
    /// When redis-server is not installed, ends at once, or does not answer in time.
    pub fn start() -> io::Result<Self> {
        let program = installed("redis-server", "redis-server")?;
        let command = |dir: &Path, port: u16| {
            let mut command = Command::new(&program);
            command.current_dir(dir);
            command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
            command
                .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"])
                .arg(dir);
            Ok(command)
        };
        Server::start("redis", command, ping).map(|server| Self { server })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.addr
    }

    /// Its directory, which goes with it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.server.dir.path()
    }
}

fn ping(addr: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PING_TIMEOUT))?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer)?;
    Ok(&answer == b"+PONG\r\n")
}
