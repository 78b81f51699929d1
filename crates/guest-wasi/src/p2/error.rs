//! Errors of streams, and the traps of a component that does what WASI 0.2 forbids.

use guestnet_core::Errno;
use wasmtime_wasi::p2::StreamError;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use crate::StopTrap;

/// The error of a resource that is used as what it is not; no guest can make Wasmtime hand such a one over.
pub(crate) fn wrong_kind() -> wasmtime::Error {
    wasmtime::format_err!("a resource of another kind")
}

/// The trap of a guest that drops a resource before what came from it, in wasmtime-wasi's words.
pub(crate) fn has_children() -> wasmtime::Error {
    wasmtime::format_err!("resource has children")
}

/// What an error of a stream is to the guest. `EINTR` ends it.
pub(crate) fn stream_error(errno: Errno) -> StreamError {
    match errno {
        Errno::EINTR => StreamError::Trap(StopTrap.into()),
        Errno::EPIPE | Errno::EBADF => StreamError::Closed,
        errno => StreamError::LastOperationFailed(errno.into()),
    }
}

/// What the error of a stream is to a program that reads and writes files. The errno of a socket is none of these.
pub(crate) fn file_error(error: &wasmtime::Error) -> Option<ErrorCode> {
    let Some(errno) = error.downcast_ref::<Errno>() else {
        return error.downcast_ref::<std::io::Error>().map(ErrorCode::from);
    };
    match errno {
        Errno::EACCES => Some(ErrorCode::Access),
        Errno::EPERM => Some(ErrorCode::NotPermitted),
        Errno::EISDIR => Some(ErrorCode::IsDirectory),
        Errno::EIO => Some(ErrorCode::Io),
        Errno::EINVAL => Some(ErrorCode::Invalid),
        Errno::ENXIO | Errno::ENODEV => Some(ErrorCode::NoDevice),
        Errno::ENOSPC => Some(ErrorCode::InsufficientSpace),
        Errno::EDQUOT => Some(ErrorCode::Quota),
        Errno::EFBIG => Some(ErrorCode::FileTooLarge),
        Errno::EROFS => Some(ErrorCode::ReadOnly),
        _ => None,
    }
}

/// The trap of a guest that writes more than `check-write` has permitted.
pub(crate) fn unpermitted(len: usize) -> StreamError {
    StreamError::Trap(wasmtime::format_err!("not permitted to write {len} bytes"))
}
