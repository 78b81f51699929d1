//! [`Adapter`]: answers a module's imports, each by its own type.
//!
//! Several ABIs use the same module and names with different types, and one program may import the same name twice
//! with two types (the crate `wasmedge_wasi_socket` beside std's `TcpListener` does). A linker that goes by name
//! cannot hold both, so the adapter walks the module's imports in order and chooses for each entry by name and type.

use std::collections::HashMap;
use std::sync::Arc;

use guestnet_core::Host;
use wasmtime::{AsContextMut, Engine, Extern, ExternType, FuncType, Instance, InstancePre, Linker, Module};

use crate::files::{self, Files};
use crate::registry::{Entry, Place, Project, Registry};
use crate::{abi, addrinfo, p1, poll, sock, wamr};

/// One import of a module, and what answers it.
#[derive(Clone, Debug)]
pub struct Import {
    /// The module that the import names.
    pub module: String,
    /// The field.
    pub name: String,
    /// Its type, in the text format's words.
    pub ty: String,
    /// The ABI whose function answers it, `None` if there is none.
    pub abi: Option<&'static str>,
}

/// All functions of preview 1 and of the socket ABIs, for stores with data `T`.
///
/// Made once for an engine; cheap to use for many instances.
pub struct Adapter<T: 'static> {
    calls: Linker<T>,
    entries: Vec<Entry>,
    files: Arc<Files<T>>,
}

impl<T> std::fmt::Debug for Adapter<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adapter")
            .field("functions", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// A module whose imports have been resolved.
pub struct Prepared<'a, T: 'static> {
    adapter: &'a Adapter<T>,
    module: &'a Module,
    entries: Vec<&'a Entry>,
    /// The functions, found once for all instances, if each name stands for one of them only.
    linked: Option<InstancePre<T>>,
}

impl<T> std::fmt::Debug for Prepared<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("imports", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Adapter<T> {
    /// The adapter for an engine; `project` finds the [`Wasi`] in a store's data.
    ///
    /// # Errors
    /// None in practice: a name would have to be defined twice.
    pub fn new<H: Host + Send + 'static>(engine: &Engine, project: Project<T, H>) -> wasmtime::Result<Self>
    where
        H::Io: Send,
    {
        let files = Arc::new(Files::new(engine, project)?);
        let mut registry = Registry {
            // wasmtime-wasi's functions under their own names, ours under names that no entry has.
            calls: files.linker().clone(),
            entries: Vec::new(),
        };
        for (name, params, results) in files::DIRECT {
            let ty = FuncType::new(engine, params.iter().cloned(), results.iter().cloned());
            registry.entries.push(Entry {
                name,
                abi: "WASI preview 1",
                ty,
                place: Place::Inner,
            });
        }
        p1::register(&mut registry, project, &files)?;
        poll::register(&mut registry, project)?;
        sock::register(&mut registry, project)?;
        addrinfo::register(&mut registry, project)?;
        wamr::register(&mut registry, project, &files)?;
        Ok(Adapter {
            calls: registry.calls,
            entries: registry.entries,
            files,
        })
    }

    /// Has the small module through which a guest reaches its files compiled by `compile`, which is given its text.
    ///
    /// It is compiled at the first file call under this adapter, which takes some milliseconds; whoever keeps compiled
    /// modules can keep this one too.
    #[must_use]
    pub fn compile_with(
        self,
        compile: impl Fn(&Engine, &[u8]) -> wasmtime::Result<Module> + Send + Sync + 'static,
    ) -> Self {
        self.files.compile_with(Box::new(compile));
        self
    }

    /// The text of that module, for who compiles it beforehand.
    pub fn files_module(&self) -> String {
        files::shim_text()
    }

    /// Every import of a module, in its order, with the ABI that answers it.
    pub fn imports(&self, module: &Module) -> Vec<Import> {
        let answer = |import: wasmtime::ImportType<'_>| Import {
            module: import.module().to_owned(),
            name: import.name().to_owned(),
            ty: type_text(&import.ty()),
            abi: self.entry(&import).map(|entry| entry.abi),
        };
        module.imports().map(answer).collect()
    }

    /// Resolves a module's imports.
    ///
    /// # Errors
    /// Names the first import that no ABI answers, or says that the module's memory is of a kind that WASI preview 1
    /// has no words for.
    pub fn prepare<'a>(&'a self, module: &'a Module) -> wasmtime::Result<Prepared<'a, T>> {
        let mut prepared = self.resolve(module)?;
        prepared.linked = prepared.link()?;
        Ok(prepared)
    }

    fn resolve<'a>(&'a self, module: &'a Module) -> wasmtime::Result<Prepared<'a, T>> {
        check_memory(module)?;
        let resolve = |import: wasmtime::ImportType<'_>| {
            self.entry(&import).ok_or_else(|| {
                wasmtime::format_err!(
                    "imports {}.{} {}, which no ABI of guestnet has",
                    import.module(),
                    import.name(),
                    type_text(&import.ty())
                )
            })
        };
        let entries = module.imports().map(resolve).collect::<wasmtime::Result<_>>()?;
        Ok(Prepared {
            adapter: self,
            module,
            entries,
            linked: None,
        })
    }

    /// [`Adapter::prepare`] and [`Prepared::instantiate`] in one, for a module that is needed once.
    ///
    /// # Errors
    /// Theirs.
    pub fn instantiate(
        &self,
        store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> wasmtime::Result<Instance> {
        self.resolve(module)?.instantiate(store)
    }

    fn entry(&self, import: &wasmtime::ImportType<'_>) -> Option<&Entry> {
        let ExternType::Func(ty) = import.ty() else {
            return None;
        };
        self.entry_of(import.module(), import.name(), &ty)
    }

    fn entry_of(&self, module: &str, name: &str, ty: &FuncType) -> Option<&Entry> {
        let fits = |entry: &&Entry| entry.name == name && FuncType::eq(&entry.ty, ty);
        if module == abi::MODULE {
            self.entries.iter().find(fits)
        } else {
            None
        }
    }

    /// The ABI that answers an import of this module, name and type.
    pub(crate) fn abi_of(&self, module: &str, name: &str, ty: &FuncType) -> Option<&'static str> {
        self.entry_of(module, name, ty).map(|entry| entry.abi)
    }
}

impl<T: Send + 'static> Prepared<'_, T> {
    fn link(&self) -> wasmtime::Result<Option<InstancePre<T>>> {
        let mut linker = self.adapter.calls.clone();
        linker.allow_shadowing(true);
        let mut named = HashMap::new();
        for &entry in &self.entries {
            match named.insert(entry.name, entry) {
                Some(other) if !std::ptr::eq(other, entry) => return Ok(None),
                _ => {}
            }
            if let Place::Ours(symbol) = &entry.place {
                linker.alias(abi::MODULE, symbol, abi::MODULE, entry.name)?;
            }
        }
        linker.instantiate_pre(self.module).map(Some)
    }

    /// Makes an instance in a store.
    ///
    /// # Errors
    /// The module's start function trapped, or the store's limits were reached.
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> wasmtime::Result<Instance> {
        if let Some(linked) = &self.linked {
            return linked.instantiate(store);
        }
        let mut externs: Vec<Extern> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            externs.push(match &entry.place {
                Place::Ours(symbol) => self.adapter.calls.get(&mut store, abi::MODULE, symbol)?,
                Place::Inner => self.adapter.files.inner(&mut store, entry.name)?,
            });
        }
        Instance::new(&mut store, self.module, &externs)
    }
}

/// Preview 1's pointers have 32 bits, and one thread runs a guest.
fn check_memory(module: &Module) -> wasmtime::Result<()> {
    let Some(ExternType::Memory(memory)) = module.get_export("memory") else {
        return Ok(());
    };
    let what = if memory.is_shared() {
        "is shared between threads, and guestnet runs a guest in one: build it without threads"
    } else if memory.is_64() {
        "has 64-bit addresses, and those of WASI preview 1 have 32 bits: build it for wasm32"
    } else {
        return Ok(());
    };
    Err(wasmtime::format_err!("its memory {what}"))
}

fn type_text(ty: &ExternType) -> String {
    match ty {
        // Wasmtime prints `(type (func …))`: the inner part is how an import is written.
        ExternType::Func(ty) => {
            let text = ty.to_string();
            text.strip_prefix("(type ")
                .and_then(|text| text.strip_suffix(')'))
                .unwrap_or(&text)
                .to_owned()
        }
        ExternType::Global(_) => "(global)".to_owned(),
        ExternType::Table(_) => "(table)".to_owned(),
        ExternType::Memory(_) => "(memory)".to_owned(),
        ExternType::Tag(_) => "(tag)".to_owned(),
    }
}
