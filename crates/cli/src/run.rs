//! `guestnet run`: a module, from the command line to its end. Not here: scripts (`script.rs`).

use std::path::Path;

#[cfg(not(feature = "planted-bug"))]
use guestnet::MemoryLimit as Limit;
use guestnet::core::policy::shell_word;
use guestnet::wasi::{Adapter, GuestCtx};
use guestnet::{OsHost, RunError, WasiParts, reason};
use wasmtime::{Engine, Store};

use crate::assemble;
use crate::confine::Confinement;
use crate::engine::{GUEST_STACK, HOST_STACK, engine};
use crate::failure::{Failure, TRAPPED};
use crate::inherit::Listeners;
use crate::module::{self, OwnModule};
#[cfg(feature = "planted-bug")]
use crate::planted::PlantedLimit as Limit;
use crate::run_args::RunArgs;
use crate::script;
use crate::signals::Signals;
use crate::supervise::Supervisor;
use crate::units::Bytes;

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
    let policy = std::mem::take(&mut args.policy).build()?;
    let reporter = assemble::reporter(&args, &policy)?;
    let hosts = assemble::hosts(&args)?;
    let mut confinement = Confinement::new(&args, &policy);
    let path = args.guest.clone();
    let name = assemble::argv0(&path);
    let mut options = assemble::options(&args, policy, reporter, hosts, inherited, &name)?;
    // Before the guest is read and compiled, so that connections wait for it.
    assemble::say_ports(&args, options.open_listeners()?);
    let engine = engine(false)?;
    let module = module::load(&engine, &path, &args.compile)?;
    let adapter = adapter(&engine)?;
    guestnet::check(&adapter, &module).map_err(|error| failure(&path, &error))?;
    if !module.imports().any(|import| import.name() == "path_open") {
        options.without_etc();
    }
    let WasiParts {
        wasi,
        handle,
        // Held to the end of the run: dropping it removes the directory.
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

    let supervisor = Supervisor {
        signals: Signals::new()?,
        handle,
        timeout: args.timeout,
        interruptible: None,
        stack: GUEST_STACK + HOST_STACK,
    };
    confinement.enforce()?;
    supervisor.run(move || {
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

/// Why a guest did not run to its end.
fn failure(path: &Path, error: &RunError) -> Failure {
    let name = path.display();
    match error {
        RunError::Import { .. } => Failure::failed(format!(
            "{name} {error}; see guestnet inspect {}",
            shell_word(&name.to_string())
        )),
        RunError::Memory(refusal) => Failure::failed(format!(
            "{name} needs {} of memory to start, and --max-memory allows it {}",
            Bytes(refusal.wanted),
            Bytes(refusal.most)
        )),
        RunError::Trap { .. } => Failure {
            code: TRAPPED,
            message: format!("{name} {error}"),
        },
        _ => Failure::failed(format!("{name} {error}")),
    }
}
