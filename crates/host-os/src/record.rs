//! [`open`]: where the lines of a trace or an audit are written: a file, or a collector at an address.
//!
//! A line goes out whole, or is lost whole: what a disk has of half a line is ended before the next one. What cannot be written is
//! said once. Not here: what the lines say (the core's).

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use guestnet_core::{Sink, visible};
use rustix::net::{RecvFlags, SendFlags};

use crate::report_to::{ReportTo, ReporterError, io_reason};

/// How long a collector may take to accept the connection.
const CONNECT: Duration = Duration::from_secs(10);

/// Opens it, or connects. `stderr` makes what the one line goes to that says that something cannot be written any more.
///
/// # Errors
/// [`ReporterError`].
pub(crate) fn open(what: &'static str, to: &ReportTo, stderr: fn() -> Sink) -> Result<Sink, ReporterError> {
    let output = match to {
        ReportTo::File(path) => create(path).map(|file| Output::File { file, torn: false }),
        ReportTo::Unix(path) => UnixStream::connect(path).map(|socket| Output::Socket(Some(socket.into()))),
        ReportTo::Tcp(addr) => {
            TcpStream::connect_timeout(addr, CONNECT).map(|socket| Output::Socket(Some(socket.into())))
        }
    };
    let output = output.map_err(|source| ReporterError {
        what,
        to: to.clone(),
        source,
    })?;
    Ok(Box::new(Record {
        what,
        to: to.clone(),
        output,
        stderr,
        said: false,
    }))
}

/// Lines on their way. Each `write` is one line.
struct Record {
    what: &'static str,
    to: ReportTo,
    output: Output,
    stderr: fn() -> Sink,
    /// The loss was said.
    said: bool,
}

enum Output {
    File {
        file: std::fs::File,
        /// The last line is there in part.
        torn: bool,
    },
    /// `None`: the connection is lost.
    Socket(Option<OwnedFd>),
}

impl Write for Record {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = match &mut self.output {
            Output::File { file, torn } => write_line(file, torn, line),
            Output::Socket(socket) => send_line(socket, line),
        };
        if let Err(error) = &written
            && !self.said
        {
            self.said = true;
            let Record { what, to, .. } = self;
            let reason = io_reason(error);
            let consequence = match to {
                ReportTo::File(_) => "lines are lost until it can",
                ReportTo::Unix(_) | ReportTo::Tcp(_) => "it ends here",
            };
            let sentence = format!("cannot write the {what} to {to} any more: {reason}; {consequence}");
            let _ = (self.stderr)().write_all(format!("guestnet: {}\n", visible(&sentence)).as_bytes());
        }
        written.map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Output::Socket(Some(socket)) = &self.output {
            discard_input(socket);
        }
        Ok(())
    }
}

/// Writes a line behind those that are there. What a line that failed has left is ended first.
fn write_line(file: &mut impl Write, torn: &mut bool, line: &[u8]) -> io::Result<()> {
    if *torn {
        file.write_all(b"\n")?;
        *torn = false;
    }
    let mut rest = line;
    while !rest.is_empty() {
        match file.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                rest = rest.get(count..).unwrap_or_default();
                *torn = !rest.is_empty();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends a line, however long the collector takes. A connection that fails is given up: the collector could not know where a
/// line begins.
fn send_line(socket: &mut Option<OwnedFd>, line: &[u8]) -> io::Result<()> {
    let Some(connected) = socket else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    let mut rest = line;
    while !rest.is_empty() {
        match rustix::net::send(&*connected, rest, SendFlags::NOSIGNAL) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => {
                *socket = None;
                return Err(errno.into());
            }
        }
    }
    Ok(())
}

/// Reads what a collector has said, which is not used. The end of a connection with something unread would reset it, and lose the
/// lines that are still on their way.
fn discard_input(socket: &OwnedFd) {
    // Bounded, for a collector that never stops.
    for _ in 0..256 {
        match rustix::net::recv(socket, &mut [0; 4096], RecvFlags::DONTWAIT) {
            Ok((count, _)) if count > 0 => {}
            _ => return,
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Nothing that fails here has a reader.
        let _ = self.flush();
    }
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    // Several guests of one process may write to one file. The first of them makes it anew.
    static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let first = !made.contains(&key);
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    // Not so a terminal or a pipe.
    if first && file.metadata().is_ok_and(|data| data.is_file()) {
        file.set_len(0)?;
        made.insert(key);
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn stderr() -> Sink {
        Box::new(io::sink())
    }

    #[test]
    fn guests_of_one_process_share_a_file_that_the_first_one_makes_anew() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("audit");
        let open = |path: &Path| open("audit", &path.to_owned().into(), stderr);
        std::fs::write(&path, "old\n").expect("write");
        let mut one = open(&path).expect("open");
        one.write_all(b"one\n").expect("write");
        let mut other = open(&path).expect("open");
        other.write_all(b"two\n").expect("write");
        one.write_all(b"three\n").expect("write");
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text, "one\ntwo\nthree\n");
        assert!(open(directory.path()).is_err());
    }

    /// A disk that takes so many bytes.
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room - self.bytes.len());
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.bytes.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_half_of_a_line_that_a_full_disk_has_is_ended_before_the_next_line() {
        let (mut disk, mut torn) = (
            Disk {
                bytes: Vec::new(),
                room: 7,
            },
            false,
        );
        write_line(&mut disk, &mut torn, b"one\n").unwrap();
        assert!(write_line(&mut disk, &mut torn, b"second\n").is_err());
        assert!(write_line(&mut disk, &mut torn, b"third\n").is_err());
        disk.room = 100;
        write_line(&mut disk, &mut torn, b"fourth\n").unwrap();
        write_line(&mut disk, &mut torn, b"fifth\n").unwrap();
        assert_eq!(disk.bytes, b"one\nsec\nfourth\nfifth\n");
    }

    #[test]
    fn a_collector_has_every_line_and_the_end_although_it_has_said_something_itself() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"hello").unwrap();
        let mut socket = Some(OwnedFd::from(ours));
        send_line(&mut socket, b"one\n").unwrap();
        send_line(&mut socket, b"two\n").unwrap();
        drop(Record {
            what: "audit",
            to: ReportTo::Unix("x".into()),
            output: Output::Socket(socket),
            stderr,
            said: false,
        });
        let mut text = String::new();
        theirs.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }
}
