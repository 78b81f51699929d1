//! The arguments of a call, as the formatter asks for them.

use guestnet_core::Host;
use rquickjs::{BigInt, Coerced, Error, Exception, Result, Value};

use crate::native::Call;
use crate::printf::{self, Arguments, Failure};
use crate::state::MAX_PRINTED;
use crate::sys;
use crate::sys::heap::{Bytes, Text};

/// The text that the arguments of a call make: the format, then what it prints.
///
/// # Errors
/// The exceptions of qjs for wrong formats and missing arguments; a `RangeError` for enormous fields; what the
/// conversion of an argument throws.
pub(crate) fn formatted<H: Host + 'static>(call: &Call<'_, '_, H>) -> Result<Bytes> {
    let memory = &call.state().memory;
    if call.len() == 0 {
        return Ok(Bytes::new(memory));
    }
    let format: Coerced<rquickjs::String<'_>> = call.arg(0).get()?;
    let format = sys::text(&format.0)?;
    let most = call.state().max_text().min(MAX_PRINTED);
    printf::format(memory, &format, &mut CallArguments { call, next: 1 }, most).map_err(|failure| {
        match failure {
            Failure::Conversion => {
                Exception::throw_type(call.ctx(), "invalid conversion specifier in format string")
            }
            Failure::Missing => {
                Exception::throw_reference(call.ctx(), "missing argument for conversion specifier")
            }
            Failure::TooWide => Exception::throw_range(call.ctx(), "field too wide in format string"),
            Failure::Memory(error) => error.throw(call.ctx()),
            Failure::TooLong => Exception::throw_range(call.ctx(), "the text is too long"),
            Failure::Argument(error) => error,
        }
    })
}

struct CallArguments<'c, 'a, 'js, H: Host + 'static> {
    call: &'c Call<'a, 'js, H>,
    next: usize,
}

impl<'js, H: Host + 'static> CallArguments<'_, '_, 'js, H> {
    fn take(&mut self) -> Option<Value<'js>> {
        let index = self.next;
        (index < self.call.len()).then(|| {
            self.next += 1;
            self.call.arg(index)
        })
    }
}

impl<H: Host + 'static> Arguments for CallArguments<'_, '_, '_, H> {
    type Error = Error;

    fn int32(&mut self) -> Result<Option<i32>> {
        let value = self.take().map(|value| value.get::<Coerced<i32>>());
        Ok(value.transpose()?.map(|value| value.0))
    }

    fn int64(&mut self) -> Result<Option<i64>> {
        let value = self.take().map(|value| match value.as_big_int() {
            Some(big) => BigInt::to_i64(big.clone()),
            None => value.get::<Coerced<i64>>().map(|value| value.0),
        });
        value.transpose()
    }

    fn float(&mut self) -> Result<Option<f64>> {
        let value = self.take().map(|value| value.get::<Coerced<f64>>());
        Ok(value.transpose()?.map(|value| value.0))
    }

    fn string(&mut self) -> Result<Option<Text>> {
        let value = self.take().map(|value| {
            let text: Coerced<rquickjs::String<'_>> = value.get()?;
            sys::text(&text.0)
        });
        value.transpose()
    }

    fn code_point(&mut self) -> Result<Option<u32>> {
        let Some(value) = self.take() else {
            return Ok(None);
        };
        if let Some(text) = value.as_string() {
            // An empty string prints as NUL, as C's does.
            return Ok(Some(sys::text(text)?.chars().next().map_or(0, u32::from)));
        }
        Ok(Some(value.get::<Coerced<i32>>()?.0.cast_unsigned()))
    }
}
