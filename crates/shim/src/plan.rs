//! [`Plan`]: what the shim sends to the process of a container, in addition to what is in the bundle; and the words that they exchange.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::containerd::Containerd;
use crate::oci::Mount;

/// One line of JSON, from the shim to a new process.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Plan {
    /// The process that this one does not outlive.
    pub(crate) shim: u32,
    /// What containerd calls the container.
    pub(crate) id: String,
    pub(crate) containerd: Containerd,
    pub(crate) bundle: PathBuf,
    /// What containerd has mounted for the container's root, in order; none if it is a directory already.
    pub(crate) rootfs: Vec<Mount>,
    /// The files `cgroup.procs` of the control groups that it joins.
    pub(crate) cgroups: Vec<PathBuf>,
    pub(crate) streams: Streams,
}

/// Where a container's standard streams lead: paths of the machine; none is /dev/null.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Streams {
    pub(crate) stdin: Option<PathBuf>,
    pub(crate) stdout: Option<PathBuf>,
    pub(crate) stderr: Option<PathBuf>,
    /// The terminal that all of them are.
    pub(crate) terminal: Option<PathBuf>,
}

/// The process is ready to start. Any other line is the sentence on why it is not.
pub(crate) const READY: &str = "ready";

/// The process may start.
pub(crate) const START: &str = "start";
