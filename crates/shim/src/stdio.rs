//! A container's standard streams: the fifos that containerd made, or files.
//!
//! The container's process opens them itself. The shim only holds a second end of each fifo for output open: without it, a client
//! that goes and comes back would end the guest's output with an error. Input is copied, and ends with its client, as for runc.

use std::fs::{File, OpenOptions};
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode, OFlags};

use crate::plan::Streams;
use crate::sync::lock;

/// Fifos for output that are held open.
#[derive(Debug, Default)]
#[expect(dead_code, reason = "that they are open is all")]
pub(crate) struct Keepers(Vec<File>);

impl Keepers {
    /// Holds the fifos among the outputs open.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn new(streams: &Streams) -> Result<Keepers, String> {
        let mut keepers = Vec::new();
        for path in [&streams.stdout, &streams.stderr].into_iter().flatten() {
            // A file of a log has no other end.
            if is_fifo(path) {
                let file =
                    both_ends(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
                keepers.push(file);
            }
        }
        Ok(Keepers(keepers))
    }
}

/// Whether there is a fifo at a path.
pub(crate) fn is_fifo(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.file_type().is_fifo())
}

/// Opens a fifo without waiting for anybody.
pub(crate) fn both_ends(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// What copies a container's input from its client. The container reads a fifo of our own: in the client's it would take the
/// time before there is a client for the end, and CloseIO could not end it.
#[derive(Debug)]
pub(crate) struct Input {
    client: PathBuf,
    /// Both ends of the container's fifo, until the container has opened it: it opens without waiting, and nothing is lost.
    both: Mutex<Option<File>>,
    /// Closed to end the copying.
    stop: Mutex<Option<PipeWriter>>,
}

impl Input {
    /// Makes the container's fifo, and begins to copy into it.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn new(client: &Path, container: &Path) -> std::io::Result<Input> {
        let _ = std::fs::remove_file(container);
        rustix::fs::mkfifoat(CWD, container, Mode::from_raw_mode(0o600))?;
        let both = both_ends(container)?;
        let writer = OpenOptions::new().write(true).open(container)?;
        let (stopped, stop) = pipe()?;
        let path = client.to_owned();
        std::thread::Builder::new()
            .name("input".to_owned())
            .spawn(move || {
                // It waits for the client.
                if let Ok(from) = File::open(path) {
                    copy_input(from, writer, &stopped);
                }
            })?;
        Ok(Input {
            client: client.to_owned(),
            both: Mutex::new(Some(both)),
            stop: Mutex::new(Some(stop)),
        })
    }

    /// The container has opened its fifo.
    pub(crate) fn opened(&self) {
        lock(&self.both).take();
    }

    /// CloseIO: the container's input has an end.
    pub(crate) fn close(&self) {
        lock(&self.stop).take();
        // Ends the wait for a client.
        let _ = both_ends(&self.client);
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.close();
    }
}

fn copy_input(mut from: File, mut to: File, stopped: &PipeReader) {
    let mut buffer = vec![0; 16 << 10];
    let mut over = false;
    loop {
        let mut fds = [
            PollFd::new(&from, PollFlags::IN),
            PollFd::new(stopped, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        }
        let [_, stop] = &fds;
        if !over && !stop.revents().is_empty() {
            over = true;
            // What the client has written before is the container's still: it ends where nothing is left.
            if rustix::fs::fcntl_setfl(&from, OFlags::NONBLOCK).is_err() {
                return;
            }
        }
        let length = from.read(&mut buffer).unwrap_or(0);
        match buffer.get(..length) {
            Some(bytes) if !bytes.is_empty() && to.write_all(bytes).is_ok() => {}
            _ => return,
        }
    }
}

/// The path that a stream of a request is at, if it has one: a path, or a URL of a fifo or of a file.
///
/// # Errors
/// One sentence, on URLs of other kinds.
pub(crate) fn path(url: &str) -> Result<Option<PathBuf>, String> {
    if url.is_empty() {
        return Ok(None);
    }
    let path = match url.split_once("://") {
        None => url,
        Some(("fifo" | "file", path)) => path.split('?').next().unwrap_or_default(),
        Some((scheme, _)) => {
            return Err(format!(
                "output to {scheme}:// is not supported: this runtime writes to fifos and files"
            ));
        }
    };
    if path.starts_with('/') {
        Ok(Some(path.into()))
    } else {
        Err(format!(
            "{url:?} is no place for a stream: its path must begin with /"
        ))
    }
}

/// The container's streams, opened by its process.
#[derive(Debug)]
pub(crate) struct Opened([OwnedFd; 3]);

impl Opened {
    /// Opens them, without waiting for a client.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn new(streams: &Streams) -> Result<Opened, String> {
        let output = match streams.terminal {
            Some(_) => OFlags::RDWR,
            None => OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE,
        };
        let open = |stream: &Option<PathBuf>, flags: OFlags| {
            let path = streams.terminal.as_ref().or(stream.as_ref());
            let path = path.map_or(Path::new("/dev/null"), PathBuf::as_path);
            let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
            rustix::fs::open(path, flags, Mode::from_raw_mode(0o640))
                .map_err(|error| format!("cannot open {}: {error}", path.display()))
        };
        // Not O_NONBLOCK: where all clients of a fifo have gone already, poll(2) would never say so.
        let both = streams
            .stdin
            .as_deref()
            .filter(|path| is_fifo(path))
            .map(both_ends);
        let stdin = open(&streams.stdin, OFlags::RDONLY)?;
        drop(both);
        Ok(Opened([
            stdin,
            open(&streams.stdout, output)?,
            open(&streams.stderr, output)?,
        ]))
    }

    /// Makes them this process's streams.
    ///
    /// # Errors
    /// dup3(2)'s.
    pub(crate) fn install(&self) -> rustix::io::Result<()> {
        let Opened([stdin, stdout, stderr]) = self;
        rustix::stdio::dup2_stdin(stdin)?;
        rustix::stdio::dup2_stdout(stdout)?;
        rustix::stdio::dup2_stderr(stderr)
    }
}
