//! Where modules come from: `os` and `std`, the modules that guestnet ships, those of the embedder, and files.
//!
//! Files are read below the directory of the main script and below the guest's directories, and nowhere else.

use std::rc::Rc;

use guestnet_core::Host;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Exception, Module, Result};

use crate::library;
use crate::module_name::{source, whole};
use crate::os::OsModule;
use crate::os::dir::MAX_PATH;
use crate::state::State;
use crate::std_module::StdModule;
use crate::sys::eval;
use crate::text::TextModule;
use crate::wait::WaitModule;

/// Makes the name of a module whole.
pub(crate) struct NameResolver;

impl Resolver for NameResolver {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if name.len() > MAX_PATH {
            return Err(Exception::throw_reference(ctx, "the module's name is too long"));
        }
        Ok(whole(base, name))
    }
}

/// Loads modules by their whole names.
pub(crate) struct ModuleLoader<H: Host + 'static> {
    pub(crate) state: Rc<State<H>>,
}

impl<H: Host + 'static> Loader for ModuleLoader<H> {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        match name {
            "os" => return Module::declare_def::<OsModule<H>, _>(ctx.clone(), name),
            "std" => return Module::declare_def::<StdModule<H>, _>(ctx.clone(), name),
            "guestnet:text" => return Module::declare_def::<TextModule<H>, _>(ctx.clone(), name),
            "guestnet:wait" => return Module::declare_def::<WaitModule<H>, _>(ctx.clone(), name),
            _ => {}
        }
        if let Some(source) = library::source(name) {
            return Module::declare(ctx.clone(), name, source);
        }
        if let Some(declare) = self.state.modules.declarations.get(name) {
            return declare(ctx, name);
        }
        let source =
            source(&self.state, name).map_err(|errno| Error::new_loading_message(name, errno.message()))?;
        let module = eval::module(ctx, source, name)?;
        describe(&module, name, false)?;
        Ok(module)
    }
}

/// Fills `import.meta` as qjs does.
pub(crate) fn describe(module: &Module<'_, Declared>, name: &str, main: bool) -> Result<()> {
    let meta = module.meta()?;
    meta.set("url", format!("file://{name}"))?;
    meta.set("main", main)
}
