//! Looking at values without running code of the guest: text, classes, own properties.

use std::ffi::c_char;
use std::ops::Deref;
use std::{ptr, slice};

use rquickjs::{Ctx, Object, Result, String as JsString, Value, qjs};

/// An own property, as `Object.getOwnPropertyDescriptor` has it.
pub(crate) enum Property<'js> {
    /// A value.
    Data(Value<'js>),
    /// Functions that stand for it.
    Accessor {
        /// There is one to read it.
        getter: bool,
        /// There is one to write it.
        setter: bool,
    },
}

/// The bytes of a string, in the engine's memory.
pub(crate) struct TextBytes<'js> {
    ctx: Ctx<'js>,
    start: *const c_char,
    len: usize,
}

/// The bytes of a string: UTF-8, where a lone surrogate is three bytes that are none.
///
/// # Errors
/// No memory.
pub(crate) fn bytes_of<'js>(text: &JsString<'js>) -> Result<TextBytes<'js>> {
    let ctx = text.ctx().clone();
    let mut len = 0;
    // SAFETY: context and string are alive, `len` is written before the function returns.
    let start =
        unsafe { qjs::JS_ToCStringLen(ctx.as_raw().as_ptr(), &raw mut len, text.as_value().as_raw()) };
    if start.is_null() {
        return Err(rquickjs::Error::Exception);
    }
    Ok(TextBytes { ctx, start, len })
}

impl Deref for TextBytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the engine has put `len` bytes there, which stay until they are freed below.
        unsafe { slice::from_raw_parts(self.start.cast::<u8>(), self.len) }
    }
}

impl AsRef<[u8]> for TextBytes<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for TextBytes<'_> {
    fn drop(&mut self) {
        // SAFETY: what JS_ToCStringLen returned, once.
        unsafe { qjs::JS_FreeCString(self.ctx.as_raw().as_ptr(), self.start) };
    }
}

/// The name of an object's class, such as `Map`; of a proxy `Object`.
pub(crate) fn class_name(object: &Object<'_>) -> Result<String> {
    let ctx = object.ctx();
    let raw = ctx.as_raw().as_ptr();
    // SAFETY: the object is alive; nothing is called.
    let class = unsafe { qjs::JS_GetClassID(object.as_raw()) };
    // SAFETY: the context is alive.
    let runtime = unsafe { qjs::JS_GetRuntime(raw) };
    // SAFETY: the class is an object's, so that it is registered.
    let atom = unsafe { qjs::JS_GetClassName(runtime, class) };
    // SAFETY: context and atom are alive.
    let name = unsafe { qjs::JS_AtomToString(raw, atom) };
    // SAFETY: JS_GetClassName has added the reference that is given back here.
    unsafe { qjs::JS_FreeAtom(raw, atom) };
    // SAFETY: the function returned a value of its own, which the new one takes over.
    let name = unsafe { Value::from_raw(ctx.clone(), name) };
    match name.as_string() {
        Some(name) => Ok(String::from_utf8_lossy(&bytes_of(name)?).into_owned()),
        None => Err(rquickjs::Error::Exception),
    }
}

/// Whether an object is a `Map`.
pub(crate) fn is_map(object: &Object<'_>) -> bool {
    // SAFETY: the object is alive; nothing is called.
    unsafe { qjs::JS_IsMap(object.as_raw()) }
}

/// Whether an object is a `Set`.
pub(crate) fn is_set(object: &Object<'_>) -> bool {
    // SAFETY: as above.
    unsafe { qjs::JS_IsSet(object.as_raw()) }
}

/// Whether an object is a `Date`.
pub(crate) fn is_date(object: &Object<'_>) -> bool {
    // SAFETY: as above.
    unsafe { qjs::JS_IsDate(object.as_raw()) }
}

/// Whether an object is a `RegExp`.
pub(crate) fn is_regexp(object: &Object<'_>) -> bool {
    // SAFETY: as above.
    unsafe { qjs::JS_IsRegExp(object.as_raw()) }
}

/// The own enumerable keys of an object that is not a proxy: strings (indices first), then symbols.
///
/// # Errors
/// What the engine throws, such as no memory.
pub(crate) fn own_keys<'js>(object: &Object<'js>) -> Result<Vec<Value<'js>>> {
    keys(
        object,
        qjs::JS_GPN_STRING_MASK | qjs::JS_GPN_SYMBOL_MASK | qjs::JS_GPN_ENUM_ONLY,
    )
}

/// Whether an object that is not a proxy has a private field.
///
/// # Errors
/// As [`own_keys`].
pub(crate) fn has_private(object: &Object<'_>) -> Result<bool> {
    keys(object, qjs::JS_GPN_PRIVATE_MASK).map(|keys| !keys.is_empty())
}

/// Whether an object that is not a proxy has an own property with a number for a name, enumerable or not.
///
/// # Errors
/// As [`own_keys`].
pub(crate) fn has_index(object: &Object<'_>) -> Result<bool> {
    for key in keys(object, qjs::JS_GPN_STRING_MASK)? {
        if let Some(key) = key.as_string()
            && bytes_of(key)?.iter().all(u8::is_ascii_digit)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn keys<'js>(object: &Object<'js>, flags: u32) -> Result<Vec<Value<'js>>> {
    let ctx = object.ctx();
    let raw = ctx.as_raw().as_ptr();
    let mut table = ptr::null_mut();
    let mut count = 0;
    let flags = i32::try_from(flags).unwrap_or(0);
    // SAFETY: context and object are alive, and both results are ours to write.
    let outcome =
        unsafe { qjs::JS_GetOwnPropertyNames(raw, &raw mut table, &raw mut count, object.as_raw(), flags) };
    if outcome < 0 {
        return Err(rquickjs::Error::Exception);
    }
    let size = usize::try_from(count).unwrap_or(0);
    let entries = if size == 0 {
        &[]
    } else {
        // SAFETY: the engine has allocated and filled `count` entries, which stay until they are freed below.
        unsafe { slice::from_raw_parts(table, size) }
    };
    let keys = entries
        .iter()
        .map(|entry| {
            // SAFETY: context and atom are alive.
            let key = unsafe { qjs::JS_AtomToValue(raw, entry.atom) };
            // SAFETY: the function returned a value of its own, which the new one takes over.
            unsafe { Value::from_raw(ctx.clone(), key) }
        })
        .collect();
    // SAFETY: what JS_GetOwnPropertyNames made, once.
    unsafe { qjs::JS_FreePropertyEnum(raw, table, count) };
    Ok(keys)
}

/// An own property of an object that is not a proxy.
///
/// # Errors
/// What the engine throws, such as for a variable of a module that is not initialised.
pub(crate) fn own_property<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    key: &Value<'js>,
) -> Result<Option<Property<'js>>> {
    // SAFETY: context and key are alive.
    let name = unsafe { qjs::JS_ValueToAtom(ctx.as_raw().as_ptr(), key.as_raw()) };
    named(ctx, object, name)
}

/// The value of an own property of an object that is not a proxy; `None` for one with a getter or setter.
///
/// # Errors
/// As [`own_property`].
pub(crate) fn own_data<'js>(ctx: &Ctx<'js>, object: &Object<'js>, name: &str) -> Result<Option<Value<'js>>> {
    let key = JsString::from_str(ctx.clone(), name)?.into_value();
    Ok(match own_property(ctx, object, &key)? {
        Some(Property::Data(value)) => Some(value),
        Some(Property::Accessor { .. }) | None => None,
    })
}

/// An own element of an object that is not a proxy.
///
/// # Errors
/// As [`own_property`].
pub(crate) fn own_element<'js>(object: &Object<'js>, index: u32) -> Result<Option<Property<'js>>> {
    let ctx = object.ctx();
    // SAFETY: the context is alive.
    let name = unsafe { qjs::JS_NewAtomUInt32(ctx.as_raw().as_ptr(), index) };
    named(ctx, object, name)
}

/// How many elements an array has, holes too.
///
/// # Errors
/// No memory.
pub(crate) fn array_length(array: &Object<'_>) -> Result<u32> {
    let key = JsString::from_str(array.ctx().clone(), "length")?.into_value();
    match own_property(array.ctx(), array, &key)? {
        Some(Property::Data(length)) => Ok(length.as_number().map_or(0, |length| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the engine's own, below 2^32"
            )]
            let length = length as u32;
            length
        })),
        Some(Property::Accessor { .. }) | None => Ok(0),
    }
}

/// A number that no other live object has.
pub(crate) fn address(object: &Object<'_>) -> usize {
    // SAFETY: an object's value has a pointer, which is not followed.
    unsafe { qjs::JS_VALUE_GET_PTR(object.as_raw()) }.addr()
}

/// An own property by its name, whose reference is given back.
fn named<'js>(ctx: &Ctx<'js>, object: &Object<'js>, name: qjs::JSAtom) -> Result<Option<Property<'js>>> {
    let raw = ctx.as_raw().as_ptr();
    let mut found = qjs::JSPropertyDescriptor {
        flags: 0,
        value: qjs::JS_UNDEFINED,
        getter: qjs::JS_UNDEFINED,
        setter: qjs::JS_UNDEFINED,
    };
    // SAFETY: everything is alive, and the descriptor is filled only where 1 comes back.
    let outcome = unsafe { qjs::JS_GetOwnProperty(raw, &raw mut found, object.as_raw(), name) };
    // SAFETY: the caller's reference, which is given back once, here.
    unsafe { qjs::JS_FreeAtom(raw, name) };
    if outcome < 0 {
        return Err(rquickjs::Error::Exception);
    }
    if outcome == 0 {
        return Ok(None);
    }
    // SAFETY: the function has given us one reference to each value of the descriptor.
    let value = unsafe { Value::from_raw(ctx.clone(), found.value) };
    // SAFETY: as above.
    let getter = unsafe { Value::from_raw(ctx.clone(), found.getter) };
    // SAFETY: as above.
    let setter = unsafe { Value::from_raw(ctx.clone(), found.setter) };
    let accessor = i32::try_from(qjs::JS_PROP_GETSET).unwrap_or(0);
    Ok(Some(if found.flags & accessor == 0 {
        Property::Data(value)
    } else {
        Property::Accessor {
            getter: !getter.is_undefined(),
            setter: !setter.is_undefined(),
        }
    }))
}

/// Whether an object is a typed array.
pub(crate) fn is_typed_array(object: &Object<'_>) -> bool {
    // SAFETY: the object is alive; nothing is called.
    unsafe { qjs::JS_GetTypedArrayType(object.as_raw()) >= 0 }
}
