//! [`Stream`]: a descriptor with buffers, as C's `FILE`, and [`Streams`]: all of a script.
//!
//! Not here: the methods that scripts call (`file.rs`).

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use guestnet_core::{Errno, Fd, Result};

use crate::budget::Charge;
use crate::sys::heap::{Bytes, Memory, NoMemory};

/// How much is read ahead, and how much is kept before it is written.
const BUFFER: usize = 8 << 10;

/// What a stream does with its descriptor, and where its bytes lie.
pub(crate) trait Descriptors {
    /// The memory of the script.
    fn memory(&self) -> &Arc<Memory>;

    /// read(2).
    ///
    /// # Errors
    /// Those of the descriptor.
    fn read(&self, fd: Fd, bytes: &mut [u8]) -> Result<usize>;

    /// write(2).
    ///
    /// # Errors
    /// Those of the descriptor.
    fn write(&self, fd: Fd, bytes: &[u8]) -> Result<usize>;

    /// lseek(2).
    ///
    /// # Errors
    /// `EBADF`, `ESPIPE`, `EINVAL`.
    fn seek(&self, fd: Fd, offset: i64, whence: i32) -> Result<u64>;

    /// close(2).
    ///
    /// # Errors
    /// `EBADF`.
    fn close(&self, fd: Fd) -> Result<()>;
}

/// A descriptor with buffers.
#[derive(Debug)]
pub(crate) struct Stream {
    /// `None` once it is closed.
    fd: Cell<Option<Fd>>,
    reads: bool,
    writes: bool,
    /// Everything is written at once: standard output and error, which others write to as well.
    direct: bool,
    /// What was read and not yet taken, from this place on.
    ahead: RefCell<(Vec<u8>, usize)>,
    /// What is still to be written.
    behind: RefCell<Vec<u8>>,
    end: Cell<bool>,
    failed: Cell<bool>,
    /// `std.in`, `std.out` or `std.err`: a script does not close it.
    standard: bool,
    _charge: Charge,
}

/// What a stream counts for: both of its buffers, which may come to be as large as this, and itself.
const STREAM: usize = 3 * BUFFER;

impl Stream {
    /// A stream of a descriptor.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn new<D: Descriptors>(
        descriptors: &D,
        fd: Fd,
        [reads, writes, direct]: [bool; 3],
    ) -> Result<Stream> {
        let charge = descriptors
            .memory()
            .budget()
            .charge(STREAM)
            .ok_or(Errno::ENOMEM)?;
        Ok(Stream {
            fd: Cell::new(Some(fd)),
            reads,
            writes,
            direct,
            ahead: RefCell::default(),
            behind: RefCell::default(),
            end: Cell::new(false),
            failed: Cell::new(false),
            standard: false,
            _charge: charge,
        })
    }

    /// One of the three standard streams.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn standard<D: Descriptors>(descriptors: &D, fd: Fd, modes: [bool; 3]) -> Result<Stream> {
        let mut stream = Stream::new(descriptors, fd, modes)?;
        stream.standard = true;
        Ok(stream)
    }

    /// A stream of a descriptor that nothing else knows, and which is closed if there is none.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(crate) fn owning<D: Descriptors>(descriptors: &D, fd: Fd, modes: [bool; 3]) -> Result<Stream> {
        Stream::new(descriptors, fd, modes).inspect_err(|_| {
            // The first error is the one that is returned.
            let _ = descriptors.close(fd);
        })
    }

    /// Whether it is one of the three standard streams.
    pub(crate) fn is_standard(&self) -> bool {
        self.standard
    }

    /// The descriptor; `None` once it is closed.
    pub(crate) fn fd(&self) -> Option<Fd> {
        self.fd.get()
    }

    /// Whether a read met the end of the file.
    pub(crate) fn at_end(&self) -> bool {
        self.end.get()
    }

    /// Whether a read or write failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    /// Forgets both.
    pub(crate) fn clear(&self) {
        self.end.set(false);
        self.failed.set(false);
    }

    fn open_fd(&self) -> Result<Fd> {
        self.fd.get().ok_or(Errno::EBADF)
    }

    /// Remembers that something failed, as C's streams do.
    fn noted<T>(&self, done: Result<T>) -> Result<T> {
        if done.is_err() {
            self.failed.set(true);
        }
        done
    }

    /// Appends bytes. What does not fit into the buffer is written.
    ///
    /// # Errors
    /// `EBADF` (not open for writing), and those of the descriptor.
    pub(crate) fn write<D: Descriptors>(&self, descriptors: &D, bytes: &[u8]) -> Result<()> {
        self.noted(self.try_write(descriptors, bytes))
    }

    fn try_write<D: Descriptors>(&self, descriptors: &D, bytes: &[u8]) -> Result<()> {
        let fd = self.open_fd()?;
        if !self.writes {
            return Err(Errno::EBADF);
        }
        self.give_back(descriptors, fd)?;
        if self.direct {
            return write_whole(descriptors, fd, bytes);
        }
        if self.behind.borrow().len() + bytes.len() > BUFFER {
            self.try_flush(descriptors)?;
            if bytes.len() > BUFFER {
                return write_whole(descriptors, fd, bytes);
            }
        }
        self.behind.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what is kept.
    ///
    /// # Errors
    /// Those of the descriptor; what could not be written is lost.
    pub(crate) fn flush<D: Descriptors>(&self, descriptors: &D) -> Result<()> {
        self.noted(self.try_flush(descriptors))
    }

    fn try_flush<D: Descriptors>(&self, descriptors: &D) -> Result<()> {
        let bytes = std::mem::take(&mut *self.behind.borrow_mut());
        if bytes.is_empty() {
            return Ok(());
        }
        write_whole(descriptors, self.open_fd()?, &bytes)
    }

    /// Puts the file's place back to where the script is, which has not taken all that was read.
    fn give_back<D: Descriptors>(&self, descriptors: &D, fd: Fd) -> Result<()> {
        let left = self.left();
        if left > 0 {
            let back = i64::try_from(left).unwrap_or(i64::MAX);
            match descriptors.seek(fd, -back, 1) {
                // What was read from a stream stays read.
                Err(Errno::ESPIPE) => return Ok(()),
                done => drop(done?),
            }
            self.ahead.replace((Vec::new(), 0));
        }
        Ok(())
    }

    fn left(&self) -> usize {
        let (bytes, place) = &*self.ahead.borrow();
        bytes.len() - place
    }

    /// Reads ahead if nothing is left, and says whether something is there now.
    fn fill<D: Descriptors>(&self, descriptors: &D) -> Result<bool> {
        if self.left() > 0 {
            return Ok(true);
        }
        let fd = self.open_fd()?;
        if !self.reads {
            return self.noted(Err(Errno::EBADF));
        }
        self.flush(descriptors)?;
        let mut bytes = vec![0; BUFFER];
        let count = self.noted(descriptors.read(fd, &mut bytes))?;
        bytes.truncate(count);
        self.ahead.replace((bytes, 0));
        if count == 0 {
            self.end.set(true);
        }
        Ok(count > 0)
    }

    /// Takes at most so many bytes of those that are there, to the end of the line if `line`.
    ///
    /// # Errors
    /// `ENOMEM`, and nothing is taken.
    fn take(&self, all: &mut Bytes, most: usize, line: bool) -> Result<()> {
        let (bytes, place) = &mut *self.ahead.borrow_mut();
        let there = bytes.get(*place..).unwrap_or_default();
        let there = there.get(..most).unwrap_or(there);
        let there = match there.iter().position(|&byte| byte == b'\n') {
            Some(end) if line => there.get(..=end).unwrap_or(there),
            _ => there,
        };
        all.extend(there).map_err(|NoMemory| Errno::ENOMEM)?;
        *place += there.len();
        Ok(())
    }

    /// Reads until there are so many bytes, or no more.
    ///
    /// # Errors
    /// Those of the descriptor, if nothing was read before; `ENOMEM`.
    pub(crate) fn read<D: Descriptors>(&self, descriptors: &D, most: usize) -> Result<Bytes> {
        let mut all = Bytes::new(descriptors.memory());
        while all.len() < most {
            match self.fill(descriptors) {
                Ok(true) => {
                    let rest = most - all.len();
                    self.take(&mut all, rest, false)?;
                }
                Err(errno) if all.is_empty() => return Err(errno),
                Ok(false) | Err(_) => break,
            }
        }
        Ok(all)
    }

    /// Reads a line, with its end if it has one; nothing at the end of the file.
    ///
    /// # Errors
    /// Those of the descriptor, if nothing was read before; `EFBIG` for one that is longer than `most`, `ENOMEM`.
    pub(crate) fn line<D: Descriptors>(&self, descriptors: &D, most: usize) -> Result<Bytes> {
        let mut all = Bytes::new(descriptors.memory());
        loop {
            match self.fill(descriptors) {
                Ok(true) => self.take(&mut all, usize::MAX, true)?,
                Err(errno) if all.is_empty() => return Err(errno),
                Ok(false) | Err(_) => return Ok(all),
            }
            if all.ends_with(b"\n") {
                return Ok(all);
            }
            if all.len() > most {
                return Err(Errno::EFBIG);
            }
        }
    }

    /// Where in the file the script is.
    ///
    /// # Errors
    /// `ESPIPE`, `EBADF`.
    pub(crate) fn tell<D: Descriptors>(&self, descriptors: &D) -> Result<i64> {
        let place = descriptors.seek(self.open_fd()?, 0, 1)?;
        let place = i64::try_from(place).unwrap_or(i64::MAX);
        let ahead = i64::try_from(self.left()).unwrap_or(0);
        let behind = i64::try_from(self.behind.borrow().len()).unwrap_or(0);
        Ok(place.saturating_sub(ahead).saturating_add(behind))
    }

    /// Goes somewhere else in the file.
    ///
    /// # Errors
    /// `ESPIPE`, `EINVAL`, and those of writing what is kept.
    pub(crate) fn seek<D: Descriptors>(&self, descriptors: &D, offset: i64, whence: i32) -> Result<()> {
        let fd = self.open_fd()?;
        self.flush(descriptors)?;
        self.give_back(descriptors, fd)?;
        descriptors.seek(fd, offset, whence)?;
        self.ahead.replace((Vec::new(), 0));
        self.end.set(false);
        Ok(())
    }

    /// Writes what is kept and closes the descriptor, which it does in any case.
    ///
    /// # Errors
    /// Those of writing; `EBADF`.
    pub(crate) fn close<D: Descriptors>(&self, descriptors: &D) -> Result<()> {
        let flushed = self.flush(descriptors);
        let fd = self.open_fd()?;
        self.fd.set(None);
        let closed = descriptors.close(fd);
        flushed.and(closed)
    }
}

/// Writes everything, or fails.
fn write_whole<D: Descriptors>(descriptors: &D, fd: Fd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let count = descriptors.write(fd, bytes)?;
        if count == 0 {
            return Err(Errno::EIO);
        }
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// All streams of a script: what they keep is written when the script ends, and those that it has lost are closed.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: RefCell<Vec<Weak<Stream>>>,
    lost: RefCell<Vec<Rc<Stream>>>,
}

impl Streams {
    /// Remembers a stream.
    pub(crate) fn add(&self, stream: &Rc<Stream>) {
        self.open.borrow_mut().push(Rc::downgrade(stream));
    }

    /// The engine has freed the object of a stream. It cannot be closed now, as the engine may be anywhere.
    pub(crate) fn lose(&self, stream: Rc<Stream>) {
        if stream.fd().is_some() {
            self.lost.borrow_mut().push(stream);
        }
    }

    /// Closes the streams that were lost.
    pub(crate) fn sweep<D: Descriptors>(&self, descriptors: &D) {
        let lost = std::mem::take(&mut *self.lost.borrow_mut());
        for stream in lost {
            // No caller is left that could get the error.
            let _ = stream.close(descriptors);
        }
        self.open.borrow_mut().retain(|stream| stream.strong_count() > 0);
    }

    /// Writes what all streams keep, as `exit` of C does.
    pub(crate) fn flush<D: Descriptors>(&self, descriptors: &D) {
        self.sweep(descriptors);
        let open: Vec<_> = self.open.borrow().iter().filter_map(Weak::upgrade).collect();
        for stream in open {
            // As above.
            let _ = stream.flush(descriptors);
        }
    }
}
