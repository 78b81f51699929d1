//! A dnsmasq that knows the names of one hosts file and asks no other server.

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
        Self::start_with(hosts, aliases, &["--local-ttl=60".to_owned()])
    }

    /// The same with options of dnsmasq in place of a lifetime of 60 seconds.
    ///
    /// # Errors
    ///
    /// As for [`Dnsmasq::start`].
    pub fn start_with(hosts: &str, aliases: &[(&str, &str)], options: &[String]) -> io::Result<Self> {
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
            ]);
            command.args(options);
            command.arg(format!("--port={port}"));
            command.arg(format!("--addn-hosts={}", file.display()));
            for (alias, name) in aliases {
                command.arg(format!("--cname={alias},{name}"));
            }
            Ok(command)
        };
        Server::start("dnsmasq", command, |addr| TcpStream::connect(addr).map(|_| true))
            .map(|server| Self { server })
    }

    /// Gives it other names, which it knows a moment later.
    ///
    /// # Errors
    ///
    /// When the file cannot be written or kill(1) fails.
    pub fn rewrite(&self, hosts: &str) -> io::Result<()> {
        std::fs::write(self.server.dir.path().join("hosts"), hosts)?;
        let mut kill = Command::new("kill");
        let status = kill
            .arg("-HUP")
            .arg(self.server.child.id().to_string())
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other("dnsmasq cannot be made to read its file again"))
        }
    }

    /// Where it listens, over UDP and TCP.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.addr
    }
}
