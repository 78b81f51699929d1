//! Values of the guest as numbers and strings, for arguments and for properties of arguments.
//!
//! Nothing but a number that is written as a string is converted, so that no code of the guest runs.

use rquickjs::{Ctx, Exception, Result, Value};

use crate::sys::heap::Text;
use crate::sys::{self, inspect};

/// A value that must be a whole number in the range of an `int`. A number that is written as a string is one, as the
/// arguments of a script are strings; nothing else is converted, so that no code of the guest runs.
pub(crate) fn int<'js>(ctx: &Ctx<'js>, value: &Value<'js>, name: &str) -> Result<i32> {
    if let Some(int) = value.as_int() {
        return Ok(int);
    }
    number(value)
        .filter(|number| number.fract() == 0.0)
        .filter(|number| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(number))
        .map(|number| {
            #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
            let int = number as i32;
            int
        })
        .ok_or_else(|| Exception::throw_type(ctx, &format!("{name} must be an integer")))
}

/// A number, or a string that is one in decimal.
pub(crate) fn number(value: &Value<'_>) -> Option<f64> {
    if let Some(int) = value.as_int() {
        return Some(f64::from(int));
    }
    if let Some(float) = value.as_float() {
        return Some(float);
    }
    let text = inspect::bytes_of(value.as_string()?).ok()?;
    let text = str::from_utf8(&text).ok()?.trim();
    if text.is_empty()
        || !text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
    {
        return None;
    }
    text.parse().ok()
}

/// A value that must be a string.
pub(crate) fn string<'js>(ctx: &Ctx<'js>, value: &Value<'js>, name: &str) -> Result<Text> {
    match value.as_string() {
        Some(text) => sys::text(text),
        None => Err(Exception::throw_type(ctx, &format!("{name} must be a string"))),
    }
}

/// How much of a text of the guest's stands in a message.
const EXCERPT: usize = 4_096;

/// The beginning of a text, for a message.
pub(crate) fn excerpt(text: &str) -> &str {
    text.get(..text.floor_char_boundary(EXCERPT)).unwrap_or(text)
}
