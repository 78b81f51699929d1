//! What `os` does with descriptors of every kind: `open`, `close`, `seek`, `read`, `write`, `isatty`.
//!
//! Not here: the calls of sockets (`socket.rs`, `transfer.rs`), and what a file does (`../file.rs`).

use std::io::{IoSlice, IoSliceMut, SeekFrom};
use std::sync::Arc;

use cap_std::fs::{OpenOptions, OpenOptionsExt};
use guestnet_core::{Errno, Fd, Host, OpenFile, Result, StreamKind};
use rquickjs::{Exception, Value};

use crate::argument::number;
use crate::buffer::Buffer;
use crate::errno;
use crate::file::File;
use crate::native::{Call, Member};
use crate::os::path::{self, signed};
use crate::state::{State, StateRef};
use crate::std_module::stream::Descriptors;
use crate::sys::heap::{Memory, NoMemory};

const O_WRONLY: i32 = 0o1;
const O_RDWR: i32 = 0o2;
const O_CREAT: i32 = 0o100;
const O_EXCL: i32 = 0o200;
const O_TRUNC: i32 = 0o1_000;
const O_APPEND: i32 = 0o2_000;

/// The highest number that `dup2` gives.
const MAX_DUP2: Fd = 4_095;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("open", 2, open),
        Member::Function("close", 1, close),
        Member::Function("seek", 3, seek),
        Member::Function("read", 4, read_call),
        Member::Function("write", 4, write_call),
        Member::Function("isatty", 1, isatty),
        Member::Function("pipe", 0, pipe),
        Member::Function("dup", 1, dup),
        Member::Function("dup2", 2, dup2),
        Member::Int("O_RDONLY", 0),
        Member::Int("O_WRONLY", O_WRONLY),
        Member::Int("O_RDWR", O_RDWR),
        Member::Int("O_APPEND", O_APPEND),
        Member::Int("O_CREAT", O_CREAT),
        Member::Int("O_EXCL", O_EXCL),
        Member::Int("O_TRUNC", O_TRUNC),
    ]
}

/// How to open a file: the flags of open(2), and the mode of one that is made.
pub(crate) struct OpenHow {
    pub(crate) flags: i32,
    pub(crate) mode: u32,
}

/// open(2): a descriptor.
///
/// # Errors
/// `ENOENT`, `EACCES` (outside of the guest's directories, too), `EEXIST`, `EISDIR`, `EINVAL`, `EMFILE`, ….
pub(crate) fn open_path<H: Host + 'static>(state: &State<H>, path: &str, how: &OpenHow) -> Result<Fd> {
    let place = state.directories.resolve(path)?;
    let flag = |flag: i32| how.flags & flag != 0;
    let (reads, writes) = match how.flags & 3 {
        0 => (true, false),
        O_WRONLY => (false, true),
        O_RDWR => (true, true),
        _ => return Err(Errno::EINVAL),
    };
    let open = |options: &OpenOptions| place.open_with(options).map_err(|error| errno::of_io(&error));
    let mut options = OpenOptions::new();
    options.mode(how.mode);
    if !writes && (flag(O_CREAT) || flag(O_TRUNC)) {
        // std wants a file that it makes or cuts to be open for writing; open(2) does not.
        let mut making = options.clone();
        making.write(true).create(flag(O_CREAT)).truncate(flag(O_TRUNC));
        making.create_new(flag(O_CREAT) && flag(O_EXCL));
        drop(open(&making)?);
    } else {
        options
            .create(flag(O_CREAT))
            .create_new(flag(O_CREAT) && flag(O_EXCL));
        // std refuses to cut what it appends to; open(2) does not.
        options.truncate(flag(O_TRUNC) && !flag(O_APPEND));
    }
    options.read(reads).write(writes);
    if writes && flag(O_APPEND) {
        options.append(true);
    }
    let file = open(&options)?;
    if writes && flag(O_APPEND) && flag(O_TRUNC) {
        file.set_len(0).map_err(|error| errno::of_io(&error))?;
    }
    let inserted = state.guest.borrow_mut().insert_file(File::new(file));
    inserted.map_err(|(errno, _)| errno)
}

fn open<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    // As qjs: O_RDONLY.
    let flags = call.int_or(1, "the flags", 0)?;
    let mode = path::mode(call, 2, 0o666)?;
    let opened = open_path(call.state(), &path, &OpenHow { flags, mode });
    result(call, opened.map(i64::from))
}

/// A number, or -errno.
fn result<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    done: Result<i64>,
) -> rquickjs::Result<Value<'js>> {
    call.value(signed(
        done.unwrap_or_else(|errno| -i64::from(errno::number(errno))),
    ))
}

/// A descriptor's number; one that no descriptor can have is `EBADF` later, not an exception.
pub(crate) fn descriptor<H: Host + 'static>(call: &Call<'_, '_, H>, index: usize) -> rquickjs::Result<Fd> {
    let number = call.int(index, "the descriptor")?;
    Ok(Fd::try_from(number).unwrap_or(Fd::MAX))
}

fn close<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let fd = descriptor(call, 0)?;
    result(call, close_fd(call.state(), fd).map(|()| 0))
}

/// close(2). What is pending on the descriptor is rejected with `-ECANCELED`.
///
/// # Errors
/// `EBADF`.
pub(crate) fn close_fd<H: Host + 'static>(state: &State<H>, fd: Fd) -> Result<()> {
    // First, as what is pending keeps the open file.
    let forgotten = state.events.borrow_mut().remove(fd);
    state.failed_calls.forget_receives(fd);
    drop(forgotten);
    state.guest.borrow_mut().close(fd).map(drop)
}

/// lseek(2) on any descriptor.
///
/// # Errors
/// `EBADF`, `ESPIPE` (a stream or socket), `EINVAL`.
pub(crate) fn seek_to<H: Host + 'static>(state: &State<H>, fd: Fd, offset: i64, whence: i32) -> Result<u64> {
    let guest = state.guest.borrow();
    let entry = guest.open_file(fd)?;
    let OpenFile::File(file) = &*entry else {
        return Err(Errno::ESPIPE);
    };
    file.seek(match whence {
        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::EINVAL)?),
        1 => SeekFrom::Current(offset),
        2 => SeekFrom::End(offset),
        _ => return Err(Errno::EINVAL),
    })
}

/// The place in the file, as a BigInt if the offset was one.
fn seek<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let fd = descriptor(call, 0)?;
    let offset = call.arg(1);
    let whence = call.int_or(2, "the whence", 0)?;
    let place = seek_to(call.state(), fd, self::offset(call, &offset)?, whence);
    let place = place.map(|place| i64::try_from(place).unwrap_or(i64::MAX));
    if offset.is_big_int() {
        let place = place.unwrap_or_else(|errno| -i64::from(errno::number(errno)));
        return Value::new_big_int(call.ctx().clone(), place);
    }
    result(call, place)
}

/// A place in a file: a whole number, or a BigInt of 64 bits.
pub(crate) fn offset<H: Host + 'static>(call: &Call<'_, '_, H>, value: &Value<'_>) -> rquickjs::Result<i64> {
    if let Some(big) = value.as_big_int() {
        return big.clone().to_i64();
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    number(value)
        .filter(|number| number.fract() == 0.0 && number.abs() <= signed(1 << 53))
        .map(|number| number as i64)
        .ok_or_else(|| Exception::throw_type(call.ctx(), "the offset must be an integer"))
}

/// What part of a buffer a call is about.
pub(crate) struct Part {
    pub(crate) buffer: Buffer,
    pub(crate) offset: usize,
    pub(crate) len: usize,
}

/// Reads the arguments `buffer, offset, length` from `index` on. The last two may be left out.
///
/// # Errors
/// `TypeError` for what is no buffer, `RangeError` for what is not in it.
pub(crate) fn part<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, index: usize) -> rquickjs::Result<Part> {
    let buffer = Buffer::new(call.ctx(), call.arg(index))?;
    let size = buffer
        .len(call.ctx(), &call.state().getters)
        .map_err(|_| detached(call))?;
    let offset = size_argument(call, index + 1, "the offset")?.unwrap_or(0);
    let len = size_argument(call, index + 2, "the length")?.unwrap_or(size.saturating_sub(offset));
    if offset.checked_add(len).is_none_or(|end| end > size) {
        return Err(Exception::throw_range(
            call.ctx(),
            "read/write array buffer overflow",
        ));
    }
    Ok(Part { buffer, offset, len })
}

/// As [`part`], and what is not in the buffer is left out, as quickjs-ng does for `FILE` objects.
///
/// # Errors
/// `TypeError` for what is no buffer, `RangeError` for what is no size.
pub(crate) fn clamped_part<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    index: usize,
) -> rquickjs::Result<Part> {
    let buffer = Buffer::new(call.ctx(), call.arg(index))?;
    let size = buffer
        .len(call.ctx(), &call.state().getters)
        .map_err(|_| detached(call))?;
    let (offset, len) = clamped_range(call, index + 1, size)?;
    Ok(Part { buffer, offset, len })
}

/// Reads the arguments `offset, length` from `index` on, as a range of `size` bytes.
///
/// # Errors
/// `RangeError` for what is no size.
pub(crate) fn clamped_range<H: Host + 'static>(
    call: &Call<'_, '_, H>,
    index: usize,
    size: usize,
) -> rquickjs::Result<(usize, usize)> {
    let offset = size_argument(call, index, "the offset")?.unwrap_or(0).min(size);
    let rest = size.saturating_sub(offset);
    let len = size_argument(call, index + 1, "the length")?;
    Ok((offset, len.unwrap_or(rest).min(rest)))
}

fn size_argument<H: Host + 'static>(
    call: &Call<'_, '_, H>,
    index: usize,
    name: &str,
) -> rquickjs::Result<Option<usize>> {
    let value = call.arg(index);
    if value.is_undefined() {
        return Ok(None);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and in range"
    )]
    number(&value)
        .filter(|number| number.fract() == 0.0 && (0.0..=signed(1 << 53)).contains(number))
        .map(|number| Some(number as usize))
        .ok_or_else(|| {
            Exception::throw_range(
                call.ctx(),
                &format!("{name} must be an integer that is not negative"),
            )
        })
}

impl Part {
    /// # Errors
    /// `TypeError` if nothing can be written there.
    pub(crate) fn must_be_writable<H: Host + 'static>(&self, call: &Call<'_, '_, H>) -> rquickjs::Result<()> {
        match self.buffer.immutable(call.ctx(), &call.state().getters) {
            Ok(false) => Ok(()),
            Ok(true) => Err(Exception::throw_type(call.ctx(), "the ArrayBuffer is immutable")),
            Err(_) => Err(detached(call)),
        }
    }
}

/// The exception for a buffer whose bytes cannot be copied.
pub(crate) fn no_bytes<H: Host + 'static>(call: &Call<'_, '_, H>, errno: Errno) -> rquickjs::Error {
    match errno {
        Errno::ENOMEM => NoMemory.throw(call.ctx()),
        _ => detached(call),
    }
}

/// The exception for a buffer that has no bytes any more.
pub(crate) fn detached<H: Host + 'static>(call: &Call<'_, '_, H>) -> rquickjs::Error {
    Exception::throw_type(call.ctx(), "the ArrayBuffer is detached")
}

fn read_call<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let fd = descriptor(call, 0)?;
    let part = part(call, 1)?;
    let (ctx, state) = (call.ctx(), call.state());
    let read = part
        .buffer
        .write(ctx, &state.getters, part.offset, part.len, |bytes| {
            let count = read(state, fd, bytes)?;
            Ok((count, count))
        });
    if read == Err(Errno::EFAULT) {
        // The same exception as for every buffer that cannot be written.
        part.must_be_writable(call)?;
    }
    result(call, read.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
}

fn write_call<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let fd = descriptor(call, 0)?;
    let Part { buffer, offset, len } = part(call, 1)?;
    let (ctx, state) = (call.ctx(), call.state());
    let written = buffer.read(ctx, &state.getters, offset, len, |bytes| write(state, fd, bytes));
    result(
        call,
        written.map(|count| i64::try_from(count).unwrap_or(i64::MAX)),
    )
}

/// `[reading end, writing end]`, or `null` as qjs has it.
fn pipe<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let made = call.state().guest.borrow_mut().pipe();
    match made {
        Ok((read, write)) => call.value(vec![read, write]),
        Err(_) => call.value(rquickjs::Null),
    }
}

fn dup<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let fd = descriptor(call, 0)?;
    let duplicate = call.state().guest.borrow_mut().dup(fd);
    result(call, duplicate.map(i64::from))
}

fn dup2<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let (from, to) = (descriptor(call, 0)?, descriptor(call, 1)?);
    result(call, dup_to(call.state(), from, to).map(i64::from))
}

/// dup2(2). The core gives the lowest free number and moves a description onto an open one; a number that is not open
/// is reached by opening all below it.
fn dup_to<H: Host + 'static>(state: &State<H>, from: Fd, to: Fd) -> Result<Fd> {
    if to > MAX_DUP2 {
        return Err(Errno::EBADF);
    }
    if from == to {
        return state.guest.borrow().open_file(from).map(|_| to);
    }
    // Dropped when nothing is borrowed any more.
    let mut forgotten = None;
    let mut guest = state.guest.borrow_mut();
    let is_open = guest.open_file(to).is_ok();
    let mut below = Vec::new();
    let reached = loop {
        match guest.dup(from) {
            Ok(duplicate) if is_open => {
                // What was at the number before is closed.
                forgotten = state.events.borrow_mut().remove(to);
                state.failed_calls.forget_receives(to);
                break guest.renumber(duplicate, to).map(drop);
            }
            Ok(duplicate) if duplicate == to => break Ok(()),
            Ok(duplicate) => below.push(duplicate),
            Err(errno) => break Err(errno),
        }
    };
    for fd in below {
        guest.close(fd)?;
    }
    drop(guest);
    drop(forgotten);
    reached.map(|()| to)
}

/// A terminal, or another character device: the core has one kind for both.
fn isatty<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> rquickjs::Result<Value<'js>> {
    let fd = descriptor(call, 0)?;
    let kind = call.state().guest.borrow_mut().stream_kind(fd);
    call.value(matches!(kind, Ok(Some(StreamKind::CharacterDevice))))
}

/// Writes to a descriptor until everything is written or an error comes, which is ignored: there is no caller to get it.
pub(crate) fn write_all<H: Host + 'static>(state: &State<H>, fd: Fd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match write(state, fd, bytes) {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
        }
    }
}

/// read(2) on any descriptor.
///
/// # Errors
/// Those of the descriptor.
pub(crate) fn read<H: Host + 'static>(state: &State<H>, fd: Fd, bytes: &mut [u8]) -> Result<usize> {
    let mut guest = state.guest.borrow_mut();
    if let OpenFile::File(file) = &*guest.open_file(fd)? {
        return file.read(bytes);
    }
    guest.read(fd, &mut [IoSliceMut::new(bytes)])
}

/// write(2) on any descriptor.
///
/// # Errors
/// Those of the descriptor.
pub(crate) fn write<H: Host + 'static>(state: &State<H>, fd: Fd, bytes: &[u8]) -> Result<usize> {
    let mut guest = state.guest.borrow_mut();
    if let OpenFile::File(file) = &*guest.open_file(fd)? {
        return file.write(bytes);
    }
    guest.write(fd, &mut [IoSlice::new(bytes)])
}

impl<H: Host + 'static> Descriptors for StateRef<H> {
    fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    fn read(&self, fd: Fd, bytes: &mut [u8]) -> Result<usize> {
        read(self, fd, bytes)
    }

    fn write(&self, fd: Fd, bytes: &[u8]) -> Result<usize> {
        write(self, fd, bytes)
    }

    fn seek(&self, fd: Fd, offset: i64, whence: i32) -> Result<u64> {
        seek_to(self, fd, offset, whence)
    }

    fn close(&self, fd: Fd) -> Result<()> {
        close_fd(self, fd)
    }
}
