//! The module `guestnet:text`: strings to UTF-8 and back, which the engine itself has no functions for.

use std::marker::PhantomData;

use guestnet_core::Host;
use rquickjs::module::{Declarations, Exports, ModuleDef};
use rquickjs::{Ctx, Result, TypedArray, Value};

use crate::buffer::Buffer;
use crate::native::{Call, Member, declare, export};
use crate::os::file;
use crate::std_module::file::text;

/// `guestnet:text`, for the loader.
pub(crate) struct TextModule<H>(PhantomData<H>);

fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("encode", 1, encode),
        Member::Function("decode", 1, decode),
    ]
}

impl<H: Host + 'static> ModuleDef for TextModule<H> {
    fn declare<'js>(decl: &Declarations<'js>) -> Result<()> {
        declare(decl, &members::<H>())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        export(ctx, exports, &members::<H>())
    }
}

/// The UTF-8 bytes of a string, as a `Uint8Array`.
fn encode<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let text = call.string(0, "the text")?;
    TypedArray::<u8>::new_copy(call.ctx().clone(), text.as_bytes()).map(TypedArray::into_value)
}

/// The string that the bytes of a buffer are; what is no UTF-8 is replaced by U+FFFD.
fn decode<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let bytes = Buffer::new(call.ctx(), call.arg(0))?
        .to_bytes(call.ctx(), &call.state().getters, &call.state().memory)
        .map_err(|errno| file::no_bytes(call, errno))?;
    text(call, &bytes)
}
