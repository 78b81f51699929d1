//! The bytes behind buffers of the guest, for the length of one call into the core.
//!
//! Any code of the guest, and much of the engine's own, can move, shrink or free the memory of a buffer. So nothing
//! here hands out a pointer that lives longer than a closure, and such a closure must not call into the engine.

use std::slice;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU8, AtomicU32, Ordering};

use rquickjs::{Ctx, Result, Value, qjs};

/// What kind of buffer a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// `ArrayBuffer`.
    Buffer,
    /// `SharedArrayBuffer`.
    Shared,
    /// `Uint8Array` and its kin.
    Typed,
    /// `DataView`.
    DataView,
}

/// The engine's number for the class of shared buffers, the same in each engine. It has no call that says whether a value is one: those
/// that refuse others make an error with the stack of calls, which costs more than all the rest of a send.
static SHARED_CLASS: AtomicU32 = AtomicU32::new(0);

/// Has [`class`] know shared buffers, before the guest can change what makes them.
///
/// # Errors
/// No memory.
pub(crate) fn learn_classes(ctx: &Ctx<'_>) -> Result<()> {
    let shared: Value<'_> = ctx.eval("new SharedArrayBuffer(0)")?;
    // SAFETY: the value is alive; the function looks at its class.
    let class = unsafe { qjs::JS_GetClassID(shared.as_raw()) };
    SHARED_CLASS.store(class, Ordering::Relaxed);
    Ok(())
}

/// The class of a value, `None` if it has no bytes. Runs no code of the guest.
pub(crate) fn class(value: &Value<'_>) -> Option<Class> {
    if !value.is_object() {
        return None;
    }
    let raw = value.as_raw();
    // SAFETY: the value is alive; the function looks at its class.
    if unsafe { qjs::JS_IsArrayBuffer(raw) } {
        return Some(Class::Buffer);
    }
    // SAFETY: as above.
    if unsafe { qjs::JS_GetTypedArrayType(raw) } >= 0 {
        return Some(Class::Typed);
    }
    // SAFETY: as above.
    if unsafe { qjs::JS_IsDataView(raw) } {
        return Some(Class::DataView);
    }
    // SAFETY: as above.
    let class = unsafe { qjs::JS_GetClassID(raw) };
    (class == SHARED_CLASS.load(Ordering::Relaxed)).then_some(Class::Shared)
}

/// Where a typed array lies.
pub(crate) struct TypedArrayView<'js> {
    pub(crate) buffer: Value<'js>,
    /// Of its first byte in the buffer.
    pub(crate) offset: usize,
    /// Of its bytes when it was made. One that follows the length of its buffer may have another by now.
    pub(crate) length: usize,
}

/// Where a typed array lies, `None` if it is outside of its buffer by now.
pub(crate) fn typed_array<'js>(ctx: &Ctx<'js>, array: &Value<'js>) -> Option<TypedArrayView<'js>> {
    let (mut offset, mut length, mut size) = (0, 0, 0);
    // SAFETY: the value is alive, the engine checks its class, and the places are ours.
    let buffer = unsafe {
        qjs::JS_GetTypedArrayBuffer(
            ctx.as_raw().as_ptr(),
            array.as_raw(),
            &raw mut offset,
            &raw mut length,
            &raw mut size,
        )
    };
    // SAFETY: the call has given us one reference, or an exception.
    let buffer = unsafe { Value::from_raw(ctx.clone(), buffer) };
    if !buffer.is_object() {
        ctx.catch();
        return None;
    }
    Some(TypedArrayView {
        buffer,
        offset: usize::try_from(offset).ok()?,
        length: usize::try_from(length).ok()?,
    })
}

/// Where the bytes of a buffer are, now.
struct Extent {
    start: *mut u8,
    len: usize,
}

fn extent(ctx: &Ctx<'_>, buffer: &Value<'_>) -> Option<Extent> {
    let mut len = 0;
    // SAFETY: the value is alive, the engine checks its class, and `len` is ours.
    let start = unsafe { qjs::JS_GetArrayBuffer(ctx.as_raw().as_ptr(), &raw mut len, buffer.as_raw()) };
    if start.is_null() {
        // Not a buffer, or a detached one.
        ctx.catch();
        return None;
    }
    Some(Extent {
        start,
        len: usize::try_from(len).ok()?,
    })
}

/// How many bytes a buffer has now; `None` if it is detached.
pub(crate) fn len(ctx: &Ctx<'_>, buffer: &Value<'_>) -> Option<usize> {
    extent(ctx, buffer).map(|extent| extent.len)
}

/// Whether a buffer must not be written. Not so for a shared one, which cannot be made immutable.
pub(crate) fn immutable(buffer: &Value<'_>) -> bool {
    // SAFETY: the value is alive; the function checks its class.
    unsafe { qjs::JS_IsImmutableArrayBuffer(buffer.as_raw()) > 0 }
}

/// Runs `f` with at most `length` bytes of an unshared buffer from `offset` on, to read. `None` if it is detached.
///
/// `f` must not call into the engine.
pub(crate) fn with_bytes<R>(
    ctx: &Ctx<'_>,
    buffer: &Value<'_>,
    offset: usize,
    length: usize,
    f: impl FnOnce(&[u8]) -> R,
) -> Option<R> {
    let extent = extent(ctx, buffer)?;
    let offset = offset.min(extent.len);
    let length = length.min(extent.len - offset);
    // SAFETY: offset and length are within what the engine says that the buffer has, and `f` does nothing that could
    // change the buffer; other threads do not know it.
    let start = unsafe { extent.start.add(offset) };
    // SAFETY: as above.
    let bytes = unsafe { slice::from_raw_parts(start, length) };
    Some(f(bytes))
}

/// As [`with_bytes`], to write.
pub(crate) fn with_bytes_mut<R>(
    ctx: &Ctx<'_>,
    buffer: &Value<'_>,
    offset: usize,
    length: usize,
    f: impl FnOnce(&mut [u8]) -> R,
) -> Option<R> {
    let extent = extent(ctx, buffer)?;
    let offset = offset.min(extent.len);
    let length = length.min(extent.len - offset);
    // SAFETY: as in `with_bytes`; nothing else holds a reference into the buffer during this call.
    let start = unsafe { extent.start.add(offset) };
    // SAFETY: as above.
    let bytes = unsafe { slice::from_raw_parts_mut(start, length) };
    Some(f(bytes))
}

/// Copies bytes out of a shared buffer, which other threads may write meanwhile; at most as many as `into` has room
/// for. Returns how many, `None` if it is no buffer.
pub(crate) fn copy_out(ctx: &Ctx<'_>, buffer: &Value<'_>, offset: usize, into: &mut [u8]) -> Option<usize> {
    let extent = extent(ctx, buffer)?;
    let offset = offset.min(extent.len);
    let length = into.len().min(extent.len - offset);
    for (index, byte) in into.iter_mut().take(length).enumerate() {
        // SAFETY: within the buffer, which the value keeps alive; shared memory is only ever touched atomically here.
        let at = unsafe { extent.start.add(offset + index) };
        // SAFETY: as above.
        let shared = unsafe { AtomicU8::from_ptr(at) };
        *byte = shared.load(Ordering::Relaxed);
    }
    Some(length)
}

/// Copies bytes into a shared buffer; those that have no room are left out.
pub(crate) fn copy_in(ctx: &Ctx<'_>, buffer: &Value<'_>, offset: usize, from: &[u8]) -> Option<usize> {
    let extent = extent(ctx, buffer)?;
    let offset = offset.min(extent.len);
    let length = from.len().min(extent.len - offset);
    for (index, byte) in from.iter().take(length).enumerate() {
        // SAFETY: as in `copy_out`.
        let at = unsafe { extent.start.add(offset + index) };
        // SAFETY: as above.
        let shared = unsafe { AtomicU8::from_ptr(at) };
        shared.store(*byte, Ordering::Relaxed);
    }
    Some(length)
}

/// The elements of arrays that `Atomics.wait` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// Of an `Int32Array`.
    Int32,
    /// Of a `BigInt64Array`.
    Int64,
}

impl Width {
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Width::Int32 => size_of::<i32>(),
            Width::Int64 => size_of::<i64>(),
        }
    }
}

/// The elements of a value, if it is an array with such.
pub(crate) fn waitable(value: &Value<'_>) -> Option<Width> {
    if !value.is_object() {
        return None;
    }
    // SAFETY: the value is alive; the function looks at its class.
    let class = unsafe { qjs::JS_GetTypedArrayType(value.as_raw()) };
    match u32::try_from(class).ok()? {
        qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_INT32 => Some(Width::Int32),
        qjs::JSTypedArrayEnum_JS_TYPED_ARRAY_BIG_INT64 => Some(Width::Int64),
        _ => None,
    }
}

/// Runs `f` with the address of a cell of a shared buffer, which is the same in every thread, and a function that loads the
/// cell. `None` if the cell is not whole in the buffer.
///
/// `f` must not call into the engine.
pub(crate) fn with_cell<R>(
    ctx: &Ctx<'_>,
    buffer: &Value<'_>,
    offset: usize,
    width: Width,
    f: impl FnOnce(usize, &dyn Fn() -> i64) -> R,
) -> Option<R> {
    let extent = extent(ctx, buffer)?;
    let end = offset.checked_add(width.bytes())?;
    if end > extent.len {
        return None;
    }
    // SAFETY: the cell is within the buffer.
    let start = unsafe { extent.start.add(offset) };
    if start.addr() % width.bytes() != 0 {
        return None;
    }
    let load = || match width {
        Width::Int32 => {
            // SAFETY: within the buffer and aligned, as checked above; other threads write it atomically or as bytes.
            let cell = unsafe { AtomicI32::from_ptr(start.cast()) };
            i64::from(cell.load(Ordering::SeqCst))
        }
        Width::Int64 => {
            // SAFETY: as above.
            let cell = unsafe { AtomicI64::from_ptr(start.cast()) };
            cell.load(Ordering::SeqCst)
        }
    };
    Some(f(start.addr(), &load))
}
