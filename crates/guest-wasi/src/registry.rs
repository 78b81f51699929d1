//! [`Registry`]: the functions of all ABIs, each under its name and type, and how a call enters and leaves one.
//!
//! Not here: which of them answers an import (`link`).

use guestnet_core::{Errno, Host, Result};
use wasmtime::{Caller, Engine, Extern, FuncType, IntoFunc, Linker, ValType};

use crate::memory::Memory;
use crate::state::Wasi;
use crate::{abi, convert};

/// How a store's data leads to its [`Wasi`].
pub type Project<T, H> = fn(&mut T) -> &mut Wasi<H>;

/// The error of a call in which the guest was told to stop. Found with `downcast_ref` in what the call of the
/// guest's function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the guest was stopped")
    }
}

impl std::error::Error for Stopped {}

/// One function that an import may name.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) abi: &'static str,
    pub(crate) ty: FuncType,
    pub(crate) place: Place,
}

pub(crate) enum Place {
    /// In [`Registry::calls`], under this name.
    Ours(String),
    /// wasmtime-wasi's own, which needs no descriptor of ours.
    Inner,
}

/// Collects functions while the adapter is made.
pub(crate) struct Registry<T: 'static> {
    pub(crate) calls: Linker<T>,
    pub(crate) entries: Vec<Entry>,
}

impl<T: Send + 'static> Registry<T> {
    /// Defines a function; its type comes from the Rust closure.
    pub(crate) fn add<Params, Results>(
        &mut self,
        name: &'static str,
        abi: &'static str,
        ty: FuncType,
        function: impl IntoFunc<T, Params, Results>,
    ) -> wasmtime::Result<()> {
        let symbol = format!("{name} {abi} {ty}");
        self.calls.func_wrap(abi::MODULE, &symbol, function)?;
        self.entries.push(Entry {
            name,
            abi,
            ty,
            place: Place::Ours(symbol),
        });
        Ok(())
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.calls.engine()
    }
}

/// A Rust type of a function's signature.
pub(crate) trait Wire {
    const TYPE: ValType;
}

impl Wire for u32 {
    const TYPE: ValType = ValType::I32;
}

impl Wire for u64 {
    const TYPE: ValType = ValType::I64;
}

/// Defines functions of the form `fn(&mut Memory, &mut Wasi<H>, …) -> Result<impl Code>` under a name and an ABI.
macro_rules! calls {
    ($registry:ident, $project:ident, $abi:expr; $($name:literal => $function:path, ($($arg:ident: $ty:ty),*);)*) => {
        $({
            let ty = wasmtime::FuncType::new(
                $registry.engine(),
                [$(<$ty as $crate::registry::Wire>::TYPE),*],
                [wasmtime::ValType::I32],
            );
            $registry.add($name, $abi, ty, move |mut caller: wasmtime::Caller<'_, T>, $($arg: $ty),*| {
                $crate::registry::enter(&mut caller, $project, |memory, wasi| $function(memory, wasi, $($arg),*))
            })?;
        })*
    };
}
pub(crate) use calls;

/// What a call returns to the guest when it did not fail.
pub(crate) trait Code {
    fn code(self) -> i32;
}

impl Code for () {
    fn code(self) -> i32 {
        0
    }
}

impl Code for i32 {
    fn code(self) -> i32 {
        self
    }
}

/// Runs a call on the guest's memory and state, and turns its errno into the guest's number.
///
/// # Errors
/// [`Stopped`], or that the module exports no memory.
#[inline]
pub(crate) fn enter<T, H: Host, R: Code>(
    caller: &mut Caller<'_, T>,
    project: Project<T, H>,
    call: impl FnOnce(&mut Memory<'_>, &mut Wasi<H>) -> Result<R>,
) -> wasmtime::Result<i32> {
    let memory = match project(caller.data_mut()).memory {
        Some(memory) => memory,
        None => find_memory(caller, project)?,
    };
    let (bytes, data) = memory.data_and_store_mut(&mut *caller);
    finish(call(&mut Memory(bytes), project(data)))
}

/// The number for the guest, or the end of the guest: the core's `EINTR` means that it was told to stop.
#[inline]
pub(crate) fn finish<R: Code>(result: Result<R>) -> wasmtime::Result<i32> {
    match result {
        Ok(done) => Ok(done.code()),
        Err(Errno::EINTR) => Err(Stopped.into()),
        Err(errno) => Ok(convert::errno(errno)),
    }
}

/// Finds the memory at the first call and keeps it: a look-up by name costs ten times a call.
#[cold]
pub(crate) fn find_memory<T, H: Host>(
    caller: &mut Caller<'_, T>,
    project: Project<T, H>,
) -> wasmtime::Result<wasmtime::Memory> {
    let memory = caller
        .get_export("memory")
        .and_then(Extern::into_memory)
        .ok_or_else(|| {
            wasmtime::format_err!("the module exports no memory of its own named `memory`, which WASI needs")
        })?;
    project(caller.data_mut()).memory = Some(memory);
    Ok(memory)
}
