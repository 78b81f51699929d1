//! guestnet's own `sendfile`, `pipe` and `splice`: sendfile(2), pipe(2) and splice(2), which no socket ABI has.

use std::sync::Arc;

use guestnet_core::{Errno, Host, OpenFile, Result, SpliceFlags};
use wasmtime::{Caller, FuncType, ValType};

use super::files::Files;
use super::memory::Memory;
use super::registry::{Registry, calls, enter};
use super::{abi, opened};
use crate::state::{Getter, GuestCtx};

pub(crate) fn register<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
    files: &Arc<Files<T>>,
) {
    calls! { registry, get, abi::GUESTNET;
        "pipe" => pipe, (out: u32);
        "splice" => splice, (from: u32, to: u32, count: u32, flags: u32, out: u32);
    }
    let params = [
        ValType::I32,
        ValType::I32,
        ValType::I64,
        ValType::I32,
        ValType::I32,
    ];
    let ty = FuncType::new(registry.engine(), params, [ValType::I32]);
    let files = Arc::clone(files);
    registry.add(
        "sendfile",
        abi::GUESTNET,
        ty,
        move |mut caller: Caller<'_, T>, to: u32, from: u32, offset: u64, count: u32, out: u32| {
            sendfile(
                &files,
                &mut caller,
                get,
                (to, from),
                offset.cast_signed(),
                count,
                out,
            )
        },
    );
}

/// What `sendfile` sends from.
struct Source {
    file: Arc<std::fs::File>,
    /// Its number in wasmtime-wasi's own table.
    inner: u32,
    /// `None`: from the file's position, which then moves.
    offset: Option<u64>,
}

impl Source {
    /// Looks at the arguments in Linux's order, as far as a socket that is written to is concerned.
    ///
    /// # Errors
    /// `EBADF`; `ESPIPE`: an offset in what has no positions; `EINVAL`: a negative offset, or not a file; `ENOTSOCK`; `EOPNOTSUPP`.
    fn find<H: Host>(ctx: &mut GuestCtx<H>, to: u32, from: u32, offset: i64) -> Result<Self> {
        let at_position = offset == abi::SENDFILE_POSITION;
        let file = match ctx.guest.open_file(from)? {
            OpenFile::File(file) => Some(file.clone()),
            OpenFile::Socket(_) | OpenFile::Stream(_) => None,
        };
        // Not read before the offset is looked at, but whether it may be read is.
        let opened = file.as_ref().map(|file| opened::readable(ctx, file));
        match opened {
            Some(Err(Errno::EBADF)) => return Err(Errno::EBADF),
            None if !at_position => return Err(Errno::ESPIPE),
            _ => {}
        }
        let offset = match u64::try_from(offset) {
            Ok(offset) => Some(offset),
            Err(_) if at_position => None,
            Err(_) => return Err(Errno::EINVAL),
        };
        ctx.guest.look_up_socket(to)?;
        let (Some(file), Some(opened)) = (file, opened) else {
            return Err(Errno::EINVAL);
        };
        Ok(Source {
            file: opened?,
            inner: file.inner,
            offset,
        })
    }
}

/// sendfile(2). Stores how many bytes were sent, in 64 bits.
///
/// wasmtime-wasi keeps the position of a file, and has functions alone to ask for it and to set it: they, too, store at `out`.
fn sendfile<T: Send + 'static, H: Host + Send + 'static>(
    files: &Files<T>,
    caller: &mut Caller<'_, T>,
    get: Getter<T, H>,
    (to, from): (u32, u32),
    offset: i64,
    count: u32,
    out: u32,
) -> wasmtime::Result<i32> {
    let mut found = None;
    let code = enter(caller, get, |memory, ctx| {
        memory.check(out, 8)?;
        found = Some(Source::find(ctx, to, from, offset)?);
        Ok(())
    })?;
    let Some(source) = found else { return Ok(code) };
    if source.offset.is_none() {
        let code = files.call(caller, get, "fd_tell", (source.inner, out))?;
        if code != 0 {
            return Ok(code);
        }
    }
    let (mut sent, mut end) = (0, 0);
    let code = enter(caller, get, |memory, ctx| {
        let begin = match source.offset {
            Some(offset) => offset,
            None => u64::from_le_bytes(memory.array(out)?),
        };
        sent = ctx.guest.send_file(to, &source.file, begin, count as usize)? as u64;
        end = begin.saturating_add(sent);
        memory.store(out, &sent.to_le_bytes())
    })?;
    if code != 0 || sent == 0 || source.offset.is_some() {
        return Ok(code);
    }
    files.call(caller, get, "fd_seek", (source.inner, end, abi::WHENCE_SET, out))?;
    enter(caller, get, |memory, _| memory.store(out, &sent.to_le_bytes()))
}

/// pipe(2): stores the descriptor to read from and the one to write to.
fn pipe<H: Host>(memory: &mut Memory<'_>, ctx: &mut GuestCtx<H>, out: u32) -> Result<()> {
    memory.check(out, 8)?;
    let (read, write) = ctx.guest.pipe()?;
    memory.store_u32(out, read)?;
    memory.store_u32(out.wrapping_add(4), write)
}

/// splice(2) without offsets, which neither a pipe nor a socket has. Stores how many bytes were moved.
fn splice<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    from: u32,
    to: u32,
    count: u32,
    flags: u32,
    out: u32,
) -> Result<()> {
    const KNOWN: u32 = abi::SPLICE_F_MOVE | abi::SPLICE_F_NONBLOCK | abi::SPLICE_F_MORE | abi::SPLICE_F_GIFT;
    memory.check(out, 4)?;
    if count > 0 && flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    let mut with = SpliceFlags::empty();
    with.set(SpliceFlags::NONBLOCK, flags & abi::SPLICE_F_NONBLOCK != 0);
    with.set(SpliceFlags::MORE, flags & abi::SPLICE_F_MORE != 0);
    let moved = ctx.guest.splice(from, to, count as usize, with)?;
    memory.store_size(out, moved)
}
