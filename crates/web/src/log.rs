//! [`Console`]: where the lines of the trace, of the audit and of the first denial go: to JavaScript, which has them on the console or
//! gives them to the page.

use std::io::{self, Write};
use std::time::Duration;

use guestnet_core::Sink;

use crate::imports;

/// What a line is of. The numbers are JavaScript's too.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The first denial.
    Denial = 0,
    /// The trace.
    Trace = 1,
    /// The audit.
    Audit = 2,
}

/// Lines of one kind.
#[derive(Debug)]
struct Console(Kind);

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        imports::log(self.0 as u32, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where lines of this kind go.
pub(crate) fn sink(kind: Kind) -> Sink {
    Box::new(Console(kind))
}

/// The time since the Unix epoch.
pub(crate) fn time() -> Duration {
    Duration::try_from_secs_f64(imports::realtime() / 1000.0).unwrap_or_default()
}
