//! The options of a program in a browser: `Module.guestnet` becomes a guest. There are no files: a policy and a hosts file are texts,
//! and what is written goes to the console or to a function of the page's.

use std::convert::Infallible;
use std::fmt::{self, Display};
use std::str::FromStr;
use std::sync::Arc;

use guestnet_core::policy::PolicyFileError;
use guestnet_core::resolve::Hosts;
use guestnet_core::{Capacity, Errno, Guest, Reporter, SharedGuestThread, Sinks};
use guestnet_emscripten::{
    Environment, ModuleOptions, ModuleOptionsError, OptionValue, RESERVED, TraceOption,
};
use guestnet_host_direct::DirectHost;

use crate::log::{Kind, sink, time};
use crate::sockets::Sockets;

/// Why a program cannot start.
#[derive(Debug)]
pub(crate) enum OptionsError {
    Module(ModuleOptionsError),
    Policy(PolicyFileError),
    /// This option takes only `'-'` or a function.
    NoFile(&'static str),
    /// The guest has no room for what the program needs.
    System(Errno),
}

impl Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionsError::Module(error) => error.fmt(f),
            OptionsError::Policy(error) => error.fmt(f),
            OptionsError::System(errno) => write!(f, "the program cannot start: {errno}"),
            OptionsError::NoFile(option) => {
                write!(
                    f,
                    "Module.guestnet.{option} takes a function or '-' in a browser, which has no files"
                )
            }
        }
    }
}

impl From<ModuleOptionsError> for OptionsError {
    fn from(error: ModuleOptionsError) -> Self {
        OptionsError::Module(error)
    }
}

/// The option `dns`, which no browser can follow: the name is looked up where the connection is made.
#[derive(Debug)]
struct Servers(Infallible);

impl FromStr for Servers {
    type Err = &'static str;

    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Err("a browser looks names up itself")
    }
}

/// The host of a program.
pub(crate) type Host = DirectHost<Sockets>;

/// The first thread of a program with these options, and what the hosts of further threads are made from.
pub(crate) fn guest(
    module: Vec<(String, OptionValue)>,
) -> Result<(SharedGuestThread<Host, ()>, Host), OptionsError> {
    let mut read = ModuleOptions::<Servers>::read(module, Environment::default())?;
    for text in &std::mem::take(&mut read.files) {
        read.policy
            .file(text, "Module.guestnet.policy")
            .map_err(OptionsError::Policy)?;
    }
    let trace = match &read.trace {
        None => None,
        Some(TraceOption::Console) => Some(sink(Kind::Trace)),
        Some(TraceOption::File(_)) => return Err(OptionsError::NoFile("trace")),
    };
    let audit = match read.audit.as_deref() {
        None => None,
        Some("-") => Some(sink(Kind::Audit)),
        Some(_) => return Err(OptionsError::NoFile("audit")),
    };
    let policy = Arc::new(read.build_policy());
    let limits = policy.limits();
    let sinks = Sinks {
        denial: sink(Kind::Denial),
        trace,
        audit,
        clock: time,
        limit: limits.log,
        advice: read.advice,
    };
    let capacity = Capacity::new(limits, Capacity::default().descriptors);
    let host = DirectHost::new(Sockets);
    let spare = host.sibling();
    let mut thread = Guest::new(policy, capacity, RESERVED).thread(host);
    thread.set_hosts(Arc::new(Hosts::parse(read.hosts.as_deref().unwrap_or_default())));
    thread.observe(Box::new(Reporter::new(sinks)));
    Ok((thread, spare))
}
