//! A mariadbd with one empty database and one user.

use super::{Server, installed};
use std::fs;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The database, the user and the user's password: there is nothing in it to protect.
const DATABASE: &str = "guestnet";

/// How long one greeting may take.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// The version byte that opens the server's first packet.
const PROTOCOL_VERSION: u8 = 10;

/// A running mariadbd.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
}

impl MariaDb {
    /// Makes a database in a temporary directory, starts the server on it, and returns when it greets its clients.
    ///
    /// # Errors
    ///
    /// When MariaDB is not installed, ends at once, or does not answer in time.
    pub fn start() -> io::Result<Self> {
        let install = installed("mariadb-install-db", "mariadb-server")?;
        let mariadbd = installed("mariadbd", "mariadb-server")?;
        let command = |dir: &Path, port: u16| {
            let data = dir.join("data");
            // As root it refuses to run without this option.
            let user: &[&str] = if fs::metadata(dir)?.uid() == 0 {
                &["--user=root"]
            } else {
                &[]
            };
            let made = Command::new(&install)
                .args([
                    "--no-defaults",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ])
                .args(user)
                .arg(format!("--datadir={}", data.display()))
                .stdin(Stdio::null())
                .output()?;
            if !made.status.success() {
                let said = String::from_utf8_lossy(&made.stdout) + String::from_utf8_lossy(&made.stderr);
                return Err(io::Error::other(format!("mariadb-install-db failed\n{said}")));
            }
            let sql = dir.join("init.sql");
            fs::write(
                &sql,
                format!(
                    "CREATE DATABASE {DATABASE};\n\
                     CREATE USER '{DATABASE}'@'%' IDENTIFIED BY '{DATABASE}';\n\
                     GRANT ALL ON {DATABASE}.* TO '{DATABASE}'@'%';\n"
                ),
            )?;
            let mut command = Command::new(&mariadbd);
            command
                .arg("--no-defaults")
                .args(user)
                .arg(format!("--datadir={}", data.display()))
                .arg(format!("--socket={}", dir.join("socket").display()))
                .arg(format!("--pid-file={}", dir.join("pid").display()))
                .arg(format!("--init-file={}", sql.display()))
                .arg(format!("--port={port}"))
                .args([
                    "--bind-address=127.0.0.1",
                    "--skip-name-resolve",
                    "--innodb-buffer-pool-size=16M",
                ])
                .args(["--innodb-flush-log-at-trx-commit=0", "--max-allowed-packet=16M"]);
            Ok(command)
        };
        // It greets only after it has run the init file.
        Server::start("mariadb", command, greets).map(|server| Self { server })
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

    /// The data source name that go-sql-driver/mysql takes.
    #[must_use]
    pub fn dsn(&self) -> String {
        format!("{DATABASE}:{DATABASE}@tcp({})/{DATABASE}", self.server.addr)
    }
}

fn greets(addr: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(GREETING_TIMEOUT))?;
    // Three bytes of length, one of sequence, then the version.
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting)?;
    Ok(greeting[4] == PROTOCOL_VERSION)
}
