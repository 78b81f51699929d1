//! [`MetricsExporter`]: one thread that offers a guest's metrics: in a file that it replaces every few seconds and at the end, or to
//! each client that asks an address by HTTP.
//!
//! It reads counters, and nothing of the guest waits for it. Not here: the counters and their format (the core's), and what is
//! answered to a request (`http.rs`).

mod http;

use std::fs::{self, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use guestnet_core::Metrics;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::report_to::{ReportTo, ReporterError};
use http::{Connection, Progress};

/// How often a file is replaced.
const INTERVAL: Duration = Duration::from_secs(5);

/// How many clients are answered at a time. One more takes the place of the one that has been there longest.
const MAX_CONNECTIONS: usize = 8;

/// How long to leave new clients alone when none can be accepted, because the process has no descriptor left.
const PAUSE: Duration = Duration::from_millis(200);

/// Where metrics will be: the file can be written, or the address is listened at. [`MetricsExporter::start`] offers them there.
#[derive(Debug)]
pub struct MetricsExporter {
    to: ReportTo,
    output: Output,
}

#[derive(Debug)]
enum Output {
    File(MetricsFile),
    Listener(Listener),
}

/// A file that is replaced whole.
#[derive(Debug)]
struct MetricsFile {
    path: PathBuf,
    /// Next to it, so that it can be renamed.
    new: PathBuf,
}

#[derive(Debug)]
struct Listener {
    socket: OwnedFd,
    /// Of a UNIX socket, what to remove at the end: its path and what was made there.
    node: Option<(PathBuf, (u64, u64))>,
    local: Option<SocketAddr>,
    refuses_this_process: bool,
}

impl MetricsExporter {
    /// Writes an empty file, or listens. A UNIX socket that a process has left behind, and at which no process listens, is replaced.
    ///
    /// # Errors
    /// [`ReporterError`].
    pub fn open(to: &ReportTo) -> Result<Self, ReporterError> {
        let output = match to {
            ReportTo::File(path) => MetricsFile::open(path).map(Output::File),
            ReportTo::Unix(path) => Listener::unix(path).map(Output::Listener),
            ReportTo::Tcp(addr) => Listener::tcp(*addr).map(Output::Listener),
        };
        match output {
            Ok(output) => Ok(MetricsExporter {
                to: to.clone(),
                output,
            }),
            Err(source) => Err(ReporterError {
                what: "metrics",
                to: to.clone(),
                source,
            }),
        }
    }

    /// Where TCP clients are answered; the system has chosen the port if it was 0.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.output {
            Output::Listener(listener) => listener.local,
            Output::File(_) => None,
        }
    }

    /// The directory in which it makes and removes names: that of the file or of the UNIX socket. For a process that confines itself.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        let path = match &self.to {
            ReportTo::File(path) | ReportTo::Unix(path) => path,
            ReportTo::Tcp(_) => return None,
        };
        Some(match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        })
    }

    /// Closes connections to a UNIX socket that come from this very process, where that is the guest's.
    pub fn refuse_this_process(&mut self) {
        if let Output::Listener(listener) = &mut self.output {
            listener.refuses_this_process = true;
        }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// There is no thread or no pipe left.
    pub fn start(self, metrics: Metrics) -> io::Result<RunningExporter> {
        let (stopped, stop) = io::pipe()?;
        let thread = thread::Builder::new()
            .name("guestnet-metrics".to_owned())
            .spawn(move || match self.output {
                Output::File(file) => file.keep(&metrics, &stopped),
                Output::Listener(listener) => listener.serve(&metrics, &stopped),
            })?;
        Ok(RunningExporter {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

/// An exporter that runs. When it is dropped it writes the file for the last time, or stops listening.
#[derive(Debug)]
pub struct RunningExporter {
    stop: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for RunningExporter {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic, and there is nothing to do if it does.
            let _ = thread.join();
        }
    }
}

impl MetricsFile {
    fn open(path: &Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        if fs::symlink_metadata(path).is_ok_and(|data| !data.is_file()) {
            // A rename would replace the thing and not write to it.
            return Err(io::Error::other("there is something that is not a file"));
        }
        let mut new = std::ffi::OsString::from(".");
        new.push(name);
        new.push(format!(".{}", std::process::id()));
        let file = MetricsFile {
            path: path.to_owned(),
            new: path.with_file_name(new),
        };
        file.replace("")?;
        Ok(file)
    }

    /// Writes a new file and gives it the name: a reader has the old one or the new one, and never a part.
    fn replace(&self, text: &str) -> io::Result<()> {
        // Of a process of this number that was killed; or a link, which somebody else may have put there: none is followed.
        let _ = fs::remove_file(&self.new);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.new)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&self.new, &self.path));
        if written.is_err() {
            let _ = fs::remove_file(&self.new);
        }
        written
    }

    fn keep(&self, metrics: &Metrics, stopped: &PipeReader) {
        loop {
            let over = wait(&mut [readable(stopped)], Some(INTERVAL));
            // A disk that is full now may have room later: the file stays as it was until then.
            let _ = self.replace(&metrics.snapshot().to_string());
            if over {
                return;
            }
        }
    }
}

impl Listener {
    fn tcp(addr: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(addr)?;
        socket.set_nonblocking(true)?;
        Ok(Listener {
            local: Some(socket.local_addr()?),
            socket: socket.into(),
            node: None,
            refuses_this_process: false,
        })
    }

    fn unix(path: &Path) -> io::Result<Self> {
        let socket = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
                fs::remove_file(path)?;
                UnixListener::bind(path)?
            }
            bound => bound?,
        };
        socket.set_nonblocking(true)?;
        Ok(Listener {
            socket: socket.into(),
            node: identity(path).map(|identity| (path.to_owned(), identity)),
            local: None,
            refuses_this_process: false,
        })
    }

    fn serve(&self, metrics: &Metrics, stopped: &PipeReader) {
        let mut connections: Vec<Connection> = Vec::new();
        let mut pause_until = None;
        loop {
            let now = Instant::now();
            connections.retain(|connection| !connection.is_late(now));
            let accepts = pause_until.is_none_or(|until| until <= now);
            let mut fds = vec![readable(stopped)];
            fds.extend(connections.iter().map(Connection::wants));
            if accepts {
                fds.push(readable(&self.socket));
            }
            let deadlines = connections.iter().map(Connection::deadline);
            let next = deadlines.chain(pause_until.filter(|_| !accepts)).min();
            let timeout = next.map(|next| next.saturating_duration_since(now));
            wait(&mut fds, timeout);
            let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            drop(fds);
            let mut ready = ready.into_iter();
            if ready.next() == Some(true) {
                return;
            }
            connections.retain_mut(|connection| {
                ready.next() != Some(true)
                    || connection.go_on(|| metrics.snapshot().to_string()) == Progress::GoesOn
            });
            if ready.next() == Some(true) {
                pause_until = match self.accept() {
                    Ok(None) => None,
                    Ok(Some(socket)) => {
                        if connections.len() >= MAX_CONNECTIONS {
                            connections.remove(0);
                        }
                        connections.push(Connection::new(socket, Instant::now()));
                        None
                    }
                    Err(_) => Instant::now().checked_add(PAUSE),
                };
            }
        }
    }

    /// The next client, if there is one that is answered.
    fn accept(&self) -> io::Result<Option<OwnedFd>> {
        use rustix::net::sockopt::socket_peercred;
        use rustix::net::{SocketFlags, accept_with};
        match accept_with(&self.socket, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok(socket) => {
                let own = self.refuses_this_process
                    && self.node.is_some()
                    && socket_peercred(&socket).is_ok_and(|peer| peer.pid == rustix::process::getpid());
                // A guest that may connect everywhere reaches a wildcard address by each address of the machine: no scraper comes from
                // the very address that it connects to, but by loopback.
                let own = own || comes_from_here(&socket);
                Ok((!own).then_some(socket))
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => {
                Ok(None)
            }
            Err(errno) => Err(errno.into()),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Not what another one has put there since.
        if let Some((path, made)) = &self.node
            && identity(path) == Some(*made)
        {
            let _ = fs::remove_file(path);
        }
    }
}

fn comes_from_here(socket: &OwnedFd) -> bool {
    let ip =
        |addr: rustix::net::SocketAddrAny| SocketAddr::try_from(addr).map(|addr| addr.ip().to_canonical());
    let peer = rustix::net::getpeername(socket).ok().flatten().map(ip);
    let local = rustix::net::getsockname(socket).map(ip);
    matches!((peer, local), (Some(Ok(peer)), Ok(Ok(local))) if peer == local && !peer.is_loopback())
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    let data = fs::symlink_metadata(path).ok()?;
    Some((data.dev(), data.ino()))
}

/// Whether there is a socket at a path that no process listens at.
fn is_left_behind(path: &Path) -> bool {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    is_socket
        && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn readable(fd: &impl AsFd) -> PollFd<'_> {
    PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)
}

/// Waits for one of them, or until the time is over. Returns whether one is ready.
fn wait(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> bool {
    // A poll in the same millisecond again would find nothing: round up.
    let timeout = timeout.map(|timeout| timeout.saturating_add(Duration::from_millis(1)));
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    // An interrupted wait is as one that has found nothing: callers look again.
    poll(fds, timeout.as_ref()).is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests;
