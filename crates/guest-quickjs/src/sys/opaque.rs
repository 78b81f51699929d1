//! [`Opaque`]: a value of ours in the engine's keeping.

use rquickjs::JsLifetime;
use rquickjs::class::{Trace, Tracer};

/// A value of ours that the engine keeps: as the user data of a context, or as what an object of a class stands for. It
/// holds no value of the engine.
pub(crate) struct Opaque<T: 'static>(pub(crate) T);

// SAFETY: the type has no lifetime, so that changing it changes nothing.
unsafe impl<'js, T: 'static> JsLifetime<'js> for Opaque<T> {
    type Changed<'to> = Opaque<T>;
}

impl<'js, T: 'static> Trace<'js> for Opaque<T> {
    fn trace<'a>(&self, _tracer: Tracer<'a, 'js>) {}
}
