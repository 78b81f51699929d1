//! A dnsmasq that knows the names of one hosts file and asks nobody.

use super::{Server, installed};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

/// A running dnsmasq.
#[derive(Debug)]
pub struct Dnsmasq {
    server: Server,
}

impl Dnsmasq {
    /// Starts one with the names of `hosts`, a text as hosts(5) has it, and with `aliases`, pairs of an alias and the
    /// name that it is a CNAME of.
    ///
    /// # Errors
    ///
    /// When dnsmasq is not installed, ends at once, or does not answer in time.
    pub fn start(hosts: &str, aliases: &[(&str, &str)]) -> io::Result<Self> {
        let program = installed("dnsmasq", "dnsmasq-base")?;
        let command = |dir: &Path, port: u16| {
            let file = dir.join("hosts");
            std::fs::write(&file, hosts)?;
            let mut command = Command::new(&program);
            command.args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--no-resolv",
                "--no-hosts",
                "--no-poll",
                "--bind-interfaces",
                "--listen-address=127.0.0.1",
                "--pid-file=",
                "--user=",
                "--local=//",
                "--local=/test/",
                "--local-ttl=60",
            ]);
            command.arg(format!("--port={port}"));
            command.arg(format!("--addn-hosts={}", file.display()));
            for (alias, name) in aliases {
                command.arg(format!("--cname={alias},{name}"));
            }
            Ok(command)
        };
        Server::start("dnsmasq", command, |addr| TcpStream::connect(addr).is_ok())
            .map(|server| Self { server })
    }

    /// Where it listens, over UDP and TCP.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.addr
    }
}
