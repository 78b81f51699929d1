//! [`Files`]: wasmtime-wasi's functions, called with its own descriptor numbers.
//!
//! Its functions take the memory from the instance that calls them, and a host function that calls another is no
//! instance. So a guest that uses files gets a second, tiny instance: a module that imports the guest's memory,
//! exports it again, and has one function for each of wasmtime-wasi's that passes its arguments on. It is made at
//! the guest's first file call; a program that only has sockets never pays for it.

use std::fmt::Write;
use std::sync::OnceLock;

use guestnet_core::{Errno, Host, Result};
use wasmtime::{AsContextMut, Caller, Engine, Extern, Instance, Linker, Module, ValType, WasmParams};
use wiggle::GuestError;

use super::abi;
use super::registry::{find_memory, finish};
use crate::state::{Getter, GuestCtx};

const I32: ValType = ValType::I32;

/// Functions without a descriptor, which a guest calls as they are: name, parameters, results.
pub(crate) const DIRECT: [(&str, &[ValType], &[ValType]); 8] = [
    ("args_get", &[I32, I32], &[I32]),
    ("args_sizes_get", &[I32, I32], &[I32]),
    ("clock_res_get", &[I32, I32], &[I32]),
    ("environ_get", &[I32, I32], &[I32]),
    ("environ_sizes_get", &[I32, I32], &[I32]),
    ("proc_raise", &[I32], &[I32]),
    ("random_get", &[I32, I32], &[I32]),
    ("sched_yield", &[], &[I32]),
];

/// Functions with descriptors: name, parameters; all return an errno.
const FORWARDED: [(&str, &str); 28] = [
    ("fd_advise", "i32 i64 i64 i32"),
    ("fd_allocate", "i32 i64 i64"),
    ("fd_close", "i32"),
    ("fd_datasync", "i32"),
    ("fd_fdstat_get", "i32 i32"),
    ("fd_fdstat_set_flags", "i32 i32"),
    ("fd_fdstat_set_rights", "i32 i64 i64"),
    ("fd_filestat_get", "i32 i32"),
    ("fd_filestat_set_size", "i32 i64"),
    ("fd_filestat_set_times", "i32 i64 i64 i32"),
    ("fd_pread", "i32 i32 i32 i64 i32"),
    ("fd_pwrite", "i32 i32 i32 i64 i32"),
    ("fd_read", "i32 i32 i32 i32"),
    ("fd_readdir", "i32 i32 i32 i64 i32"),
    ("fd_seek", "i32 i64 i32 i32"),
    ("fd_sync", "i32"),
    ("fd_tell", "i32 i32"),
    ("fd_write", "i32 i32 i32 i32"),
    ("path_create_directory", "i32 i32 i32"),
    ("path_filestat_get", "i32 i32 i32 i32 i32"),
    ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32"),
    ("path_link", "i32 i32 i32 i32 i32 i32 i32"),
    ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32"),
    ("path_readlink", "i32 i32 i32 i32 i32 i32"),
    ("path_remove_directory", "i32 i32 i32"),
    ("path_rename", "i32 i32 i32 i32 i32 i32"),
    ("path_symlink", "i32 i32 i32 i32 i32"),
    ("path_unlink_file", "i32 i32 i32"),
];

/// How the adapter's own module is compiled, from the text format.
pub(crate) type Compile = dyn Fn(&Engine, &[u8]) -> wasmtime::Result<Module> + Send + Sync;

/// wasmtime-wasi's functions and the module that reaches them.
pub(crate) struct Files<T: 'static> {
    inner: Linker<T>,
    shim: OnceLock<Module>,
    compile: OnceLock<Box<Compile>>,
}

impl<T: Send + 'static> Files<T> {
    pub(crate) fn new<H: Host + Send + 'static>(engine: &Engine, get: Getter<T, H>) -> wasmtime::Result<Self>
    where
        H::Io: Send,
    {
        let mut inner = Linker::new(engine);
        add_wasmtime_wasi(&mut inner, get)?;
        Ok(Files {
            inner,
            shim: OnceLock::new(),
            compile: OnceLock::new(),
        })
    }

    /// Has the module compiled by `compile`; without effect when it has been set before.
    pub(crate) fn compile_with(&self, compile: Box<Compile>) {
        let _ = self.compile.set(compile);
    }

    /// wasmtime-wasi's function of a name.
    fn inner(&self, store: impl AsContextMut<Data = T>, name: &str) -> wasmtime::Result<Extern> {
        self.inner.get(store, abi::MODULE, name)
    }

    /// Calls wasmtime-wasi's function `name`; descriptors among the parameters are its own.
    ///
    /// # Errors
    /// A trap in it (a guest's exit, or a host failure).
    pub(crate) fn call<H: Host, P: WasmParams>(
        &self,
        caller: &mut Caller<'_, T>,
        get: Getter<T, H>,
        name: &str,
        params: P,
    ) -> wasmtime::Result<i32> {
        let instance = self.prepare(caller, get)?;
        let function = instance.get_typed_func::<P, i32>(&mut *caller, name)?;
        match function.call(&mut *caller, params) {
            // wasmtime-wasi ends a guest for what it cannot read; a kernel has an errno for it.
            Err(error) => match error.downcast_ref::<GuestError>() {
                Some(unreadable) => finish::<()>(Err(errno(unreadable))),
                None => Err(error),
            },
            done => done,
        }
    }

    /// Makes sure of the second instance, and that wasmtime-wasi has entered its standard streams and directories, which it does at its
    /// first call.
    ///
    /// # Errors
    /// The instance cannot be made.
    #[inline]
    pub(crate) fn prepare<H: Host>(
        &self,
        caller: &mut Caller<'_, T>,
        get: Getter<T, H>,
    ) -> wasmtime::Result<Instance> {
        match get(caller.data_mut()).files {
            Some(instance) => Ok(instance),
            None => self.start(caller, get),
        }
    }

    #[cold]
    fn start<H: Host>(&self, caller: &mut Caller<'_, T>, get: Getter<T, H>) -> wasmtime::Result<Instance> {
        let memory = match get(caller.data_mut()).memory {
            Some(memory) => memory,
            None => find_memory(caller, get)?,
        };
        let shim = match self.shim.get() {
            Some(shim) => shim,
            None => {
                let text = shim_text();
                let compiled = match self.compile.get() {
                    Some(compile) => compile(caller.engine(), text.as_bytes())?,
                    None => Module::new(caller.engine(), text)?,
                };
                self.shim.get_or_init(|| compiled)
            }
        };
        let mut externs = vec![Extern::from(memory)];
        for (name, _) in FORWARDED {
            externs.push(self.inner(&mut *caller, name)?);
        }
        let instance = Instance::new(&mut *caller, shim, &externs)?;
        get(caller.data_mut()).files = Some(instance);
        // A number that it never gives: the call does nothing more.
        let close = instance.get_typed_func::<u32, i32>(&mut *caller, "fd_close")?;
        close.call(&mut *caller, u32::MAX)?;
        Ok(instance)
    }
}

/// Defines wasmtime-wasi's functions, which know its own descriptor numbers, under preview 1's names.
pub(crate) fn add_wasmtime_wasi<T: Send + 'static, H: Host + Send + 'static>(
    linker: &mut Linker<T>,
    get: Getter<T, H>,
) -> wasmtime::Result<()>
where
    H::Io: Send,
{
    wasmtime_wasi::p1::add_to_linker_sync(linker, move |data| &mut get(data).inner)
}

/// Why wasmtime-wasi could not read an argument.
fn errno(error: &GuestError) -> Errno {
    match error {
        GuestError::InFunc { err, .. } => errno(err),
        GuestError::InvalidFlagValue(_) | GuestError::InvalidEnumValue(_) => Errno::EINVAL,
        GuestError::InvalidUtf8(_) => Errno::EILSEQ,
        GuestError::TryFromIntError(_) => Errno::EOVERFLOW,
        _ => Errno::EFAULT,
    }
}

/// The inner number of a file's descriptor.
///
/// # Errors
/// `EBADF`, or `otherwise` if it is a socket or a stream.
pub(crate) fn inner_fd<H: Host>(ctx: &GuestCtx<H>, fd: u32, otherwise: Errno) -> Result<u32> {
    ctx.guest.file(fd)?.map(|file| file.inner).ok_or(otherwise)
}

/// The module of [`Files::start`], in the text format.
pub(crate) fn shim_text() -> String {
    let mut text = String::from("(module (import \"guest\" \"memory\" (memory 0))");
    for (name, params) in FORWARDED {
        let _ = write!(
            text,
            "(import \"wasi\" \"{name}\" (func ${name} (param {params}) (result i32)))"
        );
    }
    text.push_str("(export \"memory\" (memory 0))");
    for (name, params) in FORWARDED {
        let _ = write!(text, "(func (export \"{name}\") (param {params}) (result i32)");
        for index in 0..params.split(' ').count() {
            let _ = write!(text, " local.get {index}");
        }
        let _ = write!(text, " call ${name})");
    }
    text.push(')');
    text
}
