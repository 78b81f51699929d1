//! [`Terminal`]: a container whose streams are a terminal. The shim has its other side and copies between it and the fifos.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use crate::plan::Streams;
use crate::refusal::Refusal;
use crate::stdio::both_ends;
use crate::sync::lock;

/// How long the last output may take to get to a client that reads slowly.
const PATIENCE: Duration = Duration::from_secs(10);

/// The side of a terminal where somebody sits.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// The container's side.
    pub(crate) path: PathBuf,
    side: File,
    input: Option<PathBuf>,
    copied: Mutex<Receiver<()>>,
}

impl Terminal {
    /// Makes a terminal for a container with these streams.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn new(streams: &Streams) -> Result<Terminal, Refusal> {
        let failed = |error: std::io::Error| Refusal::failed(format!("cannot make a terminal: {error}"));
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let side = rustix::pty::openpt(flags).map_err(|errno| failed(errno.into()))?;
        rustix::pty::grantpt(&side)
            .and_then(|()| rustix::pty::unlockpt(&side))
            .map_err(|errno| failed(errno.into()))?;
        let path = rustix::pty::ptsname(&side, Vec::new()).map_err(|errno| failed(errno.into()))?;
        let path = path
            .into_string()
            .map_err(|error| failed(std::io::Error::other(error)))?;
        let side = File::from(side);
        let (done, copied) = sync_channel(1);
        if let Some(output) = &streams.stdout {
            let to = OpenOptions::new()
                .read(true)
                .write(true)
                .open(output)
                .map_err(failed)?;
            let from = side.try_clone().map_err(failed)?;
            thread::Builder::new()
                .name("output".to_owned())
                .spawn(move || {
                    copy(from, to);
                    let _ = done.send(());
                })
                .map_err(failed)?;
        }
        if let Some(input) = &streams.stdin {
            let input = input.clone();
            let to = side.try_clone().map_err(failed)?;
            // It ends with its client, or with the process.
            thread::Builder::new()
                .name("input".to_owned())
                .spawn(move || {
                    if let Ok(from) = File::open(input) {
                        copy(from, to);
                    }
                })
                .map_err(failed)?;
        }
        Ok(Terminal {
            path: path.into(),
            side,
            input: streams.stdin.clone(),
            copied: Mutex::new(copied),
        })
    }

    /// Says how large the terminal is.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn resize(&self, width: u32, height: u32) -> std::io::Result<()> {
        let bounded = |size: u32| u16::try_from(size).unwrap_or(u16::MAX);
        let size = Winsize {
            ws_row: bounded(height),
            ws_col: bounded(width),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        Ok(rustix::termios::tcsetwinsize(self.side.as_fd(), size)?)
    }

    /// Waits until what the container has printed is with its client, and not for a client that would type.
    pub(crate) fn finish(&self) {
        // None was copied if there is no sender.
        let _ = lock(&self.copied).recv_timeout(PATIENCE);
        if let Some(input) = &self.input {
            let _ = both_ends(input);
        }
    }
}

/// Of a container that came to nothing no process has opened the terminal, and who reads it would wait for ever: it ends with EIO
/// when the last other side is closed.
impl Drop for Terminal {
    fn drop(&mut self) {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        // One that cannot be opened has no reader left.
        let _ = rustix::fs::open(&self.path, flags, Mode::empty());
    }
}

/// Copies until either side has gone. (A terminal whose other side is closed says EIO.)
fn copy(mut from: File, mut to: File) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else {
            return;
        };
        if to.write_all(bytes).is_err() {
            return;
        }
    }
}
