//! `print`, and the text of any value as qjs prints it.
//!
//! Printing runs no code of the guest: getters, `toString`, proxies and changed prototypes are not called, and what
//! of the engine's own functions is needed was kept before the script began ([`Intrinsics`]).
//!
//! Two things differ from qjs: keys come in the language's order (indices first, symbols last), and private fields are
//! not shown.

use guestnet_core::Host;
use rquickjs::function::This;
use rquickjs::{Coerced, Ctx, Exception, Object, Result, Value};

use crate::native::{Call, function};
use crate::os::file;
use crate::os::worker::is_worker;
use crate::state::{MAX_PRINTED, StateRef};
use crate::std_module::file::is_file;
use crate::sys::heap::{Bytes, Memory, NoMemory};
use crate::sys::inspect::{self, Property, TextBytes};
use crate::sys::intrinsics::{Collection, Intrinsics};

/// How deep objects are printed: deeper ones leave their class.
const MAX_DEPTH: usize = 2;

/// How many items of one object are printed.
const MAX_ITEMS: usize = 100;

/// How many UTF-16 units of a string inside an object are printed.
const MAX_STRING: usize = 1_000;

/// How many prototypes are looked through for the name of an error.
const MAX_PROTOTYPES: usize = 100;

/// Adds the global `print`.
pub(crate) fn install<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>) -> Result<()> {
    let intrinsics = Intrinsics::keep(ctx)?;
    ctx.store_userdata(intrinsics)?;
    let globals = ctx.globals();
    globals.set("print", function(ctx, state, "print", 1, print)?)
}

/// `print(...)`: the arguments with a space between, strings as they are.
fn print<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let most = call.state().max_text().min(MAX_PRINTED);
    let mut line = Bytes::new(&call.state().memory);
    let mut add = |bytes: &[u8]| {
        if line.len().saturating_add(bytes.len()) > most {
            return Err(Exception::throw_range(call.ctx(), "the text is too long"));
        }
        line.extend(bytes).map_err(|error| error.throw(call.ctx()))
    };
    for index in 0..call.len() {
        if index > 0 {
            add(b" ")?;
        }
        let value = call.arg(index);
        match value.as_string() {
            Some(text) => add(&inspect::bytes_of(text)?)?,
            None => add(&text_of(call.ctx(), &value)?)?,
        }
    }
    add(b"\n")?;
    file::write_all(call.state(), 1, &line);
    call.value(rquickjs::Undefined)
}

/// A value's text: strings in quotation marks, objects with what is in them.
///
/// # Errors
/// An exception of the engine, such as no memory.
pub(crate) fn text_of<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Bytes> {
    let mut printer = Printer {
        ctx,
        out: Bytes::new(&Memory::of(ctx)?),
        whole: Ok(()),
        stack: Vec::new(),
    };
    printer.value(value)?;
    printer.whole.map_err(|error| error.throw(ctx))?;
    Ok(printer.out)
}

/// What stands between two items.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comma {
    /// Nothing: the first item follows the bracket.
    First,
    /// A comma.
    Next,
    /// There is no bracket yet; the first item opens one.
    Open,
}

struct Printer<'a, 'js> {
    ctx: &'a Ctx<'js>,
    out: Bytes,
    /// Whether there was memory for all of it.
    whole: std::result::Result<(), NoMemory>,
    /// The objects that are being printed, outermost first.
    stack: Vec<Object<'js>>,
}

impl<'js> Printer<'_, 'js> {
    fn push(&mut self, text: impl AsRef<[u8]>) {
        self.whole = self.whole.and_then(|()| self.out.extend(text.as_ref()));
    }

    fn value(&mut self, value: &Value<'js>) -> Result<()> {
        if let Some(text) = value.as_string() {
            self.quoted(&inspect::bytes_of(text)?);
        } else if let Some(symbol) = value.as_symbol() {
            self.push("Symbol(");
            let name = inspect::bytes_of(&symbol.as_atom().to_js_string()?)?;
            self.name(&name);
            self.push(")");
        } else if let Some(object) = value.as_object() {
            self.level(object)?;
        } else if value
            .as_float()
            .is_some_and(|float| float == 0.0 && float.is_sign_negative())
        {
            self.push("-0");
        } else {
            // A primitive, whose conversion calls nothing.
            let text: Coerced<rquickjs::String<'js>> = value.get()?;
            self.push(inspect::bytes_of(&text)?);
            if value.is_big_int() {
                self.push("n");
            }
        }
        Ok(())
    }

    fn level(&mut self, object: &Object<'js>) -> Result<()> {
        if let Some(index) = self.stack.iter().position(|outer| outer == object) {
            self.push(format!("[circular {index}]"));
            return Ok(());
        }
        if self.stack.len() >= MAX_DEPTH {
            let class = class_of(object)?;
            self.push("[");
            self.name(class.as_bytes());
            self.push("]");
            return Ok(());
        }
        self.stack.push(object.clone());
        let done = self.object(object);
        self.stack.pop();
        done
    }

    fn object(&mut self, object: &Object<'js>) -> Result<()> {
        if object.as_value().is_proxy() {
            self.push("Object {  }");
            return Ok(());
        }
        if object.is_array() {
            return self.array(object);
        }
        let intrinsics = self.ctx.userdata::<Intrinsics<'js>>();
        let Some(intrinsics) = intrinsics.as_deref() else {
            return Err(rquickjs::Error::Unknown);
        };
        let class = class_of(object)?;
        if inspect::is_typed_array(object) {
            // Not what the engine's C interface says: of an array that follows a resizable buffer it is out of date.
            let count: f64 = intrinsics.array_length.call((This(object.clone()),))?;
            return self.typed_array(object, &class, crate::buffer::count(count));
        }
        let mut comma = Comma::Open;
        if object.is_function() {
            self.push("[Function ");
            match inspect::own_data(self.ctx, object, "name")?
                .as_ref()
                .and_then(Value::as_string)
            {
                Some(name) if !name_is_empty(name)? => self.push(inspect::bytes_of(name)?),
                _ => self.push("(anonymous)"),
            }
            self.push("]");
        } else if inspect::is_map(object) {
            comma = self.collection(object, &intrinsics.map, &class, true)?;
        } else if inspect::is_set(object) {
            comma = self.collection(object, &intrinsics.set, &class, false)?;
        } else if inspect::is_regexp(object) {
            self.regexp(object, intrinsics)?;
        } else if let Some(text) = iso_date(self.ctx, object, intrinsics)? {
            self.push(text);
        } else if object.is_error() {
            self.error(object, intrinsics)?;
        } else {
            if class != "Object" {
                self.name(class.as_bytes());
                self.push(" ");
            }
            self.push("{ ");
            comma = Comma::First;
        }
        let mut keys = inspect::own_keys(object)?;
        match class.as_str() {
            // The indices of these belong to what they stand for.
            "String" | "Arguments" => keys.retain(|key| index(key).is_none()),
            // It has been printed.
            "Error" => keys.retain(|key| !is_string(key, b"stack")),
            _ => {}
        }
        self.properties(object, &keys, &mut comma)?;
        if comma != Comma::Open {
            self.push(" }");
        }
        Ok(())
    }

    fn array(&mut self, object: &Object<'js>) -> Result<()> {
        let length = inspect::own_data(self.ctx, object, "length")?.and_then(|length| length.as_number());
        let keys = inspect::own_keys(object)?;
        let items = keys
            .iter()
            .zip(0_u32..)
            .take_while(|(key, place)| index(key) == Some(*place));
        let dense = items.count();
        let mut plain = keys.get(dense).is_none_or(|key| index(key).is_none());
        let mut values = Vec::new();
        for key in keys.iter().take(dense.min(MAX_ITEMS)) {
            match inspect::own_property(self.ctx, object, key)? {
                Some(Property::Data(value)) => values.push(value),
                Some(Property::Accessor { .. }) | None => plain = false,
            }
        }
        let mut comma = Comma::First;
        self.push("[ ");
        if plain {
            for value in &values {
                self.comma(&mut comma);
                self.value(value)?;
            }
            self.more(&mut comma, dense - values.len());
            let empty = length.unwrap_or(0.0) - f64::from(u32::try_from(dense).unwrap_or(u32::MAX));
            if empty > 0.0 {
                self.comma(&mut comma);
                self.push(format!(
                    "<{empty} empty item{}>",
                    if empty > 1.0 { "s" } else { "" }
                ));
            }
        }
        let rest = if plain {
            keys.get(dense..).unwrap_or_default()
        } else {
            &keys
        };
        self.properties(object, rest, &mut comma)?;
        self.push(" ]");
        Ok(())
    }

    fn typed_array(&mut self, object: &Object<'js>, class: &str, count: usize) -> Result<()> {
        self.push(format!("{class}({count}) [ "));
        let mut comma = Comma::First;
        let shown = count.min(MAX_ITEMS);
        for place in (0_u32..).take(shown) {
            self.comma(&mut comma);
            let item: Value<'js> = object.get(place)?;
            self.value(&item)?;
            if item.is_big_int() {
                // The class has said it.
                self.out.pop();
            }
        }
        self.more(&mut comma, count - shown);
        self.push(" ]");
        Ok(())
    }

    fn collection(
        &mut self,
        object: &Object<'js>,
        functions: &Collection<'js>,
        class: &str,
        pairs: bool,
    ) -> Result<Comma> {
        let size: usize = functions.size.call((This(object.clone()),))?;
        self.push(format!("{class}({size}) {{ "));
        let mut comma = Comma::First;
        let entries: Object<'js> = functions.entries.call((This(object.clone()),))?;
        let shown = size.min(MAX_ITEMS);
        for _ in 0..shown {
            let step: Object<'js> = functions.next.call((This(entries.clone()),))?;
            let Some(pair) = inspect::own_data(self.ctx, &step, "value")?.and_then(Value::into_array) else {
                break;
            };
            self.comma(&mut comma);
            self.value(&pair.get(0)?)?;
            if pairs {
                self.push(" => ");
                self.value(&pair.get(1)?)?;
            }
        }
        self.more(&mut comma, size - shown);
        Ok(comma)
    }

    fn regexp(&mut self, object: &Object<'js>, intrinsics: &Intrinsics<'js>) -> Result<()> {
        let source: rquickjs::String<'js> = intrinsics.source.call((This(object.clone()),))?;
        self.push("/");
        self.push(inspect::bytes_of(&source)?);
        self.push("/");
        for (letter, getter) in &intrinsics.flags {
            if getter.call::<_, bool>((This(object.clone()),))? {
                self.push(letter);
            }
        }
        Ok(())
    }

    /// Name, message and stack, each only if it is a string.
    fn error(&mut self, object: &Object<'js>, intrinsics: &Intrinsics<'js>) -> Result<()> {
        match inherited_string(self.ctx, object, "name")? {
            Some(name) => self.push(name),
            None => self.push("Error"),
        }
        if let Some(message) = inherited_string(self.ctx, object, "message")?.filter(|text| !text.is_empty())
        {
            self.push(": ");
            self.push(message);
        }
        if let Some(stack) = stack(self.ctx, object, intrinsics)? {
            self.push("\n");
            self.push(stack.strip_suffix(b"\n").unwrap_or(&stack));
        }
        Ok(())
    }

    fn properties(&mut self, object: &Object<'js>, keys: &[Value<'js>], comma: &mut Comma) -> Result<()> {
        for key in keys.iter().take(MAX_ITEMS) {
            let Some(property) = inspect::own_property(self.ctx, object, key)? else {
                continue;
            };
            self.comma(comma);
            let name = match key.as_symbol() {
                Some(symbol) => inspect::bytes_of(&symbol.as_atom().to_js_string()?)?,
                None => inspect::bytes_of(&key.get::<Coerced<rquickjs::String<'js>>>()?.0)?,
            };
            if index(key).is_some() {
                self.push(&name);
            } else {
                self.name(&name);
            }
            self.push(": ");
            match property {
                Property::Data(value) => self.value(&value)?,
                Property::Accessor {
                    getter: true,
                    setter: true,
                } => self.push("[Getter/Setter]"),
                Property::Accessor { setter: true, .. } => self.push("[Setter]"),
                Property::Accessor { .. } => self.push("[Getter]"),
            }
        }
        self.more(comma, keys.len().saturating_sub(MAX_ITEMS));
        Ok(())
    }

    fn comma(&mut self, comma: &mut Comma) {
        match comma {
            Comma::First => {}
            Comma::Next => self.push(", "),
            Comma::Open => self.push(" { "),
        }
        *comma = Comma::Next;
    }

    fn more(&mut self, comma: &mut Comma, count: usize) {
        if count > 0 {
            self.comma(comma);
            self.push(format!(
                "... {count} more item{}",
                if count > 1 { "s" } else { "" }
            ));
        }
    }

    /// A name as it is if it needs no quotation marks.
    fn name(&mut self, name: &[u8]) {
        let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'$';
        let plain = name.first().is_some_and(|&first| letter(first))
            && name.iter().all(|&byte| letter(byte) || byte.is_ascii_digit());
        if plain {
            self.push(name);
        } else {
            self.quoted(name);
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        self.push("\"");
        let mut rest = text;
        let mut units = 0;
        while !rest.is_empty() {
            let (code, length) = decode(rest);
            let (character, after) = rest.split_at(length.min(rest.len()));
            rest = after;
            units += if code > 0xffff { 2 } else { 1 };
            if units > MAX_STRING {
                continue;
            }
            match code {
                0x09 => self.push("\\t"),
                0x0d => self.push("\\r"),
                0x0a => self.push("\\n"),
                0x08 => self.push("\\b"),
                0x0c => self.push("\\f"),
                0x5c => self.push("\\\\"),
                0x22 => self.push("\\\""),
                0..=0x1f | 0x7f..=0x9f | 0xd800..=0xdfff => self.push(format!("\\u{code:04x}")),
                _ => self.push(character),
            }
        }
        self.push("\"");
        if let Some(more) = units.checked_sub(MAX_STRING).filter(|&more| more > 0) {
            self.push(format!(
                "... {more} more character{}",
                if more > 1 { "s" } else { "" }
            ));
        }
    }
}

/// The first code point of bytes of [`inspect::bytes_of`], and how many bytes it takes.
fn decode(bytes: &[u8]) -> (u32, usize) {
    let tail = |place: usize| u32::from(bytes.get(place).copied().unwrap_or(0) & 0x3f);
    let first = u32::from(bytes.first().copied().unwrap_or(0));
    match first {
        0..=0xbf => (first, 1),
        0xc0..=0xdf => ((first & 0x1f) << 6 | tail(1), 2),
        0xe0..=0xef => ((first & 0xf) << 12 | tail(1) << 6 | tail(2), 3),
        _ => ((first & 7) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4),
    }
}

/// The name of an object's class. The engine has one class for all of ours.
fn class_of(object: &Object<'_>) -> Result<String> {
    if is_file(object) {
        return Ok("FILE".to_owned());
    }
    if is_worker(object) {
        return Ok("Worker".to_owned());
    }
    inspect::class_name(object)
}

/// The array index that a key is.
fn index(key: &Value<'_>) -> Option<u32> {
    if let Some(int) = key.as_int() {
        return u32::try_from(int).ok();
    }
    let text = inspect::bytes_of(key.as_string()?).ok()?;
    let text = str::from_utf8(&text).ok()?;
    let index: u32 = text.parse().ok()?;
    (index.to_string() == text).then_some(index)
}

/// A plain property of an object or of what it inherits from, if it is a string.
fn inherited_string<'js>(ctx: &Ctx<'js>, object: &Object<'js>, name: &str) -> Result<Option<TextBytes<'js>>> {
    let key = rquickjs::String::from_str(ctx.clone(), name)?.into_value();
    let mut next = Some(object.clone());
    for _ in 0..MAX_PROTOTYPES {
        let Some(object) = next.filter(|object| !object.as_value().is_proxy()) else {
            break;
        };
        match inspect::own_property(ctx, &object, &key)? {
            None => next = object.get_prototype(),
            Some(Property::Data(value)) => {
                return value.as_string().map(inspect::bytes_of).transpose();
            }
            Some(Property::Accessor { .. }) => break,
        }
    }
    Ok(None)
}

/// Where an error was made: what the script has put there, or what the engine knows.
fn stack<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    intrinsics: &Intrinsics<'js>,
) -> Result<Option<TextBytes<'js>>> {
    let key = rquickjs::String::from_str(ctx.clone(), "stack")?.into_value();
    let stack = match inspect::own_property(ctx, object, &key)? {
        Some(Property::Data(stack)) => stack,
        Some(Property::Accessor { .. }) => return Ok(None),
        None => intrinsics.stack.call((This(object.clone()),))?,
    };
    stack.as_string().map(inspect::bytes_of).transpose()
}

fn is_string(key: &Value<'_>, text: &[u8]) -> bool {
    key.as_string()
        .and_then(|key| inspect::bytes_of(key).ok())
        .is_some_and(|key| *key == *text)
}

fn name_is_empty(name: &rquickjs::String<'_>) -> Result<bool> {
    Ok(inspect::bytes_of(name)?.is_empty())
}

/// The text of a `Date` that has one.
fn iso_date<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
    intrinsics: &Intrinsics<'js>,
) -> Result<Option<TextBytes<'js>>> {
    if !inspect::is_date(object) {
        return Ok(None);
    }
    match intrinsics
        .to_iso_string
        .call::<_, rquickjs::String<'js>>((This(object.clone()),))
    {
        Ok(text) => inspect::bytes_of(&text).map(Some),
        Err(_) => {
            // Not a time.
            ctx.catch();
            Ok(None)
        }
    }
}
