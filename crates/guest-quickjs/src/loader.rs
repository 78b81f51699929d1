//! Where modules come from: `os` and `std`, the modules that guestnet ships, and files.
//!
//! Files are read below the directory of the main script and below the guest's directories, and nowhere else.

use std::rc::Rc;

use guestnet_core::{Errno, Host};
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Exception, Module, Result};

use crate::library;
use crate::os::OsModule;
use crate::os::dir::MAX_PATH;
use crate::state::State;
use crate::std_module::StdModule;
use crate::sys::eval;
use crate::sys::heap::Bytes;
use crate::text::TextModule;
use crate::wait::WaitModule;

/// Makes the name of a module whole.
pub(crate) struct Names;

impl Resolver for Names {
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

/// The whole name of a module that `base` calls `name`.
pub(crate) fn whole(base: &str, name: &str) -> String {
    match name {
        "qjs:os" => "os".to_owned(),
        "qjs:std" => "std".to_owned(),
        _ if name.starts_with("./") || name.starts_with("../") => join(base, name),
        _ => name.to_owned(),
    }
}

/// The source of a module that is a file.
///
/// # Errors
/// `ENOENT`, `EACCES`, …, `EFBIG`, `ENOMEM`.
pub(crate) fn source<H: Host + 'static>(state: &State<H>, name: &str) -> guestnet_core::Result<Bytes> {
    let most = state.max_text();
    state.scripts.read(name, &state.memory, most).or_else(|first| {
        // A path in no directory of the guest says less than what is missing among the scripts.
        let second = state.read_file(name);
        second.map_err(|second| if second == Errno::EACCES { first } else { second })
    })
}

/// `name` as seen from the file `base`.
fn join(base: &str, name: &str) -> String {
    let directory = base.rsplit_once('/').map_or("", |(directory, _)| directory);
    let root = if base.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            // Above the root there is nothing; above a relative name there may be.
            ".." if !root.is_empty() => {}
            _ => parts.push(part),
        }
    }
    format!("{root}{}", parts.join("/"))
}

/// Loads modules by their whole names.
pub(crate) struct Modules<H: Host + 'static> {
    pub(crate) state: Rc<State<H>>,
}

impl<H: Host + 'static> Loader for Modules<H> {
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

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn names_are_joined_as_paths_are() {
        for (base, name, whole) in [
            ("main.js", "./b.js", "b.js"),
            ("a/main.js", "./b.js", "a/b.js"),
            ("a/main.js", "../b.js", "b.js"),
            ("a/main.js", "../../b.js", "../b.js"),
            ("/a/main.js", "../../../b.js", "/b.js"),
            ("/a/b/main.js", "./../c/./d.js", "/a/c/d.js"),
        ] {
            assert_eq!(join(base, name), whole, "{name} from {base}");
        }
    }
}
