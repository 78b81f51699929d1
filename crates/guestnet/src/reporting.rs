//! [`Reporting`]: what is written about a guest.

use guestnet_core::policy::{Flag, Policy};
use guestnet_core::{Reporter, Sink};
use guestnet_host_os::{ReportTo, TraceTo};

use crate::error::Error;

/// What is written about a guest: always its first denial, on standard error, and if it is asked for a trace and an audit.
/// [`Reporting::open`] makes an observer of it, for [`Options::observer`](crate::Options::observer).
#[derive(Clone, Debug)]
pub struct Reporting {
    /// Where one line a call goes, as strace(1) writes them.
    pub trace: Option<TraceTo>,
    /// Where each decision of the policy goes as one line of JSON: a file, or a collector that is connected to when it is opened. The
    /// guest waits for a collector that reads slowly, also when it is stopped, and goes on without an audit when the connection is
    /// lost.
    pub audit: Option<ReportTo>,
    /// How a denial names what would allow it. By default as the command's own option, `--allow-connect …`.
    pub advice: fn(&Flag) -> String,
    /// Makes what writes to standard error: the process's own by default.
    pub stderr: fn() -> Sink,
}

impl Default for Reporting {
    fn default() -> Self {
        Reporting {
            trace: None,
            audit: None,
            advice: ToString::to_string,
            stderr: guestnet_host_os::stderr,
        }
    }
}

impl Reporting {
    /// Opens the files, and connects. The policy is the guest's: its limits have one for what is written.
    ///
    /// # Errors
    /// [`Error::Reporter`]: a file cannot be written, or nothing answers at the address.
    pub fn open(&self, policy: &Policy) -> Result<Reporter, Error> {
        let (trace, audit) = (self.trace.as_ref(), self.audit.as_ref());
        let limit = policy.limits().log;
        Ok(guestnet_host_os::reporter(
            trace,
            audit,
            limit,
            self.advice,
            self.stderr,
        )?)
    }
}
