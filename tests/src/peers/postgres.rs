//! A PostgreSQL server with one user, who has a password.

use super::{Server, find_program};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The user, who owns everything, and the password: there is nothing in it to protect.
const USER: &str = "guestnet";

/// The database that every server has.
const DATABASE: &str = "postgres";

/// Where Debian puts the programs of one version, in a directory of the version's number.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The account that Debian's package makes. The server does not run as root.
const ACCOUNT: &str = "postgres";

/// How long one answer to a greeting may take.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server may take to end its own processes.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(20);

/// How often a server that ends is looked at.
const SHUTDOWN_INTERVAL: Duration = Duration::from_millis(5);

/// A running PostgreSQL.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
}

impl Postgres {
    /// Makes a cluster in a temporary directory, starts the server on it, and returns when it lets its user in.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed, ends at once, or does not answer in time.
    pub fn start() -> io::Result<Self> {
        let (initdb, postgres) = (program("initdb")?, program("postgres")?);
        let command = |dir: &Path, port: u16| {
            // It needs another account than root's, and that account the directory.
            let account = if fs::metadata(dir)?.uid() == 0 {
                Some(account()?)
            } else {
                None
            };
            let as_account = |program: &Path| {
                let mut command = Command::new(program);
                command.current_dir(dir);
                if let Some((user, group)) = account {
                    command.uid(user).gid(group);
                }
                command
            };
            let password = dir.join("password");
            fs::write(&password, USER)?;
            if let Some((user, group)) = account {
                chown(dir, Some(user), Some(group))?;
                chown(&password, Some(user), Some(group))?;
            }
            let data = dir.join("data");
            let made = as_account(&initdb)
                .args([
                    "--no-sync",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C",
                ])
                .args(["--username", USER])
                .arg(format!("--pwfile={}", password.display()))
                .arg("-D")
                .arg(&data)
                .stdin(Stdio::null())
                .output()?;
            if !made.status.success() {
                let said = String::from_utf8_lossy(&made.stdout) + String::from_utf8_lossy(&made.stderr);
                return Err(io::Error::other(format!("initdb failed\n{said}")));
            }
            let mut command = as_account(&postgres);
            command.arg("-D").arg(&data).arg("-F");
            command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
            command.arg("-k").arg(dir);
            Ok(command)
        };
        Server::start("postgres", command, lets_in).map(|server| Self { server })
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

    /// What a client needs to know, as libpq and tokio-postgres take it, with this name for the host.
    #[must_use]
    pub fn url(&self, host: &str) -> String {
        let port = self.server.addr.port();
        format!("postgresql://{USER}:{USER}@{host}:{port}/{DATABASE}")
    }
}

impl Drop for Postgres {
    /// Ends it in its own way: a server that is killed leaves processes and shared memory behind.
    fn drop(&mut self) {
        let child = &mut self.server.child;
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw)
            && let Ok(None) = child.try_wait()
        {
            // It can have ended since, which is as good.
            let _ = kill_process(pid, Signal::QUIT);
        }
        let deadline = Instant::now() + SHUTDOWN_DEADLINE;
        while let Ok(None) = child.try_wait()
            && Instant::now() < deadline
        {
            thread::sleep(SHUTDOWN_INTERVAL);
        }
    }
}

/// Asks to come in as the user. While the server starts its answer is an error, then a question for the password.
fn lets_in(addr: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(GREETING_TIMEOUT))?;
    let mut message = vec![0, 0, 0, 0, 0, 3, 0, 0];
    message.extend(format!("user\0{USER}\0\0").bytes());
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    message[..4].copy_from_slice(&length.to_be_bytes());
    stream.write_all(&message)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    Ok(&kind == b"R")
}

/// A program of PostgreSQL's server. Debian has them outside of `PATH`; the newest version is taken.
fn program(name: &str) -> io::Result<PathBuf> {
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = fs::read_dir(VERSIONS)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("bin").join(name).is_file())
        .max_by_key(|path| version(path));
    let found = newest.map(|path| path.join("bin").join(name));
    found.or_else(|| find_program(name)).ok_or_else(|| {
        let text = format!("{name} is not installed: `apt-get install postgresql` has it");
        io::Error::new(io::ErrorKind::NotFound, text)
    })
}

/// The numbers of the account that the server runs as, and of its group.
fn account() -> io::Result<(u32, u32)> {
    let accounts = fs::read_to_string("/etc/passwd")?;
    let find = || {
        let mut fields = accounts
            .lines()
            .map(|line| line.split(':'))
            .find(|fields| fields.clone().next() == Some(ACCOUNT))?
            .skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    find().ok_or_else(|| io::Error::other(format!("there is no account {ACCOUNT} to run PostgreSQL as")))
}
