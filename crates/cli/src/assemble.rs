//! From the options of a command line to those of a guest. Not here: how options become a guest (the crate `guestnet`).

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use guestnet::core::Reporter;
use guestnet::core::policy::Policy;
use guestnet::{GuestHandle, HostsFile, MetricsExporter, Options, ReportTo, Reporting, RunningExporter};

use crate::failure::Failure;
use crate::inherit::{self, Listeners};
use crate::run_args::{Directory, RunArgs, Variable};
use crate::say;

/// The policy, less what the guest's owner has for himself: what `--metrics` and `--audit` name by TCP is no guest's. Opens what
/// `--metrics` asks for.
///
/// # Errors
/// A policy file has a mistake, or metrics cannot be written there.
pub(crate) fn policy(run: &mut RunArgs) -> Result<Policy, Failure> {
    if let Some(ReportTo::Tcp(addr)) = run.audit {
        run.policy.deny_connect("--audit", addr);
    }
    if let Some(to) = &run.metrics {
        let mut exporter = MetricsExporter::open(to).map_err(guestnet::Error::from)?;
        exporter.refuse_this_process();
        if let Some(local) = exporter.local_addr() {
            run.policy.deny_connect("--metrics", local);
            if matches!(to, ReportTo::Tcp(addr) if addr.port() == 0) {
                say::complain(format_args!("--metrics {to}: listening on {local}"));
            }
        }
        *metrics() = Export::Open(exporter);
    }
    std::mem::take(&mut run.policy).build()
}

/// What becomes of the metrics. There is one guest a process.
#[derive(Debug)]
enum Export {
    None,
    Open(MetricsExporter),
    Running(#[expect(dead_code, reason = "it runs until it is dropped")] RunningExporter),
}

static METRICS: Mutex<Export> = Mutex::new(Export::None);

fn metrics() -> std::sync::MutexGuard<'static, Export> {
    METRICS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory in which `--metrics` makes names, while the guest runs.
pub(crate) fn metrics_directory(run: &RunArgs) -> Option<std::path::PathBuf> {
    match (&*metrics(), &run.metrics) {
        (Export::Open(exporter), Some(_)) => exporter.directory().map(Path::to_owned),
        _ => None,
    }
}

/// Starts to offer what `--metrics` asks for.
///
/// # Errors
/// There is no thread left.
pub(crate) fn start_metrics(handle: &GuestHandle) -> Result<(), Failure> {
    let mut export = metrics();
    match std::mem::replace(&mut *export, Export::None) {
        Export::Open(exporter) => {
            let running = handle
                .export_metrics(exporter)
                .map_err(|error| Failure::failed(format!("--metrics: cannot start a thread: {error}")))?;
            *export = Export::Running(running);
        }
        other => *export = other,
    }
    Ok(())
}

/// What `--trace` and `--audit` ask for.
///
/// # Errors
/// A file cannot be written.
pub(crate) fn reporter(run: &RunArgs, policy: &Policy) -> Result<Reporter, Failure> {
    let reporting = Reporting {
        trace: run.trace.clone(),
        audit: run.audit.clone(),
        stderr: say::stderr,
        ..Reporting::default()
    };
    Ok(reporting.open(policy)?)
}

/// The hosts file: `--hosts`, or the machine's own.
///
/// # Errors
/// A file that was named cannot be read.
pub(crate) fn hosts(run: &RunArgs) -> Result<HostsFile, Failure> {
    match &run.hosts {
        Some(path) => Ok(HostsFile::read(path)?),
        None => Ok(HostsFile::system()),
    }
}

/// The guest whose reporter may hold lines back when the process ends.
static REPORTED: OnceLock<GuestHandle> = OnceLock::new();

/// Remembers a guest for [`flush`].
pub(crate) fn flush_at_the_end(handle: &GuestHandle) {
    // There is one guest a process.
    let _ = REPORTED.set(handle.clone());
}

/// Before the process ends: lines that were counted are written. Another thread that writes some is given a moment,
/// and no more: a guest that could not be stopped may be stuck in a terminal that takes no output.
pub(crate) fn flush() {
    // The last numbers, and no address behind the end.
    *metrics() = Export::None;
    if let Some(handle) = REPORTED.get() {
        for _ in 0..20 {
            if handle.flush() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The options of a guest, `name` being its first argument.
///
/// # Errors
/// One sentence with the option that could not be done.
pub(crate) fn options(
    run: &RunArgs,
    policy: Policy,
    reporter: Reporter,
    hosts: HostsFile,
    inherited: Listeners,
    name: &str,
) -> Result<Options, Failure> {
    let mut options = Options::new();
    options
        .policy(policy)
        .observer(reporter)
        .hosts(hosts)
        .dns(run.upstream.clone())
        .max_memory(run.max_memory)
        .stop_by_signal()
        .inherit_stdio()
        .arg(name)
        .args(&run.args);
    // First the service manager's, then those of `--listen`.
    for socket in inherited.sockets {
        options.socket(socket);
    }
    for addr in &run.listen {
        options.listen(*addr);
    }
    for Directory { host, guest } in &run.directories {
        options.directory(host, guest);
    }
    for variable in &run.env {
        match variable {
            Variable::Set(name, value) => {
                options.env(name, value);
            }
            Variable::Inherit(name) => {
                if let Some(value) = inherited_variable(name)? {
                    options.env(name, value);
                }
            }
        }
    }
    Ok(options)
}

/// Says where the listeners are whose port the system has chosen: there is no other way to find it out.
pub(crate) fn say_ports(run: &RunArgs, listening: &[std::net::SocketAddr]) {
    for (addr, local) in run.listen.iter().zip(listening) {
        if addr.port() == 0 {
            say::complain(format_args!("--listen tcp://{addr}: listening on {local}"));
        }
    }
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
