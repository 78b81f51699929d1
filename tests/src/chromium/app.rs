//! The app's files over HTTP on loopback, from which the browser takes an app in developer mode. Not a web server: GET of what is there.

use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a client may take to say what it wants. Chromium makes connections beforehand, and uses them within 10 s: they must not be closed
/// at the moment of their use.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// What the app may do. Without `cross-origin-isolated` there is no shared memory, without the last two no UDP socket can be bound.
const PERMISSIONS: [&str; 5] = [
    "cross-origin-isolated",
    "direct-sockets",
    "direct-sockets-multicast",
    "loopback-network",
    "local-network",
];

/// Serves until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    addr: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves directories below prefixes, the first one that begins a path.
    pub(super) fn start(directories: &[(&str, &Path)]) -> io::Result<Self> {
        let directories: Arc<[(String, PathBuf)]> = directories
            .iter()
            .map(|(prefix, directory)| ((*prefix).to_owned(), directory.to_path_buf()))
            .collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let ours = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept()
                && !ours.load(Ordering::Acquire)
            {
                let directories = Arc::clone(&directories);
                // A client that goes away is its own business.
                thread::spawn(move || serve(&stream, &directories));
            }
        });
        Ok(Self {
            addr,
            is_over,
            thread: Some(thread),
        })
    }

    /// Its port on 127.0.0.1.
    pub(super) fn port(&self) -> u16 {
        self.addr.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // It sees that it is over when it has accepted one more.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: &TcpStream, directories: &[(String, PathBuf)]) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let (status, kind, body) = match content(path, directories) {
        Some((kind, body)) => ("200 OK", kind, body),
        None => ("404 Not Found", "text/plain", Vec::new()),
    };
    // The headers that make a page cross-origin isolated.
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

/// What is at a path, and its type.
fn content(path: &str, directories: &[(String, PathBuf)]) -> Option<(&'static str, Vec<u8>)> {
    if path == "/.well-known/manifest.webmanifest" {
        return Some(("application/manifest+json", manifest().to_string().into_bytes()));
    }
    let (prefix, directory) = directories.iter().find(|(prefix, _)| path.starts_with(prefix))?;
    let name = Path::new(path.strip_prefix(prefix.as_str())?);
    if !name.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let kind = match name.extension()?.to_str()? {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript",
        "wasm" => "application/wasm",
        "png" => "image/png",
        _ => return None,
    };
    Some((kind, fs::read(directory.join(name)).ok()?))
}

fn manifest() -> Value {
    let permissions: Map<String, Value> = PERMISSIONS
        .iter()
        .map(|name| ((*name).to_owned(), json!(["self"])))
        .collect();
    json!({
        "name": "guestnet tests",
        "short_name": "guestnet",
        "version": "1.0.0",
        "id": "/",
        "start_url": "/index.html",
        "scope": "/",
        "display": "standalone",
        // Without an icon of this size an app is not installed.
        "icons": [{ "src": "/icon.png", "sizes": "512x512", "type": "image/png", "purpose": "any" }],
        "permissions_policy": permissions,
    })
}

/// A new identity of an app in developer mode: random bytes and what marks them as such, in base32 without padding.
pub(super) fn identity() -> io::Result<String> {
    let mut bytes = [0; 35];
    let (random, mark) = bytes.split_at_mut(32);
    File::open("/dev/urandom")?.read_exact(random)?;
    mark.copy_from_slice(&[0, 0, 2]);
    Ok(base32(&bytes))
}

/// Seven groups of five bytes are 56 digits, so that nothing is left over.
fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let digits = bytes.chunks(5).flat_map(|group| {
        let number = group
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        (0..8).rev().map(move |digit| (number >> (5 * digit)) & 31)
    });
    digits
        .filter_map(|digit| DIGITS.get(usize::try_from(digit).ok()?))
        .map(|digit| char::from(*digit))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{base32, content};
    use std::path::PathBuf;

    #[test]
    fn bytes_become_digits_of_five_bits() {
        assert_eq!(base32(b"hello"), "nbswy3dp");
        assert_eq!(base32(&[0; 5]), "aaaaaaaa");
    }

    #[test]
    fn nothing_outside_of_a_directory_is_served() {
        let directories = [(
            "/".to_owned(),
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("chromium"),
        )];
        assert!(content("/index.html", &directories).is_some());
        for path in ["/../Cargo.toml", "//etc/hostname.html", "/missing.js", "/"] {
            assert!(content(path, &directories).is_none(), "{path}");
        }
    }
}
