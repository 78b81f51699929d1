//! The namespaces of a container's process: the network of its pod, and mounts of its own.
//!
//! A guest sees no processes, no host name, no System V objects and no users of the machine, so that the other kinds of
//! namespaces would hide nothing from it; a namespace of users alone is refused, since it would change who owns the files.

use std::collections::BTreeMap;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::mount::MountPropagationFlags;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::thread::LinkNameSpaceType;

use crate::oci::Spec;
use crate::system::{Namespaces, unshare};

/// Enters the namespaces of a container.
///
/// # Errors
/// One sentence.
pub(crate) fn enter(spec: &Spec) -> Result<(), String> {
    if spec.namespace("user").is_some() {
        return Err(
            "the container asks for a namespace of users, which this runtime does not make".to_owned(),
        );
    }
    if let Some(network) = spec.namespace("network") {
        if network.path.is_empty() {
            unshare(Namespaces::Network)
                .and_then(|()| loopback_up())
                .map_err(|error| format!("cannot make a namespace of the network: {error}"))?;
        } else {
            join(Path::new(&network.path))
                .map_err(|error| format!("cannot enter the network of {}: {error}", network.path))?;
        }
        set_network(&spec.linux.sysctl)?;
    }
    unshare(Namespaces::Mount)
        .and_then(|()| {
            // What is mounted here does not show outside; what is unmounted outside goes here too.
            let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
            rustix::mount::mount_change("/", slave)
        })
        .map_err(|error| format!("cannot make a namespace of mounts: {error}"))
}

/// Sets what a pod's network has of its own (sysctl(8)), as the first port that needs no privilege. All else that the kernel keeps
/// for a namespace is of kinds that a guest has nothing of.
fn set_network(settings: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in settings {
        let path = name.replace('.', "/");
        let plain = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        if path.starts_with("net/") && path.split('/').all(|part| !part.is_empty() && plain(part)) {
            std::fs::write(Path::new("/proc/sys").join(&path), value)
                .map_err(|error| format!("cannot set {name} to {value}: {error}"))?;
        }
    }
    Ok(())
}

fn join(path: &Path) -> rustix::io::Result<()> {
    let namespace = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::thread::move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&namespace),
        Some(LinkNameSpaceType::Network),
    )
}

/// What `ip link set lo up` does: rtnetlink(7).
fn loopback_up() -> rustix::io::Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const ERROR: [u8; 2] = 2_u16.to_ne_bytes();
    const UP: u32 = 1;
    let mut message = Vec::with_capacity(32);
    // nlmsghdr: length, type, flags, sequence number, port.
    message.extend(32_u32.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    message.extend([0; 8]);
    // ifinfomsg: family, padding and type; index, flags, and which flags change. The loopback interface is the first one.
    message.extend([0; 4]);
    message.extend(1_u32.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    message.extend(UP.to_ne_bytes());
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        // NETLINK_ROUTE.
        None,
    )?;
    rustix::net::send(&socket, &message, rustix::net::SendFlags::empty())?;
    let mut answer = [0; 64];
    let (length, _) = rustix::net::recv(&socket, &mut answer, rustix::net::RecvFlags::empty())?;
    // nlmsgerr: the number is 0 if it was done, or an errno, negative.
    let (kind, number) = match answer.get(..length) {
        Some([_, _, _, _, a, b, _, _, _, _, _, _, _, _, _, _, number @ ..]) => {
            ([*a, *b], number.first_chunk())
        }
        _ => ([0; 2], None),
    };
    match number.copied().map(i32::from_ne_bytes) {
        Some(0) if kind == ERROR => Ok(()),
        Some(number) if kind == ERROR => Err(rustix::io::Errno::from_raw_os_error(-number)),
        _ => Err(rustix::io::Errno::PROTO),
    }
}
