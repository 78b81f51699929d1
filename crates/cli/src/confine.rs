//! Confines this process, once everything is set up and before the guest runs: Landlock for files and TCP ports,
//! seccomp for system calls (`calls.rs`).
//!
//! Nothing of it judges a guest: that is the policy's, before any system call. It is for the day on which an engine has a
//! defect that gives a guest the whole process. What that process may still do is what the guest's owner gave it, as far
//! as the kernel has words for it. A kernel without them, or with some of them only, is no error.

mod calls;
mod ports;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use guestnet::core::policy::Policy;
use guestnet::host_os::io_reason;
use guestnet::{ReportTo, TraceTo, Upstream};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use crate::assemble;
use crate::failure::Failure;
use crate::run_args::RunArgs;
use ports::Ports;

/// The newest interface of Landlock that is asked for; of an older kernel's, as much as it has.
const NEWEST: ABI = ABI::V7;

/// What the system's resolver reads (getaddrinfo(3), nsswitch.conf(5)), and the libraries that it loads for it.
const RESOLVER: [&str; 15] = [
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/machine-id",
    "/etc/networks",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/lib",
    "/lib64",
    "/run/systemd/resolve",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/var/lib/sss/mc",
];

/// Names of ports, and the local time of scripts.
const ALWAYS: [&str; 3] = ["/etc/services", "/etc/localtime", "/usr/share/zoneinfo"];

const RESOLV_CONF: &str = "/etc/resolv.conf";

/// What stays within reach of a confined process, besides what it has open.
#[derive(Debug, Default)]
pub(crate) struct Confinement {
    on: bool,
    /// The guest's own directories, for everything but to run programs and to make devices.
    directories: Vec<PathBuf>,
    /// Files and directories to be read.
    readable: Vec<PathBuf>,
    /// The guest's /etc, to be read and to be removed in the end.
    etc: Option<PathBuf>,
    /// The directory of the metrics, and what is done in it.
    metrics: Option<(PathBuf, BitFlags<AccessFs>)>,
    connect: Ports,
    bind: Ports,
    trace: Option<TraceTo>,
}

impl Confinement {
    /// What a run needs after it is set up.
    pub(crate) fn new(run: &RunArgs, policy: &Policy) -> Confinement {
        let mut readable: Vec<PathBuf> = ALWAYS.map(PathBuf::from).into();
        if policy.resolves_names() {
            if run.upstream == Upstream::System {
                readable.extend(RESOLVER.map(PathBuf::from));
            }
            readable.push(RESOLV_CONF.into());
            // A service that makes it anew does so in the same directory.
            if let Ok(real) = Path::new(RESOLV_CONF).canonicalize()
                && let Some(parent) = real.parent()
                && parent != Path::new("/etc")
            {
                readable.push(parent.to_owned());
            }
        }
        Confinement {
            on: run.confine,
            directories: run
                .directories
                .iter()
                .map(|directory| directory.host.clone())
                .collect(),
            readable,
            etc: None,
            metrics: assemble::metrics_directory(run).map(|directory| (directory, metrics_access(run))),
            connect: ports::connect(policy),
            bind: ports::bind(policy),
            trace: run.trace.clone(),
        }
    }

    /// Lets something be read, such as the scripts that a script may import.
    pub(crate) fn readable(&mut self, path: &Path) {
        self.readable.push(path.to_owned());
    }

    /// Lets the guest's /etc be read, and removed.
    pub(crate) fn etc(&mut self, path: &Path) {
        self.etc = Some(path.to_owned());
    }

    /// Confines this process from here on, for good, and says to the trace how far. Called by its only thread: what is
    /// started later is confined from its beginning.
    ///
    /// # Errors
    /// One sentence, if the kernel has what is needed and refuses it, or if other threads run already.
    pub(crate) fn enforce(self) -> Result<(), Failure> {
        let trace = trace(self.trace.as_ref())?;
        let text = if self.on {
            only_thread()?;
            let files = self.landlock().map_err(failed)?;
            let calls = if calls::restrict(calls::Process::Guest).map_err(failed)? {
                "system calls by seccomp"
            } else {
                "system calls not, since this kernel has no seccomp"
            };
            format!("confined: {files}; {calls}")
        } else {
            "not confined: --no-confine".to_owned()
        };
        if let Some(mut trace) = trace {
            // As every line of the trace: one that cannot be written is dropped.
            let _ = trace.write_all(format!("--- {text} ---\n").as_bytes());
        }
        Ok(())
    }

    fn landlock(&self) -> Result<String, RulesetError> {
        // The first version of Landlock refuses every rename from one directory to another, allowed ones too.
        let renames = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::Refer)
            .and_then(Ruleset::create);
        if renames.is_err() {
            return Ok("files and ports not, since this kernel has no Landlock that would do".to_owned());
        }
        let mut ruleset = Ruleset::default()
            .handle_access(AccessFs::from_all(NEWEST))?
            .scope(Scope::from_all(NEWEST))?;
        for (ports, access) in [
            (&self.connect, AccessNet::ConnectTcp),
            (&self.bind, AccessNet::BindTcp),
        ] {
            if ports.numbers().is_some() {
                ruleset = ruleset.handle_access(access)?;
            }
        }
        let mut ruleset = ruleset.create()?;
        for (ports, access) in [
            (&self.connect, AccessNet::ConnectTcp),
            (&self.bind, AccessNet::BindTcp),
        ] {
            for port in ports.numbers().unwrap_or_default() {
                ruleset = ruleset.add_rule(NetPort::new(*port, access))?;
            }
        }
        let own = AccessFs::from_all(NEWEST)
            & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
        for directory in &self.directories {
            ruleset = add(ruleset, directory, own)?;
        }
        for path in &self.readable {
            ruleset = add(ruleset, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
        }
        if let Some(etc) = &self.etc {
            ruleset = add(
                ruleset,
                etc,
                AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::RemoveFile,
            )?;
            if let Some(parent) = etc.parent() {
                ruleset = add(ruleset, parent, AccessFs::RemoveDir.into())?;
            }
        }
        if let Some((directory, access)) = &self.metrics {
            ruleset = add(ruleset, directory, *access)?;
        }
        let status = ruleset.restrict_self()?;
        let ports = format!("TCP connect {}, TCP bind {}", self.connect, self.bind);
        Ok(match status.ruleset {
            RulesetStatus::FullyEnforced => format!("files and {ports} by Landlock"),
            RulesetStatus::PartiallyEnforced => {
                format!("files and {ports} by Landlock, as far as this kernel has words for them")
            }
            RulesetStatus::NotEnforced => "files and ports not, since this kernel has no Landlock".to_owned(),
        })
    }
}

/// What happens in the directory of the metrics: a file is written and takes the place of the one before, a socket is removed.
fn metrics_access(run: &RunArgs) -> BitFlags<AccessFs> {
    match run.metrics {
        Some(ReportTo::File(_)) => {
            AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::RemoveFile
        }
        _ => AccessFs::RemoveFile.into(),
    }
}

/// Confines a process that compiles: it has its two descriptors, and opens nothing.
///
/// # Errors
/// What the kernel refuses although it has it.
pub(crate) fn compiler() -> std::io::Result<()> {
    let no_landlock = |error: RulesetError| std::io::Error::other(error.to_string());
    Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .and_then(RulesetCreated::restrict_self)
        .map_err(no_landlock)?;
    calls::restrict(calls::Process::Compiler)?;
    Ok(())
}

/// Adds a rule for what there is at a path; where there is nothing, or nothing that may be opened, none is needed.
fn add(
    ruleset: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let Ok(fd) = PathFd::new(path) else {
        return Ok(ruleset);
    };
    let access = if path.is_dir() {
        access
    } else {
        // The kernel takes no rights of directories for a file.
        access & AccessFs::from_file(NEWEST)
    };
    ruleset.add_rule(PathBeneath::new(fd, access))
}

/// A thread that runs already would stay unconfined.
fn only_thread() -> Result<(), Failure> {
    let count = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    match count {
        0 | 1 => Ok(()),
        _ => Err(failed(format!("{count} threads of it run already"))),
    }
}

fn failed(reason: impl std::fmt::Display) -> Failure {
    Failure::failed(format!(
        "cannot confine this process: {reason}; --no-confine runs the guest without it"
    ))
}

/// Where the trace's line goes; opened before this process may open nothing any more.
fn trace(to: Option<&TraceTo>) -> Result<Option<Box<dyn Write>>, Failure> {
    Ok(match to {
        None => None,
        Some(TraceTo::Stderr) => Some(Box::new(std::io::stderr())),
        Some(TraceTo::File(path)) => {
            let file = OpenOptions::new().append(true).open(path).map_err(|error| {
                Failure::failed(format!(
                    "cannot write the trace to {}: {}",
                    path.display(),
                    io_reason(&error)
                ))
            })?;
            Some(Box::new(file))
        }
    })
}
