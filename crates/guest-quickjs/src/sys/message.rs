//! Values on their way to another thread: copies, but for the bytes of shared buffers, which both threads then have.
//!
//! What is written is only ever read by [`Message::read`] of this process, so that the engine's reader can trust it.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rquickjs::{Ctx, Error, Exception, Result, Value, qjs};

use crate::budget::Charge;
use crate::sys::heap::{Bytes, Memory, NoMemory};

/// What a message counts for in addition to its bytes: its place in the queue, which may be twice as long as what is in it.
const MESSAGE: usize = 128;

/// The error of a sender when the messages that wait are too many.
pub(crate) const TOO_MANY: &str = "too many messages wait to be received";

/// What stands before the bytes of a shared buffer.
#[repr(C, align(16))]
struct Header {
    references: AtomicUsize,
    size: usize,
    memory: *const Memory,
}

const HEADER: usize = size_of::<Header>();

/// One reference to a shared buffer.
#[derive(Debug)]
struct Reference(*mut u8);

// SAFETY: the bytes belong to no thread, and their count is atomic.
unsafe impl Send for Reference {}

impl Reference {
    /// One more reference to bytes of a live buffer.
    fn new(bytes: *mut u8) -> Self {
        // SAFETY: the caller has a live buffer with these bytes.
        unsafe { sab_dup(ptr::null_mut(), bytes.cast()) };
        Reference(bytes)
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // SAFETY: the reference was added by `new`.
        unsafe { sab_free(ptr::null_mut(), self.0.cast()) };
    }
}

/// What one engine takes its shared buffers from.
pub(crate) struct SharedBuffers {
    memory: Arc<Memory>,
    /// To throw in.
    ctx: *mut qjs::JSContext,
}

/// Has an engine take the bytes of its shared buffers from here, so that they can go to other threads. What is returned
/// must live as long as the engine does, and the context too.
pub(crate) fn share_buffers(ctx: &Ctx<'_>, memory: &Arc<Memory>) -> Box<SharedBuffers> {
    let sharing = Box::new(SharedBuffers {
        memory: Arc::clone(memory),
        ctx: ctx.as_raw().as_ptr(),
    });
    let functions = qjs::JSSharedArrayBufferFunctions {
        sab_alloc: Some(sab_alloc),
        sab_free: Some(sab_free),
        sab_dup: Some(sab_dup),
        sab_opaque: (&raw const *sharing).cast_mut().cast(),
    };
    // SAFETY: the context is alive.
    let runtime = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
    // SAFETY: the functions are copied; what they are given lives as long as the engine, by the caller's word.
    unsafe { qjs::JS_SetSharedArrayBufferFunctions(runtime, &raw const functions) };
    sharing
}

unsafe extern "C" fn sab_alloc(opaque: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: `share_buffers` gave this pointer, and its caller keeps the object alive.
    let sharing = unsafe { &*opaque.cast::<SharedBuffers>() };
    let bytes = allocate(&sharing.memory, usize::try_from(size).unwrap_or(usize::MAX));
    bytes.unwrap_or_else(|| {
        // The engine throws nothing itself here.
        // SAFETY: the context is alive, as it asks for the buffer.
        let _ = unsafe { qjs::JS_ThrowOutOfMemory(sharing.ctx) };
        ptr::null_mut()
    })
}

fn allocate(memory: &Arc<Memory>, size: usize) -> Option<*mut c_void> {
    if !memory.share(size) {
        return None;
    }
    let start = size.checked_add(HEADER).and_then(|whole| memory.allocate(whole));
    let Some(start) = start.map(NonNull::cast::<Header>) else {
        memory.unshare(size);
        return None;
    };
    // A buffer may outlive the engine that made it: it holds the memory itself.
    let header = Header {
        references: AtomicUsize::new(1),
        size,
        memory: Arc::into_raw(Arc::clone(memory)),
    };
    // SAFETY: there is room for the header, rightly aligned.
    unsafe { start.write(header) };
    Some(start.as_ptr().cast::<u8>().wrapping_add(HEADER).cast())
}

unsafe extern "C" fn sab_dup(_opaque: *mut c_void, bytes: *mut c_void) {
    let start = bytes.cast::<u8>().wrapping_sub(HEADER).cast::<Header>();
    // SAFETY: the bytes are a live buffer's of `sab_alloc`.
    let header = unsafe { &*start };
    header.references.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn sab_free(_opaque: *mut c_void, bytes: *mut c_void) {
    let start = bytes.cast::<u8>().wrapping_sub(HEADER);
    // SAFETY: the bytes are a live buffer's of `sab_alloc`.
    let header = unsafe { &*start.cast::<Header>() };
    if header.references.fetch_sub(1, Ordering::AcqRel) > 1 {
        return;
    }
    // SAFETY: `allocate` has made this pointer, of which the buffer was the owner.
    let memory = unsafe { Arc::from_raw(header.memory) };
    memory.unshare(header.size);
    if let Some(start) = NonNull::new(start) {
        // SAFETY: it came from there, and this was the last reference.
        unsafe { memory.free(start) };
    }
}

/// A value on its way.
#[derive(Debug)]
pub(crate) struct Message {
    bytes: Bytes,
    shared: Vec<Reference>,
    _charge: Charge,
    _queue_charge: QueueCharge,
}

/// What a message counts for among those that wait, until it is dropped.
#[derive(Debug)]
struct QueueCharge {
    memory: Arc<Memory>,
    size: usize,
}

impl QueueCharge {
    fn new(memory: &Arc<Memory>, size: usize) -> Option<QueueCharge> {
        memory.queue(size).then(|| QueueCharge {
            memory: Arc::clone(memory),
            size,
        })
    }
}

impl Drop for QueueCharge {
    fn drop(&mut self) {
        self.memory.unqueue(self.size);
    }
}

impl Message {
    /// Copies a value.
    ///
    /// # Errors
    /// `TypeError` for what cannot be copied, such as a function; `RangeError` where those that wait need half of the memory
    /// already; no memory.
    pub(crate) fn write(ctx: &Ctx<'_>, value: &Value<'_>) -> Result<Message> {
        let memory = Memory::of(ctx)?;
        let raw = ctx.as_raw().as_ptr();
        let flags = qjs::JS_WRITE_OBJ_SAB | qjs::JS_WRITE_OBJ_REFERENCE;
        let mut len = 0;
        let mut table = qjs::JSSABTab {
            tab: ptr::null_mut(),
            len: 0,
        };
        // SAFETY: everything is alive, and both results are ours to write.
        let start = unsafe {
            qjs::JS_WriteObject2(raw, &raw mut len, value.as_raw(), flags_of(flags), &raw mut table)
        };
        if start.is_null() {
            if !ctx.has_exception() {
                return Err(Exception::throw_type(ctx, "the value cannot be copied"));
            }
            return Err(Error::Exception);
        }
        // SAFETY: the engine has written so many bytes there.
        let written = unsafe { slice::from_raw_parts(start, usize::try_from(len).unwrap_or(0)) };
        let mut bytes = Bytes::new(&memory);
        let copied = bytes.extend(written);
        let shared = references(&table);
        // SAFETY: both came from the engine, and nothing points there any more.
        unsafe { qjs::js_free(raw, start.cast()) };
        // SAFETY: as above; it may be null.
        unsafe { qjs::js_free(raw, table.tab.cast()) };
        let overhead = MESSAGE + shared.len() * size_of::<Reference>();
        let charge = copied.and_then(|()| memory.budget().charge(overhead).ok_or(NoMemory));
        let charge = charge.map_err(|error| error.throw(ctx))?;
        let queue_charge = QueueCharge::new(&memory, bytes.len().saturating_add(overhead));
        let queue_charge = queue_charge.ok_or_else(|| Exception::throw_range(ctx, TOO_MANY))?;
        Ok(Message {
            bytes,
            shared,
            _charge: charge,
            _queue_charge: queue_charge,
        })
    }

    /// The value, in another engine.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn read<'js>(self, ctx: &Ctx<'js>) -> Result<Value<'js>> {
        let raw = ctx.as_raw().as_ptr();
        let flags = qjs::JS_READ_OBJ_SAB | qjs::JS_READ_OBJ_REFERENCE;
        let mut table = qjs::JSSABTab {
            tab: ptr::null_mut(),
            len: 0,
        };
        let len = qjs::size_t::try_from(self.bytes.len()).unwrap_or(0);
        // SAFETY: the bytes came from `write`, and the buffers that they name are held by `shared`.
        let value =
            unsafe { qjs::JS_ReadObject2(raw, self.bytes.as_ptr(), len, flags_of(flags), &raw mut table) };
        // SAFETY: it came from the engine, and may be null.
        unsafe { qjs::js_free(raw, table.tab.cast()) };
        // The new buffers hold references of their own.
        drop(self.shared);
        // SAFETY: the function returned a value of its own, which the new one takes over.
        let value = unsafe { Value::from_raw(ctx.clone(), value) };
        if value.is_exception() {
            return Err(Error::Exception);
        }
        Ok(value)
    }

    /// What it counts for in a queue: its bytes, and what it takes without any.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len().saturating_add(MESSAGE)
    }
}

fn flags_of(flags: u32) -> i32 {
    i32::try_from(flags).unwrap_or(0)
}

fn references(table: &qjs::JSSABTab) -> Vec<Reference> {
    let count = usize::try_from(table.len).unwrap_or(0);
    if count == 0 {
        return Vec::new();
    }
    // SAFETY: the engine has filled so many entries.
    let buffers = unsafe { slice::from_raw_parts(table.tab, count) };
    buffers.iter().map(|bytes| Reference::new(*bytes)).collect()
}
