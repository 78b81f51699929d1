//! Values that are made without the guest's help: no setter on a prototype is called.

use std::ffi::CStr;
use std::ptr::NonNull;

use rquickjs::{Ctx, Error, Function, Object, Result, Value, qjs};

/// The flags of an ordinary property.
const ORDINARY: i32 =
    (qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_WRITABLE | qjs::JS_PROP_ENUMERABLE).cast_signed();

/// Names of properties that are looked up in the engine's table once, and not at each use.
pub(crate) struct Keys<const N: usize> {
    atoms: [qjs::JSAtom; N],
    runtime: NonNull<qjs::JSRuntime>,
}

impl<const N: usize> Keys<N> {
    /// Looks them up. They must be dropped before the engine.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn new(ctx: &Ctx<'_>, names: [&CStr; N]) -> Result<Keys<N>> {
        // SAFETY: the context is alive, and has a runtime.
        let runtime = unsafe { qjs::JS_GetRuntime(ctx.as_raw().as_ptr()) };
        let mut keys = Keys {
            atoms: [qjs::JS_ATOM_NULL; N],
            runtime: NonNull::new(runtime).ok_or(Error::Unknown)?,
        };
        for (atom, name) in keys.atoms.iter_mut().zip(names) {
            // SAFETY: the context is alive and the name ends with NUL.
            *atom = unsafe { qjs::JS_NewAtom(ctx.as_raw().as_ptr(), name.as_ptr()) };
            if *atom == qjs::JS_ATOM_NULL {
                return Err(Error::Exception);
            }
        }
        Ok(keys)
    }

    /// The names in the order in which they were given.
    pub(crate) fn all(&self) -> [Key; N] {
        self.atoms.map(Key)
    }
}

impl<const N: usize> Drop for Keys<N> {
    fn drop(&mut self) {
        for atom in self.atoms {
            // SAFETY: the engine is still there, and each reference is ours; that of no name is ignored.
            unsafe { qjs::JS_FreeAtomRT(self.runtime.as_ptr(), atom) };
        }
    }
}

/// One of some [`Keys`], to be used as long as they are there.
#[derive(Clone, Copy)]
pub(crate) struct Key(qjs::JSAtom);

/// Reads a property of an object, which may run code of the guest.
///
/// # Errors
/// What a getter of the guest threw.
pub(crate) fn get<'js>(ctx: &Ctx<'js>, object: &Object<'js>, Key(atom): Key) -> Result<Value<'js>> {
    // SAFETY: all are alive and of one runtime.
    let value = unsafe { qjs::JS_GetProperty(ctx.as_raw().as_ptr(), object.as_raw(), atom) };
    // SAFETY: the tag is looked at.
    if unsafe { qjs::JS_IsException(value) } {
        return Err(Error::Exception);
    }
    // SAFETY: the call has given us one reference.
    Ok(unsafe { Value::from_raw(ctx.clone(), value) })
}

/// An object with these properties.
///
/// # Errors
/// No memory.
pub(crate) fn record<'js, const N: usize>(
    ctx: &Ctx<'js>,
    properties: [(Key, Value<'js>); N],
) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (key, value) in properties {
        define(ctx, &object, key, value)?;
    }
    Ok(object)
}

/// Defines a property of an object.
///
/// # Errors
/// No memory.
pub(crate) fn define<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    Key(atom): Key,
    value: Value<'js>,
) -> Result<()> {
    let raw = duplicate(ctx, &value);
    // SAFETY: all are alive and of one runtime; the engine takes over the reference that was added.
    let result =
        unsafe { qjs::JS_DefinePropertyValue(ctx.as_raw().as_ptr(), object.as_raw(), atom, raw, ORDINARY) };
    if result < 0 { Err(Error::Exception) } else { Ok(()) }
}

/// Defines a property that one function stands for, both to read it (without an argument) and to write it (with one).
///
/// # Errors
/// No memory.
pub(crate) fn define_accessor<'js>(
    object: &Object<'js>,
    name: &CStr,
    function: &Function<'js>,
    enumerable: bool,
) -> Result<()> {
    let ctx = object.ctx();
    let raw = ctx.as_raw().as_ptr();
    let mut flags = qjs::JS_PROP_CONFIGURABLE
        | qjs::JS_PROP_HAS_GET
        | qjs::JS_PROP_HAS_SET
        | qjs::JS_PROP_HAS_CONFIGURABLE
        | qjs::JS_PROP_HAS_ENUMERABLE
        | qjs::JS_PROP_THROW;
    if enumerable {
        flags |= qjs::JS_PROP_ENUMERABLE;
    }
    // SAFETY: the context is alive and the name ends with NUL.
    let atom = unsafe { qjs::JS_NewAtom(raw, name.as_ptr()) };
    if atom == qjs::JS_ATOM_NULL {
        return Err(Error::Exception);
    }
    let (undefined, function) = (Value::new_undefined(ctx.clone()), function.as_value());
    // SAFETY: all are alive and of one runtime; the engine takes its own references.
    let result = unsafe {
        qjs::JS_DefineProperty(
            raw,
            object.as_raw(),
            atom,
            undefined.as_raw(),
            function.as_raw(),
            function.as_raw(),
            flags.cast_signed(),
        )
    };
    // SAFETY: the reference is the one that JS_NewAtom has given.
    unsafe { qjs::JS_FreeAtom(raw, atom) };
    if result < 0 { Err(Error::Exception) } else { Ok(()) }
}

/// An array of these values.
///
/// # Errors
/// No memory.
pub(crate) fn array<'js, const N: usize>(ctx: &Ctx<'js>, values: [Value<'js>; N]) -> Result<Value<'js>> {
    fill(ctx, &values.each_ref().map(|value| duplicate(ctx, value)))
}

/// As [`array`], of any number of values.
///
/// # Errors
/// No memory.
pub(crate) fn list<'js>(ctx: &Ctx<'js>, values: &[Value<'js>]) -> Result<Value<'js>> {
    let values: Vec<qjs::JSValue> = values.iter().map(|value| duplicate(ctx, value)).collect();
    fill(ctx, &values)
}

/// Takes over a reference to each of the values.
fn fill<'js>(ctx: &Ctx<'js>, values: &[qjs::JSValue]) -> Result<Value<'js>> {
    // No look-up has so many results.
    let count = i32::try_from(values.len()).map_err(|_| Error::Allocation)?;
    // SAFETY: all are alive and of one runtime; the engine takes the references over, also if it fails.
    let array = unsafe { qjs::JS_NewArrayFrom(ctx.as_raw().as_ptr(), count, values.as_ptr()) };
    // SAFETY: the call has given us one reference, or an exception.
    let array = unsafe { Value::from_raw(ctx.clone(), array) };
    if array.is_object() {
        Ok(array)
    } else {
        Err(Error::Exception)
    }
}

/// `ToBigInt64` of the language. May run code of the guest.
///
/// # Errors
/// `TypeError` for what is converted to no BigInt, such as a number; `SyntaxError` for such a text; what the guest threw.
pub(crate) fn to_big_int64<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<i64> {
    let mut number = 0;
    // SAFETY: both are alive and of one runtime, and the place is ours.
    let failed = unsafe { qjs::JS_ToBigInt64(ctx.as_raw().as_ptr(), &raw mut number, value.as_raw()) };
    if failed != 0 {
        return Err(Error::Exception);
    }
    Ok(number)
}

/// One more reference to a value.
pub(super) fn duplicate(ctx: &Ctx<'_>, value: &Value<'_>) -> qjs::JSValue {
    // SAFETY: the value is alive.
    unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), value.as_raw()) }
}

/// Whether two values are the very same string of the engine. Two strings with the same text may be different ones.
pub(crate) fn is_same_string(one: &Value<'_>, other: &Value<'_>) -> bool {
    if !one.is_string() || !other.is_string() {
        return false;
    }
    // SAFETY: a string's value is a pointer, which is not looked behind.
    let one = unsafe { qjs::JS_VALUE_GET_PTR(one.as_raw()) };
    // SAFETY: as above.
    let other = unsafe { qjs::JS_VALUE_GET_PTR(other.as_raw()) };
    one == other
}
