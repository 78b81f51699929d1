//! Where modules come from: `os` and `std`, the modules that guestnet ships, those of the embedder, and files.
//!
//! Files are read below the directory of the main script and below the guest's directories, and nowhere else.

use std::rc::Rc;

use guestnet_core::Host;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Exception, Module, Result, TypedArray};

use crate::argument::excerpt;
use crate::library;
use crate::module_name::{source, whole};
use crate::os::OsModule;
use crate::os::dir::MAX_PATH;
use crate::state::State;
use crate::std_module::StdModule;
use crate::sys::heap::{Bytes, Text};
use crate::sys::{content, eval};
use crate::text::TextModule;
use crate::wait::WaitModule;

/// Makes the name of a module whole.
pub(crate) struct NameResolver<H: Host + 'static> {
    pub(crate) state: Rc<State<H>>,
}

impl<H: Host + 'static> Resolver for NameResolver<H> {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        Content::asked(ctx, attributes.as_ref())?;
        if name.len() > MAX_PATH {
            return Err(Exception::throw_reference(ctx, "the module's name is too long"));
        }
        Ok(whole(&self.state, base, name))
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
        attributes: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        let kind = Content::asked(ctx, attributes.as_ref())?;
        if let Some(kind) = kind {
            return self.load_content(ctx, name, kind);
        }
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
        if let Some(kind) = Content::of_suffix(name) {
            return self.load_content(ctx, name, kind);
        }
        let module = eval::module(ctx, self.source(name)?, name)?;
        describe(&module, name, false)?;
        Ok(module)
    }
}

impl<H: Host + 'static> ModuleLoader<H> {
    fn source(&self, name: &str) -> Result<Bytes> {
        source(&self.state, name).map_err(|error| Error::new_loading_message(name, error.message()))
    }

    /// A file that is no code, as the default export of a module.
    fn load_content<'js>(&self, ctx: &Ctx<'js>, name: &str, kind: Content) -> Result<Module<'js, Declared>> {
        let source = self.source(name)?;
        let value = match kind {
            Content::Json => content::json(ctx, source, name)?,
            Content::Text => {
                let text = content::without_mark(&source);
                let text = Text::lossy(&self.state.memory, text).map_err(|error| error.throw(ctx))?;
                rquickjs::String::from_str(ctx.clone(), &text)?.into_value()
            }
            Content::Bytes => {
                let bytes = TypedArray::<u8>::new_copy(ctx.clone(), &*source)?;
                content::freeze(&bytes.arraybuffer()?);
                bytes.into_value()
            }
        };
        content::default_export(ctx, name, value)
    }
}

/// What a file that is no code is imported as: `with {type: "json"}` and its like, as quickjs-ng has them.
#[derive(Clone, Copy)]
enum Content {
    Json,
    Text,
    Bytes,
}

impl Content {
    /// What an import asks for; `None` for code.
    ///
    /// # Errors
    /// `TypeError` for every other type and every other attribute.
    fn asked(ctx: &Ctx<'_>, attributes: Option<&ImportAttributes<'_>>) -> Result<Option<Content>> {
        let Some(attributes) = attributes else {
            return Ok(None);
        };
        for key in attributes.keys() {
            let key = key?;
            if key != "type" {
                let message = format!("unknown import attribute: {}", excerpt(&key));
                return Err(Exception::throw_type(ctx, &message));
            }
        }
        Ok(Some(match attributes.get_type()?.as_deref() {
            None => return Ok(None),
            Some("json") => Content::Json,
            Some("text") => Content::Text,
            Some("bytes") => Content::Bytes,
            Some(other) => {
                let message = format!("unknown type of a module: {}", excerpt(other));
                return Err(Exception::throw_type(ctx, &message));
            }
        }))
    }

    /// As qjs: a file that is named `.json` is no code.
    fn of_suffix(name: &str) -> Option<Content> {
        let suffix = name.rsplit_once('.').map(|(_, suffix)| suffix);
        (suffix == Some("json")).then_some(Content::Json)
    }
}

/// Fills `import.meta` as qjs does.
pub(crate) fn describe(module: &Module<'_, Declared>, name: &str, main: bool) -> Result<()> {
    let meta = module.meta()?;
    meta.set("url", format!("file://{name}"))?;
    meta.set("main", main)
}
