//! A mosquitto, which passes messages of MQTT on and keeps none.

use super::{Server, installed};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// CONNECT of MQTT 3.1.1: a clean session of the client `peer`.
const CONNECT: &[u8] = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x0a\x00\x04peer";

/// CONNACK: accepted, and nothing was kept.
const CONNACK: [u8; 4] = [0x20, 2, 0, 0];

/// A running mosquitto.
#[derive(Debug)]
pub struct Mosquitto {
    server: Server,
}

impl Mosquitto {
    /// Starts one that lets every client in, and returns when it does.
    ///
    /// # Errors
    ///
    /// When mosquitto is not installed, ends at once, or does not answer in time.
    pub fn start() -> io::Result<Self> {
        let program = installed("mosquitto", "mosquitto")?;
        let command = |dir: &Path, port: u16| {
            let config = dir.join("mosquitto.conf");
            // `user` is read only when root starts it: it stays root, so that it needs no account.
            let text =
                format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n");
            std::fs::write(&config, text)?;
            let mut command = Command::new(&program);
            command.current_dir(dir).arg("-c").arg(config);
            Ok(command)
        };
        Server::start("mosquitto", command, lets_in).map(|server| Self { server })
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

fn lets_in(addr: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(CONNECT)?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer)?;
    Ok(answer == CONNACK)
}
