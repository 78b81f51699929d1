//! [`Registry`]: the functions of all ABIs, each under its name and type, and how a call enters and leaves one.
//!
//! Not here: which of them answers an import (`link`).

use guestnet_core::{Errno, Host, Result};
use wasmtime::{Caller, Engine, Extern, FuncType, IntoFunc, Linker, ValType};

use super::memory::Memory;
use super::{abi, convert};
use crate::StopTrap;
use crate::state::{Getter, GuestCtx};

/// One function that a module may import.
pub(crate) struct HostFunc<T: 'static> {
    pub(crate) name: &'static str,
    pub(crate) abi: &'static str,
    pub(crate) ty: FuncType,
    pub(crate) target: Target<T>,
}

/// Where a function is defined.
pub(crate) enum Target<T: 'static> {
    /// Here.
    Ours(Define<T>),
    /// In wasmtime-wasi: it needs no descriptor of ours.
    WasmtimeWasi,
}

/// Defines a function in a linker, under a module and a name.
type Define<T> = Box<dyn Fn(&mut Linker<T>, &str, &str) -> wasmtime::Result<()> + Send + Sync>;

/// The functions of all ABIs.
pub(crate) struct Registry<T: 'static> {
    engine: Engine,
    functions: Vec<HostFunc<T>>,
}

impl<T: 'static> Registry<T> {
    pub(crate) fn new(engine: &Engine) -> Self {
        Registry {
            engine: engine.clone(),
            functions: Vec::new(),
        }
    }

    /// Adds a function. `ty` is the type of the Rust closure.
    pub(crate) fn add<Params: 'static, Results: 'static>(
        &mut self,
        name: &'static str,
        abi: &'static str,
        ty: FuncType,
        function: impl IntoFunc<T, Params, Results> + Clone,
    ) {
        let define: Define<T> =
            Box::new(move |linker, module, name| linker.func_wrap(module, name, function.clone()).map(drop));
        self.functions.push(HostFunc {
            name,
            abi,
            ty,
            target: Target::Ours(define),
        });
    }

    /// Adds a function of wasmtime-wasi.
    pub(crate) fn add_wasmtime_wasi(&mut self, name: &'static str, ty: FuncType) {
        self.functions.push(HostFunc {
            name,
            abi: abi::PREVIEW_1,
            ty,
            target: Target::WasmtimeWasi,
        });
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn functions(&self) -> &[HostFunc<T>] {
        &self.functions
    }

    /// Whether some ABI has a function of this name, whatever its type.
    pub(crate) fn has(&self, module: &str, name: &str) -> bool {
        module == abi::MODULE && self.functions.iter().any(|function| function.name == name)
    }

    /// Whether this ABI has a function of this name.
    pub(crate) fn has_in(&self, abi: &str, name: &str) -> bool {
        self.functions
            .iter()
            .any(|function| function.abi == abi && function.name == name)
    }

    /// The function of a name and a type.
    pub(crate) fn find(&self, module: &str, name: &str, ty: &FuncType) -> Option<&HostFunc<T>> {
        let fits = |function: &&HostFunc<T>| function.name == name && FuncType::eq(&function.ty, ty);
        if module == abi::MODULE {
            self.functions.iter().find(fits)
        } else {
            None
        }
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

/// Adds functions of the form `fn(&mut Memory, &mut GuestCtx<H>, …) -> Result<impl Code>` under a name and an ABI.
macro_rules! calls {
    ($registry:ident, $get:ident, $abi:expr; $($name:literal => $function:path, ($($arg:ident: $ty:ty),*);)*) => {
        $({
            let ty = wasmtime::FuncType::new(
                $registry.engine(),
                [$(<$ty as $crate::p1::registry::Wire>::TYPE),*],
                [wasmtime::ValType::I32],
            );
            $registry.add($name, $abi, ty, move |mut caller: wasmtime::Caller<'_, T>, $($arg: $ty),*| {
                $crate::p1::registry::enter(&mut caller, $get, |memory, ctx| $function(memory, ctx, $($arg),*))
            });
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
/// [`StopTrap`], or that the module exports no memory.
#[inline]
pub(crate) fn enter<T, H: Host, R: Code>(
    caller: &mut Caller<'_, T>,
    get: Getter<T, H>,
    call: impl FnOnce(&mut Memory<'_>, &mut GuestCtx<H>) -> Result<R>,
) -> wasmtime::Result<i32> {
    let memory = match get(caller.data_mut()).memory {
        Some(memory) => memory,
        None => find_memory(caller, get)?,
    };
    let (bytes, data) = memory.data_and_store_mut(&mut *caller);
    finish(call(&mut Memory(bytes), get(data)))
}

/// The number for the guest, or the end of the guest: the core's `EINTR` means that the guest was stopped.
#[inline]
pub(crate) fn finish<R: Code>(result: Result<R>) -> wasmtime::Result<i32> {
    match result {
        Ok(done) => Ok(done.code()),
        Err(Errno::EINTR) => Err(StopTrap.into()),
        Err(errno) => Ok(convert::errno(errno)),
    }
}

/// Finds the memory at the first call and keeps it: a look-up by name costs ten times a call.
#[cold]
pub(crate) fn find_memory<T, H: Host>(
    caller: &mut Caller<'_, T>,
    get: Getter<T, H>,
) -> wasmtime::Result<wasmtime::Memory> {
    let memory = caller
        .get_export("memory")
        .and_then(Extern::into_memory)
        .ok_or_else(|| {
            wasmtime::format_err!("the module exports no memory of its own named `memory`, which WASI needs")
        })?;
    get(caller.data_mut()).memory = Some(memory);
    Ok(memory)
}
