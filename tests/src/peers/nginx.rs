//! An nginx that serves the files of one directory.

use super::{Identity, Server, installed};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    server: Server,
}

impl Nginx {
    /// Starts one that serves `files`, pairs of a name and a content.
    ///
    /// # Errors
    ///
    /// When nginx is not installed, ends at once, or does not answer in time.
    pub fn start(files: &[(&str, &[u8])]) -> io::Result<Self> {
        Self::start_with(files, "", "")
    }

    /// The same by TLS, as a server of this identity.
    ///
    /// # Errors
    ///
    /// As for [`Nginx::start`].
    pub fn start_with_tls(files: &[(&str, &[u8])], identity: &Identity) -> io::Result<Self> {
        let (certificate, key) = (identity.certificate().display(), identity.key().display());
        let shown = format!("ssl_certificate {certificate}; ssl_certificate_key {key};");
        Self::start_with(files, " ssl", &shown)
    }

    /// `listen` is what stands behind its address, `server` what it says about the server besides.
    fn start_with(files: &[(&str, &[u8])], listen: &str, server: &str) -> io::Result<Self> {
        let program = installed("nginx", "nginx-light")?;
        let command = |dir: &Path, port: u16| {
            let root = dir.join("www");
            std::fs::create_dir(&root)?;
            for (name, content) in files {
                std::fs::write(root.join(name), content)?;
            }
            let config = dir.join("nginx.conf");
            std::fs::write(&config, configuration(dir, port, listen, server))?;
            let mut command = Command::new(&program);
            command.arg("-p").arg(dir).arg("-c").arg(config);
            command.args(["-e", "stderr"]);
            Ok(command)
        };
        Server::start("nginx", command, |addr| TcpStream::connect(addr).map(|_| true))
            .map(|server| Self { server })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.addr
    }

    /// The path of a UNIX socket that it listens on too.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.server.dir.path().join("socket")
    }
}

/// One process, everything that it writes below `dir`.
fn configuration(dir: &Path, port: u16, listen: &str, server: &str) -> String {
    let dir = dir.display();
    format!(
        "daemon off; master_process off; pid {dir}/pid; worker_processes 1;
events {{ worker_connections 256; }}
http {{ access_log off; client_body_temp_path {dir}/client_body; proxy_temp_path {dir}/proxy;
fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
server {{ {server} listen 127.0.0.1:{port}{listen}; listen unix:{dir}/socket; root {dir}/www; }} }}
"
    )
}
