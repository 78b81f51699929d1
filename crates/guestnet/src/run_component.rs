//! [`run_component`]: a component from its check to its end, in a store of the caller's.

use guestnet_wasi::ComponentView;
use guestnet_wasi::p2::component_imports;
use wasmtime::Store;
use wasmtime::component::{Component, Linker};
use wasmtime_wasi::p2::bindings::sync::CommandPre;

use crate::end::End;
use crate::error::reason;
use crate::limit::MemoryRefusal;
use crate::run::{RunError, end, not_instantiated};

/// The interface that a program exports (WASI's "command").
const RUN: &str = "wasi:cli/run@0.2.";

/// Checks that a component is a program. Nothing of it runs.
///
/// # Errors
/// [`RunError::Interface`]: the first interface that neither guestnet has nor `linker`. [`RunError::NoCommand`].
pub fn check_component<T: ComponentView>(linker: &Linker<T>, component: &Component) -> Result<(), RunError> {
    if let Err(error) = linker.instantiate_pre(component) {
        let missing = component_imports(component)
            .into_iter()
            .find(|import| !import.is_defined && !has(linker, &import.name));
        return Err(match missing {
            Some(import) => RunError::Interface { name: import.name },
            // All that Wasmtime says of it: its innermost error names neither the interface nor the function.
            None => RunError::Wasmtime(wasmtime::Error::msg(reason(error.as_ref()))),
        });
    }
    let ty = component.component_type();
    let is_command = ty
        .exports(component.engine())
        .any(|(name, _)| name.starts_with(RUN));
    if is_command {
        Ok(())
    } else {
        Err(RunError::NoCommand)
    }
}

/// Whether an embedder's linker has an interface of this name: defining it once more then fails.
fn has<T: ComponentView>(linker: &Linker<T>, name: &str) -> bool {
    let mut linker = linker.clone();
    linker.allow_shadowing(false);
    linker
        .root()
        .resource(name, wasmtime::component::ResourceType::host::<()>(), |_, _| {
            Ok(())
        })
        .is_err()
}

/// Instantiates a component in a store and calls its `wasi:cli/run`, for an embedder with a store of its own. `refusal` says from
/// the store's data whether a limit of memory was reached, as [`MemoryLimit::refusal`](crate::MemoryLimit::refusal) does.
///
/// # Errors
/// [`RunError`].
pub fn run_component<T: ComponentView>(
    linker: &Linker<T>,
    component: &Component,
    store: &mut Store<T>,
    refusal: impl FnOnce(&T) -> Option<MemoryRefusal>,
) -> Result<End, RunError> {
    check_component(linker, component)?;
    let program = linker.instantiate_pre(component).and_then(CommandPre::new);
    let program = program.map_err(RunError::Wasmtime)?;
    let command = match program.instantiate(&mut *store) {
        Ok(command) => command,
        Err(error) => return not_instantiated(error, refusal(store.data())),
    };
    let called = command.wasi_cli_run().call_run(&mut *store);
    let ended = match called {
        Ok(Ok(())) => End::Exit(0),
        Ok(Err(())) => End::Exit(1),
        Err(error) => match end(error) {
            Err(RunError::Wasmtime(error)) => return Err(RunError::Call(error)),
            ended => ended?,
        },
    };
    // What it wrote and the kernel has not taken yet is the host's to send.
    if ended != End::Stop && store.data_mut().component().finish().is_err() {
        return Ok(End::Stop);
    }
    Ok(ended)
}
