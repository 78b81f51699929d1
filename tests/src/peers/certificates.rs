//! An authority that signs certificates of servers, made by openssl for one test.

use super::installed;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A new key for each certificate, which no password protects; valid for two days.
const NEW: [&str; 8] = [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days=2",
];

/// A private key and its certificate, in a directory that goes with it.
#[derive(Debug)]
pub struct Authority {
    dir: TempDir,
}

impl Authority {
    /// Makes one, whose certificate its own key has signed.
    ///
    /// # Errors
    ///
    /// When openssl is not installed, or fails.
    pub fn new() -> io::Result<Self> {
        let authority = Self {
            dir: tempfile::Builder::new().prefix("guestnet-authority-").tempdir()?,
        };
        // Each has a name of its own, so that clients see that it is another one.
        let name = authority.dir.path().file_name().unwrap_or_default();
        let subject = format!("/CN={}", name.to_string_lossy());
        authority.make("authority", &["-subj", &subject])?;
        Ok(authority)
    }

    /// Its certificate, which clients are given.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// Signs a certificate for the server of this name. Returns it and its key, as files that stay as long as the authority.
    ///
    /// # Errors
    ///
    /// When openssl fails.
    pub fn issue(&self, name: &str) -> io::Result<Identity> {
        let (subject, names) = (format!("/CN={name}"), format!("subjectAltName=DNS:{name}"));
        let (certificate, key) = (self.certificate(), self.path("authority.key"));
        let by = [
            OsStr::new("-CA"),
            certificate.as_ref(),
            OsStr::new("-CAkey"),
            key.as_ref(),
        ];
        let what = [
            "-subj",
            &subject,
            "-addext",
            &names,
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ];
        let arguments: Vec<&OsStr> = by.into_iter().chain(what.map(OsStr::new)).collect();
        self.make(name, &arguments)?;
        Ok(Identity {
            certificate: self.path(&format!("{name}.pem")),
            key: self.path(&format!("{name}.key")),
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn make(&self, name: &str, arguments: &[impl AsRef<OsStr>]) -> io::Result<()> {
        let made = Command::new(installed("openssl", "openssl")?)
            .args(NEW)
            .arg("-keyout")
            .arg(self.path(&format!("{name}.key")))
            .arg("-out")
            .arg(self.path(&format!("{name}.pem")))
            .args(arguments)
            .stdin(Stdio::null())
            .output()?;
        if made.status.success() {
            Ok(())
        } else {
            let said = String::from_utf8_lossy(&made.stderr);
            Err(io::Error::other(format!("openssl req failed\n{said}")))
        }
    }
}

/// What a server shows of itself, and the key that goes with it.
#[derive(Debug)]
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl Identity {
    /// The file of the certificate.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The file of the private key.
    #[must_use]
    pub fn key(&self) -> &Path {
        &self.key
    }
}
