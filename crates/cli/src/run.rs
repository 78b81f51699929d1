//! `guestnet run`: a module, from the command line to its end. Not here: components (`component.rs`) and scripts (`script.rs`).

#[cfg(not(feature = "planted-bug"))]
use guestnet::MemoryLimit as Limit;
use guestnet::wasi::{Adapter, GuestCtx};
use guestnet::{OsHost, WasiParts, reason};
use wasmtime::{Engine, Store};

use crate::assemble;
use crate::component;
use crate::confine::Confinement;
use crate::ending::failure;
use crate::engine::engine;
use crate::failure::Failure;
use crate::inherit::Listeners;
use crate::module::{self, OwnModule, Program};
#[cfg(feature = "planted-bug")]
use crate::planted::PlantedLimit as Limit;
use crate::run_args::RunArgs;
use crate::script;
use crate::supervise::{Sharers, Supervisor};

/// What the store keeps for the guest.
#[derive(Debug)]
pub(crate) struct State {
    wasi: GuestCtx<OsHost>,
    limit: Limit,
}

/// Runs a guest to its end and returns the exit code.
///
/// # Errors
/// One sentence on why it could not be run.
pub(crate) fn run(mut args: RunArgs, inherited: Listeners) -> Result<i32, Failure> {
    if script::is_script(&args.guest) {
        return script::run(args, inherited);
    }
    // What is wrong with the command line shows before anything takes time.
    let policy = assemble::policy(&mut args)?;
    let reporter = assemble::reporter(&args, &policy)?;
    let hosts = assemble::hosts(&args)?;
    let mut confinement = Confinement::new(&args, &policy);
    let path = args.guest.clone();
    let name = assemble::argv0(&path);
    let mut options = assemble::options(&args, policy, reporter, hosts, inherited, &name)?;
    // Before the guest is read and compiled, so that connections wait for it.
    assemble::say_ports(&args, options.open_listeners()?);
    let engine = engine(false)?;
    let file = args.found.as_ref().map_or(&path, |found| &found.file);
    let module = match module::load(&engine, &path, file, &args.compile)? {
        Program::Module(module) => module,
        Program::Component(component) => {
            return component::run(args, options, confinement, &engine, component);
        }
    };
    let adapter = adapter(&engine)?;
    guestnet::check(&adapter, &module).map_err(|error| failure(&path, &error))?;
    if !module.imports().any(|import| import.name() == "path_open") {
        options.without_etc();
    }
    let WasiParts {
        wasi,
        handle,
        // Dropping it removes the directory.
        etc,
        ..
    } = options.wasi_parts()?;
    assemble::flush_at_the_end(&handle);
    if let Some(etc) = &etc {
        confinement.etc(etc.path());
    }
    // A guest without directories has no files but its streams, which need no module.
    let files = if args.directories.is_empty() && etc.is_none() {
        None
    } else {
        OwnModule::find(&engine, &adapter.files_module())
    };
    let adapter = adapter.compile_with(move |engine, text| module::own(engine, files.as_ref(), text));
    let mut store = Store::new(
        &engine,
        State {
            wasi,
            limit: Limit::new(args.max_memory),
        },
    );
    store.limiter(|state| &mut state.limit);
    handle.interrupt(&mut store);

    let sharers = Sharers::of(&args);
    let supervisor = Supervisor::of_wasm(handle, args.timeout)?;
    confinement.enforce()?;
    supervisor.run_alone(sharers, etc, move || {
        guestnet::run(&adapter, &module, &mut store, |state| state.limit.refusal())
            .map_err(|error| failure(&path, &error))
    })
}

/// The adapter for [`State`].
///
/// # Errors
/// None in practice.
pub(crate) fn adapter(engine: &Engine) -> Result<Adapter<State>, Failure> {
    let adapter = Adapter::new(engine, |state: &mut State| &mut state.wasi);
    adapter.map_err(|error| Failure::failed(format!("cannot set up WASI: {}", reason(error.as_ref()))))
}
