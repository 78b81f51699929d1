//! Node-API: the calls that the addon makes, each checked. The only module of this crate with `unsafe`.
//!
//! Raw `napi-sys` and no wrapper: converting arguments costs three times as much as the call itself, and the data path
//! has one call a message.
#![expect(
    unsafe_code,
    reason = "the boundary to the JavaScript engine; each block says why it is sound"
)]

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};

use guestnet_core::Ready;
use guestnet_emscripten::{Args, Memory};
use napi_sys as sys;

use crate::thread::{Patience, Thread};
use crate::{instance, thread};

/// The most arguments of a function: the memory and seven numbers.
const MAX_ARGUMENTS: usize = 8;

/// An engine's environment, on its own thread. It lives as long as the call that it was given to, or, in what the
/// environment itself owns, until its clean-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env(sys::napi_env);

/// A value, for the time of the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value(sys::napi_value);

/// What a function of the module was called with.
#[derive(Debug)]
pub(crate) struct Arguments {
    env: Env,
    values: [sys::napi_value; MAX_ARGUMENTS],
    count: usize,
    data: *mut c_void,
}

/// A property of an object, as far as an option can be one.
#[derive(Debug, PartialEq)]
pub(crate) enum Item {
    /// `undefined`.
    Absent,
    /// A boolean.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// An array of strings.
    List(Vec<String>),
    /// Anything else.
    Other,
}

impl Item {
    /// One string.
    pub(crate) fn text(self) -> Option<String> {
        match self {
            Item::Text(text) => Some(text),
            Item::Absent | Item::Flag(_) | Item::Number(_) | Item::List(_) | Item::Other => None,
        }
    }

    /// One string or several.
    pub(crate) fn texts(self) -> Option<Vec<String>> {
        match self {
            Item::Text(text) => Some(vec![text]),
            Item::List(texts) => Some(texts),
            Item::Absent | Item::Flag(_) | Item::Number(_) | Item::Other => None,
        }
    }
}

/// Why a function failed: a message for a JavaScript `Error`.
pub(crate) type Failure = String;

/// A function that JavaScript calls.
pub(crate) type Function = fn(&Arguments) -> Result<Value, Failure>;

/// What a callback from another thread is told: a descriptor and what it is ready for.
pub(crate) type Told = (u32, Ready);

fn check(status: sys::napi_status) -> Result<(), Failure> {
    if status == sys::Status::napi_ok {
        Ok(())
    } else {
        Err(format!("Node-API says {status}"))
    }
}

impl Env {
    /// An object without properties.
    pub(crate) fn object(self) -> Result<Value, Failure> {
        let mut value = null_mut();
        // SAFETY: the environment is that of the running call; the result has room for a value.
        check(unsafe { sys::napi_create_object(self.0, &raw mut value) })?;
        Ok(Value(value))
    }

    pub(crate) fn int(self, number: i32) -> Result<Value, Failure> {
        let mut value = null_mut();
        // SAFETY: as for `object`.
        check(unsafe { sys::napi_create_int32(self.0, number, &raw mut value) })?;
        Ok(Value(value))
    }

    pub(crate) fn undefined(self) -> Result<Value, Failure> {
        let mut value = null_mut();
        // SAFETY: as for `object`.
        check(unsafe { sys::napi_get_undefined(self.0, &raw mut value) })?;
        Ok(Value(value))
    }

    /// A function that hands `data` on.
    fn function(self, callback: sys::napi_callback, data: *mut c_void) -> Result<Value, Failure> {
        let mut value = null_mut();
        // SAFETY: as for `object`; a null name is none.
        check(unsafe { sys::napi_create_function(self.0, null(), 0, callback, data, &raw mut value) })?;
        Ok(Value(value))
    }

    fn set(self, object: Value, name: &CStr, value: Value) -> Result<(), Failure> {
        // SAFETY: as for `object`; the name ends with NUL.
        check(unsafe { sys::napi_set_named_property(self.0, object.0, name.as_ptr(), value.0) })
    }

    /// Gives `object` a function of the addon.
    pub(crate) fn define(
        self,
        object: Value,
        name: &CStr,
        function: Function,
        thread: *const Thread,
    ) -> Result<(), Failure> {
        // Never freed: as many as there are functions and threads. JavaScript may call one at any time.
        let bound = Box::into_raw(Box::new(Bound { function, thread }));
        let value = self.function(Some(enter), bound.cast())?;
        self.set(object, name, value)
    }

    /// Gives `object` a system call.
    pub(crate) fn define_call(
        self,
        object: Value,
        call: &'static guestnet_emscripten::Call,
        thread: *const Thread,
        patience: Patience,
    ) -> Result<(), Failure> {
        let name = std::ffi::CString::new(call.name).map_err(|error| error.to_string())?;
        // As above.
        let bound = Box::into_raw(Box::new(BoundCall {
            call,
            thread,
            patience,
        }));
        let value = self.function(Some(enter_call), bound.cast())?;
        self.set(object, &name, value)
    }

    /// Keeps a thread until the environment is torn down, and then drops it.
    pub(crate) fn keep(self, thread: Box<Thread>) -> Result<*const Thread, Failure> {
        let thread = Box::into_raw(thread);
        // SAFETY: the hook gets the pointer once, on this thread, when no function can be called any more.
        check(unsafe { sys::napi_add_env_cleanup_hook(self.0, Some(drop_thread), thread.cast()) })?;
        Ok(thread)
    }

    /// Ends a program when the environment is torn down, however that comes about.
    pub(crate) fn end_with(self, program: i32) -> Result<(), Failure> {
        let program = std::ptr::without_provenance_mut(program.cast_unsigned() as usize);
        // SAFETY: the hook gets the number back and follows no pointer.
        check(unsafe { sys::napi_add_env_cleanup_hook(self.0, Some(end_program), program) })
    }

    /// Calls a function that takes nothing. Returns whether it came back: what it throws stays pending and is thrown on
    /// when the native call returns, such as the exit that another thread asked this one for.
    pub(crate) fn call(self, function: &Reference) -> bool {
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
        // SAFETY: whatever the value is, the engine checks it. No arguments, no result.
        let status = unsafe { sys::napi_call_function(self.0, this, value, 0, null(), null_mut()) };
        // SAFETY: the scope that was opened above.
        unsafe { sys::napi_close_handle_scope(self.0, scope) };
        status == sys::Status::napi_ok
    }

    /// Throws a string.
    fn throw_text(self, text: &CStr) {
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
        // SAFETY: without a buffer the length is told.
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

    fn kind(self, value: sys::napi_value) -> Result<sys::napi_valuetype, Failure> {
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: a value of this environment.
        check(unsafe { sys::napi_typeof(self.0, value, &raw mut kind) })?;
        Ok(kind)
    }

    fn length(self, array: sys::napi_value) -> Result<u32, Failure> {
        let mut length = 0;
        // SAFETY: whatever the value is, the engine checks it.
        check(unsafe { sys::napi_get_array_length(self.0, array, &raw mut length) })?;
        Ok(length)
    }

    fn element(self, array: sys::napi_value, index: u32) -> Result<sys::napi_value, Failure> {
        let mut element = null_mut();
        // SAFETY: as for `length`.
        check(unsafe { sys::napi_get_element(self.0, array, index, &raw mut element) })?;
        Ok(element)
    }

    /// What a value of the page's is.
    fn item(self, value: sys::napi_value) -> Result<Item, Failure> {
        Ok(match self.kind(value)? {
            sys::ValueType::napi_undefined => Item::Absent,
            sys::ValueType::napi_boolean => {
                let mut flag = false;
                // SAFETY: the value is a boolean.
                check(unsafe { sys::napi_get_value_bool(self.0, value, &raw mut flag) })?;
                Item::Flag(flag)
            }
            sys::ValueType::napi_number => {
                let mut number = 0.0;
                // SAFETY: the value is a number.
                check(unsafe { sys::napi_get_value_double(self.0, value, &raw mut number) })?;
                Item::Number(number)
            }
            sys::ValueType::napi_string => self.string(value).map_or(Item::Other, Item::Text),
            _ => self.list(value)?.map_or(Item::Other, Item::List),
        })
    }

    /// An array of strings; `None` if it is something else.
    fn list(self, value: sys::napi_value) -> Result<Option<Vec<String>>, Failure> {
        let mut is_array = false;
        // SAFETY: whatever the value is, the engine says whether it is an array.
        check(unsafe { sys::napi_is_array(self.0, value, &raw mut is_array) })?;
        if !is_array {
            return Ok(None);
        }
        let mut texts = Vec::new();
        for place in 0..self.length(value)? {
            let Some(text) = self.string(self.element(value, place)?) else {
                return Ok(None);
            };
            texts.push(text);
        }
        Ok(Some(texts))
    }

    fn throw(self, message: &str) {
        let Ok(text) = std::ffi::CString::new(message.replace('\0', " ")) else {
            return;
        };
        // SAFETY: as for `object`; a null code is none. A failure means that something was thrown already.
        unsafe { sys::napi_throw_error(self.0, null(), text.as_ptr()) };
    }
}

/// A function of JavaScript's that is kept. Belongs to its environment; never deleted before that is torn down.
#[derive(Debug)]
pub(crate) struct Reference {
    env: Env,
    reference: sys::napi_ref,
}

// SAFETY: it is made and used on its environment's thread only: the chore of that thread's host, which waits there.
unsafe impl Send for Reference {}

// SAFETY: as above.
unsafe impl Sync for Reference {}

impl Reference {
    /// As [`Env::call`].
    pub(crate) fn call(&self) -> bool {
        self.env.call(self)
    }
}

/// A function of JavaScript's that any thread may have called.
#[derive(Debug)]
pub(crate) struct Caller {
    function: sys::napi_threadsafe_function,
    /// The engine is going away and has taken the function back.
    gone: AtomicBool,
}

// SAFETY: a thread-safe function is what the name says.
unsafe impl Send for Caller {}
// SAFETY: as above.
unsafe impl Sync for Caller {}

impl Caller {
    /// Has the function called soon. Returns whether anybody is there to call it.
    pub(crate) fn tell(&self, (fd, ready): Told) -> bool {
        // Both fit a pointer, so that nothing is allocated: 32 bits and 8.
        let packed = (usize::try_from(fd).unwrap_or(0) << 8) | usize::from(ready.bits());
        let data = std::ptr::without_provenance_mut(packed);
        // SAFETY: the function is released only by whoever owns this.
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

    /// Whether it keeps the engine's loop running.
    pub(crate) fn keep_alive(&self, arguments: &Arguments, on: bool) {
        let Env(env) = arguments.env;
        let set = if on {
            sys::napi_ref_threadsafe_function
        } else {
            sys::napi_unref_threadsafe_function
        };
        // SAFETY: called on the environment's own thread. It says only that it cannot, which changes nothing.
        unsafe { set(env, self.function) };
    }
}

impl Drop for Caller {
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
    fn read(env: sys::napi_env, info: sys::napi_callback_info) -> Result<Self, Failure> {
        let mut arguments = Arguments {
            env: Env(env),
            values: [null_mut(); MAX_ARGUMENTS],
            count: MAX_ARGUMENTS,
            data: null_mut(),
        };
        // SAFETY: the engine gave both for this call; there is room for as many values as `count` says.
        check(unsafe {
            sys::napi_get_cb_info(
                env,
                info,
                &raw mut arguments.count,
                arguments.values.as_mut_ptr(),
                null_mut(),
                &raw mut arguments.data,
            )
        })?;
        Ok(arguments)
    }

    pub(crate) fn env(&self) -> Env {
        self.env
    }

    /// A number as 32 bits; 0 if it is none.
    #[inline]
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

    /// An object's own properties with names, also what a listing leaves out; none for `undefined`.
    ///
    /// # Errors
    /// It is something else, or the engine says so, such as when a getter throws.
    pub(crate) fn entries(&self, index: usize) -> Result<Vec<(String, Item)>, Failure> {
        let Some(&object) = self.values.get(index) else {
            return Ok(Vec::new());
        };
        match self.env.kind(object)? {
            sys::ValueType::napi_undefined => return Ok(Vec::new()),
            sys::ValueType::napi_object => {}
            _ => return Err("guestnet: Module.guestnet must be an object".to_owned()),
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
        for place in 0..self.env.length(keys)? {
            let key = self.env.element(keys, place)?;
            let name = self.env.string(key).ok_or("guestnet: a name is no text")?;
            let mut value = null_mut();
            // SAFETY: an object and a key of this environment.
            check(unsafe { sys::napi_get_property(self.env.0, object, key, &raw mut value) })?;
            entries.push((name, self.env.item(value)?));
        }
        Ok(entries)
    }

    /// The module's memory: the first argument, a view of its bytes.
    #[inline]
    pub(crate) fn memory(&self) -> Option<Memory<'_>> {
        let mut base = null_mut();
        let mut len = 0;
        let mut kind = MaybeUninit::uninit();
        // SAFETY: whatever the value is, the engine checks it; unwanted results are null.
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
        // SAFETY: the engine keeps what the view shows mapped while the call runs: memory of a module grows, it never
        // shrinks, and JavaScript does not run meanwhile on this thread but in a chore, which cannot detach it.
        (status == sys::Status::napi_ok).then(|| unsafe { Memory::new(base.cast(), len) })
    }

    /// Keeps a function.
    pub(crate) fn keep_function(&self, index: usize) -> Result<Reference, Failure> {
        let value = *self.values.get(index).ok_or("a function is missing")?;
        let mut reference = null_mut();
        // SAFETY: as for `int`.
        check(unsafe { sys::napi_create_reference(self.env.0, value, 1, &raw mut reference) })?;
        Ok(Reference {
            env: self.env,
            reference,
        })
    }

    /// Makes a function callable from other threads. It gets the descriptor and the bits of [`Ready`].
    pub(crate) fn caller(&self, index: usize) -> Result<Caller, Failure> {
        let value = *self.values.get(index).ok_or("a function is missing")?;
        let mut name = null_mut();
        let text = c"guestnet";
        // SAFETY: as for `object`.
        check(unsafe { sys::napi_create_string_utf8(self.env.0, text.as_ptr(), 8, &raw mut name) })?;
        let mut caller = null_mut();
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
                Some(told),
                &raw mut caller,
            )
        })?;
        Ok(Caller {
            function: caller,
            gone: AtomicBool::new(false),
        })
    }
}

/// What a function was made with.
struct Bound {
    function: Function,
    thread: *const Thread,
}

struct BoundCall {
    call: &'static guestnet_emscripten::Call,
    thread: *const Thread,
    patience: Patience,
}

impl Arguments {
    /// The thread of the function that is running.
    pub(crate) fn thread(&self) -> Result<&Thread, Failure> {
        // SAFETY: `define` gave a `Bound` that is never freed.
        let bound = unsafe { self.data.cast::<Bound>().as_ref() }.ok_or("no function")?;
        // SAFETY: null, or a thread that lives until its environment is torn down.
        unsafe { bound.thread.as_ref() }.ok_or_else(|| "no thread".to_owned())
    }
}

/// JavaScript calls a function of the addon.
unsafe extern "C" fn enter(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let arguments = Arguments::read(env, info)?;
        // SAFETY: `define` gave a `Bound` that is never freed.
        let bound = unsafe { arguments.data.cast::<Bound>().as_ref() }.ok_or("no function")?;
        (bound.function)(&arguments)
    }));
    match outcome {
        Ok(Ok(Value(value))) => value,
        Ok(Err(message)) => {
            Env(env).throw(&message);
            null_mut()
        }
        Err(_) => {
            Env(env).throw("guestnet: internal error");
            null_mut()
        }
    }
}

/// JavaScript makes a system call.
unsafe extern "C" fn enter_call(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    /// `EIO` of the C library: a bug of ours.
    const BUG: i32 = -29;
    /// `EFAULT`: what was given is no memory.
    const NO_MEMORY: i32 = -21;
    let result = catch_unwind(AssertUnwindSafe(|| {
        let Ok(arguments) = Arguments::read(env, info) else {
            return BUG;
        };
        // SAFETY: `define_call` gave a `BoundCall` that is never freed.
        let Some(bound) = (unsafe { arguments.data.cast::<BoundCall>().as_ref() }) else {
            return BUG;
        };
        // SAFETY: a thread that lives until its environment is torn down.
        let Some(thread) = (unsafe { bound.thread.as_ref() }) else {
            return BUG;
        };
        let Some(memory) = arguments.memory() else {
            return NO_MEMORY;
        };
        let mut args = Args::default();
        for (index, slot) in args.0.iter_mut().enumerate().take(bound.call.arity) {
            *slot = arguments.int(index + 1);
        }
        let result = thread.call(bound.call, bound.patience, memory, &args);
        if thread.is_over() {
            Env(env).throw_text(c"unwind");
        }
        result
    }));
    let mut value = null_mut();
    // SAFETY: the environment is that of the running call. A failure leaves null, which is `undefined`.
    unsafe { sys::napi_create_int32(env, result.unwrap_or(BUG), &raw mut value) };
    value
}

/// A thread-safe function arrives on its environment's thread.
unsafe extern "C" fn told(
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
    let fd = i32::try_from(packed >> 8).unwrap_or(-1);
    let ready = i32::from(u8::try_from(packed & 0xff).unwrap_or(0));
    let env = Env(env);
    let (Ok(Value(this)), Ok(fd), Ok(ready)) = (env.undefined(), env.int(fd), env.int(ready)) else {
        return;
    };
    let values = [fd.0, ready.0];
    // SAFETY: two values of this environment. What is thrown is the engine's uncaught exception, as in any callback.
    unsafe { sys::napi_call_function(env.0, this, function, values.len(), values.as_ptr(), null_mut()) };
}

unsafe extern "C" fn drop_thread(thread: *mut c_void) {
    // SAFETY: `keep` gave a box, and this is called once.
    let thread = unsafe { Box::from_raw(thread.cast::<Thread>()) };
    // A panic while the engine is torn down must not cross into it.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(thread)));
}

unsafe extern "C" fn end_program(program: *mut c_void) {
    let Ok(program) = u32::try_from(program.addr()) else {
        return;
    };
    // As above.
    let _ = catch_unwind(|| instance::end(program.cast_signed()));
}

/// The engine loads the addon into an environment.
///
/// # Safety
/// The engine's own call, with its own values.
// SAFETY: no other symbol of this name is in the library: it is the one that Node-API looks for.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn napi_register_module_v1(
    env: sys::napi_env,
    exports: sys::napi_value,
) -> sys::napi_value {
    let outcome = catch_unwind(|| {
        let (env, exports) = (Env(env), Value(exports));
        env.define(exports, c"open", instance::open, null())?;
        env.define(exports, c"attach", thread::attach, null())?;
        env.define(exports, c"stop", instance::stop, null())
    });
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(message)) => Env(env).throw(&message),
        Err(_) => Env(env).throw("guestnet: internal error"),
    }
    exports
}
