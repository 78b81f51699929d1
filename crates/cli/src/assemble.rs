//! Puts a WebAssembly guest together, and what every guest is given: its host, policy, standard streams, listeners, directories, arguments and environment.

use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::resolve::Names;
use guestnet_core::{Capacity, GuestThread, Host, Reporter};
use guestnet_host_os::{Io, OsHost};
use guestnet_wasi::{GuestCtx, GuestCtxBuilder};

use crate::failure::Failure;
use crate::inherit::{self, Listeners};
use crate::module::one_line;
use crate::run_args::{Directory, RunArgs, Variable};
use crate::{names, say, stdio};

/// What a guest is made of, apart from its module.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) host: OsHost,
    pub(crate) policy: Policy,
    pub(crate) reporter: Reporter,
    pub(crate) inherited: Listeners,
    /// The text of the hosts file.
    pub(crate) hosts: String,
    /// A directory of the host that is the guest's /etc.
    pub(crate) etc: Option<&'a Path>,
}

/// What every kind of guest is given.
#[derive(Debug)]
pub(crate) struct Given {
    /// Knows the directories, for UNIX sockets below them, and whom to ask for names.
    pub(crate) host: OsHost,
    pub(crate) streams: [Option<Io>; 3],
    /// From descriptor 3 on.
    pub(crate) listeners: Vec<Io>,
    pub(crate) capacity: Capacity,
    pub(crate) env: Vec<(String, String)>,
}

/// What `--trace` and `--audit` ask for.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn reporter(run: &RunArgs, policy: &Policy) -> Result<Reporter, Failure> {
    let (trace, audit, limit) = (run.trace.as_ref(), run.audit.as_deref(), policy.limits().log);
    guestnet_host_os::reporter(trace, audit, limit, ToString::to_string).map_err(Failure::failed)
}

/// The guest whose reporter has to say what it has held back when the process ends.
static REPORTED: OnceLock<Arc<Names>> = OnceLock::new();

/// Remembers a guest for [`flush`].
pub(crate) fn flush_at_the_end(names: &Arc<Names>) {
    // There is one guest a process.
    let _ = REPORTED.set(Arc::clone(names));
}

/// Before the process ends: lines that were counted are written. Another thread that tells something is given a moment,
/// and no more: a guest that could not be stopped may be stuck in a terminal that nobody reads.
pub(crate) fn flush() {
    if let Some(names) = REPORTED.get() {
        for _ in 0..20 {
            if names.flush_observer() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Does what the options say that is the same for every kind of guest.
///
/// # Errors
/// One sentence with the option that could not be done.
pub(crate) fn given(
    run: &RunArgs,
    mut host: OsHost,
    policy: &Policy,
    inherited: Listeners,
) -> Result<Given, Failure> {
    let streams = stdio::adopt(&mut host)?;
    let listeners = listeners(&mut host, inherited, run, policy)?;
    for Directory {
        host: directory,
        guest,
    } in &run.directories
    {
        host.add_directory(directory, guest)
            .map_err(|errno| cannot_open(directory, &errno))?;
    }
    let limits = policy.limits();
    let mut capacity = Capacity::new(limits, guestnet_host_os::descriptors());
    if limits.buffers.is_none() {
        // What the kernel holds for the guest is memory too.
        capacity.buffers = capacity.buffers.min(run.max_memory);
    }
    host.set_upstream(&run.upstream)
        .map_err(|errno| Failure::failed(format!("--dns: cannot ask these servers: {errno}")))?;
    let mut env = Vec::new();
    for variable in &run.env {
        match variable {
            Variable::Set(name, value) => env.push((name.clone(), value.clone())),
            Variable::Inherit(name) => {
                if let Some(value) = inherited_variable(name)? {
                    env.push((name.clone(), value));
                }
            }
        }
    }
    Ok(Given {
        host,
        streams,
        listeners,
        capacity,
        env,
    })
}

/// The guest as the store keeps it.
///
/// # Errors
/// One sentence with the option that could not be done.
pub(crate) fn assemble(run: &RunArgs, parts: Parts<'_>) -> Result<GuestCtx<OsHost>, Failure> {
    let Parts {
        host,
        policy,
        reporter,
        inherited,
        hosts,
        etc,
    } = parts;
    let Given {
        host,
        streams,
        listeners,
        capacity,
        env,
    } = given(run, host, &policy, inherited)?;
    let mut guest = GuestThread::new(host, Arc::new(policy), capacity);
    guest.set_hosts(names::hosts(&hosts));
    guest.observe(Box::new(reporter));
    flush_at_the_end(guest.names());

    let mut builder = GuestCtxBuilder::new(guest);
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
        // Go's accept would hold all goroutines; C and Rust programs switch the mode themselves if they mind.
        builder.listener(io, true);
    }
    for Directory { host, guest } in &run.directories {
        builder
            .directory(host, guest, false)
            .map_err(|error| cannot_open(host, &one_line(&error)))?;
    }
    if let Some(etc) = etc {
        builder
            .directory(etc, names::ETC, true)
            .map_err(|error| cannot_open(etc, &one_line(&error)))?;
    }
    builder.arg(argv0(&run.guest));
    for arg in &run.args {
        builder.arg(arg);
    }
    for (name, value) in env {
        builder.env(name, value);
    }
    builder
        .build()
        .map_err(|error| Failure::failed(format!("cannot set up the guest: {}", one_line(&error))))
}

pub(crate) fn cannot_open(directory: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::failed(format!(
        "--dir {}: cannot open the directory: {reason}",
        directory.display()
    ))
}

/// `argv[0]` is the guest's file name, without the directories of the host, which are not the guest's business.
pub(crate) fn argv0(guest: &Path) -> String {
    guest
        .file_name()
        .unwrap_or(guest.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn inherited_variable(name: &str) -> Result<Option<String>, Failure> {
    // Addressed to this process; the guest gets its own.
    if inherit::VARIABLES.contains(&name) {
        return Ok(None);
    }
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::failed(format!(
            "--env {name}: its value is not UTF-8, which WASI asks for"
        ))),
    }
}

/// The guest's listeners, from descriptor 3 on: first the service manager's, then those of `--listen`. The option is
/// the owner's permission by itself: no rule about listening is asked.
fn listeners(
    host: &mut OsHost,
    inherited: Listeners,
    run: &RunArgs,
    policy: &Policy,
) -> Result<Vec<Io>, Failure> {
    let mut listeners = Vec::new();
    for socket in inherited.sockets {
        let number = socket.as_raw_fd();
        let io = host.adopt_socket(socket).map_err(|errno| {
            Failure::failed(format!(
                "descriptor {number} of LISTEN_FDS cannot be a guest's socket: {errno}"
            ))
        })?;
        listeners.push(io);
    }
    let backlog = i32::try_from(policy.limits().pending).unwrap_or(i32::MAX);
    for addr in &run.listen {
        let io = host
            .listener(*addr, backlog)
            .map_err(|errno| Failure::failed(format!("--listen tcp://{addr}: cannot listen: {errno}")))?;
        // Nobody could know the port otherwise.
        if addr.port() == 0
            && let Ok(local) = host.local_addr(&io)
        {
            say::complain(format_args!("--listen tcp://{addr}: listening on {local}"));
        }
        listeners.push(io);
    }
    Ok(listeners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_told_its_file_name_and_not_where_it_is() {
        assert_eq!(argv0(Path::new("/home/somebody/app.wasm")), "app.wasm");
        assert_eq!(argv0(Path::new("app.wasm")), "app.wasm");
        assert_eq!(argv0(Path::new("..")), "..");
    }

    #[test]
    fn the_variables_of_the_service_manager_are_not_handed_on() {
        for name in inherit::VARIABLES {
            assert_eq!(inherited_variable(name), Ok(None));
        }
    }
}
