//! The class `FILE`: the methods of what `std.open` and its like return.

use std::rc::Rc;

use guestnet_core::{Errno, Fd, Host};
use rquickjs::class::{JsClass, Readable};
use rquickjs::function::Constructor;
use rquickjs::{ArrayBuffer, Class, Coerced, Ctx, Exception, Object, Result, Value};

use crate::errno;
use crate::native::{Call, Member};
use crate::os::file::{self, Part};
use crate::os::path::{float, signed};
use crate::state::{MAX_TEXT, State, StateRef};
use crate::std_module::printf;
use crate::std_module::stream::{Stream, Streams};
use crate::sys::heap::{Bytes, NoMemory, Text};
use crate::sys::inspect;
use crate::sys::opaque::Opaque;

/// A `FILE` object.
pub(crate) struct File {
    stream: Rc<Stream>,
    all: Rc<Streams>,
}

impl Drop for File {
    fn drop(&mut self) {
        self.all.lose(Rc::clone(&self.stream));
    }
}

/// As the engine keeps it.
type FileObject = Opaque<File>;

impl<'js> JsClass<'js> for FileObject {
    const NAME: &'static str = "FILE";
    type Mutable = Readable;

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

/// Fills the prototype.
pub(crate) fn install<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>) -> Result<()> {
    if let Some(prototype) = Class::<FileObject>::prototype(ctx)? {
        for method in methods::<H>() {
            prototype.set(method.name(), method.make(ctx, state)?)?;
        }
    }
    Ok(())
}

fn methods<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("close", 0, close),
        Member::Function("puts", 1, puts),
        Member::Function("printf", 1, print_formatted),
        Member::Function("flush", 0, flush),
        Member::Function("tell", 0, tell),
        Member::Function("tello", 0, tello),
        Member::Function("seek", 2, seek),
        Member::Function("seeko", 2, seek),
        Member::Function("eof", 0, eof),
        Member::Function("fileno", 0, fileno),
        Member::Function("error", 0, error),
        Member::Function("clearerr", 0, clearerr),
        Member::Function("read", 3, read),
        Member::Function("write", 3, write),
        Member::Function("getline", 0, getline),
        Member::Function("readAsString", 0, read_as_string),
        Member::Function("readAsArrayBuffer", 0, read_as_array_buffer),
        Member::Function("getByte", 0, get_byte),
        Member::Function("putByte", 1, put_byte),
    ]
}

/// A new `FILE` object.
pub(crate) fn make<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &State<H>,
    stream: Stream,
) -> Result<Value<'js>> {
    let stream = Rc::new(stream);
    state.streams.add(&stream);
    let file = File {
        stream,
        all: Rc::clone(&state.streams),
    };
    Class::instance(ctx.clone(), Opaque(file)).map(Class::into_value)
}

/// The stream that a method was called on.
fn this<H: Host + 'static>(call: &Call<'_, '_, H>) -> Result<Rc<Stream>> {
    let this = call.this();
    let file = this.as_object().and_then(Class::<FileObject>::from_object);
    let stream = file.map(|file| Rc::clone(&file.borrow().0.stream));
    match stream {
        None => Err(Exception::throw_type(call.ctx(), "FILE object expected")),
        Some(stream) if stream.fd().is_none() => {
            Err(Exception::throw_type(call.ctx(), "invalid file handle"))
        }
        Some(stream) => Ok(stream),
    }
}

/// Whether a value is a `FILE` object.
pub(crate) fn is_file(object: &Object<'_>) -> bool {
    Class::<FileObject>::from_object(object).is_some()
}

fn status<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    done: guestnet_core::Result<()>,
) -> Result<Value<'js>> {
    call.value(done.map_or_else(|errno| -errno::number(errno), |()| 0))
}

fn close<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let stream = this(call)?;
    if stream.is_standard() {
        return Err(Exception::throw_type(call.ctx(), "cannot close stdio"));
    }
    let closed = stream.close(call.state());
    status(call, closed)
}

/// Writes the arguments of a call as strings. The stream keeps an error, for `error()`.
pub(crate) fn put<H: Host + 'static>(call: &Call<'_, '_, H>, mut write: impl FnMut(&[u8])) -> Result<()> {
    for index in 0..call.len() {
        let text: Coerced<rquickjs::String<'_>> = call.arg(index).get()?;
        write(&inspect::bytes_of(&text.0)?);
    }
    Ok(())
}

fn puts<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let stream = this(call)?;
    put(call, |bytes| {
        // The stream remembers that it failed.
        let _ = stream.write(call.state(), bytes);
    })?;
    call.value(rquickjs::Undefined)
}

fn print_formatted<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let stream = this(call)?;
    let text = printf::formatted(call)?;
    let written = stream.write(call.state(), &text).map_or(0, |()| text.len());
    call.value(count(written))
}

/// A count of bytes as a number.
pub(crate) fn count(bytes: usize) -> f64 {
    float(u64::try_from(bytes).unwrap_or(u64::MAX))
}

fn flush<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    // The stream remembers that it failed.
    let _ = this(call)?.flush(call.state());
    call.value(rquickjs::Undefined)
}

/// -1 where there is no such place, as in C.
fn tell<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let place = this(call)?.tell(call.state());
    call.value(signed(place.unwrap_or(-1)))
}

fn tello<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let place = this(call)?.tell(call.state());
    Value::new_big_int(call.ctx().clone(), place.unwrap_or(-1))
}

fn seek<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let stream = this(call)?;
    let offset = file::offset(call, &call.arg(0))?;
    let whence = call.int_or(1, "the whence", 0)?;
    let done = stream.seek(call.state(), offset, whence);
    status(call, done)
}

fn eof<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    call.value(this(call)?.at_end())
}

fn fileno<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let fd: Option<Fd> = this(call)?.fd();
    call.value(fd.map_or(-1.0, f64::from))
}

fn error<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    call.value(this(call)?.has_failed())
}

fn clearerr<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    this(call)?.clear();
    call.value(rquickjs::Undefined)
}

fn read<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let stream = this(call)?;
    let part = file::clamped_part(call, 0)?;
    // Checked before anything is taken from the stream.
    part.must_be_writable(call)?;
    let Part { buffer, offset, len } = part;
    let bytes = read_of(call, &stream, len.min(MAX_TEXT))?;
    let bytes = bytes.as_deref().unwrap_or_default();
    let mut done = 0;
    // A shared buffer takes it in pieces.
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        let (ctx, getters) = (call.ctx(), &call.state().getters);
        let copied = buffer.write(ctx, getters, offset + done, rest.len(), |space| {
            let piece = rest.get(..space.len()).unwrap_or(rest);
            if let Some(space) = space.get_mut(..piece.len()) {
                space.copy_from_slice(piece);
            }
            Ok((piece.len(), piece.len()))
        });
        match copied {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(_) => return Err(file::detached(call)),
        }
    }
    call.value(count(done))
}

fn write<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let stream = this(call)?;
    if let Some(text) = call.arg(0).as_string() {
        return write_text(call, &stream, text);
    }
    let Part { buffer, offset, len } = file::clamped_part(call, 0)?;
    let mut done = 0;
    while done < len {
        let (ctx, getters) = (call.ctx(), &call.state().getters);
        let written = buffer.read(ctx, getters, offset + done, len - done, |bytes| {
            stream.write(call.state(), bytes).map(|()| bytes.len())
        });
        match written {
            Ok(0) | Err(_) => break,
            Ok(bytes) => done += bytes,
        }
    }
    call.value(count(done))
}

/// Writes a string, or a part of its UTF-8 bytes.
fn write_text<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    stream: &Stream,
    text: &rquickjs::String<'js>,
) -> Result<Value<'js>> {
    let bytes = inspect::bytes_of(text)?;
    let (offset, len) = file::clamped_range(call, 1, bytes.len())?;
    let bytes = bytes.get(offset..offset + len).unwrap_or_default();
    let written = stream.write(call.state(), bytes).map_or(0, |()| bytes.len());
    call.value(count(written))
}

/// A line without its end; `null` when there is no more.
fn getline<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let line = match this(call)?.line(call.state(), MAX_TEXT) {
        Ok(line) if !line.is_empty() => line,
        Err(Errno::EFBIG) => {
            return Err(Exception::throw_range(call.ctx(), "the line is too long"));
        }
        Err(Errno::ENOMEM) => return Err(NoMemory.throw(call.ctx())),
        Ok(_) | Err(_) => return call.value(rquickjs::Null),
    };
    text(call, line.strip_suffix(b"\n").unwrap_or(&line))
}

/// Bytes as a string; what is no UTF-8 is replaced.
pub(crate) fn text<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, bytes: &[u8]) -> Result<Value<'js>> {
    let text = Text::lossy(&call.state().memory, bytes).map_err(|error| error.throw(call.ctx()))?;
    rquickjs::String::from_str(call.ctx().clone(), &text).map(rquickjs::String::into_value)
}

fn read_as_string<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let bytes = read_rest(call)?;
    text(call, bytes.as_deref().unwrap_or_default())
}

fn read_as_array_buffer<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let bytes = read_rest(call)?;
    let bytes = bytes.as_deref().unwrap_or_default();
    ArrayBuffer::new_copy(call.ctx().clone(), bytes).map(ArrayBuffer::into_value)
}

/// The rest of a stream, or at most so many bytes of it as the first argument says.
fn read_rest<H: Host + 'static>(call: &Call<'_, '_, H>) -> Result<Option<Bytes>> {
    let stream = this(call)?;
    let most = match call.arg(0) {
        most if most.is_undefined() => MAX_TEXT,
        most => usize::try_from(file::offset(call, &most)?)
            .map_err(|_| Exception::throw_range(call.ctx(), "the size must not be negative"))?,
    };
    let bytes = read_of(call, &stream, most.min(MAX_TEXT))?;
    if bytes.as_ref().is_some_and(|bytes| bytes.len() == MAX_TEXT) && most >= MAX_TEXT {
        return Err(Exception::throw_range(call.ctx(), "the file is too long"));
    }
    Ok(bytes)
}

/// What can be read of a stream; the stream remembers why there is no more.
fn read_of<H: Host + 'static>(call: &Call<'_, '_, H>, stream: &Stream, most: usize) -> Result<Option<Bytes>> {
    match stream.read(call.state(), most) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(Errno::ENOMEM) => Err(NoMemory.throw(call.ctx())),
        Err(_) => Ok(None),
    }
}

/// -1 when there is no more.
fn get_byte<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let stream = this(call)?;
    let bytes = read_of(call, &stream, 1)?;
    let bytes = bytes.as_deref().unwrap_or_default();
    call.value(bytes.first().map_or(-1, |byte| i32::from(*byte)))
}

fn put_byte<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let stream = this(call)?;
    let byte = call.int(0, "the byte")?.to_le_bytes()[0];
    let done = stream.write(call.state(), &[byte]);
    call.value(done.map_or(-1, |()| i32::from(byte)))
}
