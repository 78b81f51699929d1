//! [`HostsFile`]: the names of a guest that need no server.

use std::path::Path;
use std::sync::Arc;

use guestnet_core::resolve::{Hosts, MAX_HOSTS};
use guestnet_host_os::read_text;

use crate::error::Error;

/// The machine's own hosts file.
const SYSTEM: &str = "/etc/hosts";

/// Names and addresses, as hosts(5) has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostsFile(String);

impl HostsFile {
    /// Reads a file. What is behind the first megabytes is left out ([`MAX_HOSTS`]).
    ///
    /// # Errors
    /// [`Error::Hosts`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = read_text(path, MAX_HOSTS).map_err(|source| Error::Hosts {
            path: path.to_owned(),
            source,
        })?;
        Ok(HostsFile(text))
    }

    /// The machine's own /etc/hosts. A machine without one has no names in it.
    #[must_use]
    pub fn system() -> Self {
        HostsFile(read_text(Path::new(SYSTEM), MAX_HOSTS).unwrap_or_default())
    }

    /// The text of the file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(&self) -> Arc<Hosts> {
        Arc::new(Hosts::parse(&self.0))
    }
}

impl From<&str> for HostsFile {
    fn from(text: &str) -> Self {
        HostsFile(text.to_owned())
    }
}

impl From<String> for HostsFile {
    fn from(text: String) -> Self {
        HostsFile(text)
    }
}
