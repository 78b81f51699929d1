//! What `TextEncoder` and `TextDecoder` do: UTF-8 to bytes, and bytes of every encoding of the Encoding standard to text.

use std::cell::RefCell;

use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding, UTF_8};
use guestnet_core::{Errno, Host};
use rquickjs::class::{JsClass, Readable};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, Exception, Result, TypedArray, Value};

use crate::argument::excerpt;
use crate::budget::Charge;
use crate::buffer::Buffer;
use crate::native::{Call, Member};
use crate::sys::heap::{Bytes, NoMemory};
use crate::sys::opaque::Opaque;
use crate::sys::value;

/// What a decoder counts for, in bytes.
const DECODER: usize = 512;

/// How many bytes of text are made at a time.
const CHUNK: usize = 4 << 10;

pub(super) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("encode", 1, encode),
        Member::Function("encodeInto", 2, encode_into),
        Member::Function("label", 1, label),
        Member::Function("decoder", 3, decoder),
        Member::Function("decode", 3, decode),
    ]
}

/// The UTF-8 bytes of a string.
fn encode<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let text = call.string(0, "the text")?;
    TypedArray::<u8>::new_copy(call.ctx().clone(), text.as_bytes()).map(TypedArray::into_value)
}

/// Puts as many whole characters of a string as there is room for into a `Uint8Array`: how many units of the string were
/// read, and how many bytes were written.
fn encode_into<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let ctx = call.ctx();
    let text = call.string(0, "the text")?;
    let target = call.arg(1);
    let is_bytes = match target.as_object() {
        Some(object) => !target.is_proxy() && crate::sys::inspect::class_name(object)? == "Uint8Array",
        None => false,
    };
    if !is_bytes {
        return Err(Exception::throw_type(ctx, "the destination must be a Uint8Array"));
    }
    let buffer = Buffer::new(ctx, target)?;
    let mut done = 0;
    loop {
        let rest = text.get(done..).unwrap_or_default();
        // A shared buffer takes a piece at a time.
        let written = buffer.write(ctx, &call.state().getters, done, usize::MAX, |bytes| {
            let fits = rest.floor_char_boundary(bytes.len());
            let (piece, _) = rest.split_at(fits);
            if let Some(place) = bytes.get_mut(..fits) {
                place.copy_from_slice(piece.as_bytes());
            }
            Ok((fits, fits))
        });
        match written {
            Ok(0) | Err(Errno::EFAULT) => break,
            Ok(count) => done += count,
            Err(_) => return Err(NoMemory.throw(ctx)),
        }
    }
    let read = text.get(..done).unwrap_or_default().encode_utf16().count();
    value::list(ctx, &[number(ctx, read), number(ctx, done)])
}

fn number<'js>(ctx: &Ctx<'js>, count: usize) -> Value<'js> {
    #[expect(clippy::cast_precision_loss, reason = "no string has 2^53 units")]
    let number = count as f64;
    Value::new_number(ctx.clone(), number)
}

/// The name of the encoding that a label means.
fn label<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    call.value(encoding(call, 0)?.name().to_ascii_lowercase())
}

fn encoding<H: Host + 'static>(call: &Call<'_, '_, H>, index: usize) -> Result<&'static Encoding> {
    let label = call.string(index, "the encoding")?;
    Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        let message = format!("no encoding has the label '{}'", excerpt(&label));
        Exception::throw_range(call.ctx(), &message)
    })
}

/// Bytes that become text, in one call or in many.
struct TextDecoder {
    encoding: &'static Encoding,
    fatal: bool,
    ignore_bom: bool,
    /// Where a stream has come to.
    stream: RefCell<Option<Decoder>>,
    _charge: Charge,
}

type TextDecoderObject = Opaque<TextDecoder>;

impl<'js> JsClass<'js> for TextDecoderObject {
    const NAME: &'static str = "Decoder";
    type Mutable = Readable;

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

/// `decoder(label, fatal, ignoreBOM)`.
fn decoder<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let charge = call.state().memory.budget().charge(DECODER);
    let decoder = TextDecoder {
        encoding: encoding(call, 0)?,
        fatal: call.arg(1).as_bool().unwrap_or(false),
        ignore_bom: call.arg(2).as_bool().unwrap_or(false),
        stream: RefCell::new(None),
        _charge: charge.ok_or_else(|| NoMemory.throw(call.ctx()))?,
    };
    Class::instance(call.ctx().clone(), Opaque(decoder)).map(Class::into_value)
}

/// `decode(decoder, input, stream)`: the text of the bytes. A stream goes on with the next call.
fn decode<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let ctx = call.ctx();
    let this = call.arg(0);
    let Some(this) = this.as_object().and_then(Class::<TextDecoderObject>::from_object) else {
        return Err(Exception::throw_type(ctx, "a TextDecoder was expected"));
    };
    let this = this.borrow();
    let this = &this.0;
    let bytes = match call.arg(1) {
        input if input.is_undefined() => Bytes::new(&call.state().memory),
        input => match Buffer::new(ctx, input)?.to_bytes(ctx, &call.state().getters, &call.state().memory) {
            Ok(bytes) => bytes,
            // One that is detached has no bytes.
            Err(Errno::EFAULT) => Bytes::new(&call.state().memory),
            Err(_) => return Err(NoMemory.throw(ctx)),
        },
    };
    let stream = call.arg(2).as_bool().unwrap_or(false);
    let begun = this.stream.take();
    if begun.is_none() && !stream && this.encoding == UTF_8 && !bytes.starts_with(b"\xef\xbb\xbf") {
        // What most calls are.
        if let Ok(text) = str::from_utf8(&bytes) {
            return call.value(text);
        }
    }
    let mut decoder = begun.unwrap_or_else(|| {
        if this.ignore_bom {
            this.encoding.new_decoder_without_bom_handling()
        } else {
            this.encoding.new_decoder_with_bom_removal()
        }
    });
    let mut text = Bytes::new(&call.state().memory);
    let mut rest: &[u8] = &bytes;
    let mut chunk = [0; CHUNK];
    loop {
        let (more, read, written) = if this.fatal {
            let (result, read, written) =
                decoder.decode_to_utf8_without_replacement(rest, &mut chunk, !stream);
            if matches!(result, DecoderResult::Malformed(..)) {
                let message = format!("the bytes are no {}", this.encoding.name());
                return Err(Exception::throw_type(ctx, &message));
            }
            (result == DecoderResult::OutputFull, read, written)
        } else {
            let (result, read, written, _) = decoder.decode_to_utf8(rest, &mut chunk, !stream);
            (result == CoderResult::OutputFull, read, written)
        };
        text.extend(chunk.get(..written).unwrap_or_default())
            .map_err(|error| error.throw(ctx))?;
        rest = rest.get(read..).unwrap_or_default();
        if !more {
            break;
        }
    }
    if stream {
        this.stream.replace(Some(decoder));
    }
    crate::std_module::file::text(call, &text)
}
