//! sendfile(2), pipe(2) and splice(2): bytes that the program does not look at go from a file to a connection, or from one connection to
//! another, without coming into its memory. The names and signatures are the crate rustix's.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::sys;

/// sendfile(2): sends up to `count` bytes of a file over a TCP or UNIX connection, and returns how many. 0 is the end of the file.
///
/// With an `offset` they are those from there on, and it moves; without, those from the file's position on, which moves.
///
/// ```
/// use guestnet_guest::{TcpListener, TcpStream, sendfile};
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("guestnet-sendfile-{}", std::process::id()));
/// # std::fs::write(&path, "a page of a book")?;
/// let file = std::fs::File::open(&path)?;
/// # std::fs::remove_file(&path)?;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut client = TcpStream::connect(listener.local_addr()?)?;
/// let (server, _) = listener.accept()?;
///
/// let mut offset = 2;
/// assert_eq!(sendfile(&server, &file, Some(&mut offset), 4)?, 4);
/// assert_eq!(offset, 6);
/// let mut page = [0; 4];
/// client.read_exact(&mut page)?;
/// assert_eq!(&page, b"page");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `EAGAIN` (`WouldBlock`) of a socket that does not block, or whose write timeout is over; `EPIPE`, `ECONNRESET`; `EBADF`: the file is not open for
/// reading; `EINVAL`: it is no file, or the offset is too large. On wasm32-wasip1 `ENOTSOCK` and `ENOTSUP` of anything else than a
/// connection. `Unsupported` on wasm32-wasip2.
pub fn sendfile(
    out: impl AsFd,
    file: impl AsFd,
    offset: Option<&mut u64>,
    count: usize,
) -> io::Result<usize> {
    sys::sendfile(out.as_fd(), file.as_fd(), offset, count)
}

/// pipe(2): the end to read from and the end to write to.
///
/// # Errors
/// `EMFILE`, `ENFILE`. `Unsupported` on wasm32-wasip2.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    sys::pipe()
}

/// splice(2): moves up to `count` bytes between a connection and a pipe, and returns how many. 0 is the end of what is read.
///
/// ```
/// use guestnet_guest::{TcpListener, TcpStream, pipe, splice};
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let addr = listener.local_addr()?;
/// let (mut client, from) = (TcpStream::connect(addr)?, listener.accept()?.0);
/// let (mut server, to) = (TcpStream::connect(addr)?, listener.accept()?.0);
///
/// client.write_all(b"through a proxy")?;
/// let (read, write) = pipe()?;
/// let taken = splice(&from, &write, 65_536)?;
/// assert_eq!(splice(&read, &to, taken)?, taken);
/// let mut text = [0; 15];
/// server.read_exact(&mut text)?;
/// assert_eq!(&text, b"through a proxy");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `EAGAIN` (`WouldBlock`) of a socket or a pipe that does not block; `EPIPE`, `ECONNRESET`; `EINVAL`: neither is a pipe, or both are ends of one.
/// `Unsupported` on wasm32-wasip2.
pub fn splice(from: impl AsFd, to: impl AsFd, count: usize) -> io::Result<usize> {
    sys::splice(from.as_fd(), to.as_fd(), count)
}
