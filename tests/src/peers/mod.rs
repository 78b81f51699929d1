//! Real servers, each started by the test that needs it: a free loopback port, a directory of its own, gone when it is
//! dropped.
//!
//! These are the distribution's own servers; only [`ScriptedDns`] imitates one, for what no real server says. A server
//! that is not installed is an error that names its package.

mod certificates;
mod dnsmasq;
mod mariadb;
mod mosquitto;
mod nginx;
mod postgres;
mod redis;
pub mod script;
mod sink;

pub use certificates::{Authority, Identity};
pub use dnsmasq::Dnsmasq;
pub use mariadb::MariaDb;
pub use mosquitto::Mosquitto;
pub use nginx::Nginx;
pub use postgres::Postgres;
pub use redis::Redis;
pub use script::ScriptedDns;
pub use sink::sink;

use crate::paths::find_program;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to answer after it was started.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// How often a starting server is asked whether it answers.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// How many ports are tried before giving up: another program can take a free port before the server does.
const PORT_ATTEMPTS: u32 = 8;

/// One server process and its directory.
#[derive(Debug)]
struct Server {
    child: Child,
    addr: SocketAddr,
    // It goes after `drop` has ended the process that lives in it.
    dir: TempDir,
}

impl Server {
    /// Starts a server whose command is built from a directory and a port, and waits until `answers` says that it does. An
    /// error of it means that it does not answer yet.
    fn start(
        name: &str,
        mut command: impl FnMut(&Path, u16) -> io::Result<Command>,
        mut answers: impl FnMut(SocketAddr) -> io::Result<bool>,
    ) -> io::Result<Self> {
        let mut last = String::new();
        for _ in 0..PORT_ATTEMPTS {
            let dir = tempfile::Builder::new()
                .prefix(&format!("guestnet-{name}-"))
                .tempdir()?;
            let addr = free_port()?;
            let log = std::fs::File::create(dir.path().join("output"))?;
            let child = command(dir.path(), addr.port())?
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()?;
            let mut server = Self { child, addr, dir };
            let deadline = Instant::now() + START_DEADLINE;
            loop {
                // Asked before the answer: it could come from another program that took the port.
                if server.child.try_wait()?.is_some() {
                    last = server.log();
                    break;
                }
                if answers(addr).unwrap_or(false) {
                    return Ok(server);
                }
                if Instant::now() >= deadline {
                    return Err(io::Error::other(format!(
                        "{name} does not answer\n{}",
                        server.log()
                    )));
                }
                thread::sleep(POLL_INTERVAL);
            }
        }
        Err(io::Error::other(format!(
            "{name} ended while it was starting\n{last}"
        )))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("output")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail when the server has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback port that was free a moment ago.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The path of an installed program, or an error that says how to get it.
fn installed(program: &str, package: &str) -> io::Result<PathBuf> {
    find_program(program).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("{program} is not installed: `apt-get install {package}` has it"),
        )
    })
}
