//! Who a container's process is and what it may take: its user, its capabilities, its resource limits.
//!
//! Called by a process of one thread, so that what the kernel keeps a thread is the process's.

use rustix::fs::Mode;
use rustix::process::{Gid, Resource, Rlimit, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::oci::{Process, Rlimit as Limit};

/// Becomes the container's user, for good.
///
/// # Errors
/// One sentence.
pub(crate) fn become_user(process: &Process) -> Result<(), String> {
    if let Some(score) = process.oom_score_adj {
        // A shim that is not root may not lower it, as runc's may not.
        let _ = std::fs::write("/proc/self/oom_score_adj", score.to_string());
    }
    for limit in &process.rlimits {
        set_limit(limit)?;
    }
    let user = &process.user;
    let failed =
        |error: rustix::io::Errno| format!("cannot become the user {}:{}: {error}", user.uid, user.gid);
    if let Some(umask) = user.umask {
        rustix::process::umask(Mode::from_raw_mode(umask & 0o777));
    }
    // (-1 would leave the user as it is.)
    if user.uid == u32::MAX || user.gid == u32::MAX || user.additional_gids.contains(&u32::MAX) {
        return Err(failed(rustix::io::Errno::INVAL));
    }
    let groups: Vec<Gid> = user.additional_gids.iter().copied().map(Gid::from_raw).collect();
    let gid = Gid::from_raw(user.gid);
    let uid = Uid::from_raw(user.uid);
    if uid != rustix::process::getuid() || gid != rustix::process::getgid() || !groups.is_empty() {
        rustix::thread::set_thread_groups(&groups).map_err(failed)?;
        rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(failed)?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(failed)?;
    }
    // A compiler that this process starts gains none of them back.
    rustix::thread::set_no_new_privs(true).map_err(failed)?;
    let kept = process
        .capabilities
        .effective
        .iter()
        .filter_map(|name| CapabilitySet::from_name(name.strip_prefix("CAP_")?))
        .fold(CapabilitySet::empty(), |all, each| all | each);
    let now = rustix::thread::capabilities(None).map_err(failed)?;
    let sets = CapabilitySets {
        effective: now.effective & kept,
        permitted: now.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, sets).map_err(failed)
}

fn set_limit(limit: &Limit) -> Result<(), String> {
    let resource = match limit.kind.as_str() {
        "RLIMIT_AS" => Resource::As,
        "RLIMIT_CORE" => Resource::Core,
        "RLIMIT_CPU" => Resource::Cpu,
        "RLIMIT_DATA" => Resource::Data,
        "RLIMIT_FSIZE" => Resource::Fsize,
        "RLIMIT_LOCKS" => Resource::Locks,
        "RLIMIT_MEMLOCK" => Resource::Memlock,
        "RLIMIT_MSGQUEUE" => Resource::Msgqueue,
        "RLIMIT_NICE" => Resource::Nice,
        "RLIMIT_NOFILE" => Resource::Nofile,
        "RLIMIT_NPROC" => Resource::Nproc,
        "RLIMIT_RSS" => Resource::Rss,
        "RLIMIT_RTPRIO" => Resource::Rtprio,
        "RLIMIT_RTTIME" => Resource::Rttime,
        "RLIMIT_SIGPENDING" => Resource::Sigpending,
        "RLIMIT_STACK" => Resource::Stack,
        other => return Err(format!("there is no resource limit {other:?}")),
    };
    let bounded = |number: u64| (number != u64::MAX).then_some(number);
    let new = Rlimit {
        current: bounded(limit.soft),
        maximum: bounded(limit.hard),
    };
    rustix::process::setrlimit(resource, new).map_err(|error| format!("cannot set {}: {error}", limit.kind))
}
