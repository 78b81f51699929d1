//! Compiling and evaluating source that lies in counted memory: rquickjs's own functions copy it.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char};
use std::ptr;

use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module, Result, Value, qjs};

use super::heap::Bytes;
use super::inspect::TextBytes;

/// Evaluates a text as a script in the global scope; as a promise with `promise`.
///
/// # Errors
/// What it throws.
pub(crate) fn script_of_engine<'js>(
    ctx: &Ctx<'js>,
    source: &TextBytes<'js>,
    name: &CStr,
    barrier: bool,
    promise: bool,
) -> Result<Value<'js>> {
    let mut flags = qjs::JS_EVAL_TYPE_GLOBAL;
    if barrier {
        flags |= qjs::JS_EVAL_FLAG_BACKTRACE_BARRIER;
    }
    if promise {
        flags |= qjs::JS_EVAL_FLAG_ASYNC;
    }
    // SAFETY: the engine puts a NUL behind the bytes of a string.
    let value = unsafe { eval(ctx, source.as_ptr(), source.len(), name, flags) };
    finish(ctx, value)
}

/// As [`script_of_engine`], of a file.
///
/// # Errors
/// What it throws; no memory.
pub(crate) fn script<'js>(ctx: &Ctx<'js>, mut source: Bytes, name: &str) -> Result<Value<'js>> {
    let name = CString::new(name)?;
    let len = source.len();
    source.extend(&[0]).map_err(|error| error.throw(ctx))?;
    // SAFETY: a NUL stands behind it.
    let value = unsafe { eval(ctx, source.as_ptr(), len, &name, qjs::JS_EVAL_TYPE_GLOBAL) };
    finish(ctx, value)
}

/// # Safety
/// There are `len` bytes at `start`, and a NUL behind them.
unsafe fn eval(ctx: &Ctx<'_>, start: *const u8, len: usize, name: &CStr, flags: u32) -> qjs::JSValue {
    let len = qjs::size_t::try_from(len).unwrap_or(0);
    let flags = i32::try_from(flags).unwrap_or(0);
    // SAFETY: the caller's word, and the context is alive.
    unsafe {
        qjs::JS_Eval(
            ctx.as_raw().as_ptr(),
            start.cast::<c_char>(),
            len,
            name.as_ptr(),
            flags,
        )
    }
}

fn finish<'js>(ctx: &Ctx<'js>, value: qjs::JSValue) -> Result<Value<'js>> {
    // SAFETY: the engine has given one reference to a value.
    let value = unsafe { Value::from_raw(ctx.clone(), value) };
    if value.is_exception() {
        return Err(Error::Exception);
    }
    Ok(value)
}

thread_local! {
    /// What [`compile`] compiles: rquickjs lets nothing else through to it.
    static SOURCE: Cell<(*const u8, usize)> = const { Cell::new((ptr::null(), 0)) };
}

/// Compiles a module.
///
/// # Errors
/// `SyntaxError`; no memory.
pub(crate) fn module<'js>(ctx: &Ctx<'js>, mut source: Bytes, name: &str) -> Result<Module<'js, Declared>> {
    let len = source.len();
    source.extend(&[0]).map_err(|error| error.throw(ctx))?;
    SOURCE.set((source.as_ptr(), len));
    // SAFETY: the function returns a module that the engine holds, or null with an exception.
    let module = unsafe { Module::from_load_fn(ctx.clone(), name, compile) };
    SOURCE.set((ptr::null(), 0));
    module
}

unsafe extern "C" fn compile(ctx: *mut qjs::JSContext, name: *const c_char) -> *mut qjs::JSModuleDef {
    let (start, len) = SOURCE.get();
    if start.is_null() {
        return ptr::null_mut();
    }
    let flags = qjs::JS_EVAL_TYPE_MODULE | qjs::JS_EVAL_FLAG_STRICT | qjs::JS_EVAL_FLAG_COMPILE_ONLY;
    let len = qjs::size_t::try_from(len).unwrap_or(0);
    // SAFETY: `module` keeps the bytes during this call, with a NUL behind them; the rest is its caller's.
    let value = unsafe { qjs::JS_Eval(ctx, start.cast(), len, name, i32::try_from(flags).unwrap_or(0)) };
    // SAFETY: the tag is looked at.
    if unsafe { qjs::JS_IsException(value) } {
        return ptr::null_mut();
    }
    // SAFETY: what was compiled is a module.
    let module = unsafe { qjs::JS_VALUE_GET_PTR(value) };
    // The value's reference is the module's own then, as for rquickjs's `Module::declare`.
    module.cast()
}
