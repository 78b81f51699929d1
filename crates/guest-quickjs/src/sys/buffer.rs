//! The bytes of buffers: `ArrayBuffer`, `SharedArrayBuffer` and typed arrays, each looked at for one synchronous step.
//!
//! No pointer leaves this module: whoever waits asks again afterwards, because the script may have resized, transferred
//! or frozen the buffer meanwhile. Inside of a step no code of the guest runs.

use std::{ptr, slice};

use rquickjs::{Ctx, Object, Value, qjs};

/// How much of a shared buffer goes through a copy at a time.
const SHARED: usize = 64 << 10;

/// Why there are no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The value is not a buffer.
    NotBuffer,
    /// The buffer is detached, or was made too small for what was asked.
    Gone,
    /// The buffer must not be written.
    Immutable,
}

/// Where a buffer's bytes are now.
struct Bytes {
    start: *mut u8,
    len: usize,
    shared: bool,
    immutable: bool,
}

/// How many bytes a buffer has now.
///
/// # Errors
/// `NotBuffer`; `Gone` if it is detached.
pub(crate) fn length(value: &Value<'_>) -> Result<usize, Fault> {
    find(value).map(|bytes| bytes.len)
}

/// Calls `act` with bytes of a buffer. Of a shared buffer it is a copy, of at most 64 KiB.
///
/// # Errors
/// `NotBuffer`; `Gone` if so many bytes are not there.
pub(crate) fn with<T>(
    value: &Value<'_>,
    offset: usize,
    len: usize,
    act: impl FnOnce(&[u8]) -> T,
) -> Result<T, Fault> {
    let bytes = find(value)?.part(offset, len)?;
    if bytes.shared {
        let mut copy = vec![0; bytes.len.min(SHARED)];
        // SAFETY: so many bytes are there, and the copy is nowhere else. Other threads may write them meanwhile, which
        // gives some mixture of old and new, as JavaScript says of a race.
        unsafe { ptr::copy_nonoverlapping(bytes.start, copy.as_mut_ptr(), copy.len()) };
        return Ok(act(&copy));
    }
    if bytes.len == 0 {
        return Ok(act(&[]));
    }
    // SAFETY: the engine has so many bytes there, of a buffer that only this thread sees; `act` runs no code of the
    // guest, so that they stay, and nothing else refers to them meanwhile.
    Ok(act(unsafe { slice::from_raw_parts(bytes.start, bytes.len) }))
}

/// A copy of all bytes of a buffer.
///
/// # Errors
/// As [`length`].
pub(crate) fn to_vec(value: &Value<'_>) -> Result<Vec<u8>, Fault> {
    let len = length(value)?;
    let mut all = Vec::new();
    while all.len() < len {
        // A shared buffer comes in pieces; it never becomes shorter.
        with(value, all.len(), len - all.len(), |bytes| {
            all.extend_from_slice(bytes)
        })?;
    }
    Ok(all)
}

/// Calls `act` with bytes of a buffer to be written. Of a shared buffer it is a copy, of at most 64 KiB, that is put
/// back afterwards.
///
/// # Errors
/// As [`with`], and `Immutable`.
pub(crate) fn with_mut<T>(
    value: &Value<'_>,
    offset: usize,
    len: usize,
    act: impl FnOnce(&mut [u8]) -> T,
) -> Result<T, Fault> {
    let bytes = find(value)?.part(offset, len)?;
    if bytes.immutable {
        return Err(Fault::Immutable);
    }
    if bytes.shared {
        let mut copy = vec![0; bytes.len.min(SHARED)];
        // SAFETY: as in `with`.
        unsafe { ptr::copy_nonoverlapping(bytes.start, copy.as_mut_ptr(), copy.len()) };
        let done = act(&mut copy);
        // SAFETY: as above, in the other direction; `act` ran no code of the guest, so that the bytes are still there.
        unsafe { ptr::copy_nonoverlapping(copy.as_ptr(), bytes.start, copy.len()) };
        return Ok(done);
    }
    if bytes.len == 0 {
        return Ok(act(&mut []));
    }
    // SAFETY: as in `with`; the buffer may be written.
    Ok(act(unsafe { slice::from_raw_parts_mut(bytes.start, bytes.len) }))
}

impl Bytes {
    fn part(self, offset: usize, len: usize) -> Result<Bytes, Fault> {
        let end = offset.checked_add(len).ok_or(Fault::Gone)?;
        if end > self.len {
            return Err(Fault::Gone);
        }
        Ok(Bytes {
            start: self.start.wrapping_add(offset),
            len,
            ..self
        })
    }
}

fn find(value: &Value<'_>) -> Result<Bytes, Fault> {
    let object = value.as_object().ok_or(Fault::NotBuffer)?;
    // SAFETY: the object is alive; nothing is called.
    let kind = unsafe { qjs::JS_GetTypedArrayType(object.as_raw()) };
    if kind < 0 {
        return whole(object);
    }
    let ctx = object.ctx();
    let (mut offset, mut len) = (0, 0);
    // SAFETY: everything is alive, and the numbers are written where no exception comes back.
    let buffer = unsafe {
        qjs::JS_GetTypedArrayBuffer(
            ctx.as_raw().as_ptr(),
            object.as_raw(),
            &raw mut offset,
            &raw mut len,
            ptr::null_mut(),
        )
    };
    // SAFETY: the function returned a value of its own, which the new one takes over.
    let buffer = unsafe { Value::from_raw(ctx.clone(), buffer) };
    let Some(buffer) = buffer.as_object() else {
        return Err(gone(ctx));
    };
    let (offset, len) = (usize::try_from(offset), usize::try_from(len));
    whole(buffer)?.part(offset.unwrap_or(usize::MAX), len.unwrap_or(usize::MAX))
}

/// All bytes of an `ArrayBuffer` or `SharedArrayBuffer`.
fn whole(object: &Object<'_>) -> Result<Bytes, Fault> {
    let ctx = object.ctx();
    let raw = object.as_raw();
    // SAFETY: the object is alive; nothing is called.
    let shared = !unsafe { qjs::JS_IsArrayBuffer(raw) };
    if shared && super::inspect::class_name(object).is_ok_and(|class| class != "SharedArrayBuffer") {
        return Err(Fault::NotBuffer);
    }
    let mut len = 0;
    // SAFETY: everything is alive.
    let start = unsafe { qjs::JS_GetArrayBuffer(ctx.as_raw().as_ptr(), &raw mut len, raw) };
    if start.is_null() {
        return Err(gone(ctx));
    }
    // SAFETY: the object is a buffer that is alive.
    let immutable = unsafe { qjs::JS_IsImmutableArrayBuffer(raw) } == 1;
    Ok(Bytes {
        start,
        len: usize::try_from(len).unwrap_or(0),
        shared,
        immutable,
    })
}

/// Takes the engine's exception away: the caller says it in its own words.
fn gone(ctx: &Ctx<'_>) -> Fault {
    ctx.catch();
    Fault::Gone
}
