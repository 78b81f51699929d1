//! Modules of an embedder's own: [`ScriptBuilder::module`] and [`ScriptBuilder::module_def`].

use std::marker::PhantomData;

use guestnet_core::Host;
use rquickjs::module::{Declarations, Declared, Exports, ModuleDef};
use rquickjs::{Ctx, Module, Object, Result};

use crate::builder::ScriptBuilder;
use crate::state::State;

impl<H: Host + 'static> ScriptBuilder<H> {
    /// Adds a module of the embedder's own, which scripts import by `name`.
    ///
    /// `make` gets an object: what it sets there is what the module exports, most often functions
    /// ([`rquickjs::Function::new`], [`rquickjs::function::Func`]). It is called when the script first imports the
    /// module, and once in each worker that does. An exception that it throws is the import's.
    ///
    /// Its functions run on the thread of the script that calls them. The event loop waits for descriptors, timers and
    /// look-ups of the script, and for nothing of an embedder's: what takes long runs elsewhere and answers through a
    /// descriptor. What they allocate outside of the engine does not count against [`ScriptBuilder::memory`].
    /// A script that is stopped, or that `std.exit` has ended, may call them a few times more before the engine checks.
    ///
    /// A name that guestnet's own modules have (`os`, `std`, and all that begin with `qjs:` or `guestnet:`), a relative one
    /// and one that is added twice are a [`BuildError::Module`](crate::BuildError::Module). A file that has the same name
    /// is not imported.
    ///
    /// ```
    /// # use guestnet_core::Host;
    /// # use guestnet_quickjs::{ScriptBuilder, rquickjs::function::Func};
    /// # fn add<H: Host + 'static>(builder: &mut ScriptBuilder<H>) {
    /// // In the script: import { add } from "app:math";
    /// builder.module("app:math", |_ctx, exports| {
    ///     exports.set("add", Func::from(|one: i32, other: i32| one.wrapping_add(other)))
    /// });
    /// # }
    /// ```
    pub fn module<F>(&mut self, name: impl Into<String>, make: F) -> &mut Self
    where
        F: for<'js> Fn(&Ctx<'js>, &Object<'js>) -> Result<()> + Send + Sync + 'static,
    {
        self.add_module(name.into(), move |ctx, name| {
            let state = State::<H>::of(ctx)?;
            let exports = Object::new(ctx.clone())?;
            make(ctx, &exports)?;
            state.modules.keep(ctx, name, exports);
            Module::declare_def::<EmbedderModule<H>, _>(ctx.clone(), name)
        })
    }

    /// As [`ScriptBuilder::module`], for a module that is written for rquickjs.
    pub fn module_def<M: ModuleDef>(&mut self, name: impl Into<String>) -> &mut Self {
        self.add_module(name.into(), |ctx, name| {
            Module::declare_def::<M, _>(ctx.clone(), name)
        })
    }
}

/// A module whose exports wait in the state, by its name.
struct EmbedderModule<H>(PhantomData<H>);

impl<H: Host + 'static> ModuleDef for EmbedderModule<H> {
    fn declare<'js>(decl: &Declarations<'js>) -> Result<()> {
        let module: &Module<'js, Declared> = decl.module();
        let name: String = module.name()?;
        let exports = State::<H>::of(module.ctx())?
            .modules
            .exports(module.ctx(), &name)?;
        for key in exports.keys::<String>() {
            decl.declare(key?)?;
        }
        Ok(())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        let name: String = exports.module().name()?;
        let state = State::<H>::of(ctx)?;
        for property in state.modules.exports(ctx, &name)?.props() {
            let (key, value): (String, rquickjs::Value<'js>) = property?;
            exports.export(key, value)?;
        }
        state.modules.release(&name);
        Ok(())
    }
}
