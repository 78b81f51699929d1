//! Files that are no code: their values, and the modules that export them.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use rquickjs::module::Declared;
use rquickjs::{ArrayBuffer, Ctx, Error, Module, Result, Value, qjs};

use super::heap::Bytes;

const DEFAULT: &CStr = c"default";

/// The value of a JSON text, named in what is wrong with it.
///
/// # Errors
/// `SyntaxError`; no memory.
pub(crate) fn json<'js>(ctx: &Ctx<'js>, mut source: Bytes, name: &str) -> Result<Value<'js>> {
    let name = CString::new(name)?;
    source.extend(&[0]).map_err(|error| error.throw(ctx))?;
    let text = without_mark(&source);
    let len = qjs::size_t::try_from(text.len().saturating_sub(1)).unwrap_or(0);
    // SAFETY: there are so many bytes and a NUL behind them, and the context is alive.
    let value = unsafe { qjs::JS_ParseJSON(ctx.as_raw().as_ptr(), text.as_ptr().cast(), len, name.as_ptr()) };
    // SAFETY: the engine has given one reference to a value.
    let value = unsafe { Value::from_raw(ctx.clone(), value) };
    if value.is_exception() {
        return Err(Error::Exception);
    }
    Ok(value)
}

/// A text without the byte order mark that it may begin with.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Makes a buffer immutable.
pub(crate) fn freeze(buffer: &ArrayBuffer<'_>) {
    // SAFETY: the value is alive, and the function looks at what it is.
    let _ = unsafe { qjs::JS_SetImmutableArrayBuffer(buffer.as_value().as_raw(), true) };
}

thread_local! {
    /// The value of the module that [`declare`] makes: rquickjs lets nothing else through to it.
    static VALUE: Cell<qjs::JSValue> = const { Cell::new(qjs::JS_UNDEFINED) };
}

/// A module whose default export is a value.
///
/// # Errors
/// No memory.
pub(crate) fn default_export<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    value: Value<'js>,
) -> Result<Module<'js, Declared>> {
    VALUE.set(value.as_raw());
    // SAFETY: the function returns a module that the engine holds, or null with an exception.
    let module = unsafe { Module::from_load_fn(ctx.clone(), name, declare) };
    VALUE.set(qjs::JS_UNDEFINED);
    module
}

unsafe extern "C" fn declare(ctx: *mut qjs::JSContext, name: *const c_char) -> *mut qjs::JSModuleDef {
    // SAFETY: context and name are the caller's word.
    let module = unsafe { qjs::JS_NewCModule(ctx, name, Some(evaluate)) };
    if module.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: `default_export` keeps the value during this call.
    let value = unsafe { qjs::JS_DupValue(ctx, VALUE.get()) };
    // SAFETY: the module is a new one, and takes the reference.
    unsafe { qjs::JS_SetModulePrivateValue(ctx, module, value) };
    // SAFETY: the module is a new one.
    if unsafe { qjs::JS_AddModuleExport(ctx, module, DEFAULT.as_ptr()) } < 0 {
        return ptr::null_mut();
    }
    module
}

unsafe extern "C" fn evaluate(ctx: *mut qjs::JSContext, module: *mut qjs::JSModuleDef) -> c_int {
    // SAFETY: the engine calls it with a module of `declare`, whose value it has.
    let value = unsafe { qjs::JS_GetModulePrivateValue(ctx, module) };
    // SAFETY: as above; the function takes the reference.
    unsafe { qjs::JS_SetModuleExport(ctx, module, DEFAULT.as_ptr(), value) }
}
