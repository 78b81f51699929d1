//! Promises that are settled when they are made.
//!
//! The engine's own call makes two functions for each, with two properties each, to settle it with: five times the work of the
//! promise itself. [`PromiseLayout`] is what it takes to do without them.

use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr::{self, NonNull};

use rquickjs::{Ctx, Error, Object, Promise, Result, Value, qjs};

use super::value::duplicate;

/// A promise that is settled already.
///
/// # Errors
/// No memory.
pub(crate) fn settled<'js>(ctx: &Ctx<'js>, rejected: bool, value: &Value<'js>) -> Result<Value<'js>> {
    // SAFETY: both are alive and of one runtime; the engine takes its own references.
    let promise = unsafe { qjs::JS_NewSettledPromise(ctx.as_raw().as_ptr(), rejected, value.as_raw()) };
    // SAFETY: the call has given us one reference, or an exception.
    let promise = unsafe { Value::from_raw(ctx.clone(), promise) };
    match Promise::from_value(promise) {
        Ok(promise) => Ok(promise.into_value()),
        Err(_) => Err(Error::Exception),
    }
}

/// What the engine has behind a promise: `JSPromiseData` of quickjs.c.
#[repr(C)]
struct Record {
    state: qjs::JSPromiseStateEnum,
    /// The lists of what is called when it is fulfilled, and when it is rejected.
    reactions: [List; 2],
    is_handled: u8,
    result: qjs::JSValue,
}

/// `struct list_head`: a ring, which is empty where both point to itself.
#[repr(C)]
struct List {
    previous: *mut List,
    next: *mut List,
}

/// Where the engine's promises and arrays have what. It is found out from a promise of the engine's, so that another engine than the
/// one that this was written for is noticed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PromiseLayout {
    promise: qjs::JSClassID,
    object: qjs::JSClassID,
    /// Of the pointer to the [`Record`] in an object, in bytes.
    record_at: usize,
    /// The name `then`. The engine has it for good.
    then: qjs::JSAtom,
}

/// A number that stands nowhere by chance.
const SAMPLE: i32 = 0x5e77_1ed0;

impl PromiseLayout {
    /// Looks at a promise that the engine has made. `None`: it is none that is known, and [`settled`] serves.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn find(ctx: &Ctx<'_>) -> Result<Option<PromiseLayout>> {
        let sample = Value::new_int(ctx.clone(), SAMPLE);
        let promise = settled(ctx, false, &sample)?;
        let Some((class, record_at)) = find_record(ctx, &promise) else {
            return Ok(None);
        };
        let object = Object::new(ctx.clone())?;
        // SAFETY: the context is alive and the name ends with NUL.
        let then = unsafe { qjs::JS_NewAtom(ctx.as_raw().as_ptr(), c"then".as_ptr()) };
        if then == qjs::JS_ATOM_NULL {
            return Err(Error::Exception);
        }
        // SAFETY: the reference is the one that the call above has given.
        unsafe { qjs::JS_FreeAtom(ctx.as_raw().as_ptr(), then) };
        let layout = PromiseLayout {
            promise: class,
            // SAFETY: the value is alive.
            object: unsafe { qjs::JS_GetClassID(object.as_raw()) },
            record_at,
            then,
        };
        // The engine must know one of ours as its own.
        let ours = layout.make(ctx, &sample)?;
        Ok((ours.as_promise().is_some() && is_fulfilled(ctx, &ours)).then_some(layout))
    }

    /// A promise that is fulfilled with a value: a primitive one, or a new array or plain object that no code of the guest has seen. As for
    /// [`settled`], a property `then` that it inherits counts.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn fulfilled<'js>(&self, ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Value<'js>> {
        if value.is_object() && !self.is_plain(ctx, value) {
            return settled(ctx, false, value);
        }
        self.make(ctx, value)
    }

    /// Whether a new array or object inherits no `then`. Runs no code of the guest.
    fn is_plain(&self, ctx: &Ctx<'_>, value: &Value<'_>) -> bool {
        let raw = ctx.as_raw().as_ptr();
        // SAFETY: the context is alive and has this class.
        let root = unsafe { qjs::JS_GetClassProto(raw, self.object) };
        let parent = prototype(raw, value.as_raw());
        let above = prototype(raw, parent);
        let top = prototype(raw, root);
        // What it inherits from is the engine's own object, but a guest may have put anything behind that of arrays.
        let chain = is_same(parent, root) || is_same(above, root);
        // SAFETY: the tag is looked at.
        let ends = unsafe { qjs::JS_IsNull(top) };
        let plain = chain && ends && !self.has_then(raw, parent) && !self.has_then(raw, root);
        for object in [root, parent, above, top] {
            // SAFETY: each was given to us with one reference, and the engine's own objects outlive it.
            unsafe { qjs::JS_FreeValue(raw, object) };
        }
        plain
    }

    /// Whether one of the engine's own objects has the property itself.
    fn has_then(&self, ctx: *mut qjs::JSContext, object: qjs::JSValue) -> bool {
        // SAFETY: all are alive and of one runtime; without a place for the property it is only looked for.
        unsafe { qjs::JS_GetOwnProperty(ctx, ptr::null_mut(), object, self.then) != 0 }
    }

    fn make<'js>(&self, ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Value<'js>> {
        let raw = ctx.as_raw().as_ptr();
        // SAFETY: the context is alive and has this class.
        let promise = unsafe { qjs::JS_NewObjectClass(raw, self.promise) };
        // SAFETY: the call has given us one reference, or an exception.
        let promise = unsafe { Value::from_raw(ctx.clone(), promise) };
        let object = object_pointer(&promise).ok_or(Error::Exception)?;
        let size = size_of::<Record>() as qjs::size_t;
        // SAFETY: the context is alive. The promise has no record yet, which the engine knows how to free.
        let record = unsafe { qjs::js_mallocz(raw, size) }.cast::<Record>();
        let record = NonNull::new(record).ok_or(Error::Exception)?.as_ptr();
        let lists = record
            .wrapping_byte_add(offset_of!(Record, reactions))
            .cast::<List>();
        let contents = Record {
            state: qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED,
            // Each points to itself.
            reactions: [lists, lists.wrapping_add(1)].map(|list| List {
                previous: list,
                next: list,
            }),
            is_handled: 0,
            result: duplicate(ctx, value),
        };
        // SAFETY: the memory is new and has room for it; the engine frees it, and the reference in it, with the promise.
        unsafe { record.write(contents) };
        // SAFETY: `find` has seen that an object of this class has the pointer to its record there.
        let place = unsafe { object.add(self.record_at) }.cast::<*mut Record>();
        // SAFETY: as above; the object is new, so that nothing else holds a reference into it.
        unsafe { place.write(record) };
        Ok(promise)
    }
}

/// The class of a promise that is fulfilled with [`SAMPLE`], and where it has its record. `None` if anything is not as known.
fn find_record(ctx: &Ctx<'_>, promise: &Value<'_>) -> Option<(qjs::JSClassID, usize)> {
    // SAFETY: the value is alive.
    let class = unsafe { qjs::JS_GetClassID(promise.as_raw()) };
    // SAFETY: as above.
    let record = unsafe { qjs::JS_GetOpaque(promise.as_raw(), class) };
    if record.is_null() || size(ctx, record) != size_of::<Record>() || !is_fulfilled(ctx, promise) {
        return None;
    }
    let object = object_pointer(promise)?;
    let words = size(ctx, object.cast()) / size_of::<*mut c_void>();
    let mut places = (0..words)
        .map(|word| word * size_of::<*mut c_void>())
        .filter(|offset| {
            // SAFETY: within the object, whose size the engine's heap knows.
            let place = unsafe { object.add(*offset) }.cast::<*mut c_void>();
            // SAFETY: as above; any bytes are a pointer, which is only compared.
            unsafe { place.read() == record }
        });
    let place = places.next()?;
    if places.next().is_some() {
        return None;
    }
    let known = |is_handled: u8| {
        let record = record.cast::<Record>();
        // SAFETY: the block has this size, and any bytes are a record.
        let record = unsafe { &*record };
        let is_empty = |list: &List| ptr::eq(list.previous, list) && ptr::eq(list.next, list);
        // SAFETY: the tag is looked at.
        let is_int = unsafe { qjs::JS_IsInt(record.result) };
        record.state == qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED
            && record.reactions.iter().all(is_empty)
            && record.is_handled == is_handled
            && is_int
            // SAFETY: it is an integer.
            && unsafe { qjs::JS_VALUE_GET_INT(record.result) } == SAMPLE
    };
    let before = known(0);
    // SAFETY: both are alive and of one runtime.
    unsafe { qjs::JS_PromiseMarkAsHandled(ctx.as_raw().as_ptr(), promise.as_raw()) };
    (before && known(1)).then_some((class, place))
}

/// Whether the engine says that a promise is fulfilled with [`SAMPLE`].
fn is_fulfilled(ctx: &Ctx<'_>, promise: &Value<'_>) -> bool {
    let raw = ctx.as_raw().as_ptr();
    // SAFETY: both are alive and of one runtime.
    let state = unsafe { qjs::JS_PromiseState(raw, promise.as_raw()) };
    // SAFETY: as above.
    let result = unsafe { qjs::JS_PromiseResult(raw, promise.as_raw()) };
    // SAFETY: the call has given us one reference.
    let result = unsafe { Value::from_raw(ctx.clone(), result) };
    state == qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED && result.as_int() == Some(SAMPLE)
}

/// The size of a block of the engine's heap.
fn size(ctx: &Ctx<'_>, block: *mut c_void) -> usize {
    // SAFETY: the block is alive.
    let size = unsafe { qjs::js_malloc_usable_size(ctx.as_raw().as_ptr(), block) };
    usize::try_from(size).unwrap_or(0)
}

/// Where an object is; `None` for everything else.
fn object_pointer(value: &Value<'_>) -> Option<*mut u8> {
    // SAFETY: an object's value is a pointer.
    value
        .is_object()
        .then(|| unsafe { qjs::JS_VALUE_GET_PTR(value.as_raw()) }.cast())
}

/// Whether two objects are the same; not so for anything else.
fn is_same(one: qjs::JSValue, other: qjs::JSValue) -> bool {
    let [one, other] = [one, other].map(|value| {
        // SAFETY: the tag is looked at.
        let is_object = unsafe { qjs::JS_IsObject(value) };
        // SAFETY: an object's value is a pointer, which is not looked behind.
        is_object.then(|| unsafe { qjs::JS_VALUE_GET_PTR(value) })
    });
    one.is_some() && one == other
}

/// What an object that is no proxy inherits from, with a reference.
fn prototype(ctx: *mut qjs::JSContext, object: qjs::JSValue) -> qjs::JSValue {
    // SAFETY: both are alive and of one runtime.
    unsafe { qjs::JS_GetPrototype(ctx, object) }
}
