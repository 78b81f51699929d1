//! Node-API: values, arguments, references and errors, each call checked. The only module of this crate with `unsafe`. Not
//! here: what the addon's functions do (`exports.rs`).
//!
//! Raw `napi-sys` and no wrapper: converting arguments costs three times as much as the call itself, and the data path
//! has one call a message.
#![expect(
    unsafe_code,
    reason = "the boundary to the JavaScript engine; each block says why it is sound"
)]

use std::ffi::{CStr, CString, c_void};
use std::fmt;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

use guestnet::OptionValue;
use guestnet_core::Errno;
use guestnet_emscripten::Memory;
use napi_sys as sys;

/// The most arguments of a function.
const MAX_ARGUMENTS: usize = 5;

/// An engine's environment, on its own thread. It lives as long as the call that it was given to, or, in what the
/// environment itself owns, until its clean-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env(sys::napi_env);

/// A value, for the time of the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value(sys::napi_value);

/// The arguments of a function that JavaScript calls.
#[derive(Debug)]
pub(crate) struct Arguments {
    env: Env,
    values: [sys::napi_value; MAX_ARGUMENTS],
    count: usize,
}

/// Integers that both sides read and write: JavaScript as an `Int32Array`. The engine frees them when no JavaScript has that array any
/// more.
#[derive(Debug)]
pub(crate) struct Block<const N: usize>(*mut [i32; N]);

/// Where the bytes are that a view of JavaScript's shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Region {
    base: *mut u8,
    len: usize,
}

/// Why a function failed: the message of a JavaScript `Error`.
#[derive(Debug)]
pub(crate) struct Error(String);

/// The result of a function that JavaScript calls.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A function that JavaScript calls, with its own data.
pub(crate) trait Function: 'static {
    /// # Errors
    /// They are thrown.
    fn call(&self, arguments: &Arguments) -> Result<Value>;
}

/// A function that JavaScript calls without arguments and that returns nothing: the cheapest call there is.
pub(crate) trait BareFunction: 'static {
    fn call(&self, env: Env);

    /// The call ended with a panic.
    fn panicked(&self);
}

impl<const N: usize> Block<N> {
    /// A number; 0 if there is none of this index.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> i32 {
        if index >= N {
            return 0;
        }
        // SAFETY: `Env::block` made the array with N numbers, and the index is below.
        let number = unsafe { self.0.cast::<i32>().add(index) };
        // SAFETY: the function that is called holds the array. Volatile, since JavaScript writes it.
        unsafe { number.read_volatile() }
    }

    /// Sets the first number.
    #[inline]
    pub(crate) fn set_first(&self, value: i32) {
        // SAFETY: as for `get`; `Env::block` makes none without numbers.
        unsafe { self.0.cast::<i32>().write_volatile(value) };
    }
}

impl Default for Region {
    /// No bytes.
    fn default() -> Self {
        Region {
            base: null_mut(),
            len: 0,
        }
    }
}

impl Region {
    /// The bytes, for the time of one call of JavaScript's.
    #[inline]
    pub(crate) fn memory(&self) -> Memory<'_> {
        // SAFETY: this is `Arguments::region`'s, whose caller's JavaScript keeps its promise: it holds the view, gives a new one
        // before the next call where the view's buffer was detached or has another length, and so the bytes are mapped. They stay so during the call: memory
        // of a module grows, it never shrinks; memory of one thread moves only when its own code grows it, which does not run
        // meanwhile, and memory that threads share never moves.
        unsafe { Memory::new(self.base, self.len) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Error(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Error(message.to_owned())
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Error(format!("guestnet: {errno}"))
    }
}

fn check(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(Error(format!("Node-API says {status}")))
    }
}

impl Env {
    /// An object without properties.
    pub(crate) fn object(self) -> Result<Value> {
        let mut value = null_mut();
        // SAFETY: the environment is that of the running call; the result has room for a value.
        check(unsafe { sys::napi_create_object(self.0, &raw mut value) })?;
        Ok(Value(value))
    }

    pub(crate) fn int(self, number: i32) -> Result<Value> {
        let mut value = null_mut();
        // SAFETY: as for `object`.
        check(unsafe { sys::napi_create_int32(self.0, number, &raw mut value) })?;
        Ok(Value(value))
    }

    pub(crate) fn undefined(self) -> Result<Value> {
        let mut value = null_mut();
        // SAFETY: as for `object`.
        check(unsafe { sys::napi_get_undefined(self.0, &raw mut value) })?;
        Ok(Value(value))
    }

    /// A function that hands `data` on.
    fn function(self, callback: sys::napi_callback, data: *mut c_void) -> Result<Value> {
        let mut value = null_mut();
        // SAFETY: as for `object`; a null name is none.
        check(unsafe { sys::napi_create_function(self.0, null(), 0, callback, data, &raw mut value) })?;
        Ok(Value(value))
    }

    /// Sets a property of an object.
    pub(crate) fn set(self, object: Value, name: &CStr, value: Value) -> Result<()> {
        // SAFETY: as for `object`; the name ends with NUL.
        check(unsafe { sys::napi_set_named_property(self.0, object.0, name.as_ptr(), value.0) })
    }

    /// Gives `object` a function. It is dropped when the engine has collected the function of JavaScript's, at the latest with
    /// the environment, if the engine finalises what is left then.
    pub(crate) fn define<F: Function>(self, object: Value, name: &str, function: F) -> Result<()> {
        self.define_as(object, name, function, enter::<F>).map(drop)
    }

    /// Gives `object` a function that the engine calls by way of `enter`, which takes its data for a `F`.
    fn define_as<F>(
        self,
        object: Value,
        name: &str,
        function: F,
        enter: unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value,
    ) -> Result<Value> {
        let name = CString::new(name).map_err(|error| error.to_string())?;
        let data: *mut F = Box::into_raw(Box::new(function));
        let made = self.function(Some(enter), data.cast());
        let value = made.inspect_err(|_| {
            // SAFETY: the box from above, which no function of JavaScript's has.
            drop(unsafe { Box::from_raw(data) });
        })?;
        // SAFETY: a function of this environment; the finaliser gets the box, once, when no function can be called with it.
        check(unsafe {
            sys::napi_add_finalizer(
                self.0,
                value.0,
                data.cast(),
                Some(drop_function::<F>),
                null_mut(),
                null_mut(),
            )
        })?;
        self.set(object, &name, value)?;
        Ok(value)
    }

    /// As [`Env::define`], for a function without arguments and result, which has the property `block`.
    pub(crate) fn define_bare<F: BareFunction>(
        self,
        object: Value,
        name: &str,
        function: F,
        block: Value,
    ) -> Result<()> {
        let function = self.define_as(object, name, function, enter_bare::<F>)?;
        self.set(function, c"block", block)
    }

    /// Numbers that JavaScript has as an `Int32Array`. They are for the function that has the array as its `block`: it holds them
    /// while it is called.
    pub(crate) fn block<const N: usize>(self) -> Result<(Value, Block<N>)> {
        const { assert!(N > 0) };
        let (mut data, mut buffer, mut array) = (null_mut(), null_mut(), null_mut());
        // SAFETY: as for `object`. An engine aligns a buffer for any array.
        check(unsafe {
            sys::napi_create_arraybuffer(self.0, N * size_of::<i32>(), &raw mut data, &raw mut buffer)
        })?;
        // SAFETY: a buffer of this environment with as many bytes.
        check(unsafe {
            sys::napi_create_typedarray(
                self.0,
                sys::TypedarrayType::int32_array,
                N,
                buffer,
                0,
                &raw mut array,
            )
        })?;
        if data.is_null() || !data.cast::<i32>().is_aligned() {
            return Err(Error::from("guestnet: the engine gave no memory"));
        }
        Ok((Value(array), Block(data.cast())))
    }

    /// An array of strings.
    pub(crate) fn texts<'a>(self, texts: impl Iterator<Item = &'a str>) -> Result<Value> {
        let mut array = null_mut();
        // SAFETY: as for `object`.
        check(unsafe { sys::napi_create_array(self.0, &raw mut array) })?;
        for (index, text) in (0..).zip(texts) {
            let mut value = null_mut();
            // SAFETY: as for `object`; the text has as many bytes.
            check(unsafe {
                sys::napi_create_string_utf8(
                    self.0,
                    text.as_ptr().cast(),
                    text.len().cast_signed(),
                    &raw mut value,
                )
            })?;
            // SAFETY: an array and a value of this environment.
            check(unsafe { sys::napi_set_element(self.0, array, index, value) })?;
        }
        Ok(Value(array))
    }

    /// Calls `work` on this thread when the environment is torn down, however that comes about.
    pub(crate) fn at_teardown(self, work: fn()) -> Result<()> {
        // A function pointer as a data pointer, which is as large.
        let data = work as *mut c_void;
        // SAFETY: the hook gets the pointer back once.
        check(unsafe { sys::napi_add_env_cleanup_hook(self.0, Some(tear_down), data) })
    }

    /// Calls a function that takes nothing. Returns whether it returned: what it throws stays pending and is thrown on
    /// when the native call returns, such as the exit that another thread has requested of this one.
    fn call(self, function: &Reference) -> bool {
        let mut scope = null_mut();
        // SAFETY: as for `object`.
        if unsafe { sys::napi_open_handle_scope(self.0, &raw mut scope) } != sys::Status::napi_ok {
            return false;
        }
        let (mut value, mut this) = (null_mut(), null_mut());
        // SAFETY: the reference belongs to this environment.
        unsafe { sys::napi_get_reference_value(self.0, function.reference, &raw mut value) };
        // SAFETY: as for `object`.
        unsafe { sys::napi_get_undefined(self.0, &raw mut this) };
        // SAFETY: the engine checks the value, whatever it is. No arguments, no result.
        let status = unsafe { sys::napi_call_function(self.0, this, value, 0, null(), null_mut()) };
        // SAFETY: the scope that was opened above.
        unsafe { sys::napi_close_handle_scope(self.0, scope) };
        status == sys::Status::napi_ok
    }

    /// Throws a string, when the native call returns.
    pub(crate) fn throw_text(self, text: &CStr) {
        let (bytes, mut value) = (text.to_bytes(), null_mut());
        // SAFETY: as for `object`; the text has as many bytes.
        let status = unsafe {
            sys::napi_create_string_utf8(self.0, text.as_ptr(), bytes.len().cast_signed(), &raw mut value)
        };
        if status == sys::Status::napi_ok {
            // SAFETY: a value of this environment. A failure means that something was thrown already.
            unsafe { sys::napi_throw(self.0, value) };
        }
    }

    /// A string; `None` if it is something else.
    fn string(self, value: sys::napi_value) -> Option<String> {
        let mut len = 0;
        // SAFETY: without a buffer the engine writes the length only.
        check(unsafe { sys::napi_get_value_string_utf8(self.0, value, null_mut(), 0, &raw mut len) }).ok()?;
        let mut bytes = vec![0_u8; len + 1];
        // SAFETY: the buffer has room for the string and its NUL.
        check(unsafe {
            sys::napi_get_value_string_utf8(
                self.0,
                value,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &raw mut len,
            )
        })
        .ok()?;
        bytes.truncate(len);
        String::from_utf8(bytes).ok()
    }

    fn kind(self, value: sys::napi_value) -> Result<sys::napi_valuetype> {
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: a value of this environment.
        check(unsafe { sys::napi_typeof(self.0, value, &raw mut kind) })?;
        Ok(kind)
    }

    fn length(self, array: sys::napi_value) -> Result<u32> {
        let mut length = 0;
        // SAFETY: the engine checks the value, whatever it is.
        check(unsafe { sys::napi_get_array_length(self.0, array, &raw mut length) })?;
        Ok(length)
    }

    fn element(self, array: sys::napi_value, index: u32) -> Result<sys::napi_value> {
        let mut element = null_mut();
        // SAFETY: as for `length`.
        check(unsafe { sys::napi_get_element(self.0, array, index, &raw mut element) })?;
        Ok(element)
    }

    /// Copies a value.
    fn copy(self, value: sys::napi_value) -> Result<OptionValue> {
        Ok(match self.kind(value)? {
            sys::ValueType::napi_undefined => OptionValue::Undefined,
            sys::ValueType::napi_boolean => {
                let mut flag = false;
                // SAFETY: the value is a boolean.
                check(unsafe { sys::napi_get_value_bool(self.0, value, &raw mut flag) })?;
                OptionValue::Boolean(flag)
            }
            sys::ValueType::napi_number => {
                let mut number = 0.0;
                // SAFETY: the value is a number.
                check(unsafe { sys::napi_get_value_double(self.0, value, &raw mut number) })?;
                OptionValue::Number(number)
            }
            sys::ValueType::napi_string => self.string(value).map_or(OptionValue::Other, OptionValue::String),
            _ => self
                .strings(value)?
                .map_or(OptionValue::Other, OptionValue::Strings),
        })
    }

    /// An array of strings; `None` if it is something else.
    fn strings(self, value: sys::napi_value) -> Result<Option<Vec<String>>> {
        let mut is_array = false;
        // SAFETY: the engine takes any value.
        check(unsafe { sys::napi_is_array(self.0, value, &raw mut is_array) })?;
        if !is_array {
            return Ok(None);
        }
        let mut texts = Vec::new();
        for index in 0..self.length(value)? {
            let Some(text) = self.string(self.element(value, index)?) else {
                return Ok(None);
            };
            texts.push(text);
        }
        Ok(Some(texts))
    }

    fn throw(self, error: &Error) {
        let Ok(text) = CString::new(error.0.replace('\0', " ")) else {
            return;
        };
        // SAFETY: as for `object`; a null code is none. A failure means that something was thrown already.
        unsafe { sys::napi_throw_error(self.0, null(), text.as_ptr()) };
    }
}

/// A function of JavaScript's that the addon keeps. Belongs to its environment.
#[derive(Debug)]
pub(crate) struct Reference {
    env: Env,
    reference: sys::napi_ref,
    deleted: AtomicBool,
}

// SAFETY: it is made, used and deleted on its environment's thread only: by the idle task of that thread's hosts, which wait
// there, and by the thread's end.
unsafe impl Send for Reference {}

// SAFETY: as above.
unsafe impl Sync for Reference {}

impl Reference {
    /// As [`Env::call`]. Returns false if the reference is deleted.
    pub(crate) fn call(&self) -> bool {
        !self.deleted.load(Ordering::Relaxed) && self.env.call(self)
    }

    /// Lets the engine collect the function. Not for the teardown, which does so itself.
    pub(crate) fn delete(&self) {
        if !self.deleted.swap(true, Ordering::Relaxed) {
            // SAFETY: the reference belongs to this environment, and nothing uses it from here on.
            unsafe { sys::napi_delete_reference(self.env.0, self.reference) };
        }
    }
}

/// A function of JavaScript's that any thread may have called.
#[derive(Debug)]
pub(crate) struct ThreadsafeFunction {
    function: sys::napi_threadsafe_function,
    /// The engine is going away and has taken the function back.
    gone: AtomicBool,
}

// SAFETY: a thread-safe function is what the name says.
unsafe impl Send for ThreadsafeFunction {}
// SAFETY: as above.
unsafe impl Sync for ThreadsafeFunction {}

impl ThreadsafeFunction {
    /// Has the function called soon, with two numbers. Returns false if the engine takes no more calls.
    pub(crate) fn call(&self, number: u32, bits: u8) -> bool {
        // Both fit a pointer, so that nothing is allocated: 32 bits and 8.
        let packed = (usize::try_from(number).unwrap_or(0) << 8) | usize::from(bits);
        let data = std::ptr::without_provenance_mut(packed);
        // SAFETY: the function is released when this is dropped, and not before.
        let status = unsafe {
            sys::napi_call_threadsafe_function(
                self.function,
                data,
                sys::ThreadsafeFunctionCallMode::nonblocking,
            )
        };
        if status == sys::Status::napi_closing {
            self.gone.store(true, Ordering::Relaxed);
        }
        status == sys::Status::napi_ok
    }

    /// Says whether it keeps the engine's loop running.
    pub(crate) fn keep_alive(&self, env: Env, on: bool) {
        let set = if on {
            sys::napi_ref_threadsafe_function
        } else {
            sys::napi_unref_threadsafe_function
        };
        // SAFETY: called on the environment's own thread. A failure changes nothing.
        unsafe { set(env.0, self.function) };
    }
}

impl Drop for ThreadsafeFunction {
    fn drop(&mut self) {
        if self.gone.load(Ordering::Relaxed) {
            return;
        }
        // SAFETY: the one reference that was taken when it was made.
        unsafe {
            sys::napi_release_threadsafe_function(self.function, sys::ThreadsafeFunctionReleaseMode::release)
        };
    }
}

impl Arguments {
    /// Reads them, and the data of the function that is called.
    fn read(env: sys::napi_env, info: sys::napi_callback_info) -> Result<(Self, *mut c_void)> {
        let mut arguments = Arguments {
            env: Env(env),
            values: [null_mut(); MAX_ARGUMENTS],
            count: MAX_ARGUMENTS,
        };
        let mut data = null_mut();
        // SAFETY: the engine gave both for this call; there is room for as many values as `count` says.
        check(unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &raw mut arguments.count,
                arguments.values.as_mut_ptr(),
                null_mut(),
                &raw mut data,
            )
        })?;
        Ok((arguments, data))
    }

    pub(crate) fn env(&self) -> Env {
        self.env
    }

    /// A number as 32 bits; 0 if it is none.
    pub(crate) fn int(&self, index: usize) -> i32 {
        let mut number = 0;
        if let Some(value) = self.values.get(index) {
            // SAFETY: the engine filled the array in, with `undefined` where nothing was given.
            unsafe { sys::napi_get_value_int32(self.env.0, *value, &raw mut number) };
        }
        number
    }

    /// A string; `None` if it is something else.
    pub(crate) fn text(&self, index: usize) -> Option<String> {
        self.env.string(*self.values.get(index)?)
    }

    /// An object's own properties with names, also those that are not enumerable; none for `undefined`. `None` if it is
    /// something else.
    ///
    /// # Errors
    /// What the engine says, such as when a getter throws.
    pub(crate) fn entries(&self, index: usize) -> Result<Option<Vec<(String, OptionValue)>>> {
        let Some(&object) = self.values.get(index) else {
            return Ok(Some(Vec::new()));
        };
        match self.env.kind(object)? {
            sys::ValueType::napi_undefined => return Ok(Some(Vec::new())),
            sys::ValueType::napi_object => {}
            _ => return Ok(None),
        }
        let mut keys = null_mut();
        // SAFETY: the value is an object of this environment.
        check(unsafe {
            sys::napi_get_all_property_names(
                self.env.0,
                object,
                sys::KeyCollectionMode::own_only,
                sys::KeyFilter::skip_symbols,
                sys::KeyConversion::numbers_to_strings,
                &raw mut keys,
            )
        })?;
        let mut entries = Vec::new();
        for index in 0..self.env.length(keys)? {
            let key = self.env.element(keys, index)?;
            let name = self
                .env
                .string(key)
                .ok_or("a property has a name that is no text")?;
            let mut value = null_mut();
            // SAFETY: an object and a key of this environment.
            check(unsafe { sys::napi_get_property(self.env.0, object, key, &raw mut value) })?;
            entries.push((name, self.env.copy(value)?));
        }
        Ok(Some(entries))
    }

    /// The module's memory: the first argument, a view of its bytes.
    pub(crate) fn memory(&self) -> Option<Memory<'_>> {
        let region = self.region()?;
        // SAFETY: the engine keeps what the view shows mapped while the call runs, as `Region::memory` has it.
        Some(unsafe { Memory::new(region.base, region.len) })
    }

    /// Where the bytes are that the first argument shows. JavaScript must hold the view as long as the region is used, and give
    /// another one when the view's buffer is detached, as growing a memory does, or has another length.
    pub(crate) fn region(&self) -> Option<Region> {
        let mut base = null_mut();
        let mut len = 0;
        let mut kind = MaybeUninit::uninit();
        // SAFETY: the engine checks the value, whatever it is; unwanted results are null.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env.0,
                *self.values.first()?,
                kind.as_mut_ptr(),
                &raw mut len,
                &raw mut base,
                null_mut(),
                null_mut(),
            )
        };
        (status == sys::Status::napi_ok).then_some(Region {
            base: base.cast(),
            len,
        })
    }

    /// Keeps a function.
    pub(crate) fn keep_function(&self, index: usize) -> Result<Reference> {
        let value = *self.values.get(index).ok_or("a function is missing")?;
        let mut reference = null_mut();
        // SAFETY: as for `int`.
        check(unsafe { sys::napi_create_reference(self.env.0, value, 1, &raw mut reference) })?;
        Ok(Reference {
            env: self.env,
            reference,
            deleted: AtomicBool::new(false),
        })
    }

    /// Makes a function callable from other threads.
    pub(crate) fn threadsafe_function(&self, index: usize) -> Result<ThreadsafeFunction> {
        let value = *self.values.get(index).ok_or("a function is missing")?;
        let mut name = null_mut();
        let text = c"guestnet";
        // SAFETY: as for `object`.
        check(unsafe { sys::napi_create_string_utf8(self.env.0, text.as_ptr(), 8, &raw mut name) })?;
        let mut function = null_mut();
        // SAFETY: as for `int`; no queue limit, one thread, no finaliser, no context.
        check(unsafe {
            sys::napi_create_threadsafe_function(
                self.env.0,
                value,
                null_mut(),
                name,
                0,
                1,
                null_mut(),
                None,
                null_mut(),
                Some(call_threadsafe),
                &raw mut function,
            )
        })?;
        Ok(ThreadsafeFunction {
            function,
            gone: AtomicBool::new(false),
        })
    }
}

/// JavaScript calls a function of the addon.
unsafe extern "C" fn enter<F: Function>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let (arguments, data) = Arguments::read(env, info)?;
        // SAFETY: `define` gave a box of this type, which lives until the function that is running is collected.
        let function = unsafe { data.cast::<F>().as_ref() }.ok_or("no function")?;
        function.call(&arguments)
    }));
    match result {
        Ok(Ok(Value(value))) => value,
        Ok(Err(error)) => {
            Env(env).throw(&error);
            null_mut()
        }
        Err(_) => {
            Env(env).throw(&Error::from("guestnet: internal error"));
            null_mut()
        }
    }
}

/// JavaScript calls a function of the addon that has no arguments.
unsafe extern "C" fn enter_bare<F: BareFunction>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    let mut data = null_mut();
    // SAFETY: the engine gave both for this call; unwanted results are null.
    unsafe { sys::napi_get_cb_info(env, info, null_mut(), null_mut(), null_mut(), &raw mut data) };
    // SAFETY: `define_bare` gave a box of this type, which lives until the function that is running is collected.
    if let Some(function) = unsafe { data.cast::<F>().as_ref() }
        && catch_unwind(AssertUnwindSafe(|| function.call(Env(env)))).is_err()
    {
        function.panicked();
    }
    null_mut()
}

/// The engine has collected a function of the addon.
unsafe extern "C" fn drop_function<F>(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: `define_as` gave a box of this type, and this is called once.
    let function = unsafe { Box::from_raw(data.cast::<F>()) };
    // A panic must not cross into the engine.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(function)));
}

/// The call of a thread-safe function arrives on its environment's thread.
unsafe extern "C" fn call_threadsafe(
    env: sys::napi_env,
    function: sys::napi_value,
    _context: *mut c_void,
    data: *mut c_void,
) {
    // Both are null when the environment is going away.
    if env.is_null() || function.is_null() {
        return;
    }
    let packed = data.addr();
    let number = i32::try_from(packed >> 8).unwrap_or(-1);
    let bits = i32::from(u8::try_from(packed & 0xff).unwrap_or(0));
    let env = Env(env);
    let (Ok(Value(this)), Ok(number), Ok(bits)) = (env.undefined(), env.int(number), env.int(bits)) else {
        return;
    };
    let values = [number.0, bits.0];
    // SAFETY: two values of this environment. What is thrown is the engine's uncaught exception, as in any callback.
    unsafe { sys::napi_call_function(env.0, this, function, values.len(), values.as_ptr(), null_mut()) };
}

/// The environment is being torn down.
unsafe extern "C" fn tear_down(data: *mut c_void) {
    // SAFETY: `at_teardown` gave a pointer of this type.
    let work = unsafe { std::mem::transmute::<*mut c_void, fn()>(data) };
    // A panic must not cross into the engine.
    let _ = catch_unwind(work);
}

/// Calls `load`, which gives the module its exports; throws what it fails with.
pub(crate) fn load(
    env: sys::napi_env,
    exports: sys::napi_value,
    load: fn(Env, Value) -> Result<()>,
) -> sys::napi_value {
    match catch_unwind(|| load(Env(env), Value(exports))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => Env(env).throw(&error),
        Err(_) => Env(env).throw(&Error::from("guestnet: internal error")),
    }
    exports
}

/// Makes the function by which an engine loads the addon into an environment, from one of type `fn(Env, Value) -> Result<()>`
/// that gives the module its exports.
macro_rules! register_module {
    ($load:path) => {
        /// The engine loads the addon into an environment.
        ///
        /// # Safety
        /// The engine's own call, with its own values.
        #[expect(unsafe_code, reason = "Node-API looks for a symbol of this name")]
        // SAFETY: no other symbol of this name is in the library.
        #[unsafe(no_mangle)]
        pub(crate) unsafe extern "C" fn napi_register_module_v1(
            env: napi_sys::napi_env,
            exports: napi_sys::napi_value,
        ) -> napi_sys::napi_value {
            $crate::napi::load(env, exports, $load)
        }
    };
}
pub(crate) use register_module;
