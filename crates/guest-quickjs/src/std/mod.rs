//! The module `std`: C's standard library as qjs offers it.
//!
//! Left out, and so `undefined`: what docs/quickjs-std.md lists with the reasons.

pub(crate) mod file;
mod printf;
pub(crate) mod stream;

use std::marker::PhantomData;

use guestnet_core::{Errno, Fd, Host};
use rquickjs::module::{Declarations, Exports, ModuleDef};
use rquickjs::{Coerced, Ctx, Exception, Object, Result, TypedArray, Value};

use crate::argument::excerpt;
use crate::buffer::Buffer;
use crate::convert::lookup_error_words;
use crate::errno;
use crate::native::{Call, Member, declare, ending, export};
use crate::os::file::{self as descriptors, OpenHow};
use crate::os::temporary;
use crate::state::{State, StateRef};
use crate::std_module::stream::Stream;
use crate::sys::heap::{Bytes, NoMemory};
use crate::sys::{self, eval, inspect};

/// The most that all variables of a script may need, in bytes, each with [`VARIABLE`] in addition to its text.
const MAX_ENVIRONMENT: usize = 1 << 20;
const VARIABLE: usize = 64;

const O_RDONLY: i32 = 0;
const O_WRONLY: i32 = 0o1;
const O_RDWR: i32 = 0o2;
const O_CREAT: i32 = 0o100;
const O_EXCL: i32 = 0o200;
const O_TRUNC: i32 = 0o1_000;
const O_APPEND: i32 = 0o2_000;

/// `std`, for the loader.
pub(crate) struct StdModule<H>(PhantomData<H>);

fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("exit", 1, exit),
        Member::Function("gc", 0, gc),
        Member::Function("evalScript", 1, eval_script),
        Member::Function("loadScript", 1, load_script),
        Member::Function("loadFile", 1, load_file),
        Member::Function("writeFile", 2, write_file),
        Member::Function("getenv", 1, getenv),
        Member::Function("setenv", 2, setenv),
        Member::Function("unsetenv", 1, unsetenv),
        Member::Function("getenviron", 0, getenviron),
        Member::Function("strerror", 1, strerror),
        Member::Function("open", 2, open),
        Member::Function("fdopen", 2, fdopen),
        Member::Function("tmpfile", 0, tmpfile),
        Member::Function("puts", 1, puts),
        Member::Function("printf", 1, printf_out),
        Member::Function("sprintf", 1, sprintf),
        Member::Int("SEEK_SET", 0),
        Member::Int("SEEK_CUR", 1),
        Member::Int("SEEK_END", 2),
        Member::Value("Error", errors),
        Member::Value("in", |ctx, state| standard(ctx, state, 0, [true, false, false])),
        Member::Value("out", |ctx, state| standard(ctx, state, 1, [false, true, true])),
        Member::Value("err", |ctx, state| standard(ctx, state, 2, [false, true, true])),
    ]
}

impl<H: Host + 'static> ModuleDef for StdModule<H> {
    fn declare<'js>(decl: &Declarations<'js>) -> Result<()> {
        declare(decl, &members::<H>())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        file::install::<H>(ctx, &State::of(ctx)?)?;
        export(ctx, exports, &members::<H>())
    }
}

/// A `FILE` object of a standard stream.
fn standard<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &StateRef<H>,
    fd: Fd,
    modes: [bool; 3],
) -> Result<Value<'js>> {
    match Stream::standard(state, fd, modes) {
        Ok(stream) => file::make(ctx, state, stream),
        Err(_) => Err(NoMemory.throw(ctx)),
    }
}

/// `exit(code)`: ends the script at once.
fn exit<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let code = match call.arg(0) {
        none if none.is_undefined() => 0,
        _ => call.int(0, "the exit code")?,
    };
    // As exit(3): the parent sees the low eight bits.
    call.state().exit.set(Some(code & 0xff));
    Err(ending(call.ctx()))
}

fn gc<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    call.ctx().run_gc();
    call.state().streams.sweep(call.state());
    call.value(rquickjs::Undefined)
}

/// Evaluates a text as a script, in the global scope.
fn eval_script<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let source = match call.arg(0).as_string() {
        Some(source) => inspect::bytes_of(source)?,
        None => return Err(Exception::throw_type(call.ctx(), "the script must be a string")),
    };
    let (mut barrier, mut promise) = (false, false);
    if let Some(options) = call.arg(1).as_object() {
        barrier = options.get::<_, Coerced<bool>>("backtrace_barrier")?.0;
        promise = options.get::<_, Coerced<bool>>("async")?.0;
    }
    eval::script_of_engine(call.ctx(), &source, c"<evalScript>", barrier, promise)
}

fn load_script<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let Ok(source) = call.state().read_file(&path) else {
        return Err(Exception::throw_reference(
            call.ctx(),
            &format!("could not load '{}'", excerpt(&path)),
        ));
    };
    eval::script(call.ctx(), source, &path)
}

/// The content of a file as a string, or with `{ binary: true }` as bytes; `null` if it cannot be read.
fn load_file<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let binary = match call.arg(1).as_object() {
        Some(options) => options.get::<_, Coerced<bool>>("binary")?.0,
        None => false,
    };
    match call.state().read_file(&path) {
        Ok(bytes) if binary => {
            TypedArray::<u8>::new_copy(call.ctx().clone(), &*bytes).map(TypedArray::into_value)
        }
        Ok(bytes) => file::text(call, &bytes),
        Err(_) => call.value(rquickjs::Null),
    }
}

/// Writes a string or the bytes of a buffer to a file. As quickjs-ng's it throws where it cannot, and nothing is `""`.
fn write_file<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let content = call.arg(1);
    let bytes = match content.as_string() {
        Some(text) => sys::text(text)?.into_bytes(),
        None if content.is_undefined() => Bytes::new(&call.state().memory),
        None => Buffer::new(call.ctx(), content)?
            .to_bytes(call.ctx(), &call.state().getters, &call.state().memory)
            .map_err(|errno| descriptors::no_bytes(call, errno))?,
    };
    let how = OpenHow {
        flags: O_WRONLY | O_CREAT | O_TRUNC,
        mode: 0o666,
    };
    let done = descriptors::open_path(call.state(), &path, &how).and_then(|fd| {
        let stream = Stream::owning(call.state(), fd, [false, true, false])?;
        let written = stream.write(call.state(), &bytes);
        written.and(stream.close(call.state()))
    });
    match done {
        Ok(()) => call.value(rquickjs::Undefined),
        Err(errno) => {
            let message = format!("could not write '{}': {}", excerpt(&path), errno.message());
            Err(Exception::throw_message(call.ctx(), &message))
        }
    }
}

fn getenv<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let name = call.string(0, "the name")?;
    let value = call.state().env.borrow().get(&*name).cloned();
    call.value(value)
}

/// A variable of this script. Nothing of the host's environment is seen or changed.
fn setenv<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let name = call.string(0, "the name")?;
    let value = call.string(1, "the value")?;
    if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
        return Err(Exception::throw_type(
            call.ctx(),
            "invalid name or value of a variable",
        ));
    }
    let size = |name: &str, value: &str| name.len() + value.len() + VARIABLE;
    let others: usize = call
        .state()
        .env
        .borrow()
        .iter()
        .filter(|(other, _)| **other != *name)
        .map(|(name, value)| size(name, value))
        .sum();
    if others + size(&name, &value) > MAX_ENVIRONMENT {
        return Err(Exception::throw_range(call.ctx(), "the environment is too large"));
    }
    let (name, value) = ((*name).to_owned(), (*value).to_owned());
    call.state().env.borrow_mut().insert(name, value);
    call.value(rquickjs::Undefined)
}

fn unsetenv<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let name = call.string(0, "the name")?;
    call.state().env.borrow_mut().remove(&*name);
    call.value(rquickjs::Undefined)
}

fn getenviron<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let all = call.state().env.borrow().clone();
    let object = Object::new(call.ctx().clone())?;
    for (name, value) in all {
        object.prop(
            name,
            rquickjs::object::Property::from(value)
                .configurable()
                .enumerable()
                .writable(),
        )?;
    }
    Ok(object.into_value())
}

fn strerror<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let number = call.int(0, "the error")?;
    let words = errno::named(number).map(Errno::message);
    let words = words.or_else(|| lookup_error_words(number).map(|(_, words)| words));
    match words {
        Some(words) => call.value(words),
        None if number == 0 => call.value("Success"),
        None => call.value(format!("Unknown error {number}")),
    }
}

/// `std.Error`: every errno that there is, by name.
fn errors<'js, H: Host + 'static>(ctx: &Ctx<'js>, _state: &StateRef<H>) -> Result<Value<'js>> {
    let object = Object::new(ctx.clone())?;
    for errno in Errno::ALL {
        object.set(errno.name(), errno::number(*errno))?;
    }
    // Linux has one number for each of these pairs.
    object.set("EWOULDBLOCK", errno::number(Errno::EAGAIN))?;
    object.set("ENOTSUP", errno::number(Errno::EOPNOTSUPP))?;
    Ok(object.into_value())
}

/// What a mode of fopen(3) asks for.
struct Mode {
    flags: i32,
    reads: bool,
    writes: bool,
}

/// Reads a mode, in which only these letters may stand.
fn mode<H: Host + 'static>(
    call: &Call<'_, '_, H>,
    letters: &str,
) -> Result<std::result::Result<Mode, Errno>> {
    let text = call.string(1, "the mode")?;
    if !text.chars().all(|letter| letters.contains(letter)) {
        return Err(Exception::throw_type(call.ctx(), "invalid file mode"));
    }
    let both = text.contains('+');
    let direction = |alone| if both { O_RDWR } else { alone };
    Ok(match text.chars().next() {
        Some('r') => Ok((direction(O_RDONLY), true, both)),
        Some('w') => Ok((direction(O_WRONLY) | O_CREAT | O_TRUNC, both, true)),
        Some('a') => Ok((direction(O_WRONLY) | O_CREAT | O_APPEND, both, true)),
        _ => Err(Errno::EINVAL),
    }
    .map(|(flags, reads, writes)| Mode {
        flags: if text.contains('x') { flags | O_EXCL } else { flags },
        reads,
        writes,
    }))
}

/// A `FILE` object or `null`; the errno goes into an object that the caller gives.
fn opened<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    stream: guestnet_core::Result<Stream>,
    error: usize,
) -> Result<Value<'js>> {
    let number = stream.as_ref().map_or_else(|errno| errno::number(*errno), |_| 0);
    // Made first: where a setter of the guest throws, the object is what closes the stream.
    let value = match stream {
        Ok(stream) => file::make(call.ctx(), call.state(), stream)?,
        Err(_) => call.value(rquickjs::Null)?,
    };
    if let Some(object) = call.arg(error).as_object() {
        object.set("errno", number)?;
    }
    Ok(value)
}

fn open<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let path = call.string(0, "the path")?;
    let mode = mode(call, "rwa+bx")?;
    call.state().streams.sweep(call.state());
    let stream = mode.and_then(|mode| {
        let how = OpenHow {
            flags: mode.flags,
            mode: 0o666,
        };
        let fd = descriptors::open_path(call.state(), &path, &how)?;
        Stream::owning(call.state(), fd, [mode.reads, mode.writes, false])
    });
    opened(call, stream, 2)
}

fn fdopen<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let fd: Fd = descriptors::descriptor(call, 0)?;
    let mode = mode(call, "rwa+")?;
    call.state().streams.sweep(call.state());
    let known = call.state().guest.borrow().open_file(fd).map(drop);
    let stream = known
        .and(mode)
        .and_then(|mode| Stream::new(call.state(), fd, [mode.reads, mode.writes, false]));
    opened(call, stream, 2)
}

/// A file without a name, in the directory that the script is in: it has no other place.
fn tmpfile<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    call.state().streams.sweep(call.state());
    let stream = temporary::without_name(call.state())
        .and_then(|fd| Stream::owning(call.state(), fd, [true, true, false]));
    opened(call, stream, 0)
}

fn puts<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    file::put(call, |bytes| descriptors::write_all(call.state(), 1, bytes))?;
    call.value(rquickjs::Undefined)
}

/// How many bytes were printed.
fn printf_out<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let text = printf::formatted(call)?;
    descriptors::write_all(call.state(), 1, &text);
    call.value(file::count(text.len()))
}

fn sprintf<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    file::text(call, &printf::formatted(call)?)
}
