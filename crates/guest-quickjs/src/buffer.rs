//! [`Buffer`]: a buffer argument of a call, which may wait.
//!
//! Nothing of its memory is remembered: where its bytes are, and how many, is asked in the moment of each transfer,
//! because the guest may have resized, transferred or frozen it meanwhile.

use std::cell::RefCell;
use std::sync::Arc;

use guestnet_core::{Errno, Result};
use rquickjs::function::This;
use rquickjs::{Ctx, Exception, Function, Object, Persistent, Value};

use crate::sys::heap::{Bytes, Memory, NoMemory};
use crate::sys::memory::{self, Class};

/// The most bytes that one call moves to or from a shared buffer: they go through memory of our own, because other
/// threads may write it meanwhile.
const MAX_SHARED: usize = 1 << 20;

/// The engine's own getters, kept before the guest can change a prototype.
pub(crate) struct Getters(RefCell<Option<GetterFunctions>>);

struct GetterFunctions {
    array_length: Getter,
    view_buffer: Getter,
    view_offset: Getter,
    view_length: Getter,
}

type Getter = Persistent<Function<'static>>;

impl Getters {
    /// # Errors
    /// No memory.
    pub(crate) fn keep(ctx: &Ctx<'_>) -> rquickjs::Result<Getters> {
        memory::learn_classes(ctx)?;
        let typed_array = "Object.getPrototypeOf(Uint8Array).prototype";
        Ok(Getters(RefCell::new(Some(GetterFunctions {
            array_length: getter(ctx, typed_array, "byteLength")?,
            view_buffer: getter(ctx, "DataView.prototype", "buffer")?,
            view_offset: getter(ctx, "DataView.prototype", "byteOffset")?,
            view_length: getter(ctx, "DataView.prototype", "byteLength")?,
        }))))
    }

    /// Drops them: they must not outlive the engine.
    pub(crate) fn forget(&self) {
        drop(self.0.take());
    }

    /// Calls one of them, which runs no code of the guest. `None` if the view lies outside of its buffer.
    fn call<'js, T: rquickjs::FromJs<'js>>(
        &self,
        ctx: &Ctx<'js>,
        which: fn(&GetterFunctions) -> &Getter,
        view: &Value<'js>,
    ) -> Option<T> {
        let getter = which(self.0.borrow().as_ref()?).clone();
        let called = getter
            .restore(ctx)
            .and_then(|getter| getter.call((This(view.clone()),)));
        match called {
            Ok(value) => Some(value),
            Err(_) => {
                ctx.catch();
                None
            }
        }
    }
}

fn getter(ctx: &Ctx<'_>, object: &str, name: &str) -> rquickjs::Result<Getter> {
    let descriptor: Object<'_> = ctx.eval(format!("Object.getOwnPropertyDescriptor({object}, '{name}')"))?;
    Ok(Persistent::save(ctx, descriptor.get::<_, Function<'_>>("get")?))
}

/// An `ArrayBuffer`, a `SharedArrayBuffer`, a typed array or a `DataView`.
pub(crate) struct Buffer {
    value: Persistent<Value<'static>>,
    class: Class,
}

impl Buffer {
    /// Whether a value is one.
    pub(crate) fn is(value: &Value<'_>) -> bool {
        memory::class(value).is_some()
    }

    /// # Errors
    /// `TypeError` for anything else.
    pub(crate) fn new<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Buffer> {
        let Some(class) = memory::class(&value) else {
            return Err(Exception::throw_type(
                ctx,
                "the buffer must be an ArrayBuffer, a SharedArrayBuffer, a typed array or a DataView",
            ));
        };
        Ok(Buffer {
            value: Persistent::save(ctx, value),
            class,
        })
    }

    /// Where its bytes are now.
    ///
    /// # Errors
    /// `EFAULT` if it is detached, or the view lies outside of its buffer.
    fn view<'js>(&self, ctx: &Ctx<'js>, getters: &Getters) -> Result<View<'js>> {
        let value = self.value.clone().restore(ctx).map_err(|_| Errno::EFAULT)?;
        let view = match self.class {
            Class::Buffer | Class::Shared => memory::len(ctx, &value).map(|len| View {
                buffer: value,
                offset: 0,
                len,
                shared: self.class == Class::Shared,
            }),
            Class::Typed => memory::typed_array(ctx, &value).and_then(|array| {
                // One that reaches to the end of its buffer has its first length, whether or not it follows the buffer's.
                let end = array.offset.checked_add(array.length);
                let len = if end == memory::len(ctx, &array.buffer) {
                    array.length
                } else {
                    count(getters.call(ctx, |all| &all.array_length, &value)?)
                };
                View::new(array.buffer, array.offset, len)
            }),
            Class::DataView => (|| {
                let buffer = getters.call(ctx, |all| &all.view_buffer, &value)?;
                let offset: f64 = getters.call(ctx, |all| &all.view_offset, &value)?;
                let len: f64 = getters.call(ctx, |all| &all.view_length, &value)?;
                View::new(buffer, count(offset), count(len))
            })(),
        };
        view.ok_or(Errno::EFAULT)
    }

    /// How many bytes it has now.
    ///
    /// # Errors
    /// `EFAULT` as above.
    pub(crate) fn len(&self, ctx: &Ctx<'_>, getters: &Getters) -> Result<usize> {
        self.view(ctx, getters).map(|view| view.len)
    }

    /// How many bytes from an offset on can be written now.
    ///
    /// # Errors
    /// `EFAULT` as above and for an immutable buffer.
    pub(crate) fn room(&self, ctx: &Ctx<'_>, getters: &Getters, offset: usize) -> Result<usize> {
        let view = self.view(ctx, getters)?;
        if !view.shared && memory::immutable(&view.buffer) {
            return Err(Errno::EFAULT);
        }
        Ok(view.len.saturating_sub(offset))
    }

    /// Whether it must not be written now.
    ///
    /// # Errors
    /// `EFAULT` as above.
    pub(crate) fn immutable(&self, ctx: &Ctx<'_>, getters: &Getters) -> Result<bool> {
        self.view(ctx, getters)
            .map(|view| !view.shared && memory::immutable(&view.buffer))
    }

    /// A copy of all its bytes.
    ///
    /// # Errors
    /// `EFAULT` as above, `ENOMEM`.
    pub(crate) fn to_bytes(&self, ctx: &Ctx<'_>, getters: &Getters, memory: &Arc<Memory>) -> Result<Bytes> {
        let mut all = Bytes::new(memory);
        loop {
            let done = all.len();
            // A shared buffer comes in pieces.
            let count = self.read(ctx, getters, done, usize::MAX, |bytes| {
                all.extend(bytes).map_err(|NoMemory| Errno::ENOMEM)?;
                Ok(bytes.len())
            })?;
            if count == 0 {
                return Ok(all);
            }
        }
    }

    /// Calls `f` with at most `length` of the bytes from `skip` on. `f` must not call into the engine.
    ///
    /// # Errors
    /// `EFAULT` as above, or the error of `f`.
    pub(crate) fn read<R>(
        &self,
        ctx: &Ctx<'_>,
        getters: &Getters,
        skip: usize,
        length: usize,
        f: impl FnOnce(&[u8]) -> Result<R>,
    ) -> Result<R> {
        let view = self.view(ctx, getters)?;
        let (offset, length) = view.part(skip, length);
        if view.shared {
            let mut copy = vec![0; length.min(MAX_SHARED)];
            memory::copy_out(ctx, &view.buffer, offset, &mut copy).ok_or(Errno::EFAULT)?;
            return f(&copy);
        }
        memory::with_bytes(ctx, &view.buffer, offset, length, f).ok_or(Errno::EFAULT)?
    }

    /// Calls `f` with at most `length` of the bytes from `skip` on, to write; it returns how many it has written, from
    /// the first on, with its result. `f` must not call into the engine.
    ///
    /// # Errors
    /// `EFAULT` as above and for an immutable buffer, or the error of `f`.
    pub(crate) fn write<R>(
        &self,
        ctx: &Ctx<'_>,
        getters: &Getters,
        skip: usize,
        length: usize,
        f: impl FnOnce(&mut [u8]) -> Result<(usize, R)>,
    ) -> Result<R> {
        let view = self.view(ctx, getters)?;
        let (offset, length) = view.part(skip, length);
        if view.shared {
            let mut copy = vec![0; length.min(MAX_SHARED)];
            let (written, result) = f(&mut copy)?;
            let written = copy.get(..written).unwrap_or(&copy);
            memory::copy_in(ctx, &view.buffer, offset, written).ok_or(Errno::EFAULT)?;
            return Ok(result);
        }
        if memory::immutable(&view.buffer) {
            return Err(Errno::EFAULT);
        }
        memory::with_bytes_mut(ctx, &view.buffer, offset, length, f)
            .ok_or(Errno::EFAULT)?
            .map(|(_, result)| result)
    }
}

/// A range of a buffer in this moment.
struct View<'js> {
    buffer: Value<'js>,
    offset: usize,
    len: usize,
    shared: bool,
}

impl<'js> View<'js> {
    fn new(buffer: Value<'js>, offset: usize, len: usize) -> Option<Self> {
        let shared = memory::class(&buffer)? == Class::Shared;
        Some(View {
            buffer,
            offset,
            len,
            shared,
        })
    }

    /// The offset in the buffer and the length of a part of the view.
    fn part(&self, skip: usize, length: usize) -> (usize, usize) {
        let skip = skip.min(self.len);
        (self.offset + skip, length.min(self.len - skip))
    }
}

/// A count that the engine gives as a number.
pub(crate) fn count(count: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and every access is checked again"
    )]
    let count = count as usize;
    count
}
