//! `guestnet run script.js`: a script on QuickJS, under the same options as every guest.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use guestnet_core::Guest;
use guestnet_host_os::{OsHost, Stopper, io_reason};
use guestnet_quickjs::{End as ScriptEnd, ScriptBuilder, ThreadHost};

use crate::assemble::{Given, argv0, cannot_open, flush_at_the_end, given, reporter};
use crate::confine::Confinement;
use crate::engine::{GUEST_STACK, HOST_STACK};
use crate::failure::Failure;
use crate::inherit::Listeners;
use crate::names;
use crate::run::{End, Watched, watched};
use crate::run_args::{Directory, RunArgs};
use crate::signals::Signals;
use crate::stop::Interrupt;

/// Whether a guest is a script, by its name.
pub(crate) fn is_script(guest: &Path) -> bool {
    let extension = guest.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("js" | "mjs"))
}

/// Runs a script to its end and returns the exit code.
///
/// # Errors
/// One sentence on why it could not be run.
pub(crate) fn run(mut args: RunArgs, inherited: Listeners) -> Result<i32, Failure> {
    let name = args.guest.display().to_string();
    let unreadable = |error: &std::io::Error| {
        Failure::failed(format!("cannot read the guest {name}: {}", io_reason(error)))
    };
    let source = std::fs::read(&args.guest).map_err(|error| unreadable(&error))?;
    let (mut builder, stopper, signals, mut confinement) = prepare(&mut args, inherited)?;
    let main = argv0(&args.guest);
    builder.arg(&main);
    for arg in &args.args {
        builder.arg(arg);
    }
    // What the script imports lies beside it or below; the script names it from there.
    let directory = match args.guest.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    builder
        .scripts(directory, "")
        .map_err(|error| unreadable(&error))?;

    confinement.readable(directory);
    let watch = Watched {
        signals,
        stopper,
        interrupt: Interrupt::Flag(builder.stop_flag()),
        timeout: args.timeout.take(),
        stack: GUEST_STACK + HOST_STACK,
    };
    confinement.enforce()?;
    watched(watch, move || {
        let mut script = builder
            .build()
            .map_err(|error| Failure::failed(format!("cannot run {name}: {error}")))?;
        Ok(match script.run(&main, &source) {
            ScriptEnd::Exit(code) => End::Exit(code),
            ScriptEnd::Stop => End::Stopped,
        })
    })
}

/// An engine with everything that the options give to a script, what stops it, the signals that do, and what
/// the process needs while it runs.
///
/// # Errors
/// One sentence with the option that could not be done.
pub(crate) fn prepare(
    args: &mut RunArgs,
    inherited: Listeners,
) -> Result<(ScriptBuilder<OsHost>, Stopper, Signals, Confinement), Failure> {
    let policy = std::mem::take(&mut args.policy).build()?;
    let confinement = Confinement::new(args, &policy);
    let reporter = reporter(args, &policy)?;
    let hosts = names::hosts_text(args)?;
    let mut host =
        OsHost::new().map_err(|errno| Failure::failed(format!("cannot open an eventfd: {errno}")))?;
    let stopper = host.stopper();
    let (signals, wishes, numbers) = Signals::of_script()?;
    let numbers = host
        .adopt_stream(numbers.into())
        .map_err(|errno| Failure::failed(format!("cannot take over signals: {errno}")))?;
    let Given {
        host,
        streams,
        listeners,
        capacity,
        env,
    } = given(args, host, &policy, inherited)?;
    // What workers' hosts are made from: they share directories, resolver and stub.
    let spare = Mutex::new(
        host.sibling()
            .map_err(|errno| Failure::failed(format!("cannot open an eventfd: {errno}")))?,
    );
    let mut guest = Guest::new(Arc::new(policy), capacity, 0).thread(host);
    guest.set_hosts(names::hosts(&hosts));
    guest.observe(Box::new(reporter));
    flush_at_the_end(guest.names());

    let mut builder = ScriptBuilder::new(guest);
    for (name, value) in env {
        builder.env(name, value);
    }
    let [stdin, stdout, stderr] = streams;
    if let Some(io) = stdin {
        builder.stdin(io);
    }
    if let Some(io) = stdout {
        builder.stdout(io);
    }
    if let Some(io) = stderr {
        builder.stderr(io);
    }
    for io in listeners {
        builder.listener(io);
    }
    for Directory { host, guest } in &args.directories {
        builder
            .directory(host, guest)
            .map_err(|error| cannot_open(host, &io_reason(&error)))?;
    }
    builder.memory(usize::try_from(args.max_memory).unwrap_or(usize::MAX));
    builder.workers(move || {
        let host = spare.lock().unwrap_or_else(PoisonError::into_inner).sibling()?;
        let stopper = host.stopper();
        Ok(ThreadHost {
            host,
            stop: Box::new(move || {
                // A worker that cannot be woken ends with the process.
                let _ = stopper.stop();
            }),
        })
    });
    builder.signals(numbers, move |number, action| {
        #[cfg(feature = "planted-bug")]
        if number == crate::planted::SIGNAL {
            crate::planted::run();
        }
        wishes.set(number, action)
    });
    Ok((builder, stopper, signals, confinement))
}
