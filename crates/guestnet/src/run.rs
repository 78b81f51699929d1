//! [`run`]: a module from its check to its end, in a store of the caller's. [`RunError`] is what else may come of it.

use std::error::Error as StdError;
use std::fmt;

use guestnet_wasi::{Adapter, I32Exit, StopTrap};
use wasmtime::{Module, Store, Trap, WasmBacktrace};

use crate::end::End;
use crate::error::reason;
use crate::limit::MemoryRefusal;

/// The function that a program begins with (WASI's "command").
const START: &str = "_start";

/// Why a module did not run to its end. Each is a clause that goes behind the module's name: "app.wasm trapped: …".
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// It imports a function that no ABI has.
    Import {
        /// The module that the import names.
        module: String,
        /// The field.
        name: String,
    },
    /// It has no `_start`, so it is a library and not a program.
    Library,
    /// A component imports an interface that there is not.
    Interface {
        /// Its name, with the version.
        name: String,
    },
    /// A component does not export `wasi:cli/run`, so it is a library and not a program.
    NoCommand,
    /// It needs more memory to start than it may have.
    Memory(MemoryRefusal),
    /// It trapped.
    Trap {
        /// What happened.
        trap: Trap,
        /// The innermost function, by its name or else its number; `None` if that is not known.
        function: Option<String>,
        /// Wasmtime's own error, with the whole backtrace.
        source: wasmtime::Error,
    },
    /// A component made a call that WASI 0.2 makes a trap, such as a write of more than was permitted.
    Call(wasmtime::Error),
    /// It cannot be instantiated, or a function of the host failed.
    Wasmtime(wasmtime::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Import { module, name } => {
                write!(f, "imports {module}.{name}, which no ABI of guestnet has")
            }
            RunError::Library => write!(
                f,
                "exports no function `{START}` without parameters, so it is a library and not a program: build it as a command"
            ),
            RunError::Interface { name } if name.starts_with("wasi:http/") => write!(
                f,
                "imports {name}, and guestnet has sockets but no wasi:http: build it with an HTTP library over std::net or tokio"
            ),
            RunError::Interface { name } => write!(f, "imports {name}, which guestnet does not have"),
            RunError::NoCommand => f.write_str(
                "exports no wasi:cli/run of WASI 0.2, so it is a library and not a program: build it as a command",
            ),
            RunError::Memory(refusal) => refusal.fmt(f),
            RunError::Trap { trap, function, .. } => {
                let text = trap.to_string();
                let text = text.strip_prefix("wasm trap: ").unwrap_or(&text);
                write!(f, "trapped: {text}")?;
                match function {
                    Some(function) => write!(f, ", in function {function}"),
                    None => Ok(()),
                }
            }
            RunError::Call(error) => write!(
                f,
                "trapped in a call that it must not make: {}",
                reason(error.root_cause())
            ),
            RunError::Wasmtime(error) => {
                // Without Wasmtime's words about where a function of the host was called.
                write!(f, "cannot be run: {}", reason(error.root_cause()))
            }
        }
    }
}

impl StdError for RunError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            RunError::Trap { source, .. } | RunError::Call(source) | RunError::Wasmtime(source) => {
                Some(source.as_ref())
            }
            RunError::Import { .. }
            | RunError::Library
            | RunError::Interface { .. }
            | RunError::NoCommand
            | RunError::Memory(_) => None,
        }
    }
}

/// Checks that a module is a program, and that there is an answer to each of its imports. Nothing of it runs.
///
/// # Errors
/// [`RunError::Import`], [`RunError::Library`].
pub fn check<T: Send + 'static>(adapter: &Adapter<T>, module: &Module) -> Result<(), RunError> {
    let imports = adapter.imports(module);
    if let Some(import) = imports.into_iter().find(|import| !import.is_defined()) {
        return Err(RunError::Import {
            module: import.module,
            name: import.name,
        });
    }
    let start = module.get_export(START).and_then(|export| export.func().cloned());
    if start.is_some_and(|ty| ty.params().len() == 0 && ty.results().len() == 0) {
        Ok(())
    } else {
        Err(RunError::Library)
    }
}

/// Instantiates a module in a store and calls its `_start`, for an embedder with a store of its own. `refusal` says from the
/// store's data whether a limit of memory was reached, as [`MemoryLimit::refusal`](crate::MemoryLimit::refusal) does.
///
/// # Errors
/// [`RunError`].
pub fn run<T: Send + 'static>(
    adapter: &Adapter<T>,
    module: &Module,
    store: &mut Store<T>,
    refusal: impl FnOnce(&T) -> Option<MemoryRefusal>,
) -> Result<End, RunError> {
    let instance = match adapter.instantiate(&mut *store, module) {
        Ok(instance) => instance,
        Err(error) => return not_instantiated(error, refusal(store.data())),
    };
    let called = instance.get_typed_func::<(), ()>(&mut *store, START);
    match called.and_then(|start| start.call(&mut *store, ())) {
        Ok(()) => Ok(End::Exit(0)),
        Err(error) => end(error),
    }
}

/// How a guest ended whose instance was not made.
pub(crate) fn not_instantiated(
    error: wasmtime::Error,
    refusal: Option<MemoryRefusal>,
) -> Result<End, RunError> {
    // Once a start function runs, a refusal is the guest's own affair: it saw -1.
    let began = error.is::<Trap>() || error.is::<I32Exit>() || error.is::<StopTrap>();
    match refusal {
        Some(refusal) if !began => Err(RunError::Memory(refusal)),
        _ => end(error),
    }
}

/// How a guest ended that did not return.
pub(crate) fn end(error: wasmtime::Error) -> Result<End, RunError> {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Ok(End::Exit(exit.0));
    }
    if error.is::<StopTrap>() {
        return Ok(End::Stop);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Ok(End::Stop),
        Some(trap) => Err(RunError::Trap {
            trap: *trap,
            function: innermost(&error),
            source: error,
        }),
        None => Err(RunError::Wasmtime(error)),
    }
}

/// The innermost function, if there is a backtrace.
fn innermost(error: &wasmtime::Error) -> Option<String> {
    let trace = error.downcast_ref::<WasmBacktrace>()?;
    let frame = trace.frames().first()?;
    Some(match frame.func_name() {
        Some(name) => name.to_owned(),
        None => format!("number {}", frame.func_index()),
    })
}
