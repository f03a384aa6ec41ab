//! Which system calls a build may make.
//!
//! In: what else keeps the build in. Out: filters on this process that nothing
//! takes off again.
//!
//! Where there are no namespaces, a build shares processes, users and kernel objects
//! with whoever started it. Landlock rules over the contents of files and nothing
//! else, so these filters refuse what changes other processes, what outlives the
//! build, and what changes a file without opening it. A filter sees numbers: a path is
//! an address to it. So the modes and times of files cannot be kept from a build of the
//! same user, and `docs/rebuilding.md` says so.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule, sock_filter,
};

/// What keeps the build in besides the filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Around {
    /// Namespaces: others' processes, objects and networks are out of reach.
    Namespaces,
    /// Landlock of this version, and nothing else.
    Landlock(u32),
}

/// System calls that no build needs and that have been the way out of sandboxes.
const NEVER: &[i64] = &[
    libc::SYS_add_key,
    libc::SYS_bpf,
    libc::SYS_delete_module,
    libc::SYS_finit_module,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fsopen,
    libc::SYS_fspick,
    libc::SYS_init_module,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_uring_setup,
    libc::SYS_kexec_file_load,
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_swapoff,
    libc::SYS_swapon,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// System calls that are refused besides where there are no namespaces.
const NEVER_WITHOUT_NAMESPACES: &[i64] = &[
    // Landlock stops neither UDP nor the sockets that daemons of the same user listen
    // on. `socketpair` stays.
    libc::SYS_socket,
    // Whoever cannot leave the process group is killed with it.
    libc::SYS_setpgid,
    libc::SYS_setsid,
    // Memory, semaphores and queues with a name that is no path (sysvipc(7),
    // mq_overview(7)): they outlive the build, and the next one finds them.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_shmdt,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    libc::SYS_mq_notify,
    libc::SYS_mq_getsetattr,
    libc::SYS_mq_timedsend,
    libc::SYS_mq_timedreceive,
    // An ordinary user may give his files to another of his groups.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    // Flags and project of a file, by its path.
    FILE_GETATTR,
    FILE_SETATTR,
    // What happens in directories that Landlock lets nobody read.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_inotify_init,
    libc::SYS_inotify_init1,
    libc::SYS_fanotify_init,
    // Other processes of the same user.
    libc::SYS_kcmp,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
];

/// Extended attributes. Told that the file system has none (`ENOTSUP`), programs that
/// copy files go on without (xattr(7)).
const EXTENDED_ATTRIBUTES: &[i64] = &[
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fgetxattr,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_flistxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    SETXATTRAT,
    GETXATTRAT,
    LISTXATTRAT,
    REMOVEXATTRAT,
];

// Numbers that all architectures share and the C library's headers lack as yet
// (include/uapi/asm-generic/unistd.h of Linux).
const FCHMODAT2: i64 = 452;
const SETXATTRAT: i64 = 463;
const GETXATTRAT: i64 = 464;
const LISTXATTRAT: i64 = 465;
const REMOVEXATTRAT: i64 = 466;
const OPEN_TREE_ATTR: i64 = 467;
const FILE_GETATTR: i64 = 468;
const FILE_SETATTR: i64 = 469;

/// The newest system call that this list was written for (Linux 6.17). Those that come
/// after it do not exist in a sandbox: nobody has looked at what they do.
const NEWEST: u32 = 469;

/// From here on are the calls of the x32 interface of x86-64, which has numbers of its
/// own for some of them (arch/x86/entry/syscalls/syscall_64.tbl of Linux).
const X32: u32 = 0x4000_0000;

/// The kinds of sockets that builds may have where the network is a namespace of its
/// own, which keeps these in. It does not keep in all others: AF_VSOCK leads from a
/// virtual machine to its host (vsock(7)).
const FAMILIES: &[i32] = &[
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// The requests to devices and file systems that builds make (ioctl_list(2)): is it a
/// terminal, how large, whose; how much can be read; close on exec, do not block; share
/// the blocks of two files. All others could change a file that was opened for
/// reading, such as its flags or its subvolumes, or name the network's interfaces.
const REQUESTS: &[u64] = &[
    0x5401,      // TCGETS
    0x802c_542a, // TCGETS2
    0x540f,      // TIOCGPGRP
    0x5413,      // TIOCGWINSZ
    0x541b,      // FIONREAD
    0x5421,      // FIONBIO
    0x5450,      // FIONCLEX
    0x5451,      // FIOCLEX
    0x8008_6601, // FS_IOC_GETFLAGS
    0x4004_9409, // FICLONE
    0x4020_940d, // FICLONERANGE
    0xc018_9436, // FIDEDUPERANGE
    0xc020_660b, // FS_IOC_FIEMAP
];

/// The bit of a mode that makes a program run as the file's owner.
const SET_USER_ID: u64 = libc::S_ISUID as u64;

/// What is refused: each system call with the rules of which one has to fit; no rule
/// fits always.
#[derive(Default)]
struct Refused(BTreeMap<i64, Vec<SeccompRule>>);

impl Refused {
    fn always(&mut self, calls: &[i64]) {
        for call in calls {
            self.0.insert(*call, Vec::new());
        }
    }

    /// Refuses a call when each of these arguments is so.
    fn when(
        &mut self,
        call: i64,
        arguments: &[(u8, Length, Is, u64)],
    ) -> Result<(), seccompiler::BackendError> {
        let conditions = arguments
            .iter()
            .map(|(index, length, is, value)| {
                SeccompCondition::new(*index, length.clone(), is.clone(), *value)
            })
            .collect::<Result<_, _>>()?;
        let rule = SeccompRule::new(conditions)?;
        self.0.entry(call).or_default().push(rule);
        Ok(())
    }
}

/// Restricts this process and all that it starts.
///
/// # Errors
///
/// Why the kernel did not take the filters.
pub(super) fn restrict(around: Around) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("seccomp refuses: {error}");
    let filters = match around {
        Around::Namespaces => within_namespaces(),
        Around::Landlock(version) => within_landlock(version, std::process::id()),
    };
    let arch = std::env::consts::ARCH
        .try_into()
        .map_err(|error| failed(&error))?;
    for (refused, errno) in filters.map_err(|error| failed(&error))? {
        // What enters by another interface than that of this architecture, as 32-bit
        // programs do, meets its end in the first instructions of each.
        let program: BpfProgram = SeccompFilter::new(
            refused.0,
            SeccompAction::Allow,
            SeccompAction::Errno(errno.unsigned_abs()),
            arch,
        )
        .and_then(TryInto::try_into)
        .map_err(|error| failed(&error))?;
        seccompiler::apply_filter(&program).map_err(|error| failed(&error))?;
    }
    seccompiler::apply_filter(&beyond()).map_err(|error| failed(&error))
}

type Filters = Result<Vec<(Refused, i32)>, seccompiler::BackendError>;

/// What is refused in every layer.
fn everywhere() -> Result<(Refused, Refused), seccompiler::BackendError> {
    let mut denied = Refused::default();
    denied.always(NEVER);
    let new_user = libc::CLONE_NEWUSER.unsigned_abs().into();
    denied.when(
        libc::SYS_clone,
        &[(0, Length::Dword, Is::MaskedEq(new_user), new_user)],
    )?;
    // `clone3` keeps its flags where a filter cannot look. Told that it does not
    // exist, the C library uses `clone`.
    let mut unknown = Refused::default();
    unknown.always(&[libc::SYS_clone3]);
    Ok((denied, unknown))
}

fn within_namespaces() -> Filters {
    let (mut denied, unknown) = everywhere()?;
    let other: Vec<_> = FAMILIES
        .iter()
        .map(|family| (0, Length::Dword, Is::Ne, family.unsigned_abs().into()))
        .collect();
    denied.when(libc::SYS_socket, &other)?;
    Ok(vec![(unknown, libc::ENOSYS), (denied, libc::EPERM)])
}

/// What is refused where the kernel's Landlock has a version and the command is the
/// process of this number.
fn within_landlock(version: u32, own: u32) -> Filters {
    let (mut denied, mut unknown) = everywhere()?;
    denied.always(NEVER_WITHOUT_NAMESPACES);
    refuse_other_processes(&mut denied, own.into())?;
    refuse_modes_and_leases(&mut denied)?;
    // From version 3 on Landlock asks for a right to make a file shorter.
    if version < 3 {
        denied.always(&[libc::SYS_truncate]);
        // Opened for reading only, a file is emptied all the same (open(2)).
        let mask = (libc::O_ACCMODE | libc::O_TRUNC).unsigned_abs().into();
        let emptied = libc::O_TRUNC.unsigned_abs().into();
        let flags = |index| [(index, Length::Dword, Is::MaskedEq(mask), emptied)];
        #[cfg(target_arch = "x86_64")]
        denied.when(libc::SYS_open, &flags(1))?;
        denied.when(libc::SYS_openat, &flags(2))?;
        // It keeps its flags where a filter cannot look; whoever uses it can do without.
        unknown.always(&[libc::SYS_openat2]);
    }
    let mut attributes = Refused::default();
    attributes.always(EXTENDED_ATTRIBUTES);
    let mut requests = Refused::default();
    let other: Vec<_> = REQUESTS
        .iter()
        .map(|request| (1, Length::Dword, Is::Ne, *request))
        .collect();
    requests.when(libc::SYS_ioctl, &other)?;
    Ok(vec![
        (unknown, libc::ENOSYS),
        (denied, libc::EPERM),
        (attributes, libc::ENOTSUP),
        (requests, libc::ENOTTY),
    ])
}

/// Refuses to set limits, priorities, processors and schedulers of other processes. Of
/// the same user they can be set by number (credentials(7)). Zero is whoever asks, and
/// the first process of the build knows its number.
fn refuse_other_processes(denied: &mut Refused, own: u64) -> Result<(), seccompiler::BackendError> {
    let other = |index| {
        [
            (index, Length::Dword, Is::Ne, 0),
            (index, Length::Dword, Is::Ne, own),
        ]
    };
    for call in [
        libc::SYS_sched_setaffinity,
        libc::SYS_sched_setattr,
        libc::SYS_sched_setparam,
        libc::SYS_sched_setscheduler,
        libc::SYS_migrate_pages,
        libc::SYS_move_pages,
    ] {
        denied.when(call, &other(0))?;
    }
    // Asking for limits changes nothing; new ones are where the third argument points.
    let mut new_limits = other(0).to_vec();
    new_limits.push((2, Length::Qword, Is::Ne, 0));
    denied.when(libc::SYS_prlimit64, &new_limits)?;
    // Of a user, whoever asks is all of his processes.
    for (call, user) in [
        (libc::SYS_setpriority, u64::from(libc::PRIO_USER)),
        (libc::SYS_ioprio_set, IOPRIO_WHO_USER),
    ] {
        denied.when(call, &other(1))?;
        denied.when(call, &[(0, Length::Dword, Is::Eq, user)])?;
    }
    Ok(())
}

/// From include/uapi/linux/ioprio.h of Linux.
const IOPRIO_WHO_USER: u64 = 3;

/// Refuses modes that make a program run as this user, for whoever starts it; and
/// leases, which keep others waiting who open a file (fcntl(2)).
fn refuse_modes_and_leases(denied: &mut Refused) -> Result<(), seccompiler::BackendError> {
    let mode = |index| {
        let is = Is::MaskedEq(SET_USER_ID);
        [(index, Length::Dword, is, SET_USER_ID)]
    };
    #[cfg(target_arch = "x86_64")]
    denied.when(libc::SYS_chmod, &mode(1))?;
    denied.when(libc::SYS_fchmod, &mode(1))?;
    denied.when(libc::SYS_fchmodat, &mode(2))?;
    denied.when(FCHMODAT2, &mode(2))?;
    for command in [libc::F_SETLEASE, libc::F_NOTIFY] {
        let command = command.unsigned_abs().into();
        denied.when(libc::SYS_fcntl, &[(1, Length::Dword, Is::Eq, command)])?;
    }
    Ok(())
}

/// Returns the filter for numbers that are in no list: those of the x32 interface are
/// refused, those that are newer than [`NEWEST`] do not exist.
fn beyond() -> BpfProgram {
    // Of one word of `struct seccomp_data`, the number comes first (seccomp(2)).
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const IF_ABOVE: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let line = |code, k, jt, jf| sock_filter { code, jt, jf, k };
    let errno = |errno: i32| libc::SECCOMP_RET_ERRNO | errno.unsigned_abs();
    vec![
        line(LOAD_NUMBER, 0, 0, 0),
        line(IF_AT_LEAST, X32, 1, 0),
        line(IF_ABOVE, NEWEST, 1, 2),
        line(RETURN, errno(libc::EPERM), 0, 0),
        line(RETURN, errno(libc::ENOSYS), 0, 0),
        line(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the few instructions of [`beyond`] (Documentation/networking/filter.rst).
    fn verdict(number: u32) -> u32 {
        let program = beyond();
        let mut at = 0;
        loop {
            let sock_filter { code, jt, jf, k } = program[at].clone();
            let jump = |holds: bool| usize::from(if holds { jt } else { jf });
            at += 1 + match code {
                0x20 => 0,
                0x35 => jump(number >= k),
                0x25 => jump(number > k),
                0x06 => return k,
                other => panic!("instruction {other:#x}"),
            };
        }
    }

    #[test]
    fn numbers_that_nobody_has_looked_at_are_refused() {
        // SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EPERM and with ENOSYS (seccomp(2)).
        let (allow, not_permitted, unknown) = (0x7fff_0000, 0x0005_0001, 0x0005_0026);
        for (number, expected) in [
            (0, allow),
            (469, allow),
            (470, unknown),
            (0x3fff_ffff, unknown),
            (0x4000_0000, not_permitted),
            // x32 has a number of its own for ptrace(2).
            (0x4000_0000 + 521, not_permitted),
            (u32::MAX, not_permitted),
        ] {
            assert_eq!(verdict(number), expected, "{number:#x}");
        }
    }
}
