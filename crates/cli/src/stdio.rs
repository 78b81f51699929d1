//! Standard input, output and error as the guest gets them: its own copies of the descriptors.

use std::os::fd::{AsFd, OwnedFd};

use guestnet_host_os::{Io, OsHost};

use crate::failure::Failure;

/// The three streams, by number. One that this process was started without is `None`, and then the guest has none
/// either. (std opens /dev/null in its place before main, which the guest then gets.)
pub(crate) fn adopt(host: &mut OsHost) -> Result<[Option<Io>; 3], Failure> {
    Ok([
        stream(host, std::io::stdin().as_fd().try_clone_to_owned())?,
        stream(host, std::io::stdout().as_fd().try_clone_to_owned())?,
        stream(host, std::io::stderr().as_fd().try_clone_to_owned())?,
    ])
}

fn stream(host: &mut OsHost, copy: std::io::Result<OwnedFd>) -> Result<Option<Io>, Failure> {
    let failed = |reason: &dyn std::fmt::Display| {
        Failure::failed(format!("cannot hand over the standard streams: {reason}"))
    };
    match copy {
        Ok(copy) => host.adopt_stream(copy).map(Some).map_err(|errno| failed(&errno)),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::BADF.raw_os_error()) => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}
