//! `guestnet run`: runs a guest on a thread of its own, and says how it ended. Not here: scripts (`script.rs`).

use std::io::pipe;
use std::path::Path;
use std::thread;

use guestnet_core::policy::shell_word;
use guestnet_host_os::{OsHost, Stopper};
use guestnet_wasi::{Adapter, GuestCtx, I32Exit, Stopped};
use wasmtime::{Engine, Module, Store, Trap, WasmBacktrace};

use crate::assemble::{Parts, assemble, reporter};
use crate::confine::Confinement;
use crate::engine::{GUEST_STACK, HOST_STACK, engine};
use crate::failure::{Failure, TRAPPED};
use crate::inherit::Listeners;
use crate::limit::Limit;
use crate::module::{self, one_line};
use crate::names;
use crate::run_args::{RunArgs, Timeout};
use crate::script;
use crate::signals::Signals;
use crate::stop::{Interrupt, Watch};

/// The function that a program begins with (WASI's "command").
const START: &str = "_start";

/// What the store keeps for the guest.
#[derive(Debug)]
pub(crate) struct State {
    wasi: GuestCtx<OsHost>,
    limit: Limit,
}

/// How a guest ended by itself.
#[derive(Debug)]
pub(crate) enum End {
    /// `_start` returned, or proc_exit was called.
    Exit(i32),
    /// One sentence about the trap.
    Trap(String),
    /// It was told to stop, and did.
    Stopped,
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
    let reporter = reporter(&args, &policy)?;
    let hosts = names::hosts_text(&args)?;
    let mut confinement = Confinement::new(&args, &policy);
    let engine = engine(false)?;
    let module = module::load(&engine, &args.guest, &args.compile)?;
    let adapter = adapter(&engine)?;
    let path = args.guest.clone();
    check(&adapter, &module, &path)?;

    let host = OsHost::new().map_err(|errno| Failure::failed(format!("cannot open an eventfd: {errno}")))?;
    let stopper = host.stopper();
    // Held to the end of the run: dropping it removes the directory.
    let etc = names::etc(&args, &policy, &hosts)?;
    if let Some(etc) = &etc {
        confinement.etc(etc.path());
    }
    // A guest without directories has no files but its streams, which need no module.
    let files = if args.directories.is_empty() && etc.is_none() {
        None
    } else {
        module::Own::find(&engine, &adapter.files_module())
    };
    let adapter = adapter.compile_with(move |engine, text| module::own(engine, files.as_ref(), text));
    let wasi = assemble(
        &args,
        Parts {
            host,
            policy,
            reporter,
            inherited,
            hosts,
            etc: etc.as_ref().map(names::Etc::path),
        },
    )?;
    let mut store = Store::new(
        &engine,
        State {
            wasi,
            limit: Limit::new(args.max_memory),
        },
    );
    store.limiter(|state| &mut state.limit);
    // Counted up once, by `Watch`; the guest traps when it sees that.
    store.set_epoch_deadline(1);

    let watch = Watched {
        signals: Signals::new()?,
        stopper,
        interrupt: Interrupt::Epoch(engine),
        timeout: args.timeout,
        stack: GUEST_STACK + HOST_STACK,
    };
    confinement.enforce()?;
    watched(watch, move || perform(&adapter, &module, &path, store))
}

/// What is needed to end a guest from outside.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) signals: Signals,
    pub(crate) stopper: Stopper,
    pub(crate) interrupt: Interrupt,
    pub(crate) timeout: Option<Timeout>,
    /// The size of the guest's stack, in bytes.
    pub(crate) stack: usize,
}

/// Runs a guest on a thread of its own, ends it at a signal or when its time is over, and returns the exit code.
///
/// # Errors
/// One sentence on how it ended, if not by itself.
pub(crate) fn watched(
    Watched {
        signals,
        stopper,
        interrupt,
        timeout,
        stack,
    }: Watched,
    guest: impl FnOnce() -> Result<End, Failure> + Send + 'static,
) -> Result<i32, Failure> {
    let no_thread =
        |error: std::io::Error| Failure::failed(format!("cannot start the guest's thread: {error}"));
    let (ended, ends) = pipe().map_err(no_thread)?;
    let watch = Watch {
        signals,
        ended,
        stopper,
        interrupt,
    };
    let guest = thread::Builder::new()
        .name("guest".to_owned())
        .stack_size(stack)
        .spawn(move || {
            // Closed when the thread ends, after a panic too.
            let _ends = ends;
            guest()
        })
        .map_err(no_thread)?;
    let (reason, ended) = watch.wait(timeout);
    // A guest that does not end is left to the end of the process.
    let end = ended.then(|| guest.join());
    match (end, reason) {
        (Some(Err(_)), _) => Err(Failure::failed(
            "guestnet itself failed, which is a bug of guestnet; see the lines above",
        )),
        (Some(Ok(Err(failure))), _) => Err(failure),
        (Some(Ok(Ok(End::Exit(code)))), _) => Ok(code),
        (Some(Ok(Ok(End::Trap(sentence)))), _) => Err(Failure {
            code: TRAPPED,
            message: sentence,
        }),
        (Some(Ok(Ok(End::Stopped))) | None, Some(reason)) => Err(Failure {
            code: reason.code(),
            message: reason.to_string(),
        }),
        (Some(Ok(Ok(End::Stopped))) | None, None) => {
            Err(Failure::failed("the guest was stopped, and nobody asked for it"))
        }
    }
}

/// The adapter for [`State`].
///
/// # Errors
/// None in practice.
pub(crate) fn adapter(engine: &Engine) -> Result<Adapter<State>, Failure> {
    let adapter = Adapter::new(engine, |state: &mut State| &mut state.wasi);
    adapter.map_err(|error| Failure::failed(format!("cannot set up WASI: {}", one_line(&error))))
}

/// Whether a module is a program, as WASI has it: a library has no `_start`.
fn is_program(module: &Module) -> bool {
    let start = module.get_export(START).and_then(|export| export.func().cloned());
    start.is_some_and(|ty| ty.params().len() == 0 && ty.results().len() == 0)
}

/// Refuses a module that cannot run, before anything is opened for it.
fn check(adapter: &Adapter<State>, module: &Module, path: &Path) -> Result<(), Failure> {
    let name = path.display();
    if let Some(import) = adapter
        .imports(module)
        .into_iter()
        .find(|import| !import.is_defined())
    {
        return Err(Failure::failed(format!(
            "{name} imports {}.{}, which no ABI of guestnet has; see guestnet inspect {}",
            import.module,
            import.name,
            shell_word(&name.to_string())
        )));
    }
    if !is_program(module) {
        return Err(Failure::failed(format!(
            "{name} exports no function `{START}` without parameters, so it is a library and not a program: build it as a command"
        )));
    }
    Ok(())
}

/// Instantiates and calls the guest, on its own thread.
fn perform(
    adapter: &Adapter<State>,
    module: &Module,
    path: &Path,
    mut store: Store<State>,
) -> Result<End, Failure> {
    let name = path.display();
    let instance = match adapter.instantiate(&mut store, module) {
        Ok(instance) => instance,
        Err(error) => {
            // Once its start function runs, a refusal is the guest's own affair: it saw -1.
            let began = error.is::<Trap>() || error.is::<I32Exit>() || error.is::<Stopped>();
            return match store.data().limit.refusal() {
                Some(refusal) if !began => Err(Failure::failed(format!("{name} {refusal}"))),
                _ => end(path, &error),
            };
        }
    };
    let called = instance.get_typed_func::<(), ()>(&mut store, START);
    match called.and_then(|start| start.call(&mut store, ())) {
        Ok(()) => Ok(End::Exit(0)),
        Err(error) => end(path, &error),
    }
}

/// How a guest ended that did not return.
fn end(path: &Path, error: &wasmtime::Error) -> Result<End, Failure> {
    let name = path.display();
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return Ok(End::Exit(exit.0));
    }
    if error.is::<Stopped>() {
        return Ok(End::Stopped);
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Ok(End::Stopped),
        Some(trap) => Ok(End::Trap(format!("{name} trapped: {}", trap_text(*trap, error)))),
        None => Err(Failure::failed(format!("{name} cannot be run: {}", cause(error)))),
    }
}

/// What a function of the host said, without Wasmtime's words about where it was called.
fn cause(error: &wasmtime::Error) -> String {
    one_line(&wasmtime::Error::msg(error.root_cause().to_string()))
}

/// The trap's message and the innermost function, if the module names it.
fn trap_text(trap: Trap, error: &wasmtime::Error) -> String {
    let text = trap.to_string();
    let text = text.strip_prefix("wasm trap: ").unwrap_or(&text);
    let frame = error
        .downcast_ref::<WasmBacktrace>()
        .and_then(|trace| trace.frames().first());
    match frame.map(|frame| (frame.func_name(), frame.func_index())) {
        Some((Some(function), _)) => {
            format!("{text}, in function {function}")
        }
        Some((None, index)) => format!("{text}, in function number {index}"),
        None => text.to_owned(),
    }
}
