//! Commands that misbehave, in every layer this machine has.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wheelproof::cancel::Cancel;
use wheelproof::policy::SandboxPolicy;
use wheelproof::sandbox::{
    Command, Copied, Ending, Layer, Limits, Parts, Ran, Sandbox, SandboxError,
};

use crate::common::{sandbox_parts, working_layers};

const PYTHON: &str = "/usr/bin/python3";

/// Returns the layers that work here, and perhaps the one that keeps nothing out.
fn layers(with_none: bool) -> Vec<Sandbox> {
    let mut layers = working_layers();
    if with_none {
        layers.push(Sandbox::with(&sandbox_parts(), Layer::None, None));
    }
    layers
}

/// A scratch directory that every user may pass through to.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

struct Tried {
    ran: Ran,
    output: String,
    log: String,
    scratch: tempfile::TempDir,
}

fn command(sandbox: &Sandbox, scratch: &Path, program: &str, arguments: &[&str]) -> Command {
    let places = sandbox.places(Path::new("/tmp/build/source"), scratch);
    Command {
        program: PathBuf::from(program),
        arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        environment: BTreeMap::from([
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("TMPDIR".to_owned(), places.temporary.display().to_string()),
        ]),
        directory: places.temporary,
        root: None,
        mounted: Vec::new(),
        read_only: Vec::new(),
        masked: Vec::new(),
        copies: Vec::new(),
        make_directories: Vec::new(),
        umask: 0o022,
        limits: Limits {
            wall_time: Duration::from_secs(60),
            ..Limits::default()
        },
    }
}

fn run_with(sandbox: &Sandbox, scratch: tempfile::TempDir, command: &Command) -> Tried {
    let (mut output, mut log) = (Vec::new(), Vec::new());
    let ran = sandbox
        .run(
            command,
            scratch.path(),
            &mut output,
            &mut log,
            &Cancel::new(),
        )
        .expect("the sandbox starts");
    Tried {
        ran,
        output: String::from_utf8_lossy(&output).into_owned(),
        log: String::from_utf8_lossy(&log).into_owned(),
        scratch,
    }
}

fn shell(sandbox: &Sandbox, script: &str) -> Tried {
    let scratch = scratch();
    let command = command(sandbox, scratch.path(), "/bin/sh", &["-c", script]);
    run_with(sandbox, scratch, &command)
}

fn python(sandbox: &Sandbox, script: &str, limits: Limits) -> Tried {
    let scratch = scratch();
    let mut command = command(sandbox, scratch.path(), PYTHON, &["-I", "-S", "-c", script]);
    command.limits = limits;
    run_with(sandbox, scratch, &command)
}

/// Returns a time to sleep, in seconds, that stands in no other command line of this
/// machine: another run of these tests may be under way.
pub(crate) fn seconds_of_this_run(whole: u32) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    format!(
        "{whole}.{:010}{:09}",
        std::process::id(),
        now.subsec_nanos()
    )
}

/// Returns how many processes have this word in their command line.
fn processes_with(word: &str) -> usize {
    fs::read_dir("/proc")
        .expect("/proc is there")
        .flatten()
        .filter(|entry| {
            fs::read(entry.path().join("cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(word))
        })
        .count()
}

pub(crate) fn nobody_is_left(word: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while processes_with(word) > 0 {
        assert!(Instant::now() < deadline, "a process with '{word}' is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn output_log_and_exit_code_come_back() {
    for sandbox in layers(true) {
        let tried = shell(&sandbox, "echo out; echo log >&2; exit 7");
        assert_eq!(tried.ran.ending, Ending::Exited(7), "{}", tried.log);
        assert_eq!(
            (tried.output.as_str(), tried.log.as_str()),
            ("out\n", "log\n")
        );
    }
}

#[test]
fn the_environment_is_what_was_handed_in() {
    for sandbox in layers(true) {
        let scratch = scratch();
        let mut command = command(&sandbox, scratch.path(), "/usr/bin/env", &[]);
        command.environment = BTreeMap::from([("ONLY".to_owned(), "this".to_owned())]);
        let tried = run_with(&sandbox, scratch, &command);
        assert_eq!(tried.output, "ONLY=this\n");
    }
}

#[test]
fn a_program_that_is_not_there_is_an_error_of_the_sandbox() {
    for sandbox in layers(true) {
        let scratch = scratch();
        let command = command(&sandbox, scratch.path(), "/usr/bin/no-such-program", &[]);
        let error = sandbox
            .run(
                &command,
                scratch.path(),
                &mut Vec::new(),
                &mut Vec::new(),
                &Cancel::new(),
            )
            .expect_err("nothing to run");
        assert!(error.to_string().contains("no-such-program"), "{error}");
    }
}

#[test]
fn what_a_command_writes_is_its_output_whatever_it_says() {
    for sandbox in layers(true) {
        let forged = "wheelproof-stage: failed: forged\n{\"Failed\":\"forged\"}\n";
        let script = format!("for fd in 1 3 4 5 6 7; do printf '{forged}' >&$fd; done; exit 7");
        let tried = shell(&sandbox, &script);
        assert_eq!(tried.ran.ending, Ending::Exited(7), "{}", tried.log);
        assert_eq!(tried.output, forged, "{}", sandbox.layer());
    }
}

#[test]
fn making_files_without_end_ends_at_the_limit() {
    let wide = "import os\nn = 0\nwhile True: n += 1; os.mkdir(os.environ['TMPDIR'] + '/%d' % n)";
    for sandbox in layers(true) {
        let tried = python(
            &sandbox,
            wide,
            Limits {
                files: 2000,
                ..Limits::default()
            },
        );
        assert_eq!(
            tried.ran.ending,
            Ending::FilesLimit,
            "{}: {}",
            sandbox.layer(),
            tried.log
        );
        assert!(tried.ran.elapsed < Duration::from_secs(20));
        removed(tried.scratch);
    }
}

#[test]
fn files_of_the_host_are_not_those_of_a_build() {
    let works = layers(false)
        .iter()
        .any(|sandbox| sandbox.layer() == Layer::Bubblewrap);
    let Some(bubblewrap) = sandbox_parts().bubblewrap.filter(|_| works) else {
        return;
    };
    // It takes its time, and the program looks meanwhile.
    let directory = scratch();
    let slow = directory.path().join("bwrap");
    let script = format!(
        "#!/bin/sh\n/bin/sleep 1\nexec {} \"$@\"\n",
        bubblewrap.display()
    );
    fs::write(&slow, script).expect("writes");
    fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("sets");
    let parts = Parts {
        bubblewrap: Some(slow),
        ..sandbox_parts()
    };
    let sandbox = Sandbox::with(&parts, Layer::Bubblewrap, None);
    // Every file system of a host has more files than this.
    let few = Limits {
        files: 20,
        ..Limits::default()
    };
    let tried = python(&sandbox, "import time; time.sleep(1)", few);
    assert_eq!(tried.ran.ending, Ending::Exited(0), "{}", tried.log);
}

#[test]
fn files_that_cannot_be_counted_are_no_way_around_the_limit() {
    let deep = "import os, time\nos.chdir(os.environ['TMPDIR'])\n\
        for _ in range(400): os.mkdir('d'); os.chdir('d')\n\
        time.sleep(60)";
    for sandbox in layers(false) {
        // Where the file system is the build's own the kernel counts.
        if sandbox.layer() == Layer::Bubblewrap {
            continue;
        }
        let tried = python(&sandbox, deep, Limits::default());
        assert_eq!(tried.ran.ending, Ending::OutOfSight, "{}", tried.log);
        removed(tried.scratch);
    }
}

/// Removes a directory whatever is in it: deeper ones than the library of these tests
/// can remove.
fn removed(directory: tempfile::TempDir) {
    let status = std::process::Command::new("rm")
        .arg("-rf")
        .arg(directory.keep())
        .status()
        .expect("runs");
    assert!(status.success());
}

#[test]
fn a_build_is_never_root() {
    for sandbox in layers(true) {
        let tried = shell(&sandbox, "id -u; grep -E '^Cap(Eff|Prm)' /proc/self/status");
        assert_ne!(tried.output.lines().next(), Some("0"));
        for line in tried.output.lines().skip(1) {
            assert!(line.ends_with("0000000000000000"), "{line}");
        }
    }
}

#[test]
fn two_builds_are_two_users_when_we_are_root() {
    if !rustix::process::geteuid().is_root() {
        crate::skipped!("not root");
        return;
    }
    for sandbox in layers(true) {
        let numbers = [
            shell(&sandbox, "id -u").output,
            shell(&sandbox, "id -u").output,
        ];
        assert_ne!(numbers[0], numbers[1]);
    }
}

#[test]
fn neither_tcp_nor_udp_nor_a_unix_socket_reaches_the_host() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("listens");
    tcp.set_nonblocking(true).expect("does not block");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("listens");
    udp.set_read_timeout(Some(Duration::from_millis(200)))
        .expect("does not block for long");
    let directory = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .expect("a directory");
    let path = directory.path().join("socket");
    let unix = std::os::unix::net::UnixListener::bind(&path).expect("listens");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("open to all");
    unix.set_nonblocking(true).expect("does not block");
    let script = format!(
        "import socket\n\
         def attempt(f):\n    try: f(); print('reached')\n    except OSError as e: print('refused')\n\
         attempt(lambda: socket.create_connection(('127.0.0.1', {tcp}), 2))\n\
         attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {udp})))\n\
         attempt(lambda: socket.socket(socket.AF_UNIX).connect({path:?}))\n\
         a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))\n",
        tcp = tcp.local_addr().expect("an address").port(),
        udp = udp.local_addr().expect("an address").port(),
        path = path.display(),
    );
    // The innocent neighbour: the listeners can be reached from outside.
    for sandbox in layers(false) {
        let tried = python(&sandbox, &script, Limits::default());
        assert!(
            tried.output.ends_with("b'x'\n"),
            "{}{}",
            tried.output,
            tried.log
        );
        assert!(tcp.accept().is_err(), "{}: TCP got out", sandbox.layer());
        assert!(
            udp.recv(&mut [0; 8]).is_err(),
            "{}: UDP got out",
            sandbox.layer()
        );
        assert!(
            unix.accept().is_err(),
            "{}: a Unix socket got out",
            sandbox.layer()
        );
    }
    let outside = std::process::Command::new(PYTHON)
        .args(["-I", "-c", &script])
        .output()
        .expect("runs");
    assert_eq!(
        String::from_utf8_lossy(&outside.stdout),
        "reached\nreached\nreached\nb'x'\n"
    );
}

#[test]
fn nothing_is_written_outside() {
    let directory = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .tempdir()
        .expect("a directory");
    // Whatever our own umask took away: open to all.
    fs::set_permissions(
        directory.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o777),
    )
    .expect("sets");
    let target = directory.path().join("written");
    for sandbox in layers(false) {
        let tried = shell(
            &sandbox,
            &format!(
                "echo x > {0}; for d in / /usr /usr/bin /etc /dev /var/tmp /root /home /run; do echo x > $d/wheelproof-test && echo wrote $d; done; true",
                target.display()
            ),
        );
        assert!(!target.exists(), "{}: it wrote outside", sandbox.layer());
        assert_eq!(tried.output, "", "{}: {}", sandbox.layer(), tried.output);
    }
}

#[test]
fn secrets_of_the_host_are_out_of_sight() {
    let secret = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .expect("a directory");
    let file = secret.path().join("secret");
    fs::write(&file, "secret").expect("writes");
    for sandbox in layers(false) {
        let tried = shell(
            &sandbox,
            &format!(
                "cat {}; cat /etc/shadow /etc/hostname; ls /root /home /var /run /sys /proc/1/root; true",
                file.display()
            ),
        );
        let listed = tried.output.replace("/run:\nwheelproof\n", "");
        assert!(!listed.contains("secret"), "{}: {listed}", sandbox.layer());
        for name in ["/root:", "/home:", "/var:", "/sys:", "home", "var"] {
            assert!(
                !listed.lines().any(|line| line == name),
                "{}: {listed}",
                sandbox.layer()
            );
        }
    }
}

#[test]
fn sleeping_forever_ends_at_the_time_limit() {
    let seconds = seconds_of_this_run(98761);
    let script = format!(
        "import time, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep({seconds})"
    );
    for sandbox in layers(true) {
        let tried = python(
            &sandbox,
            &script,
            Limits {
                wall_time: Duration::from_millis(700),
                ..Limits::default()
            },
        );
        assert_eq!(tried.ran.ending, Ending::TimedOut);
        assert!(tried.ran.elapsed < Duration::from_secs(5));
        nobody_is_left(&seconds);
    }
}

#[test]
fn a_request_to_stop_ends_it_at_once() {
    let seconds = seconds_of_this_run(98762);
    for sandbox in layers(true) {
        let scratch = scratch();
        let command = command(&sandbox, scratch.path(), "/bin/sleep", &[&seconds]);
        let cancel = Cancel::new();
        let other = cancel.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(400));
            other.request();
        });
        let ran = sandbox
            .run(
                &command,
                scratch.path(),
                &mut Vec::new(),
                &mut Vec::new(),
                &cancel,
            )
            .expect("starts");
        thread.join().expect("joins");
        assert_eq!(ran.ending, Ending::Cancelled);
        assert!(ran.elapsed < Duration::from_secs(2), "{:?}", ran.elapsed);
        nobody_is_left(&seconds);
    }
}

#[test]
fn daemons_do_not_outlive_the_command() {
    // Forks twice, leaves the session where that is allowed, closes its files.
    let seconds = seconds_of_this_run(98763);
    let script = format!(
        "import os, time\n\
        if os.fork() == 0:\n\
        \x20   try: os.setsid()\n\
        \x20   except OSError: pass\n\
        \x20   if os.fork() == 0:\n\
        \x20       os.closerange(0, 64)\n\
        \x20       time.sleep({seconds})\n\
        \x20   os._exit(0)\n\
        os.wait()\nprint('done')\n"
    );
    for sandbox in layers(false) {
        let tried = python(&sandbox, &script, Limits::default());
        assert_eq!(tried.ran.ending, Ending::Exited(0), "{}", tried.log);
        assert_eq!(tried.output, "done\n");
        assert!(tried.ran.elapsed < Duration::from_secs(5));
        nobody_is_left(&seconds);
    }
}

#[test]
fn a_fork_bomb_meets_the_limit_on_processes() {
    let seconds = seconds_of_this_run(98764);
    let script = format!(
        "import os, time\nn = 0\ntry:\n\
        \x20   for _ in range(2000):\n\
        \x20       if os.fork() == 0: time.sleep({seconds})\n\
        \x20       n += 1\n\
        except OSError: pass\n\
        print(n)\n"
    );
    for sandbox in layers(true) {
        let tried = python(
            &sandbox,
            &script,
            Limits {
                processes: 40,
                ..Limits::default()
            },
        );
        let forks: usize = tried.output.trim().parse().expect("a number");
        assert!(forks < 2000, "{}: {forks} forks", sandbox.layer());
        if rustix::process::geteuid().is_root() {
            assert!(forks <= 40, "{}: {forks} forks", sandbox.layer());
        }
        nobody_is_left(&seconds);
    }
}

#[test]
fn a_full_fork_bomb_is_over_at_the_time_limit() {
    let mark = seconds_of_this_run(98765);
    let script = format!(
        "import os, time\nend = time.time() + 20\nwhile time.time() < end:\n    try: os.fork()\n    except OSError: pass\n# {mark}"
    );
    for sandbox in layers(false) {
        let tried = python(
            &sandbox,
            &script,
            Limits {
                processes: 60,
                wall_time: Duration::from_secs(1),
                ..Limits::default()
            },
        );
        assert_eq!(tried.ran.ending, Ending::TimedOut);
        nobody_is_left(&mark);
    }
}

#[test]
fn memory_is_limited() {
    for sandbox in layers(true) {
        let tried = python(
            &sandbox,
            "try: bytearray(600 << 20); print('got it')\nexcept MemoryError: print('refused')",
            Limits {
                memory_bytes: 256 << 20,
                ..Limits::default()
            },
        );
        assert_eq!(tried.output, "refused\n", "{}", tried.log);
    }
}

#[test]
fn one_file_cannot_pass_its_limit() {
    for sandbox in layers(true) {
        let tried = python(
            &sandbox,
            "import os\nf = open(os.environ['TMPDIR'] + '/x', 'wb', 0)\n\
             try:\n    for _ in range(64): f.write(bytes(1 << 20))\n\
             except OSError as e: print(e.errno)",
            Limits {
                file_bytes: 8 << 20,
                ..Limits::default()
            },
        );
        assert_eq!(tried.output, "27\n", "{}", tried.log);
    }
}

#[test]
fn filling_the_disk_ends_at_the_limit() {
    // Many files, each below the limit of one file.
    let script = "import os, errno, time\n\
        try:\n\
        \x20   for i in range(1000):\n\
        \x20       time.sleep(0.002)\n\
        \x20       with open(os.environ['TMPDIR'] + '/%d' % i, 'wb', 0) as f: f.write(bytes(1 << 20))\n\
        except OSError as e: print(errno.errorcode[e.errno])\n";
    for sandbox in layers(true) {
        let tried = python(
            &sandbox,
            script,
            Limits {
                scratch_bytes: 64 << 20,
                ..Limits::default()
            },
        );
        match sandbox.layer() {
            Layer::Bubblewrap => {
                assert_eq!(tried.output, "ENOSPC\n", "{}", tried.log);
                let left = fs::read_dir(tried.scratch.path())
                    .expect("is there")
                    .count();
                assert_eq!(left, 0, "something reached the host's disk");
            }
            _ => assert_eq!(tried.ran.ending, Ending::ScratchLimit),
        }
    }
}

#[test]
fn no_writable_place_is_without_a_limit() {
    // Every writable mount but those with a size could fill the memory.
    let script = "import os\n\
        for line in open('/proc/self/mounts'):\n\
        \x20   _, at, kind, options = line.split()[:4]\n\
        \x20   if kind == 'tmpfs' and options.split(',')[0] == 'rw' and 'size=' not in options: print(at)\n";
    for sandbox in layers(false) {
        if sandbox.layer() == Layer::Bubblewrap {
            let tried = python(&sandbox, script, Limits::default());
            assert_eq!(tried.output, "", "{}", tried.log);
        }
    }
}

#[test]
fn printing_gigabytes_ends_at_the_limit() {
    for sandbox in layers(true) {
        let limits = Limits {
            log_bytes: 1 << 20,
            output_bytes: 1 << 20,
            ..Limits::default()
        };
        let tried = python(
            &sandbox,
            "import os\nwhile True: os.write(2, bytes(65536))",
            limits,
        );
        assert_eq!(tried.ran.ending, Ending::LogLimit);
        assert_eq!(tried.log.len(), 1 << 20);
        let tried = python(
            &sandbox,
            "import os\nwhile True: os.write(1, bytes(65536))",
            limits,
        );
        assert_eq!(tried.ran.ending, Ending::OutputLimit);
        assert_eq!(tried.output.len(), 1 << 20);
    }
}

#[test]
fn a_copy_is_writable_and_its_origin_stays() {
    let origin = scratch();
    fs::create_dir(origin.path().join("tree")).expect("creates");
    fs::write(origin.path().join("tree/file"), "before").expect("writes");
    for sandbox in layers(true) {
        for wanted in ["/tmp/pip-wheel-build/x-1.0", "/build/deep/x-1.0"] {
            let scratch = scratch();
            let mut command = command(
                &sandbox,
                scratch.path(),
                "/bin/sh",
                &[
                    "-c",
                    "pwd; cat file; echo after > file; cat file; echo > new && rm new",
                ],
            );
            let place = sandbox.places(Path::new(wanted), scratch.path()).source;
            command.copies = vec![Copied {
                from: origin.path().join("tree"),
                to: place.clone(),
            }];
            command.directory = place.clone();
            let tried = run_with(&sandbox, scratch, &command);
            assert_eq!(
                tried.output,
                format!("{}\nbeforeafter\n", place.display()),
                "{}: {}",
                sandbox.layer(),
                tried.log
            );
            if sandbox.layer() == Layer::Bubblewrap {
                assert_eq!(place, Path::new(wanted));
            }
        }
        let text = fs::read_to_string(origin.path().join("tree/file")).expect("reads");
        assert_eq!(text, "before");
    }
}

#[test]
fn a_build_path_in_the_system_is_refused() {
    for sandbox in layers(false) {
        if sandbox.layer() != Layer::Bubblewrap {
            continue;
        }
        for path in [
            "/",
            "/tmp",
            "/usr/src/x",
            "/proc/x",
            "/tmp/../usr/x",
            "relative",
        ] {
            let scratch = scratch();
            let mut command = command(&sandbox, scratch.path(), "/bin/true", &[]);
            command.copies = vec![Copied {
                from: scratch.path().to_owned(),
                to: PathBuf::from(path),
            }];
            let error = sandbox
                .run(
                    &command,
                    scratch.path(),
                    &mut Vec::new(),
                    &mut Vec::new(),
                    &Cancel::new(),
                )
                .expect_err("refused");
            assert!(
                matches!(error, SandboxError::BuildPath { .. }),
                "{path}: {error}"
            );
        }
    }
}

#[test]
fn a_masked_directory_looks_empty_under_bubblewrap() {
    for sandbox in layers(false) {
        if sandbox.layer() != Layer::Bubblewrap {
            continue;
        }
        let scratch = scratch();
        let mut command = command(
            &sandbox,
            scratch.path(),
            "/bin/ls",
            &["/usr/share", "/usr/include"],
        );
        command.masked = vec![PathBuf::from("/usr/share"), PathBuf::from("/no/such/place")];
        let tried = run_with(&sandbox, scratch, &command);
        assert!(
            tried.output.contains("/usr/share:\n\n") || tried.output.ends_with("/usr/share:\n"),
            "{}",
            tried.output
        );
    }
}

#[test]
fn a_bwrap_that_refuses_gives_the_weaker_layer_and_the_reason() {
    let directory = scratch();
    let fake = directory.path().join("bwrap");
    let mut file = fs::File::create(&fake).expect("creates");
    file.write_all(
        b"#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n",
    )
    .expect("writes");
    drop(file);
    fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("sets");
    let parts = Parts {
        bubblewrap: Some(fake),
        ..sandbox_parts()
    };
    let error = Sandbox::choose(SandboxPolicy::Require, &parts).expect_err("nothing else will do");
    assert!(error.to_string().contains("No permissions"), "{error}");
    match Sandbox::choose(SandboxPolicy::Auto, &parts) {
        Ok(sandbox) => {
            assert_eq!(sandbox.layer(), Layer::LandlockSeccomp);
            assert!(
                sandbox
                    .shortfall()
                    .is_some_and(|why| why.contains("No permissions"))
            );
        }
        Err(error) => crate::skipped!("Landlock does not work here: {error}"),
    }
}

#[test]
fn a_stage_that_cannot_start_leaves_no_layer_unless_the_policy_switches_them_off() {
    let nothing = Parts {
        stage: PathBuf::from("/no/such/stage"),
        bubblewrap: None,
    };
    assert!(Sandbox::choose(SandboxPolicy::Auto, &nothing).is_err());
    assert!(Sandbox::choose(SandboxPolicy::Require, &nothing).is_err());
    let off = Sandbox::choose(SandboxPolicy::Off, &nothing).expect("asked for");
    assert_eq!(off.layer(), Layer::None);
}
