//! splice(2). sendfile(2) is made of reads and writes, because the files are Emscripten's own (`c/linux.c`).

use guestnet_core::{Errno, Host, Result, SpliceFlags};

use crate::abi;
use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;

/// splice(from, to, count, flags): without offsets, which neither a pipe nor a socket has.
pub(crate) fn splice<H: Host>(context: &mut ThreadContext<H>, _: Memory<'_>, args: &Args) -> Result<i32> {
    let flags = args.int(3);
    if flags & !abi::SPLICE_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let mut with = SpliceFlags::empty();
    with.set(SpliceFlags::NONBLOCK, flags & abi::SPLICE_F_NONBLOCK != 0);
    with.set(SpliceFlags::MORE, flags & abi::SPLICE_F_MORE != 0);
    let count = args.pointer(2) as usize;
    let moved = context.guest.splice(args.fd(0), args.fd(1), count, with)?;
    // No call moves more than 0x7ffff000 bytes.
    Ok(i32::try_from(moved).unwrap_or(i32::MAX))
}
