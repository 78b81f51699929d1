//! `guestnet run` of a component, and `guestnet inspect` of one. Not here: how one is compiled (`module.rs`).

use std::fmt::Write;
use std::path::Path;

#[cfg(not(feature = "planted-bug"))]
use guestnet::MemoryLimit as Limit;
use guestnet::core::visible;
use guestnet::wasi::p2::{add_to_linker, component_imports};
use guestnet::wasi::{ComponentCtx, ComponentView};
use guestnet::{ComponentParts, Options, OsHost, check_component, limit_component, reason, run_component};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::assemble;
use crate::confine::Confinement;
use crate::ending::failure;
use crate::failure::{FAILED, Failure};
#[cfg(feature = "planted-bug")]
use crate::planted::PlantedLimit as Limit;
use crate::run_args::RunArgs;
use crate::say;
use crate::supervise::{Sharers, Supervisor};

/// What the store keeps for the guest.
#[derive(Debug)]
struct State {
    wasi: ComponentCtx<OsHost>,
    limit: Limit,
}

impl ComponentView for State {
    type Host = OsHost;

    fn component(&mut self) -> &mut ComponentCtx<OsHost> {
        &mut self.wasi
    }
}

/// Runs a component to its end and returns the exit code.
///
/// # Errors
/// One sentence on why it could not be run.
pub(crate) fn run(
    args: RunArgs,
    mut options: Options,
    confinement: Confinement,
    engine: &Engine,
    component: Component,
) -> Result<i32, Failure> {
    let path = args.guest.clone();
    if !args.listen.is_empty() {
        return Err(Failure::usage(format!(
            "--listen is for modules of WASI preview 1: {} is a component, and WASI 0.2 has no sockets that are open before \
             it starts; it listens itself, with --allow-listen",
            path.display()
        )));
    }
    let linker = linker(engine)?;
    check_component(&linker, &component).map_err(|error| failure(&path, &error))?;
    let ComponentParts { wasi, handle } = options.component_parts()?;
    assemble::flush_at_the_end(&handle);
    let mut store = Store::new(
        engine,
        State {
            wasi,
            limit: Limit::new(args.max_memory),
        },
    );
    store.limiter(|state| &mut state.limit);
    limit_component(&mut store, args.max_memory);
    handle.interrupt(&mut store);

    let sharers = Sharers::of(&args);
    let supervisor = Supervisor::of_wasm(handle, args.timeout)?;
    confinement.enforce()?;
    supervisor.run_alone(sharers, None, move || {
        run_component(&linker, &component, &mut store, |state| state.limit.refusal())
            .map_err(|error| failure(&path, &error))
    })
}

/// Prints the interfaces that a component imports; the exit code is 0 if the guest can run.
///
/// # Errors
/// None but those of the linker.
pub(crate) fn inspect(path: &Path, engine: &Engine, component: &Component) -> Result<i32, Failure> {
    let name = path.display().to_string();
    let name = visible(&name);
    let imports = component_imports(component);
    let width = imports
        .iter()
        .map(|import| visible(&import.name).chars().count())
        .max();
    let mut text = String::new();
    for import in &imports {
        let answer = if import.is_defined {
            "WASI 0.2"
        } else {
            "MISSING: guestnet does not have it"
        };
        let _ = writeln!(text, "{:1$}  {answer}", visible(&import.name), width.unwrap_or(0));
    }
    let missing = imports.iter().filter(|import| !import.is_defined).count();
    let count = |count: usize| match count {
        1 => "1 interface".to_owned(),
        count => format!("{count} interfaces"),
    };
    let _ = match (imports.len(), missing) {
        (0, _) => writeln!(text, "a component without imports"),
        (all, 0) => writeln!(text, "a component with {}: all of WASI 0.2", count(all)),
        (all, missing) => writeln!(
            text,
            "a component with {}: {} of WASI 0.2, {missing} missing",
            count(all),
            all - missing
        ),
    };
    let verdict = check_component(&linker(engine)?, component);
    let code = match verdict {
        Ok(()) => {
            let _ = writeln!(text, "guestnet can run {name}");
            0
        }
        Err(error) => {
            let _ = writeln!(text, "guestnet cannot run {name}: it {error}");
            FAILED
        }
    };
    say::print(text);
    Ok(code)
}

/// What a component finds.
fn linker(engine: &Engine) -> Result<Linker<State>, Failure> {
    let mut linker = Linker::new(engine);
    match add_to_linker(&mut linker) {
        Ok(()) => Ok(linker),
        Err(error) => Err(Failure::failed(format!(
            "cannot set up WASI: {}",
            reason(error.as_ref())
        ))),
    }
}
