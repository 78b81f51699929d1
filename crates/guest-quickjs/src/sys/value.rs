//! Values that are made without the guest's help: no setter on a prototype is called.

use std::ffi::CStr;

use rquickjs::{Ctx, Error, Object, Promise, Result, Value, qjs};

/// The flags of an ordinary property.
const ORDINARY: i32 =
    (qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_WRITABLE | qjs::JS_PROP_ENUMERABLE).cast_signed();

/// An object with these properties.
///
/// # Errors
/// No memory.
pub(crate) fn record<'js, const N: usize>(
    ctx: &Ctx<'js>,
    properties: [(&CStr, Value<'js>); N],
) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (name, value) in properties {
        define(ctx, &object, name, value)?;
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
    name: &CStr,
    value: Value<'js>,
) -> Result<()> {
    let raw = duplicate(ctx, &value);
    // SAFETY: all are alive and of one runtime; the engine takes over the reference that was added.
    let result = unsafe {
        qjs::JS_DefinePropertyValueStr(
            ctx.as_raw().as_ptr(),
            object.as_raw(),
            name.as_ptr(),
            raw,
            ORDINARY,
        )
    };
    if result < 0 { Err(Error::Exception) } else { Ok(()) }
}

/// An array of these values.
///
/// # Errors
/// No memory.
pub(crate) fn array<'js>(ctx: &Ctx<'js>, values: impl IntoIterator<Item = Value<'js>>) -> Result<Value<'js>> {
    // SAFETY: the context is alive.
    let array = unsafe { qjs::JS_NewArray(ctx.as_raw().as_ptr()) };
    // SAFETY: the call has given us one reference, or an exception.
    let array = unsafe { Value::from_raw(ctx.clone(), array) };
    if !array.is_object() {
        return Err(Error::Exception);
    }
    for (index, value) in (0..).zip(values) {
        let raw = duplicate(ctx, &value);
        // SAFETY: as in `define`.
        let result = unsafe {
            qjs::JS_DefinePropertyValueUint32(ctx.as_raw().as_ptr(), array.as_raw(), index, raw, ORDINARY)
        };
        if result < 0 {
            return Err(Error::Exception);
        }
    }
    Ok(array)
}

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

/// One more reference to a value.
fn duplicate(ctx: &Ctx<'_>, value: &Value<'_>) -> qjs::JSValue {
    // SAFETY: the value is alive.
    unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), value.as_raw()) }
}
