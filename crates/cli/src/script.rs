//! `guestnet run script.js`: a script on QuickJS, under the same options as every guest.

use std::path::Path;
use std::sync::Arc;

use guestnet_core::SharedGuest;
use guestnet_host_os::OsHost;
use guestnet_quickjs::{End as ScriptEnd, ScriptBuilder};

use crate::assemble::{Given, argv0, cannot_open, given};
use crate::engine::{GUEST_STACK, HOST_STACK};
use crate::failure::Failure;
use crate::inherit::Listeners;
use crate::names;
use crate::observe::Reporter;
use crate::policy_args::io_reason;
use crate::run::{End, Watched, watched};
use crate::run_args::{Directory, RunArgs};
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
    let policy = std::mem::take(&mut args.policy).build()?;
    let reporter = Reporter::new(args.trace.as_ref(), args.audit.as_deref())?;
    let hosts = names::hosts_text(&args)?;
    let name = args.guest.display().to_string();
    let unreadable = |error: &std::io::Error| {
        Failure::failed(format!("cannot read the guest {name}: {}", io_reason(error)))
    };
    let source = std::fs::read(&args.guest).map_err(|error| unreadable(&error))?;
    let host = OsHost::new().map_err(|errno| Failure::failed(format!("cannot open an eventfd: {errno}")))?;
    let stopper = host.stopper();
    let Given {
        host,
        streams,
        listeners,
        capacity,
        env,
    } = given(&args, host, &policy, inherited)?;
    let mut guest = SharedGuest::shared(host, Arc::new(policy), capacity, 0);
    guest.set_hosts(names::hosts(&hosts));
    guest.observe(Box::new(reporter));

    let mut builder = ScriptBuilder::new(guest);
    let main = argv0(&args.guest);
    builder.arg(&main);
    for arg in &args.args {
        builder.arg(arg);
    }
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
    // What the script imports lies beside it or below; the script names it from there.
    let directory = match args.guest.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    builder
        .scripts(directory, "")
        .map_err(|error| unreadable(&error))?;
    builder.memory(usize::try_from(args.max_memory).unwrap_or(usize::MAX));

    let watch = Watched {
        stopper,
        interrupt: Interrupt::Flag(builder.stop_flag()),
        timeout: args.timeout.take(),
        stack: GUEST_STACK + HOST_STACK,
    };
    watched(watch, move || {
        let mut script = builder
            .build()
            .map_err(|error| Failure::failed(format!("cannot run {name}: {error}")))?;
        Ok(match script.run(&main, &source) {
            ScriptEnd::Exit(code) => End::Exit(code),
            ScriptEnd::Stopped => End::Stopped,
        })
    })
}
