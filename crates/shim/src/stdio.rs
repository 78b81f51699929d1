//! A container's standard streams: the fifos that containerd made, or files.
//!
//! The container's process opens them itself. The shim only holds a second end of each fifo open: without it, a client that goes
//! and comes back would end the guest's output with an error, and its input for good.

use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::plan::Streams;

/// Fifos that are held open.
#[derive(Debug, Default)]
pub(crate) struct Keepers {
    stdin: Option<File>,
    outputs: Vec<File>,
}

impl Keepers {
    /// Holds the fifos among these streams open.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn new(streams: &Streams) -> Result<Keepers, String> {
        let mut keepers = Keepers {
            stdin: keep(streams.stdin.as_deref())?,
            outputs: Vec::new(),
        };
        for path in [&streams.stdout, &streams.stderr] {
            keepers.outputs.extend(keep(path.as_deref())?);
        }
        Ok(keepers)
    }

    /// CloseIO: when its client has closed it too, the container's input has an end.
    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }
}

fn keep(path: Option<&Path>) -> Result<Option<File>, String> {
    let Some(path) = path else { return Ok(None) };
    // A file of a log has no other end.
    if !path.metadata().is_ok_and(|meta| meta.file_type().is_fifo()) {
        return Ok(None);
    }
    // Both ends at once are opened without waiting for another one.
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let file = options
        .open(path)
        .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    Ok(Some(file))
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
pub(crate) struct Opened {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

impl Opened {
    /// # Errors
    /// One sentence.
    pub(crate) fn new(streams: &Streams) -> Result<Opened, String> {
        let open = |path: &Option<PathBuf>, flags: OFlags| {
            let path = streams.terminal.as_ref().or(path.as_ref());
            let path = path.map_or(Path::new("/dev/null"), PathBuf::as_path);
            rustix::fs::open(
                path,
                flags | OFlags::CLOEXEC | OFlags::NOCTTY,
                Mode::from_raw_mode(0o640),
            )
            .map_err(|error| format!("cannot open {}: {error}", path.display()))
        };
        let write = if streams.terminal.is_some() {
            OFlags::RDWR
        } else {
            OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE
        };
        Ok(Opened {
            stdin: open(&streams.stdin, OFlags::RDONLY)?,
            stdout: open(&streams.stdout, write)?,
            stderr: open(&streams.stderr, write)?,
        })
    }

    /// Makes them this process's streams.
    ///
    /// # Errors
    /// dup3(2)'s.
    pub(crate) fn install(self) -> rustix::io::Result<()> {
        rustix::stdio::dup2_stdin(&self.stdin)?;
        rustix::stdio::dup2_stdout(&self.stdout)?;
        rustix::stdio::dup2_stderr(&self.stderr)
    }
}
