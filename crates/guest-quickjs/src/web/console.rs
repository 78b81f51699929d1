//! `console`: messages on standard output and standard error, with the format directives of the Console standard.
//!
//! As `print`, it runs no code of the script, but for `%j`. Not here: the text of a value (`../print.rs`).

use std::time::Duration;

use guestnet_core::Host;
use rquickjs::{Ctx, Exception, IntoJs, Object, Result, Value};

use crate::budget::Charge;
use crate::native::{Call, NativeFn, function};
use crate::os::file;
use crate::print::text_of;
use crate::state::{MAX_PRINTED, StateRef};
use crate::sys::heap::{Bytes, NoMemory};
use crate::sys::inspect;

/// How many labels `count` and `time` know at a time.
const MAX_LABELS: usize = 1 << 10;

/// What a label counts for in addition to its text, in bytes.
const LABEL: usize = 128;

/// How deep groups are indented at most.
const MAX_GROUPS: usize = 64;

/// The global.
///
/// # Errors
/// No memory.
pub(super) fn make<'js, H: Host + 'static>(ctx: &Ctx<'js>, state: &StateRef<H>) -> Result<Value<'js>> {
    let console = Object::new(ctx.clone())?;
    let members: [(&str, NativeFn<H>); 19] = [
        ("log", out),
        ("info", out),
        ("debug", out),
        ("dirxml", out),
        ("table", out),
        ("error", err),
        ("warn", err),
        ("trace", trace),
        ("dir", dir),
        ("assert", assert),
        ("group", group),
        ("groupCollapsed", group),
        ("groupEnd", group_end),
        ("count", count),
        ("countReset", count_reset),
        ("time", time),
        ("timeLog", time_log),
        ("timeEnd", time_end),
        ("clear", clear),
    ];
    for (name, native) in members {
        console.set(name, function(ctx, state, name, 0, native)?)?;
    }
    console.into_js(ctx)
}

fn out<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let mut message = Message::new(call);
    message.format(0)?;
    message.write(1)
}

fn err<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let mut message = Message::new(call);
    message.format(0)?;
    message.write(2)
}

/// With where it was called.
fn trace<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let mut message = Message::new(call);
    message.push(b"Trace")?;
    if call.len() > 0 {
        message.push(b": ")?;
        message.format(0)?;
    }
    let stack = Exception::from_message(call.ctx().clone(), "")?.stack();
    if let Some(stack) = stack {
        message.push(b"\n")?;
        message.push(stack.trim_end().as_bytes())?;
    }
    message.write(2)
}

/// The first argument, a string in quotation marks too. Its options are not looked at.
fn dir<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let mut message = Message::new(call);
    message.push(&text_of(call.ctx(), &call.arg(0))?)?;
    message.write(1)
}

fn assert<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    if truthy(&call.arg(0)) {
        return call.value(rquickjs::Undefined);
    }
    let mut message = Message::new(call);
    message.push(b"Assertion failed")?;
    if call.len() > 1 {
        message.push(if call.arg(1).is_string() { b": " } else { b" " })?;
        message.format(1)?;
    }
    message.write(2)
}

fn truthy(value: &Value<'_>) -> bool {
    if let Some(text) = value.as_string() {
        return inspect::bytes_of(text).is_ok_and(|text| !text.is_empty());
    }
    // Of what is no string, this calls nothing.
    !(value.is_undefined() || value.is_null())
        && value.as_bool() != Some(false)
        && value
            .as_number()
            .is_none_or(|number| number != 0.0 && !number.is_nan())
        && !(value.is_big_int() && text_of(value.ctx(), value).is_ok_and(|text| *text == *b"0n"))
}

fn group<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    if call.len() > 0 {
        out(call)?;
    }
    let groups = &call.state().console.groups;
    groups.set(groups.get().saturating_add(1));
    call.value(rquickjs::Undefined)
}

fn group_end<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let groups = &call.state().console.groups;
    groups.set(groups.get().saturating_sub(1));
    call.value(rquickjs::Undefined)
}

fn count<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let label = label(call)?;
    let charge = admit(call, &label, call.state().console.counts.borrow().len())?;
    let count = {
        let mut counts = call.state().console.counts.borrow_mut();
        let entry = counts.entry(label.clone()).or_insert((0, charge));
        entry.0 += 1;
        entry.0
    };
    line(call, 1, &format!("{label}: {count}"))
}

fn count_reset<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let label = label(call)?;
    let old = call.state().console.counts.borrow_mut().remove(&label);
    match old {
        Some(_) => call.value(rquickjs::Undefined),
        None => line(call, 2, &format!("there is no count '{label}'")),
    }
}

fn time<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let label = label(call)?;
    let known = call.state().console.times.borrow().contains_key(&label);
    if known {
        return line(call, 2, &format!("there is a timer '{label}' already"));
    }
    let charge = admit(call, &label, call.state().console.times.borrow().len())?;
    let now = call.state().now();
    call.state()
        .console
        .times
        .borrow_mut()
        .insert(label, (now, charge));
    call.value(rquickjs::Undefined)
}

fn time_log<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let label = label(call)?;
    let begun = call
        .state()
        .console
        .times
        .borrow()
        .get(&label)
        .map(|(begun, _)| *begun);
    let Some(begun) = begun else {
        return line(call, 2, &format!("there is no timer '{label}'"));
    };
    let mut message = Message::new(call);
    message.push(elapsed(call, &label, begun).as_bytes())?;
    if call.len() > 1 {
        message.push(b" ")?;
        message.plain(1)?;
    }
    message.write(1)
}

fn time_end<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let label = label(call)?;
    let timer = call.state().console.times.borrow_mut().remove(&label);
    match timer {
        Some((begun, _)) => line(call, 1, &elapsed(call, &label, begun)),
        None => line(call, 2, &format!("there is no timer '{label}'")),
    }
}

/// A terminal is the owner's: a script that wants to clear it writes to it.
fn clear<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    call.value(rquickjs::Undefined)
}

fn elapsed<H: Host + 'static>(call: &Call<'_, '_, H>, label: &str, begun: Duration) -> String {
    let time = call.state().now().saturating_sub(begun);
    format!("{label}: {:.3}ms", time.as_secs_f64() * 1_000.0)
}

/// The label of a count or timer.
fn label<H: Host + 'static>(call: &Call<'_, '_, H>) -> Result<String> {
    let label = call.arg(0);
    if label.is_undefined() {
        return Ok("default".to_owned());
    }
    let text = text_or_value(call.ctx(), &label)?;
    Ok(crate::argument::excerpt(&String::from_utf8_lossy(&text)).to_owned())
}

/// What one more label is paid with.
fn admit<H: Host + 'static>(call: &Call<'_, '_, H>, label: &str, known: usize) -> Result<Charge> {
    if known >= MAX_LABELS {
        return Err(Exception::throw_range(call.ctx(), "too many labels"));
    }
    let charge = call.state().memory.budget().charge(label.len() + LABEL);
    charge.ok_or_else(|| NoMemory.throw(call.ctx()))
}

fn line<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, fd: u32, text: &str) -> Result<Value<'js>> {
    let mut message = Message::new(call);
    message.push(text.as_bytes())?;
    message.write(fd)
}

/// A string as it is, and every other value as `print` shows it.
fn text_or_value<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Bytes> {
    match value.as_string() {
        Some(text) => {
            let mut bytes = Bytes::new(&crate::sys::heap::Memory::of(ctx)?);
            bytes
                .extend(&inspect::bytes_of(text)?)
                .map_err(|error| error.throw(ctx))?;
            Ok(bytes)
        }
        None => text_of(ctx, value),
    }
}

/// A text that is being put together.
struct Message<'a, 'c, 'js, H: Host + 'static> {
    call: &'a Call<'c, 'js, H>,
    text: Bytes,
    most: usize,
}

impl<'a, 'c, 'js, H: Host + 'static> Message<'a, 'c, 'js, H> {
    fn new(call: &'a Call<'c, 'js, H>) -> Self {
        Message {
            call,
            text: Bytes::new(&call.state().memory),
            most: call.state().max_text().min(MAX_PRINTED),
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let ctx = self.call.ctx();
        if self.text.len().saturating_add(bytes.len()) > self.most {
            return Err(Exception::throw_range(ctx, "the text is too long"));
        }
        self.text.extend(bytes).map_err(|error| error.throw(ctx))
    }

    /// The arguments from one on: the first as a format, if it is a string and others follow.
    fn format(&mut self, first: usize) -> Result<()> {
        let format = self.call.arg(first);
        let Some(format) = format.as_string().filter(|_| self.call.len() > first + 1) else {
            return self.plain(first);
        };
        let format = inspect::bytes_of(format)?;
        let mut next = first + 1;
        let mut rest: &[u8] = &format;
        while let Some(at) = rest.iter().position(|&byte| byte == b'%') {
            let (text, directive) = rest.split_at(at);
            self.push(text)?;
            let letter = directive.get(1).copied();
            rest = directive.get(2..).unwrap_or_default();
            match letter {
                Some(b'%') => self.push(b"%")?,
                Some(letter @ (b's' | b'd' | b'i' | b'f' | b'j' | b'o' | b'O' | b'c'))
                    if next < self.call.len() =>
                {
                    let value = self.call.arg(next);
                    next += 1;
                    self.directive(letter, &value)?;
                }
                Some(_) => {
                    self.push(b"%")?;
                    // What follows may be a directive of its own, or a letter of more than one byte.
                    rest = directive.get(1..).unwrap_or_default();
                    if let Some((letter, after)) = rest.split_first()
                        && *letter != b'%'
                    {
                        self.push(&[*letter])?;
                        rest = after;
                    }
                }
                None => self.push(b"%")?,
            }
        }
        self.push(rest)?;
        if next < self.call.len() {
            self.push(b" ")?;
            self.plain(next)?;
        }
        Ok(())
    }

    fn directive(&mut self, letter: u8, value: &Value<'js>) -> Result<()> {
        let ctx = self.call.ctx();
        match letter {
            b's' => self.push(&text_or_value(ctx, value)?),
            b'd' | b'i' if value.is_big_int() => {
                let digits = text_of(ctx, value)?;
                self.push(digits.strip_suffix(b"n").unwrap_or(&digits))
            }
            b'd' | b'i' => {
                let number = number(value, true)?.trunc();
                self.push(&text_of(ctx, &Value::new_number(ctx.clone(), number + 0.0))?)
            }
            b'f' => {
                let number = number(value, false)?;
                self.push(&text_of(ctx, &Value::new_number(ctx.clone(), number))?)
            }
            b'j' => match ctx.json_stringify(value.clone()) {
                Ok(Some(json)) => self.push(&inspect::bytes_of(&json)?),
                Ok(None) => self.push(b"undefined"),
                Err(rquickjs::Error::Exception) if !self.call.state().is_unwinding() => {
                    // Such as an object that is in itself.
                    ctx.catch();
                    self.push(&text_of(ctx, value)?)
                }
                Err(error) => Err(error),
            },
            // Styles are not for terminals.
            b'c' => Ok(()),
            _ => self.push(&text_of(ctx, value)?),
        }
    }

    /// The arguments from one on, with a space between.
    fn plain(&mut self, first: usize) -> Result<()> {
        for index in first..self.call.len() {
            if index > first {
                self.push(b" ")?;
            }
            self.push(&text_or_value(self.call.ctx(), &self.call.arg(index))?)?;
        }
        Ok(())
    }

    /// Writes it, as deep as the groups are.
    fn write(mut self, fd: u32) -> Result<Value<'js>> {
        let call = self.call;
        let groups = call.state().console.groups.get().min(MAX_GROUPS);
        if groups > 0 {
            let text = std::mem::replace(&mut self.text, Bytes::new(&call.state().memory));
            for (place, line) in text.split(|&byte| byte == b'\n').enumerate() {
                if place > 0 {
                    self.push(b"\n")?;
                }
                for _ in 0..groups {
                    self.push(b"  ")?;
                }
                self.push(line)?;
            }
        }
        self.text.extend(b"\n").map_err(|error| error.throw(call.ctx()))?;
        file::write_all(call.state(), fd, &self.text);
        call.value(rquickjs::Undefined)
    }
}

/// What a value is as a number: of a string the digits that it begins with, `NaN` of what is neither.
fn number(value: &Value<'_>, whole: bool) -> Result<f64> {
    if let Some(number) = value.as_number() {
        return Ok(number);
    }
    let Some(text) = value.as_string() else {
        return Ok(f64::NAN);
    };
    let text = inspect::bytes_of(text)?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim_start();
    // The longest beginning that is one.
    let end = text
        .find(|letter: char| {
            !(letter.is_ascii_digit() || "+-".contains(letter) || !whole && ".eE".contains(letter))
        })
        .unwrap_or(text.len())
        .min(MAX_DIGITS);
    let digits = text.get(..end).unwrap_or_default();
    Ok((1..=digits.len())
        .rev()
        .find_map(|end| digits.get(..end)?.parse().ok())
        .unwrap_or(f64::NAN))
}

/// How many characters of a string are looked at for a number.
const MAX_DIGITS: usize = 400;
