//! A real web server with one large file: Debian's nginx in a directory of its own.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long it may take to answer after it was started.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// Somebody else can take a free port before the server does.
const PORT_ATTEMPTS: u32 = 8;

/// A running nginx. Dropping it stops it.
pub(crate) struct Nginx {
    child: Child,
    addr: SocketAddr,
    // It goes after `drop` has ended the process that lives in it.
    _dir: TempDir,
}

impl Nginx {
    /// Serves `body` as `/file`.
    pub(crate) fn start(body: &[u8]) -> io::Result<Self> {
        let mut last = String::new();
        for _ in 0..PORT_ATTEMPTS {
            let dir = tempfile::Builder::new().prefix("guestnet-nginx-").tempdir()?;
            fs::write(dir.path().join("file"), body)?;
            let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            fs::write(dir.path().join("nginx.conf"), configuration(dir.path(), addr))?;
            let log = fs::File::create(dir.path().join("output"))?;
            let child = Command::new(program())
                .arg("-p")
                .arg(dir.path())
                .args(["-c", "nginx.conf", "-e", "stderr"])
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log)
                .spawn()
                .map_err(|error| {
                    io::Error::new(error.kind(), format!("nginx (package nginx-light): {error}"))
                })?;
            let mut server = Self {
                child,
                addr,
                _dir: dir,
            };
            if server.answers()? {
                return Ok(server);
            }
            last = fs::read_to_string(server._dir.path().join("output")).unwrap_or_default();
        }
        Err(io::Error::other(format!(
            "nginx ended while it was starting\n{last}"
        )))
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Waits until it accepts; false when it has ended instead.
    fn answers(&mut self) -> io::Result<bool> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if self.child.try_wait()?.is_some() {
                return Ok(false);
            }
            if TcpStream::connect(self.addr).is_ok() {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Err(io::Error::other("nginx does not answer"));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Both fail when the server has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One process in the foreground, so that killing the child is the end of it.
fn configuration(dir: &Path, addr: SocketAddr) -> String {
    let dir = dir.display();
    format!(
        "daemon off; master_process off; worker_processes 1; pid {dir}/pid;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path {dir}/a; proxy_temp_path {dir}/b;\n\
         fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;\n\
         server {{ listen {addr}; root {dir}; }} }}\n"
    )
}

/// Debian keeps it where the PATH of most users does not look.
fn program() -> &'static str {
    if Path::new("/usr/sbin/nginx").is_file() {
        "/usr/sbin/nginx"
    } else {
        "nginx"
    }
}
