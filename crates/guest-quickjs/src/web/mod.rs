//! The globals that scripts for the web and for Node use: the WinterTC minimum common API without streams and fetch.
//!
//! Each is made when the script first reads it ([`install`]), so that a script that uses none pays for none. Those that are
//! classes are written in JavaScript (`guest-libs/js/web`), with natives below for what is not the language's business. What
//! they differ in from the standards is a table in docs/quickjs.md.

mod clone;
mod console;
mod crypto;
mod encoding;
pub(crate) mod exports;
pub(crate) mod labels;
mod library;
mod timer;
mod url;

use std::ffi::CString;
use std::rc::Rc;

use guestnet_core::Host;
use rquickjs::function::{IntoJsFunc, ParamRequirement, Params};
use rquickjs::object::Property;
use rquickjs::{Ctx, Function, IntoJs, Object, Result, Value};

use self::library::Library;
use crate::native::{Member, NativeFn, ending};
use crate::state::StateRef;
use crate::sys::value;

/// A global that is made when it is first read.
struct Global<H: Host + 'static> {
    member: Maker<H>,
    /// Whether loops over the names of the global object see it: functions are seen, and classes are not.
    enumerable: bool,
}

enum Maker<H: Host + 'static> {
    Native(Member<H>),
    /// What a library exports under this name.
    Library(Library, &'static str),
}

impl<H: Host + 'static> Global<H> {
    fn name(&self) -> &'static str {
        match &self.member {
            Maker::Native(member) => member.name(),
            Maker::Library(_, name) => name,
        }
    }

    fn make<'js>(&self, ctx: &Ctx<'js>, state: &StateRef<H>) -> Result<Value<'js>> {
        match &self.member {
            Maker::Native(member) => member.make(ctx, state),
            Maker::Library(library, name) => library.load(ctx, state)?.get(*name),
        }
    }
}

fn globals<H: Host + 'static>() -> Vec<Global<H>> {
    let native = |name, length, function: NativeFn<H>| Global {
        member: Maker::Native(Member::Function(name, length, function)),
        enumerable: true,
    };
    let class = |library, name| Global {
        member: Maker::Library(library, name),
        enumerable: false,
    };
    vec![
        native("setTimeout", 1, timer::set_timeout),
        native("setInterval", 1, timer::set_interval),
        native("clearTimeout", 0, timer::clear),
        native("clearInterval", 0, timer::clear),
        Global {
            member: Maker::Native(Member::Value("console", console::make)),
            enumerable: false,
        },
        class(Library::Encoding, "TextEncoder"),
        class(Library::Encoding, "TextDecoder"),
        class(Library::Url, "URL"),
        class(Library::Url, "URLSearchParams"),
        class(Library::Event, "Event"),
        class(Library::Event, "CustomEvent"),
        class(Library::Event, "EventTarget"),
        class(Library::Event, "AbortController"),
        class(Library::Event, "AbortSignal"),
        class(Library::Crypto, "Crypto"),
        class(Library::Crypto, "crypto"),
        Global {
            member: Maker::Library(Library::Clone, "structuredClone"),
            enumerable: true,
        },
    ]
}

/// Adds the globals.
///
/// # Errors
/// No memory.
pub(crate) fn install<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>) -> Result<()> {
    let object = ctx.globals();
    for global in globals() {
        let (name, enumerable) = (global.name(), global.enumerable);
        let lazy = Lazy {
            state: Rc::clone(state),
            global,
        };
        let name = CString::new(name)?;
        value::define_accessor(&object, &name, &Function::new(ctx.clone(), lazy)?, enumerable)?;
    }
    Ok(())
}

/// What stands for a global until it is read or written: called without an argument it reads, and with one it writes.
struct Lazy<H: Host + 'static> {
    state: StateRef<H>,
    global: Global<H>,
}

impl<H: Host + 'static> Lazy<H> {
    /// Puts an ordinary property in the place of the functions.
    fn replace<'js>(&self, globals: &Object<'js>, value: Value<'js>) -> Result<()> {
        let mut property = Property::from(value).writable().configurable();
        if self.global.enumerable {
            property = property.enumerable();
        }
        globals.prop(self.global.name(), property)
    }
}

/// Marks our implementation of [`IntoJsFunc`], so that it is not one of those for closures.
struct GlobalMarker;

impl<'js, H: Host + 'static> IntoJsFunc<'js, GlobalMarker> for Lazy<H> {
    fn param_requirements() -> ParamRequirement {
        ParamRequirement::any()
    }

    fn call<'a>(&self, params: Params<'a, 'js>) -> Result<Value<'js>> {
        let ctx = params.ctx();
        if self.state.is_unwinding() {
            return Err(ending(ctx));
        }
        if let Some(value) = params.arg(0) {
            self.replace(&ctx.globals(), value)?;
            return rquickjs::Undefined.into_js(ctx);
        }
        let value = self.global.make(ctx, &self.state)?;
        self.replace(&ctx.globals(), value.clone())?;
        Ok(value)
    }
}
