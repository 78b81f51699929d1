//! The system calls that a confined process does without, by seccomp.
//!
//! It is a list of what is refused. What a resolver's plug-ins, an allocator or the next C library call is not known, and
//! a run that ends at a harmless call is of no use. Calls that are newer than this list do not exist for the process.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};

/// The process whose calls they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// A process with a guest in it.
    Guest,
    /// A process that compiles one: it has no sockets.
    Compiler,
}

/// Programs and processes; other processes' memory and descriptors; the kernel's modules, keys, mounts, clocks and
/// identities; and what belongs to a file without being its content, which Landlock leaves alone.
const REFUSED: &[c_long] = &[
    libc::SYS_acct,
    libc::SYS_add_key,
    libc::SYS_adjtimex,
    libc::SYS_bpf,
    libc::SYS_capset,
    libc::SYS_chroot,
    libc::SYS_clock_adjtime,
    libc::SYS_clock_settime,
    libc::SYS_delete_module,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_finit_module,
    libc::SYS_fremovexattr,
    libc::SYS_fsconfig,
    libc::SYS_fsetxattr,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kcmp,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_lookup_dcookie,
    libc::SYS_lremovexattr,
    libc::SYS_lsetxattr,
    libc::SYS_migrate_pages,
    libc::SYS_mknodat,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_move_pages,
    libc::SYS_name_to_handle_at,
    libc::SYS_nfsservctl,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_personality,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pivot_root,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_reboot,
    libc::SYS_removexattr,
    libc::SYS_request_key,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setdomainname,
    libc::SYS_setfsgid,
    libc::SYS_setfsuid,
    libc::SYS_setgid,
    libc::SYS_setgroups,
    libc::SYS_sethostname,
    libc::SYS_setns,
    libc::SYS_setregid,
    libc::SYS_setresgid,
    libc::SYS_setresuid,
    libc::SYS_setreuid,
    libc::SYS_settimeofday,
    libc::SYS_setuid,
    libc::SYS_setxattr,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_syslog,
    libc::SYS_tkill,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
    libc::SYS_vhangup,
    // setxattrat, removexattrat, open_tree_attr, file_setattr: libc has no names for them everywhere.
    463,
    466,
    467,
    469,
];

/// What only this architecture has: older forms of calls above, and those of its own.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_fork,
    libc::SYS_ioperm,
    libc::SYS_iopl,
    libc::SYS_kexec_file_load,
    libc::SYS_lchown,
    libc::SYS_mknod,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[];

/// The first number that this list does not know (Linux 6.18). Those of x86-64's second table, x32, are above it too.
const UNKNOWN: u32 = 470;

/// Restricts this process's threads, all of them, for good. Whether the kernel has seccomp.
///
/// # Errors
/// It has, and refuses.
pub(super) fn restrict(process: Process) -> std::io::Result<bool> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else {
        return Ok(false);
    };
    let programs = programs(process, arch).map_err(|error| std::io::Error::other(error.to_string()))?;
    for program in programs {
        match seccompiler::apply_filter_all_threads(&program) {
            Ok(()) => {}
            Err(seccompiler::Error::Seccomp(error))
                if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(std::io::Error::other(error.to_string())),
        }
    }
    Ok(true)
}

/// The filters; the strictest answer of all of them holds.
fn programs(process: Process, arch: TargetArch) -> Result<[BpfProgram; 3], BackendError> {
    let refused = SeccompFilter::new(
        refused(process)?,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM.cast_unsigned()),
        arch,
    )?;
    // Its flags lie in memory, where a filter cannot look; the C library then takes clone(2), whose flags do not.
    let clone3 = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.cast_unsigned()),
        arch,
    )?;
    Ok([refused.try_into()?, clone3.try_into()?, unknown()])
}

/// `ENOSYS` for each number from [`UNKNOWN`] on. (The crate compares numbers for equality only.)
fn unknown() -> BpfProgram {
    let statement = |code, jt, k| sock_filter { code, jt, jf: 0, k };
    let [load, jump, ret] = [
        libc::BPF_LD | libc::BPF_W | libc::BPF_ABS,
        libc::BPF_JMP | libc::BPF_JGE,
        libc::BPF_RET,
    ]
    .map(|code| u16::try_from(code).unwrap_or(0));
    vec![
        // The number is the first word of `seccomp_data`.
        statement(load, 0, 0),
        statement(jump, 1, UNKNOWN),
        statement(ret, 0, libc::SECCOMP_RET_ALLOW),
        statement(ret, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
    ]
}

fn refused(process: Process) -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> = REFUSED
        .iter()
        .chain(REFUSED_HERE)
        .map(|call| (*call, Vec::new()))
        .collect();
    let own = std::process::id().into();
    // A process of its own, or a namespace: only threads are made.
    let mut clone = vec![rule(&[(0, SeccompCmpOp::MaskedEq(bits(libc::CLONE_THREAD)), 0)])?];
    for flag in [
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
    ] {
        clone.push(rule(&[(0, SeccompCmpOp::MaskedEq(bits(flag)), bits(flag))])?);
    }
    calls.insert(libc::SYS_clone, clone);
    // Other processes' signals and limits.
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        calls.insert(call, vec![rule(&[(0, SeccompCmpOp::Ne, own)])?]);
    }
    let others = [(0, SeccompCmpOp::Ne, 0), (0, SeccompCmpOp::Ne, own)];
    calls.insert(libc::SYS_prlimit64, vec![rule(&others)?]);
    // What is put into a terminal's input is what its shell reads next.
    let mut ioctl = Vec::new();
    for request in [libc::TIOCSTI, libc::TIOCLINUX] {
        ioctl.push(rule(&[(1, SeccompCmpOp::Eq, request)])?);
    }
    calls.insert(libc::SYS_ioctl, ioctl);
    let sockets = match process {
        Process::Compiler => Vec::new(),
        Process::Guest => sockets()?,
    };
    calls.insert(libc::SYS_socket, sockets);
    if process == Process::Compiler {
        for call in [
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_socketpair,
            libc::SYS_sendto,
        ] {
            calls.insert(call, Vec::new());
        }
    }
    Ok(calls)
}

/// Sockets that no guest has, nor the resolver: other families, raw ones, and netlink but for routes.
fn sockets() -> Result<Vec<SeccompRule>, BackendError> {
    let family = |op: SeccompCmpOp, family| (0, op, bits(family));
    let mut rules = vec![
        rule(
            &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK]
                .map(|known| family(SeccompCmpOp::Ne, known)),
        )?,
        rule(&[
            family(SeccompCmpOp::Eq, libc::AF_NETLINK),
            (2, SeccompCmpOp::Ne, bits(libc::NETLINK_ROUTE)),
        ])?,
    ];
    for inet in [libc::AF_INET, libc::AF_INET6] {
        for kind in [libc::SOCK_RAW, SOCK_PACKET] {
            rules.push(rule(&[
                family(SeccompCmpOp::Eq, inet),
                (1, SeccompCmpOp::MaskedEq(0xf), bits(kind)),
            ])?);
        }
    }
    Ok(rules)
}

/// As AF_PACKET was asked for before it was there (packet(7)).
const SOCK_PACKET: i32 = 10;

/// All of these hold: an argument, how it is compared, and with what. The kernel takes 32 bits of each of them, but for
/// the flags of clone(2), of which those above 32 bits have no meaning.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, BackendError> {
    let conditions = conditions.iter().map(|(argument, op, value)| {
        SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, op.clone(), *value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

fn bits(number: i32) -> u64 {
    u64::from(number.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_refused_that_the_list_does_not_know() {
        for call in REFUSED.iter().chain(REFUSED_HERE) {
            assert!(*call >= 0 && *call < i64::from(UNKNOWN), "{call}");
        }
    }

    #[test]
    fn the_filters_are_within_the_kernels_limits() {
        let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        for process in [Process::Guest, Process::Compiler] {
            for program in programs(process, arch).unwrap() {
                assert!(!program.is_empty() && program.len() < 4096);
            }
        }
    }
}
