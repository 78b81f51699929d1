//! Preview 1's descriptor and path functions: sockets and streams are answered here, files by wasmtime-wasi.
//!
//! Not here: the standard `sock_*` functions (`sock`) and `poll_oneoff` (`poll`).

use std::sync::Arc;

use guestnet_core::{Descriptor, Errno, Fd, Host, OpenFile, Result, StreamKind};
use wasmtime::{Caller, FuncType, ValType};
use wasmtime_wasi::I32Exit;

use super::abi;
use super::convert;
use super::files::{Files, inner_fd};
use super::memory::Memory;
use super::opened;
use super::registry::{Registry, Wire, calls, enter, finish};
use crate::state::{File, Getter, GuestCtx};

const ABI: &str = abi::PREVIEW_1;

/// Defines functions that a file's descriptor passes on to wasmtime-wasi and that are no use on anything else,
/// which gets the errno named. The first parameter is the descriptor.
macro_rules! forward {
    ($registry:ident, $get:ident, $files:ident;
     $($name:literal, $otherwise:ident, ($($arg:ident: $ty:ty),*);)*) => {
        $({
            let files = Arc::clone($files);
            let ty = signature!($registry; u32 $(, $ty)*);
            $registry.add($name, ABI, ty, move |mut caller: Caller<'_, T>, fd: u32 $(, $arg: $ty)*| {
                match inner_fd($get(caller.data_mut()), fd, Errno::$otherwise) {
                    Ok(inner) => files.call(&mut caller, $get, $name, (inner, $($arg),*)),
                    Err(errno) => finish::<()>(Err(errno)),
                }
            });
        })*
    };
}

/// Defines functions that a file's descriptor passes on to wasmtime-wasi and that our own function answers for
/// sockets and streams.
macro_rules! either {
    ($registry:ident, $get:ident, $files:ident;
     $($name:literal => $function:path, ($($arg:ident: $ty:ty),*);)*) => {
        $({
            let files = Arc::clone($files);
            let ty = signature!($registry; u32 $(, $ty)*);
            $registry.add($name, ABI, ty, move |mut caller: Caller<'_, T>, fd: u32 $(, $arg: $ty)*| {
                if let Ok(Some(file)) = $get(caller.data_mut()).guest.file(fd) {
                    let inner = file.inner;
                    return files.call(&mut caller, $get, $name, (inner, $($arg),*));
                }
                enter(&mut caller, $get, |memory, ctx| $function(memory, ctx, fd $(, $arg)*))
            });
        })*
    };
}

macro_rules! signature {
    ($registry:ident; $($ty:ty),*) => {
        FuncType::new($registry.engine(), [$(<$ty as Wire>::TYPE),*], [ValType::I32])
    };
}

pub(crate) fn register<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
    files: &Arc<Files<T>>,
) {
    // What Linux answers for a socket or pipe: lseek and pread ESPIPE, fsync and ftruncate EINVAL.
    forward! { registry, get, files;
        "fd_advise", ESPIPE, (offset: u64, len: u64, advice: u32);
        "fd_allocate", ESPIPE, (offset: u64, len: u64);
        "fd_datasync", EINVAL, ();
        "fd_fdstat_set_rights", EOPNOTSUPP, (base: u64, inheriting: u64);
        "fd_filestat_set_size", EINVAL, (size: u64);
        "fd_filestat_set_times", EINVAL, (accessed: u64, modified: u64, flags: u32);
        "fd_pread", ESPIPE, (iovs: u32, count: u32, offset: u64, out: u32);
        "fd_pwrite", ESPIPE, (ciovs: u32, count: u32, offset: u64, out: u32);
        "fd_readdir", ENOTDIR, (buf: u32, len: u32, cookie: u64, out: u32);
        "fd_seek", ESPIPE, (offset: u64, whence: u32, out: u32);
        "fd_sync", EINVAL, ();
        "fd_tell", ESPIPE, (out: u32);
        "path_create_directory", ENOTDIR, (path: u32, len: u32);
        "path_filestat_get", ENOTDIR, (flags: u32, path: u32, len: u32, out: u32);
        "path_filestat_set_times", ENOTDIR,
            (flags: u32, path: u32, len: u32, accessed: u64, modified: u64, which: u32);
        "path_readlink", ENOTDIR, (path: u32, len: u32, buf: u32, buf_len: u32, out: u32);
        "path_remove_directory", ENOTDIR, (path: u32, len: u32);
        "path_unlink_file", ENOTDIR, (path: u32, len: u32);
    }
    either! { registry, get, files;
        "fd_fdstat_get" => fd_fdstat_get, (out: u32);
        "fd_fdstat_set_flags" => fd_fdstat_set_flags, (flags: u32);
        "fd_filestat_get" => fd_filestat_get, (out: u32);
        "fd_read" => fd_read, (iovs: u32, count: u32, out: u32);
        "fd_write" => fd_write, (ciovs: u32, count: u32, out: u32);
    }
    calls! { registry, get, ABI;
        "fd_prestat_get" => fd_prestat_get, (fd: u32, out: u32);
        "fd_prestat_dir_name" => fd_prestat_dir_name, (fd: u32, path: u32, len: u32);
    }
    // Not wasmtime-wasi's, which takes codes from 126 on for a failure of the host.
    let ty = FuncType::new(registry.engine(), [ValType::I32], []);
    registry.add("proc_exit", ABI, ty, |code: u32| -> wasmtime::Result<()> {
        Err(I32Exit(code.cast_signed()).into())
    });
    register_close(registry, get, files, "fd_close", ABI);
    register_opening(registry, get, files);
    register_two_directories(registry, get, files);
}

/// `fd_close`, also under WAMR's name.
pub(crate) fn register_close<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
    files: &Arc<Files<T>>,
    name: &'static str,
    abi: &'static str,
) {
    let files = Arc::clone(files);
    let ty = signature!(registry; u32);
    registry.add(name, abi, ty, move |mut caller: Caller<'_, T>, fd: u32| {
        let closed = get(caller.data_mut()).guest.close(fd);
        discard(&files, &mut caller, get, closed)
    });
}

/// `fd_renumber`, which may give a file back to wasmtime-wasi, and `path_open`, which takes one.
fn register_opening<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
    files: &Arc<Files<T>>,
) {
    let renumber = Arc::clone(files);
    let ty = signature!(registry; u32, u32);
    registry.add(
        "fd_renumber",
        ABI,
        ty,
        move |mut caller: Caller<'_, T>, from: u32, to: u32| {
            let replaced = get(caller.data_mut()).guest.renumber(from, to);
            discard(&renumber, &mut caller, get, replaced)
        },
    );

    let open = Arc::clone(files);
    let ty = signature!(registry; u32, u32, u32, u32, u32, u64, u64, u32, u32);
    registry.add(
        "path_open",
        ABI,
        ty,
        move |mut caller: Caller<'_, T>,
              dir: u32,
              dirflags: u32,
              path: u32,
              len: u32,
              oflags: u32,
              base: u64,
              inheriting: u64,
              fdflags: u32,
              out: u32| {
            let mut inner = 0;
            // All that can go wrong on our side does so before anything is opened.
            let code = enter(&mut caller, get, |memory, ctx| {
                inner = inner_fd(ctx, dir, Errno::ENOTDIR)?;
                memory.check(out, 4)?;
                ctx.guest.next_descriptor().map(drop)
            })?;
            if code != 0 {
                return Ok(code);
            }
            let params = (inner, dirflags, path, len, oflags, base, inheriting, fdflags, out);
            open.prepare(&mut caller, get)?;
            let place = opened::next_place(get(caller.data_mut()));
            let code = open.call(&mut caller, get, "path_open", params)?;
            if code != 0 {
                return Ok(code);
            }
            // wasmtime-wasi has stored its number, so that there is room for ours.
            enter(&mut caller, get, |memory, ctx| {
                let file = File {
                    inner: memory.u32(out)?,
                    preopen: None,
                    resource: opened::at(ctx, place),
                };
                let fd = ctx.guest.insert_file(file).map_err(|(errno, _)| errno)?;
                memory.store_u32(out, fd)
            })
        },
    );
}

/// Closes a file at wasmtime-wasi that has left our table.
fn discard<T: Send + 'static, H: Host>(
    files: &Files<T>,
    caller: &mut Caller<'_, T>,
    get: Getter<T, H>,
    closed: Result<Option<File>>,
) -> wasmtime::Result<i32> {
    match closed {
        Ok(Some(file)) => files.call(caller, get, "fd_close", (file.inner,)),
        Ok(None) => finish(Ok(())),
        Err(errno) => finish::<()>(Err(errno)),
    }
}

/// Functions whose second descriptor is not the first parameter.
fn register_two_directories<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
    files: &Arc<Files<T>>,
) {
    let both = move |caller: &mut Caller<'_, T>, old: u32, new: u32| {
        let ctx = get(caller.data_mut());
        Ok::<_, Errno>((
            inner_fd(ctx, old, Errno::ENOTDIR)?,
            inner_fd(ctx, new, Errno::ENOTDIR)?,
        ))
    };

    let link = Arc::clone(files);
    let ty = signature!(registry; u32, u32, u32, u32, u32, u32, u32);
    registry.add(
        "path_link",
        ABI,
        ty,
        move |mut caller: Caller<'_, T>,
              old: u32,
              flags: u32,
              path: u32,
              len: u32,
              new: u32,
              to: u32,
              to_len: u32| {
            match both(&mut caller, old, new) {
                Ok((old, new)) => link.call(
                    &mut caller,
                    get,
                    "path_link",
                    (old, flags, path, len, new, to, to_len),
                ),
                Err(errno) => finish::<()>(Err(errno)),
            }
        },
    );

    let rename = Arc::clone(files);
    let ty = signature!(registry; u32, u32, u32, u32, u32, u32);
    registry.add(
        "path_rename",
        ABI,
        ty,
        move |mut caller: Caller<'_, T>, old: u32, path: u32, len: u32, new: u32, to: u32, to_len: u32| {
            match both(&mut caller, old, new) {
                Ok((old, new)) => {
                    rename.call(&mut caller, get, "path_rename", (old, path, len, new, to, to_len))
                }
                Err(errno) => finish::<()>(Err(errno)),
            }
        },
    );

    let symlink = Arc::clone(files);
    let ty = signature!(registry; u32, u32, u32, u32, u32);
    registry.add(
        "path_symlink",
        ABI,
        ty,
        move |mut caller: Caller<'_, T>, path: u32, len: u32, dir: u32, to: u32, to_len: u32| match inner_fd(
            get(caller.data_mut()),
            dir,
            Errno::ENOTDIR,
        ) {
            Ok(dir) => symlink.call(&mut caller, get, "path_symlink", (path, len, dir, to, to_len)),
            Err(errno) => finish::<()>(Err(errno)),
        },
    );
}

fn fd_read<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    iovs: u32,
    count: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    let len = memory.scatter(iovs, count, |bufs| ctx.guest.read(fd, bufs).map(|len| (len, len)))?;
    memory.store_size(out, len)
}

fn fd_write<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    ciovs: u32,
    count: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    let len = memory.gather(ciovs, count, |bufs| ctx.guest.write(fd, bufs))?;
    memory.store_size(out, len)
}

/// `fdstat`: file type, flags and rights; only for what is not a file.
fn fd_fdstat_get<H: Host>(memory: &mut Memory<'_>, ctx: &mut GuestCtx<H>, fd: u32, out: u32) -> Result<()> {
    let mut rights = abi::RIGHT_FD_READ
        | abi::RIGHT_FD_WRITE
        | abi::RIGHT_FD_FDSTAT_SET_FLAGS
        | abi::RIGHT_FD_FILESTAT_GET
        | abi::RIGHT_POLL_FD_READWRITE;
    let fd = &ctx.guest.look_up(fd)?;
    if matches!(ctx.guest.open_file(fd.number())?, OpenFile::Socket(_)) {
        rights |= abi::RIGHT_SOCK_SHUTDOWN | abi::RIGHT_SOCK_ACCEPT;
    }
    let flags = if ctx.guest.nonblocking(fd)? {
        abi::FDFLAG_NONBLOCK
    } else {
        0
    };
    let mut stat = [0; abi::FDSTAT];
    stat[0] = filetype(ctx, fd)?;
    stat[2..4].copy_from_slice(&flags.to_le_bytes()[..2]);
    stat[8..16].copy_from_slice(&rights.to_le_bytes());
    memory.store(out, &stat)
}

/// Only NONBLOCK means anything here; the others are a file's and are taken without effect, as fcntl(2) takes them.
fn fd_fdstat_set_flags<H: Host>(
    _memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    flags: u32,
) -> Result<()> {
    let fd = &ctx.guest.look_up(fd)?;
    if flags & 0xffff & !abi::FDFLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    ctx.guest.set_nonblocking(fd, flags & abi::FDFLAG_NONBLOCK != 0)
}

/// `filestat` of what is not a file: the type, and no device, size or times.
fn fd_filestat_get<H: Host>(memory: &mut Memory<'_>, ctx: &mut GuestCtx<H>, fd: u32, out: u32) -> Result<()> {
    let mut stat = [0; abi::FILESTAT];
    stat[16] = filetype(ctx, &ctx.guest.look_up(fd)?)?;
    stat[24] = 1;
    memory.store(out, &stat)
}

fn filetype<H: Host>(ctx: &GuestCtx<H>, fd: &Descriptor<Fd>) -> Result<u8> {
    Ok(match ctx.guest.open_file(fd.number())? {
        OpenFile::Socket(socket) => convert::filetype(socket.kind()),
        OpenFile::Stream(_) => match ctx.guest.stream_kind(fd)? {
            Some(StreamKind::CharacterDevice) => abi::FILETYPE_CHARACTER_DEVICE,
            Some(StreamKind::File) => abi::FILETYPE_REGULAR_FILE,
            Some(StreamKind::Socket) => abi::FILETYPE_SOCKET_STREAM,
            Some(StreamKind::Pipe | StreamKind::Counter | StreamKind::Timer(_) | StreamKind::Unknown)
            | None => abi::FILETYPE_UNKNOWN,
        },
        OpenFile::File(_) => return Err(Errno::EBADF),
    })
}

/// What is pre-opened at a number. A guest scans from 3 on until `EBADF`; a socket gets a tag that it steps over, so
/// that listeners before the directories do not hide them.
fn fd_prestat_get<H: Host>(memory: &mut Memory<'_>, ctx: &mut GuestCtx<H>, fd: u32, out: u32) -> Result<()> {
    let (tag, len) = match ctx.guest.open_file(fd)? {
        OpenFile::File(File {
            preopen: Some(name), ..
        }) => (abi::PREOPEN_DIRECTORY, name.len()),
        OpenFile::Socket(_) => (abi::PREOPEN_SOCKET, 0),
        OpenFile::File(_) | OpenFile::Stream(_) => return Err(Errno::EBADF),
    };
    memory.check(out, 8)?;
    memory.store_u32(out, u32::from(tag))?;
    memory.store_size(out.wrapping_add(4), len)
}

fn fd_prestat_dir_name<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    path: u32,
    len: u32,
) -> Result<()> {
    let OpenFile::File(File {
        preopen: Some(name), ..
    }) = ctx.guest.open_file(fd)?
    else {
        return Err(Errno::ENOTDIR);
    };
    if (len as usize) < name.len() {
        return Err(Errno::ENAMETOOLONG);
    }
    memory.store(path, name.as_bytes())
}
