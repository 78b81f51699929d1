//! [`Adapter`]: answers a module's imports, each by its own type. [`add_to_linker`]: the same in a linker of the
//! embedder's, for modules that need one function a name.
//!
//! Several ABIs use the same module and names with different types, and one program may import the same name twice
//! with two types (the crate `wasmedge_wasi_socket` and std's `TcpListener` do). A linker that goes by name
//! cannot hold both, so the adapter walks the module's imports in order and chooses for each by name and type.

use std::collections::HashMap;
use std::sync::Arc;

use guestnet_core::Host;
use wasmtime::{AsContextMut, Engine, Extern, ExternType, FuncType, ImportType, Instance, Linker, Module};

use super::files::{self, Files};
use super::registry::{HostFunc, Registry, Target};
use super::{abi, addrinfo, bulk, descriptors, epoll, poll, sock, wamr};
use crate::state::Getter;

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
    /// Whether no ABI has this name and the embedder's [`Linker`] has it, of whatever type.
    pub in_linker: bool,
}

impl Import {
    /// Whether anything answers it.
    #[must_use]
    pub fn is_defined(&self) -> bool {
        self.abi.is_some() || self.in_linker
    }
}

/// All functions of preview 1 and of the socket ABIs, for stores with data `T`, and the embedder's own.
///
/// Made once for an engine; cheap to use for many modules and instances. It is to a module what a [`Linker`] is, except
/// that it goes by name *and type*.
///
/// # What answers an import
/// A name that some ABI of guestnet has is always answered by guestnet, with the function of the import's type; a type
/// that no ABI has is an error. Every other name is the embedder's: it is taken from the [`Linker`] of
/// [`Adapter::with_linker`]. So no definition of the embedder's gets in the way of a socket function by accident, and no
/// module can choose between the two by the type that it writes.
pub struct Adapter<T: 'static> {
    /// The embedder's definitions and wasmtime-wasi's; ours are put over them for each module.
    linker: Linker<T>,
    registry: Registry<T>,
    files: Arc<Files<T>>,
}

impl<T> std::fmt::Debug for Adapter<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adapter")
            .field("functions", &self.registry.functions().len())
            .finish_non_exhaustive()
    }
}

/// A module whose imports have been resolved, as [`wasmtime::InstancePre`] is for a [`Linker`].
///
/// One serves any number of stores, from any thread, each with a guest and a policy of its own.
pub struct InstancePre<T: 'static>(InstancePreKind<T>);

enum InstancePreKind<T: 'static> {
    /// Each name stands for one definition: Wasmtime has found them once for all instances.
    ByName(wasmtime::InstancePre<T>),
    /// Some name stands for several functions, which are put together for each instance.
    ByType(Arc<ByType<T>>),
}

struct ByType<T: 'static> {
    module: Module,
    /// The embedder's definitions and wasmtime-wasi's.
    linker: Linker<T>,
    /// Ours, each under the number of the import that it answers.
    ours: Linker<T>,
    /// For each import, whether it is in `ours`.
    is_ours: Vec<bool>,
}

impl<T> Clone for InstancePre<T> {
    fn clone(&self) -> Self {
        InstancePre(match &self.0 {
            InstancePreKind::ByName(pre) => InstancePreKind::ByName(pre.clone()),
            InstancePreKind::ByType(by_type) => InstancePreKind::ByType(Arc::clone(by_type)),
        })
    }
}

impl<T> std::fmt::Debug for InstancePre<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InstancePre").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Adapter<T> {
    /// The adapter for an engine; `get` finds the [`GuestCtx`](crate::GuestCtx) in a store's data.
    ///
    /// # Errors
    /// None in practice: a name would have to be defined twice.
    pub fn new<H: Host + Send + 'static>(engine: &Engine, get: Getter<T, H>) -> wasmtime::Result<Self>
    where
        H::Io: Send,
    {
        Self::with_linker(&Linker::new(engine), get)
    }

    /// The adapter for modules that also import what an embedder's [`Linker`] defines, as it is now.
    ///
    /// Whatever the linker has is offered to every module; [`Adapter`] says which imports are taken from it.
    ///
    /// # Errors
    /// None in practice.
    pub fn with_linker<H: Host + Send + 'static>(
        linker: &Linker<T>,
        get: Getter<T, H>,
    ) -> wasmtime::Result<Self>
    where
        H::Io: Send,
    {
        let mut linker = linker.clone();
        linker.allow_shadowing(true);
        files::add_wasmtime_wasi(&mut linker, get)?;
        let files = Arc::new(Files::new(linker.engine(), get)?);
        let registry = registry(linker.engine(), get, &files);
        Ok(Adapter {
            linker,
            registry,
            files,
        })
    }

    /// Has the small module through which a guest reaches its files compiled by `compile`, which is given its text.
    ///
    /// It is compiled at the first file call under this adapter, which takes some milliseconds; an embedder that keeps
    /// compiled modules can keep this one too.
    #[must_use]
    pub fn compile_with(
        self,
        compile: impl Fn(&Engine, &[u8]) -> wasmtime::Result<Module> + Send + Sync + 'static,
    ) -> Self {
        self.files.compile_with(Box::new(compile));
        self
    }

    /// The text of that module, for an embedder that compiles it beforehand.
    pub fn files_module(&self) -> String {
        files::shim_text()
    }

    /// Every import of a module, in its order, with what answers it.
    pub fn imports(&self, module: &Module) -> Vec<Import> {
        let mut resolver = self.resolver();
        let answer = |import: ImportType<'_>| {
            let ty = import.ty();
            let source = resolver.resolve(import.module(), import.name(), ty.func());
            Import {
                module: import.module().to_owned(),
                name: import.name().to_owned(),
                ty: type_text(&ty),
                abi: source.and_then(Source::abi),
                in_linker: matches!(source, Some(Source::Linker)),
            }
        };
        module.imports().map(answer).collect()
    }

    /// Resolves a module's imports, as [`Linker::instantiate_pre`] does.
    ///
    /// # Errors
    /// Names the first import that neither an ABI nor the embedder's [`Linker`] has, or one that the [`Linker`] has with
    /// another type; or says that the module's memory is of a kind that WASI preview 1 has no words for.
    pub fn instantiate_pre(&self, module: &Module) -> wasmtime::Result<InstancePre<T>> {
        check_memory(module)?;
        let mut resolver = self.resolver();
        let sources = module
            .imports()
            .map(|import| {
                let ty = import.ty();
                resolver
                    .resolve(import.module(), import.name(), ty.func())
                    .ok_or_else(|| self.undefined(&import, &ty))
            })
            .collect::<wasmtime::Result<Vec<_>>>()?;
        let linked = if one_function_a_name(&sources) {
            by_name(module, &sources, resolver.linker).map(InstancePreKind::ByName)
        } else {
            by_type(module, &sources, resolver.linker)
                .map(|by_type| InstancePreKind::ByType(Arc::new(by_type)))
        };
        linked.map(InstancePre)
    }

    /// [`Adapter::instantiate_pre`] and [`InstancePre::instantiate`] in one, for a module that is needed once.
    ///
    /// # Errors
    /// Theirs.
    pub fn instantiate(
        &self,
        store: impl AsContextMut<Data = T>,
        module: &Module,
    ) -> wasmtime::Result<Instance> {
        self.instantiate_pre(module)?.instantiate(store)
    }

    pub(crate) fn resolver(&self) -> Resolver<'_, T> {
        Resolver {
            registry: &self.registry,
            linker: self.linker.clone(),
        }
    }

    /// The sentence about an import that nothing answers.
    fn undefined(&self, import: &ImportType<'_>, ty: &ExternType) -> wasmtime::Error {
        let (module, name, ty) = (import.module(), import.name(), type_text(ty));
        if self.registry.has(module, name) {
            wasmtime::format_err!(
                "imports {module}.{name} {ty}, a function of guestnet's with a type that none of its ABIs has"
            )
        } else {
            wasmtime::format_err!(
                "imports {module}.{name} {ty}, which no ABI of guestnet has, nor the embedder"
            )
        }
    }
}

impl<T: Send + 'static> InstancePre<T> {
    /// The module.
    pub fn module(&self) -> &Module {
        match &self.0 {
            InstancePreKind::ByName(pre) => pre.module(),
            InstancePreKind::ByType(by_type) => &by_type.module,
        }
    }

    /// Makes an instance in a store.
    ///
    /// # Errors
    /// The module's start function trapped, or the store's limits were reached. An import that the embedder's
    /// [`Linker`] has with another type, if the module imports one name of an ABI with two types.
    pub fn instantiate(&self, mut store: impl AsContextMut<Data = T>) -> wasmtime::Result<Instance> {
        let by_type = match &self.0 {
            InstancePreKind::ByName(pre) => return pre.instantiate(store),
            InstancePreKind::ByType(by_type) => by_type,
        };
        let mut externs: Vec<Extern> = Vec::with_capacity(by_type.is_ours.len());
        for (index, (import, is_ours)) in by_type.module.imports().zip(&by_type.is_ours).enumerate() {
            externs.push(if *is_ours {
                by_type.ours.get(&mut store, abi::MODULE, &index.to_string())?
            } else {
                by_type.linker.get(&mut store, import.module(), import.name())?
            });
        }
        Instance::new(&mut store, &by_type.module, &externs)
    }
}

/// Which function is defined for a name that the socket ABIs use with several types, in a linker that holds one
/// definition a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SocketAbi {
    /// WasmEdge's second version, with preview 1's `sock_accept`: Go with `github.com/stealthrocket/net`, and C with
    /// guestnet's overlay.
    #[default]
    WasmEdgeV2,
    /// WasmEdge's first version: `sock_accept` without flags, `sock_recv_from` without a port, and `sock_getlocaladdr`
    /// and `sock_getpeeraddr` with the kind of the address.
    WasmEdgeV1,
    /// WAMR's `sock_open`, `sock_bind`, `sock_connect`, `sock_recv_from` and `sock_send_to`.
    Wamr,
}

impl SocketAbi {
    /// How much a function of an ABI is preferred to one of the same name and another type; the least is taken.
    fn rank(self, abi: &str) -> usize {
        let first = match self {
            SocketAbi::WasmEdgeV2 => abi::WASMEDGE_V2,
            SocketAbi::WasmEdgeV1 => abi::WASMEDGE_V1,
            SocketAbi::Wamr => abi::WAMR,
        };
        let order = [first, abi::PREVIEW_1, abi::WASMEDGE, abi::WASMEDGE_V2];
        order.iter().position(|one| *one == abi).unwrap_or(order.len())
    }
}

/// Defines all functions of preview 1 and of the socket ABIs in a linker, for modules that import no name twice with
/// different types, as nearly all do.
///
/// A [`Linker`] knows one definition a name: `abi` says which function it is for the names that the socket ABIs use with
/// different types. Where the modules are of several ABIs, an [`Adapter`] chooses by type.
///
/// A store's [`GuestCtx`](crate::GuestCtx) serves one instance: make a store for each.
///
/// # Errors
/// The linker has one of the names already and does not allow shadowing. It is as it was then.
pub fn add_to_linker<T: Send + 'static, H: Host + Send + 'static>(
    linker: &mut Linker<T>,
    abi: SocketAbi,
    get: Getter<T, H>,
) -> wasmtime::Result<()>
where
    H::Io: Send,
{
    let files = Arc::new(Files::new(linker.engine(), get)?);
    let registry = registry(linker.engine(), get, &files);
    let mut chosen: HashMap<&str, &HostFunc<T>> = HashMap::new();
    for function in registry.functions() {
        let best = chosen.entry(function.name).or_insert(function);
        if abi.rank(function.abi) < abi.rank(best.abi) {
            *best = function;
        }
    }

    let mut added = linker.clone();
    files::add_wasmtime_wasi(&mut added, get)?;
    // An alias of a name for itself is refused where shadowing is.
    let shadowing = added
        .alias(abi::MODULE, "fd_read", abi::MODULE, "fd_read")
        .is_ok();
    // Ours replace wasmtime-wasi's, which have just been added; another name must be free, or the linker allows it.
    let (over, new): (Vec<_>, Vec<_>) = chosen
        .into_values()
        .partition(|function| registry.has_in(abi::PREVIEW_1, function.name));
    for (functions, allow) in [(new, shadowing), (over, true)] {
        added.allow_shadowing(allow);
        for function in functions {
            if let Target::Ours(define) = &function.target {
                define(&mut added, abi::MODULE, function.name)?;
            }
        }
    }
    added.allow_shadowing(shadowing);
    *linker = added;
    Ok(())
}

fn registry<T: Send + 'static, H: Host + Send + 'static>(
    engine: &Engine,
    get: Getter<T, H>,
    files: &Arc<Files<T>>,
) -> Registry<T> {
    let mut registry = Registry::new(engine);
    for (name, params, results) in files::DIRECT {
        let ty = FuncType::new(engine, params.iter().cloned(), results.iter().cloned());
        registry.add_wasmtime_wasi(name, ty);
    }
    descriptors::register(&mut registry, get, files);
    poll::register(&mut registry, get);
    epoll::register(&mut registry, get);
    bulk::register(&mut registry, get, files);
    sock::register(&mut registry, get);
    addrinfo::register(&mut registry, get);
    wamr::register(&mut registry, get, files);
    registry
}

/// Finds what answers an import.
pub(crate) struct Resolver<'a, T: 'static> {
    registry: &'a Registry<T>,
    /// A copy: a linker without a store says whether it has a name only by way of an alias.
    linker: Linker<T>,
}

/// What answers an import.
pub(crate) enum Source<'a, T: 'static> {
    Function(&'a HostFunc<T>),
    /// The embedder's linker, under the import's own name.
    Linker,
}

impl<T> Clone for Source<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Source<'_, T> {}

impl<T> Source<'_, T> {
    pub(crate) fn abi(self) -> Option<&'static str> {
        match self {
            Source::Function(function) => Some(function.abi),
            Source::Linker => None,
        }
    }
}

impl<'a, T: 'static> Resolver<'a, T> {
    /// `ty` is `None` for an import that is no function.
    pub(crate) fn resolve(
        &mut self,
        module: &str,
        name: &str,
        ty: Option<&FuncType>,
    ) -> Option<Source<'a, T>> {
        // A name of ours is ours under every type, or a module could get at another definition by its type.
        if self.registry.has(module, name) {
            return self.registry.find(module, name, ty?).map(Source::Function);
        }
        let defined = self.linker.alias(module, name, module, name).is_ok();
        defined.then_some(Source::Linker)
    }
}

fn one_function_a_name<T>(sources: &[Source<'_, T>]) -> bool {
    let mut named = HashMap::new();
    sources.iter().all(|source| match source {
        Source::Function(function) => {
            std::ptr::eq(*named.entry(function.name).or_insert(*function), *function)
        }
        Source::Linker => true,
    })
}

fn by_name<T>(
    module: &Module,
    sources: &[Source<'_, T>],
    mut linker: Linker<T>,
) -> wasmtime::Result<wasmtime::InstancePre<T>> {
    for source in sources {
        if let Source::Function(function) = source
            && let Target::Ours(define) = &function.target
        {
            define(&mut linker, abi::MODULE, function.name)?;
        }
    }
    linker.instantiate_pre(module)
}

fn by_type<T>(module: &Module, sources: &[Source<'_, T>], linker: Linker<T>) -> wasmtime::Result<ByType<T>> {
    let mut ours = Linker::new(linker.engine());
    let mut is_ours = Vec::with_capacity(sources.len());
    for (index, source) in sources.iter().enumerate() {
        let define = match source {
            Source::Function(HostFunc {
                target: Target::Ours(define),
                ..
            }) => Some(define),
            Source::Function(_) | Source::Linker => None,
        };
        if let Some(define) = define {
            define(&mut ours, abi::MODULE, &index.to_string())?;
        }
        is_ours.push(define.is_some());
    }
    Ok(ByType {
        module: module.clone(),
        linker,
        ours,
        is_ours,
    })
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
