//! [`NativeModules`]: the modules that an embedder adds.
//!
//! Not here: how one is declared (`embedder.rs`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rquickjs::module::Declared;
use rquickjs::{Ctx, Module, Object, Persistent, Result};

/// Declares a module of an embedder, in each engine that imports it.
pub(crate) type Declare =
    Arc<dyn for<'js> Fn(&Ctx<'js>, &str) -> Result<Module<'js, Declared>> + Send + Sync>;

/// The modules that an embedder adds, by name.
pub(crate) type Declarations = BTreeMap<String, Declare>;

/// Those of one engine.
pub(crate) struct NativeModules {
    /// All of them, for the script and its workers.
    pub(crate) declarations: Arc<Declarations>,
    /// What those export that this engine has declared and not evaluated yet.
    exports: RefCell<BTreeMap<String, Persistent<Object<'static>>>>,
}

impl NativeModules {
    pub(crate) fn new(declarations: Arc<Declarations>) -> NativeModules {
        NativeModules {
            declarations,
            exports: RefCell::default(),
        }
    }

    /// Keeps what a module exports until it is evaluated.
    pub(crate) fn keep<'js>(&self, ctx: &Ctx<'js>, name: &str, exports: Object<'js>) {
        let exports = Persistent::save(ctx, exports);
        let old = self.exports.borrow_mut().insert(name.to_owned(), exports);
        drop(old);
    }

    /// What a module exports.
    ///
    /// # Errors
    /// `Unknown` for a module that is not declared.
    pub(crate) fn exports<'js>(&self, ctx: &Ctx<'js>, name: &str) -> Result<Object<'js>> {
        let exports = self.exports.borrow().get(name).cloned();
        exports.ok_or(rquickjs::Error::Unknown)?.restore(ctx)
    }

    /// Drops what a module exports: it is evaluated.
    pub(crate) fn release(&self, name: &str) {
        let exports = self.exports.borrow_mut().remove(name);
        drop(exports);
    }

    /// Drops every JavaScript value.
    pub(crate) fn forget(&self) {
        drop(self.exports.take());
    }
}

/// Why an embedder's module cannot have this name, if that is so.
pub(crate) fn refusal(name: &str) -> Option<&'static str> {
    if matches!(name, "os" | "std") || name.starts_with("qjs:") || name.starts_with("guestnet:") {
        return Some("the name is one of guestnet's own");
    }
    if name.starts_with("./") || name.starts_with("../") {
        return Some("a relative name is a file's");
    }
    if name.is_empty() || name.contains('\0') {
        return Some("the name is empty or has a NUL");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn names_that_no_import_could_reach_are_refused() {
        for name in [
            "os",
            "std",
            "qjs:os",
            "qjs:new",
            "guestnet:http",
            "guestnet:new",
            "./a.js",
            "../a.js",
            "",
            "a\0",
        ] {
            assert!(refusal(name).is_some(), "{name}");
        }
        for name in ["app", "app:log", "oss", "/lib/a.js", "a.js", ".hidden"] {
            assert_eq!(refusal(name), None, "{name}");
        }
    }
}
