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
    let program = program(process, arch).map_err(|error| std::io::Error::other(error.to_string()))?;
    match seccompiler::apply_filter_all_threads(&program) {
        Ok(()) => Ok(true),
        Err(seccompiler::Error::Seccomp(error))
            if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) =>
        {
            Ok(false)
        }
        Err(error) => Err(std::io::Error::other(error.to_string())),
    }
}

/// How many calls one leaf of [`tree`] compares with.
const CALLS_A_LEAF: usize = 8;

/// The filter.
fn program(process: Process, arch: TargetArch) -> Result<BpfProgram, BackendError> {
    let filter = |calls, mismatch, matches| -> Result<BpfProgram, BackendError> {
        SeccompFilter::new(calls, mismatch, matches, arch)?.try_into()
    };
    let eperm = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let enosys = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let refused: Vec<_> = refused(process)?.into_iter().collect();
    let (before, behind) = refused.split_at(refused.partition_point(|(call, _)| *call < libc::SYS_clone3));
    let mut leaves = Vec::new();
    for calls in before.chunks(CALLS_A_LEAF).chain(behind.chunks(CALLS_A_LEAF)) {
        if let Some((first, _)) = calls.first() {
            let calls = calls.iter().cloned().collect();
            leaves.push((
                number(*first),
                filter(calls, SeccompAction::Allow, eperm.clone())?,
            ));
        }
    }
    // Its flags lie in memory, where a filter cannot look; the C library then takes clone(2), whose flags do not.
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    leaves.push((
        number(libc::SYS_clone3),
        filter(clone3, SeccompAction::Allow, enosys.clone())?,
    ));
    leaves.push((UNKNOWN, filter(BTreeMap::new(), enosys, SeccompAction::Allow)?));
    leaves.sort_unstable_by_key(|(from, _)| *from);
    Ok(tree(&leaves))
}

fn number(call: c_long) -> u32 {
    u32::try_from(call).unwrap_or(UNKNOWN)
}

/// One filter of many, each for the numbers from the one beside it up to that of the next; the first is also for all below. When the
/// kernel takes a filter, it walks it for each number to know the calls that are always allowed, and to walk all comparisons takes half a
/// millisecond.
fn tree(leaves: &[(u32, BpfProgram)]) -> BpfProgram {
    let (below, above) = leaves.split_at(leaves.len() / 2);
    let Some((from, only)) = above.first() else {
        return BpfProgram::new();
    };
    if below.is_empty() {
        return only.clone();
    }
    let (below, above) = (tree(below), tree(above));
    let statement = |code: u32, jf, k| sock_filter {
        code: u16::try_from(code).unwrap_or(0),
        jt: 0,
        jf,
        k,
    };
    let mut program = vec![
        // The number is the first word of `seccomp_data`.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JGE, 1, *from),
        statement(
            libc::BPF_JMP | libc::BPF_JA,
            0,
            u32::try_from(below.len()).unwrap_or(u32::MAX),
        ),
    ];
    program.extend(below);
    program.extend(above);
    program
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

    /// What a filter says of a call whose arguments are all 0.
    fn verdict(program: &BpfProgram, arch: u32, call: u32) -> u32 {
        let data = |offset| match offset {
            0 => call,
            4 => arch,
            _ => 0,
        };
        let (mut accumulator, mut at) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[at].clone();
            let jump = |taken: bool| usize::from(if taken { jt } else { jf });
            at += 1;
            match u32::from(code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => accumulator = data(k),
                code if code == libc::BPF_ALU | libc::BPF_AND => accumulator &= k,
                code if code == libc::BPF_JMP | libc::BPF_JA => at += usize::try_from(k).unwrap(),
                code if code == libc::BPF_JMP | libc::BPF_JEQ => at += jump(accumulator == k),
                code if code == libc::BPF_JMP | libc::BPF_JGE => at += jump(accumulator >= k),
                code if code == libc::BPF_JMP | libc::BPF_JGT => at += jump(accumulator > k),
                code if code == libc::BPF_RET => return k,
                code => panic!("instruction {code:#x}"),
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn each_number_finds_its_leaf() {
        const X86_64: u32 = 0xc000_003e;
        const I386: u32 = 0x4000_0003;
        let errno = |errno: i32| libc::SECCOMP_RET_ERRNO | errno.cast_unsigned();
        for process in [Process::Guest, Process::Compiler] {
            let calls = refused(process).unwrap();
            let program = program(process, TargetArch::x86_64).unwrap();
            for call in (0..2 * UNKNOWN).chain([u32::MAX, 0x4000_0000]) {
                let expected = match calls.get(&i64::from(call)) {
                    _ if call >= UNKNOWN || i64::from(call) == libc::SYS_clone3 => errno(libc::ENOSYS),
                    Some(rules) if rules.is_empty() => errno(libc::EPERM),
                    // With arguments of 0: no thread, another process's signal, AF_UNSPEC.
                    Some(_)
                        if [
                            libc::SYS_clone,
                            libc::SYS_kill,
                            libc::SYS_tgkill,
                            libc::SYS_socket,
                        ]
                        .contains(&i64::from(call)) =>
                    {
                        errno(libc::EPERM)
                    }
                    _ => libc::SECCOMP_RET_ALLOW,
                };
                assert_eq!(verdict(&program, X86_64, call), expected, "{process:?} {call}");
                assert_eq!(
                    verdict(&program, I386, call),
                    libc::SECCOMP_RET_KILL_PROCESS,
                    "{call}"
                );
            }
        }
    }

    #[test]
    fn the_filter_is_within_the_kernels_limit() {
        let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        for process in [Process::Guest, Process::Compiler] {
            let program = program(process, arch).unwrap();
            assert!(!program.is_empty() && program.len() < 4096);
        }
    }
}
