//! The step between starting a process and becoming the command.
//!
//! In: a request on standard input, written by the process that started us.
//! Out: the command, confined, in our place; or a line on standard output that
//! says why not. No foreign code has run yet when this does, so what it says can
//! be believed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetStatus, Scope, path_beneath_rules,
};
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps};
use rustix::process::{Gid, Resource, Rlimit, Signal, Uid};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::{Command, Layer, SYSTEM_DIRECTORIES, SYSTEM_FILES, Sandbox, SandboxError, utf8};

/// The first argument of our executable that asks for [`run`].
pub const WORD: &str = "__stage";
/// Where directories to copy are inside bubblewrap, followed by a number.
const COPIES: &str = "/run/wheelproof/copy";

/// What the stage writes to standard output before it becomes the command.
pub(super) const READY: &str = "wheelproof-stage: ready\n";
/// What it writes instead, followed by the reason and a line end.
pub(super) const FAILED: &str = "wheelproof-stage: failed: ";
/// Its exit code then.
const FAILED_CODE: u8 = 125;

/// Returns where a directory to copy is inside bubblewrap.
pub(super) fn copy_source(index: usize) -> PathBuf {
    PathBuf::from(format!("{COPIES}{index}"))
}

/// Everything the stage does.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    layer: Confinement,
    parent: u32,
    identity: Identity,
    program: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    directory: String,
    make_directories: Vec<String>,
    copies: Vec<(String, String)>,
    umask: u32,
    memory_bytes: u64,
    processes: u64,
    file_bytes: u64,
    cpu_seconds: u64,
}

#[derive(Debug, Serialize, Deserialize)]
enum Confinement {
    Bubblewrap,
    LandlockSeccomp { read: Vec<String>, write: String },
    None { write: String },
}

impl Request {
    pub(super) fn new(
        sandbox: &Sandbox,
        command: &Command,
        scratch: &Path,
        identity: Identity,
    ) -> Result<Self, SandboxError> {
        let scratch_text = utf8(scratch)?.to_owned();
        let mut make_directories = Vec::new();
        let layer = match sandbox.layer() {
            Layer::Bubblewrap => Confinement::Bubblewrap,
            Layer::LandlockSeccomp => {
                let mut read = Vec::new();
                let mounted = command.mounted.iter().map(|mounted| &mounted.from);
                for path in command.read_only.iter().chain(mounted) {
                    read.push(utf8(path)?.to_owned());
                }
                make_directories.push(utf8(&scratch.join("tmp"))?.to_owned());
                Confinement::LandlockSeccomp {
                    read,
                    write: scratch_text,
                }
            }
            Layer::None => {
                make_directories.push(utf8(&scratch.join("tmp"))?.to_owned());
                Confinement::None {
                    write: scratch_text,
                }
            }
        };
        for directory in &command.make_directories {
            make_directories.push(utf8(directory)?.to_owned());
        }
        let mut copies = Vec::new();
        for (index, copy) in command.copies.iter().enumerate() {
            let from = match sandbox.layer() {
                Layer::Bubblewrap => copy_source(index),
                Layer::LandlockSeccomp | Layer::None => copy.from.clone(),
            };
            copies.push((utf8(&from)?.to_owned(), utf8(&copy.to)?.to_owned()));
        }
        let running = match identity {
            Identity::Switch(_) => 0,
            Identity::Keep { running } => running,
        };
        let limits = &command.limits;
        Ok(Self {
            layer,
            parent: process::id(),
            identity,
            program: utf8(&command.program)?.to_owned(),
            arguments: command.arguments.clone(),
            environment: command.environment.clone(),
            directory: utf8(&command.directory)?.to_owned(),
            make_directories,
            copies,
            umask: command.umask,
            memory_bytes: limits.memory_bytes,
            processes: limits.processes + running,
            file_bytes: limits.file_bytes,
            cpu_seconds: limits.wall_time.as_secs() + 1,
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, SandboxError> {
        serde_json::to_vec(self).map_err(|error| SandboxError::Io {
            action: "write the request of the stage",
            source: error.into(),
        })
    }
}

/// Reads a request from standard input, confines this process and becomes the
/// command. Returns only when that failed, with an exit code for `main`; the
/// reason was written to standard output then.
pub fn run() -> process::ExitCode {
    let reason = match confine_and_become() {
        Ok(never) => match never {},
        Err(reason) => reason.replace('\n', " "),
    };
    let _ = io::stdout().write_all(format!("{FAILED}{reason}\n").as_bytes());
    process::ExitCode::from(FAILED_CODE)
}

fn confine_and_become() -> Result<std::convert::Infallible, String> {
    let mut text = Vec::new();
    io::stdin()
        .lock()
        .read_to_end(&mut text)
        .map_err(|error| format!("cannot read the request: {error}"))?;
    let request: Request = serde_json::from_slice(&text)
        .map_err(|error| format!("the request is malformed: {error}"))?;
    let null =
        File::open("/dev/null").map_err(|error| format!("cannot open /dev/null: {error}"))?;
    rustix::stdio::dup2_stdin(&null)
        .map_err(|error| format!("cannot replace standard input: {error}"))?;

    if !matches!(request.layer, Confinement::Bubblewrap) {
        // A session of our own: no terminal to type into, and a process group
        // that can be killed as one. Bubblewrap has done this.
        rustix::process::setsid().map_err(|error| format!("cannot start a session: {error}"))?;
    }
    // The kernel, short of memory, shall take the build before anything else.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");

    prepare(&request)?;
    give_up_root(&request)?;
    if !matches!(request.layer, Confinement::Bubblewrap) {
        // Asked for after the change of user, which takes it back.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| format!("cannot ask for the death signal: {error}"))?;
        let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        if parent != i32::try_from(request.parent).ok() {
            return Err("the process that started this has ended".to_owned());
        }
    }
    set_limits(&request)?;
    rustix::process::umask(Mode::from_raw_mode(request.umask));
    if let Confinement::LandlockSeccomp { read, write } = &request.layer {
        restrict_files(read, write)?;
    }
    std::env::set_current_dir(&request.directory)
        .map_err(|error| format!("cannot enter '{}': {error}", request.directory))?;
    let mut stdout = io::stdout();
    stdout
        .write_all(READY.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| format!("cannot report: {error}"))?;
    restrict_system_calls(&request.layer)?;
    let error = process::Command::new(&request.program)
        .args(&request.arguments)
        .env_clear()
        .envs(&request.environment)
        .exec();
    let advice = match (error.kind(), request.identity) {
        (io::ErrorKind::PermissionDenied, Identity::Switch(_)) => {
            "; started by root, commands run as another user, who cannot reach what lies in root's home"
        }
        _ => "",
    };
    Err(format!("cannot run '{}': {error}{advice}", request.program))
}

/// Makes directories and copies, and hands them to the user of the build.
fn prepare(request: &Request) -> Result<(), String> {
    rustix::process::umask(Mode::empty());
    let owner = match request.identity {
        Identity::Switch(number) => Some(number),
        Identity::Keep { .. } => None,
    };
    match &request.layer {
        Confinement::Bubblewrap => {}
        Confinement::LandlockSeccomp { write, .. } | Confinement::None { write } => {
            hand_over(Path::new(write), owner)
                .map_err(|error| format!("cannot hand over '{write}': {error}"))?;
        }
    }
    let mut made = Vec::new();
    for directory in &request.make_directories {
        make_all(Path::new(directory), &mut made)
            .map_err(|error| format!("cannot create '{directory}': {error}"))?;
    }
    for (from, to) in &request.copies {
        let to = Path::new(to);
        if let Some(parent) = to.parent() {
            make_all(parent, &mut made)
                .map_err(|error| format!("cannot create '{}': {error}", parent.display()))?;
        }
        copy(Path::new(from), to, owner)
            .map_err(|error| format!("cannot copy to '{}': {error}", to.display()))?;
    }
    // Only now: root without its capabilities cannot write below what it has
    // given away.
    for directory in made {
        hand_over(&directory, owner)
            .map_err(|error| format!("cannot hand over '{}': {error}", directory.display()))?;
    }
    Ok(())
}

/// Makes a directory and those above it, with the modes `mkdir -p` gives them,
/// and lists what was made.
fn make_all(path: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_all(parent, made)?;
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
    made.push(path.to_owned());
    Ok(())
}

fn hand_over(path: &Path, owner: Option<u32>) -> io::Result<()> {
    match owner {
        Some(number) => std::os::unix::fs::lchown(path, Some(number), Some(number)),
        None => Ok(()),
    }
}

/// Copies a tree of files, directories and links with modes and times. The owner
/// changes last: without it, neither mode nor time can be set.
fn copy(from: &Path, to: &Path, owner: Option<u32>) -> io::Result<()> {
    let data = fs::symlink_metadata(from)?;
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: data.mtime(),
            tv_nsec: data.mtime_nsec(),
        },
        last_modification: Timespec {
            tv_sec: data.mtime(),
            tv_nsec: data.mtime_nsec(),
        },
    };
    if data.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
        rustix::fs::utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    } else if data.is_dir() {
        match fs::create_dir(to) {
            Ok(()) => {}
            // The mount point that a build path outside /tmp is.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && to.is_dir() => {}
            Err(error) => return Err(error),
        }
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name), owner)?;
        }
        fs::set_permissions(to, fs::Permissions::from_mode(data.mode() & 0o777))?;
        rustix::fs::utimensat(CWD, to, &times, AtFlags::empty())?;
    } else {
        let mut reader = File::open(from)?;
        let mut writer = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)?;
        io::copy(&mut reader, &mut writer)?;
        writer.set_permissions(fs::Permissions::from_mode(data.mode() & 0o777))?;
        rustix::fs::futimens(&writer, &times)?;
    }
    hand_over(to, owner)
}

fn give_up_root(request: &Request) -> Result<(), String> {
    let Identity::Switch(number) = request.identity else {
        return Ok(());
    };
    let failed = |error| format!("cannot become user {number}: {error}");
    let (user, group) = (Uid::from_raw(number), Gid::from_raw(number));
    rustix::thread::set_thread_groups(&[]).map_err(failed)?;
    rustix::thread::set_thread_res_gid(group, group, group).map_err(failed)?;
    rustix::thread::set_thread_res_uid(user, user, user).map_err(failed)?;
    if rustix::process::geteuid().is_root() || rustix::process::getuid().is_root() {
        return Err(format!("still root after becoming user {number}"));
    }
    Ok(())
}

fn set_limits(request: &Request) -> Result<(), String> {
    for (resource, limit) in [
        (Resource::Core, 0),
        (Resource::Cpu, request.cpu_seconds),
        (Resource::Data, request.memory_bytes),
        (Resource::Fsize, request.file_bytes),
        (Resource::Nproc, request.processes),
    ] {
        // A limit that is lower already stays.
        let maximum = rustix::process::getrlimit(resource).maximum;
        let limit = maximum.map_or(limit, |maximum| maximum.min(limit));
        rustix::process::setrlimit(
            resource,
            Rlimit {
                current: Some(limit),
                maximum: Some(limit),
            },
        )
        .map_err(|error| format!("cannot limit {resource:?} to {limit}: {error}"))?;
    }
    Ok(())
}

fn restrict_files(read: &[String], write: &str) -> Result<(), String> {
    // The newest version this code knows; older kernels get what they have,
    // no kernel gets less than version 1.
    let abi = ABI::V6;
    let devices = [
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/random",
        "/dev/urandom",
    ];
    let system = SYSTEM_DIRECTORIES.iter().chain(SYSTEM_FILES).copied();
    let status = landlock::Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(|rules| rules.create())
        .and_then(|rules| rules.add_rules(path_beneath_rules(system, AccessFs::from_read(abi))))
        .and_then(|rules| rules.add_rules(path_beneath_rules(read, AccessFs::from_read(abi))))
        .and_then(|rules| rules.add_rules(path_beneath_rules([write], AccessFs::from_all(abi))))
        .and_then(|rules| {
            rules.add_rules(path_beneath_rules(
                devices,
                AccessFs::ReadFile | AccessFs::WriteFile,
            ))
        })
        .and_then(|rules| rules.restrict_self())
        .map_err(|error| format!("Landlock refuses: {error}"))?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(
            "this kernel has no Landlock (Linux 5.13 or newer, with it switched on)".to_owned(),
        );
    }
    Ok(())
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
    libc::SYS_kexec_load,
    libc::SYS_keyctl,
    libc::SYS_mount,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_by_handle_at,
    libc::SYS_open_tree,
    libc::SYS_perf_event_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pivot_root,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_reboot,
    libc::SYS_request_key,
    libc::SYS_setns,
    libc::SYS_swapon,
    libc::SYS_umount2,
    libc::SYS_unshare,
    libc::SYS_userfaultfd,
];

/// System calls that the weaker layer refuses besides. Landlock stops neither
/// UDP nor the sockets that daemons of the same user listen on, so there are no
/// sockets; `socketpair` stays. Whoever cannot leave the process group is killed
/// with it.
const NEVER_WITHOUT_NAMESPACES: &[i64] = &[libc::SYS_setpgid, libc::SYS_setsid, libc::SYS_socket];

/// The kinds of sockets that builds may have where the network is a name space of its
/// own, which keeps these in. It does not keep in all others: AF_VSOCK leads from a
/// virtual machine to its host (vsock(7)).
const FAMILIES: &[i32] = &[
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
];

/// The bit that marks a system call of the x32 interface, which enters the same
/// filter under other numbers.
#[cfg(target_arch = "x86_64")]
const X32_BIT: i64 = 0x4000_0000;

fn restrict_system_calls(layer: &Confinement) -> Result<(), String> {
    let denied: Vec<i64> = match layer {
        Confinement::None { .. } => return Ok(()),
        Confinement::Bubblewrap => NEVER.to_vec(),
        Confinement::LandlockSeccomp { .. } => [NEVER, NEVER_WITHOUT_NAMESPACES].concat(),
    };
    let failed = |error: &dyn std::fmt::Display| format!("seccomp refuses: {error}");
    let new_user_namespace = SeccompCondition::new(
        0,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(libc::CLONE_NEWUSER as u64),
        libc::CLONE_NEWUSER as u64,
    )
    .and_then(|condition| SeccompRule::new(vec![condition]))
    .map_err(|error| failed(&error))?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        denied.into_iter().map(|call| (call, Vec::new())).collect();
    rules.insert(libc::SYS_clone, vec![new_user_namespace]);
    if let Confinement::Bubblewrap = layer {
        let other = FAMILIES
            .iter()
            .map(|family| {
                let length = SeccompCmpArgLen::Dword;
                SeccompCondition::new(0, length, SeccompCmpOp::Ne, family.unsigned_abs().into())
            })
            .collect::<Result<_, _>>()
            .and_then(SeccompRule::new)
            .map_err(|error| failed(&error))?;
        rules.insert(libc::SYS_socket, vec![other]);
    }
    // `clone3` keeps its flags where a filter cannot look. Told that it does not
    // exist, the C library uses `clone`.
    let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    for (rules, errno) in [(unknown, libc::ENOSYS), (rules, libc::EPERM)] {
        #[cfg(target_arch = "x86_64")]
        let rules = rules
            .into_iter()
            .flat_map(|(call, rule)| [(call, rule.clone()), (call | X32_BIT, rule)])
            .collect();
        let arch = std::env::consts::ARCH
            .try_into()
            .map_err(|error| failed(&error))?;
        let program: BpfProgram = SeccompFilter::new(
            rules,
            SeccompAction::Allow,
            SeccompAction::Errno(errno.unsigned_abs()),
            arch,
        )
        .and_then(TryInto::try_into)
        .map_err(|error| failed(&error))?;
        seccompiler::apply_filter(&program).map_err(|error| failed(&error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_the_modes_times_and_links_of_its_origin() {
        let scratch = tempfile::tempdir().expect("a directory");
        let from = scratch.path().join("from");
        fs::create_dir_all(from.join("sub")).expect("creates");
        fs::write(from.join("sub/file"), "text").expect("writes");
        std::os::unix::fs::symlink("sub/file", from.join("link")).expect("links");
        fs::set_permissions(from.join("sub/file"), fs::Permissions::from_mode(0o640))
            .expect("sets the mode");
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_309_379_017);
        for name in ["sub/file", "sub"] {
            File::open(from.join(name))
                .and_then(|file| file.set_modified(time))
                .expect("sets the time");
        }
        let to = scratch.path().join("to");
        copy(&from, &to, None).expect("copies");
        let data = fs::metadata(to.join("sub/file")).expect("is there");
        assert_eq!(data.mode() & 0o7777, 0o640);
        assert_eq!(data.mtime(), 1_309_379_017);
        assert_eq!(
            fs::metadata(to.join("sub")).expect("is there").mtime(),
            1_309_379_017
        );
        assert_eq!(
            fs::read_link(to.join("link")).expect("a link"),
            Path::new("sub/file")
        );
    }
}
