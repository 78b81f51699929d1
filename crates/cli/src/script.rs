//! `guestnet run script.js`: a script on QuickJS, under the same options as every guest.

use std::path::Path;

use guestnet::ScriptParts;
use guestnet::host_os::OutputHook;

use crate::assemble;
use crate::confine::Confinement;
use crate::engine::{GUEST_STACK, HOST_STACK};
use crate::failure::Failure;
use crate::inherit::Listeners;
use crate::run_args::RunArgs;
use crate::signals::Signals;
use crate::supervise::{Sharers, Supervisor};
use crate::whole;

/// The guest that is a script from standard input.
const STDIN: &str = "-";

/// What a script from standard input is called in its own errors.
const STDIN_NAME: &str = "<stdin>";

/// Whether a guest is a script, by its name.
pub(crate) fn is_script(guest: &Path) -> bool {
    if guest == Path::new(STDIN) {
        return true;
    }
    let extension = guest.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("js" | "mjs"))
}

/// A script, or a session of lines, before it starts.
#[derive(Debug)]
pub(crate) struct ScriptSetup {
    /// The engine with everything that the options give.
    pub(crate) parts: ScriptParts,
    pub(crate) supervisor: Supervisor,
    /// What the process needs while it runs.
    pub(crate) confinement: Confinement,
}

/// Runs a script to its end and returns the exit code.
///
/// # Errors
/// One sentence on why it could not be run.
pub(crate) fn run(args: RunArgs, inherited: Listeners) -> Result<i32, Failure> {
    let (path, found) = (args.guest.clone(), args.found.clone());
    let name = path.display().to_string();
    let (source, main) = if path == Path::new(STDIN) {
        let source = whole::read(&path, std::io::stdin().lock(), whole::SCRIPT)?;
        if source.starts_with(b"\0asm") {
            return Err(Failure::usage(
                "`-` is a script from standard input, and this is WebAssembly: name it /dev/stdin",
            ));
        }
        (source, STDIN_NAME.to_owned())
    } else {
        let file = found.as_ref().map_or(&path, |found| &found.file);
        let source = whole::read_file(&path, file, whole::SCRIPT)?;
        (source, assemble::argv0(&path))
    };
    let sharers = Sharers::of(&args);
    let ScriptSetup {
        mut parts,
        supervisor,
        mut confinement,
    } = ScriptSetup::new(args, inherited, &main, None)?;
    // A script names its imports from the directory that it is in.
    let directory = match found
        .as_ref()
        .map_or(path.parent(), |found| Some(&found.directory))
    {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    parts
        .builder
        .scripts(directory, "")
        .map_err(|error| whole::unreadable(&path, &error))?;

    confinement.readable(directory);
    confinement.enforce()?;
    supervisor.run_alone(sharers, None, move || {
        let mut script = parts
            .builder
            .build()
            .map_err(|error| Failure::failed(format!("cannot run {name}: {error}")))?;
        Ok(script.run(&main, &source).into())
    })
}

impl ScriptSetup {
    /// Does what the options say; `name` is the script's first argument, and `hook` is asked about what it writes to a terminal.
    ///
    /// # Errors
    /// One sentence with the option that could not be done.
    pub(crate) fn new(
        mut args: RunArgs,
        inherited: Listeners,
        name: &str,
        hook: Option<OutputHook>,
    ) -> Result<Self, Failure> {
        let policy = assemble::policy(&mut args)?;
        let confinement = Confinement::new(&args, &policy);
        let reporter = assemble::reporter(&args, &policy)?;
        let hosts = assemble::hosts(&args)?;
        let (signals, requests, numbers) = Signals::of_script()?;
        let mut options = assemble::options(&args, policy, reporter, hosts, inherited, name)?;
        options.signals(numbers, move |number, action| {
            #[cfg(feature = "planted-bug")]
            if number == crate::planted::SIGNAL {
                crate::planted::run();
            }
            requests.set(number, action)
        });
        if let Some(hook) = hook {
            options.output_hook(hook);
        }
        let parts = options.script_parts()?;
        assemble::flush_at_the_end(&parts.handle);
        assemble::say_ports(&args, &parts.listening);
        let handle = parts.handle.clone();
        Ok(ScriptSetup {
            parts,
            supervisor: Supervisor {
                signals,
                handle,
                timeout: args.timeout,
                interruptible: None,
                stack: GUEST_STACK + HOST_STACK,
            },
            confinement,
        })
    }
}
