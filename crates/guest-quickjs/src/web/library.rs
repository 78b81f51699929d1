//! [`Library`]: the JavaScript of `guest-libs/js/web`. Each file is one function, which is given its natives and returns what it
//! exports; it is compiled when the first of its exports is wanted.

use guestnet_core::Host;
use rquickjs::context::EvalOptions;
use rquickjs::{Ctx, Function, Object, Result, Value};

use super::exports::EVENT;
use super::{clone, crypto, encoding, timer, url};
use crate::abort::cancel;
use crate::native::Member;
use crate::os::time;
use crate::state::StateRef;

/// A file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Library {
    Clone,
    Crypto,
    Encoding,
    Event,
    /// What all classes have in common.
    Shape,
    Url,
}

impl Library {
    fn name(self) -> &'static str {
        self.source().0
    }

    /// Its file's name, and what is in it.
    fn source(self) -> (&'static str, &'static str) {
        match self {
            Library::Clone => ("clone.js", include_str!("../../../../guest-libs/js/web/clone.js")),
            Library::Crypto => (
                "crypto.js",
                include_str!("../../../../guest-libs/js/web/crypto.js"),
            ),
            Library::Encoding => (
                "encoding.js",
                include_str!("../../../../guest-libs/js/web/encoding.js"),
            ),
            Library::Event => (EVENT, include_str!("../../../../guest-libs/js/web/event.js")),
            Library::Shape => ("shape.js", include_str!("../../../../guest-libs/js/web/shape.js")),
            Library::Url => ("url.js", include_str!("../../../../guest-libs/js/web/url.js")),
        }
    }

    /// The natives that it is given.
    fn members<H: Host + 'static>(self) -> Vec<Member<H>> {
        match self {
            Library::Clone => clone::members(),
            Library::Crypto => crypto::members(),
            Library::Encoding => encoding::members(),
            Library::Event => {
                let mut members = timer::members();
                members.push(Member::Function("now", 0, time::now));
                members.push(Member::Function("cancel", 3, cancel));
                members
            }
            Library::Shape => Vec::new(),
            Library::Url => url::members(),
        }
    }

    /// What it exports.
    ///
    /// # Errors
    /// No memory, and what else the engine throws at code that is correct, such as at the end of the stack.
    pub(crate) fn load<'js, H: Host + 'static>(
        self,
        ctx: &Ctx<'js>,
        state: &StateRef<H>,
    ) -> Result<Object<'js>> {
        if let Some(exports) = state.libraries.find(ctx, self.name()) {
            return Ok(exports);
        }
        let natives = Object::new(ctx.clone())?;
        for member in self.members() {
            natives.set(member.name(), member.make(ctx, state)?)?;
        }
        if self != Library::Shape {
            let shape: Object<'_> = Library::Shape.load(ctx, state)?;
            for name in ["shape", "platform", "isPlatform", "plain"] {
                natives.set(name, shape.get::<_, Value<'_>>(name)?)?;
            }
        }
        let (name, source) = self.source();
        let mut options = EvalOptions::default();
        options.filename = Some(format!("guestnet:web/{name}"));
        let make: Function<'js> = ctx.eval_with_options(source, options)?;
        let exports: Object<'js> = make.call((natives,))?;
        state.libraries.keep(ctx, self.name(), exports.clone());
        Ok(exports)
    }
}
