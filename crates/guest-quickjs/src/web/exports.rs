//! [`LibraryExports`]: what the JavaScript behind the globals exports, as far as it is loaded.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rquickjs::{Ctx, Object, Persistent};

/// The library that `AbortSignal` is in.
pub(crate) const EVENT: &str = "event.js";

/// What the libraries of one engine export, by their names.
#[derive(Default)]
pub(crate) struct LibraryExports(RefCell<BTreeMap<&'static str, Persistent<Object<'static>>>>);

impl LibraryExports {
    /// What a library exports, if it was loaded.
    pub(crate) fn find<'js>(&self, ctx: &Ctx<'js>, library: &str) -> Option<Object<'js>> {
        let exports = self.0.borrow().get(library).cloned()?;
        exports.restore(ctx).ok()
    }

    /// Keeps what a library exports.
    pub(crate) fn keep<'js>(&self, ctx: &Ctx<'js>, library: &'static str, exports: Object<'js>) {
        let exports = Persistent::save(ctx, exports);
        let old = self.0.borrow_mut().insert(library, exports);
        drop(old);
    }

    /// Drops every JavaScript value.
    pub(crate) fn forget(&self) {
        drop(self.0.take());
    }
}
