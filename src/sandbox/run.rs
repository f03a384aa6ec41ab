//! Waiting for a confined process, within limits.
//!
//! In: a process to start and the request of its stage. Out: how it ended. When
//! this returns, nothing that the process started is running any more (except in
//! the layer `none`, which cannot promise it).

use std::fmt;
use std::io::{self, Read as _, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{self, Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::stage::{Request, Said};
use super::watch::Watch;
use super::{Layer, Limits, SandboxError};
use crate::cancel::Cancel;

/// How often the clock and the request to stop are looked at.
const TICK: Duration = Duration::from_millis(25);
/// How long killed processes may take to disappear.
const GRACE: Duration = Duration::from_secs(10);
/// The most that the stage says.
const MAX_HEARD: usize = 64 * 1024;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It ended by itself with this code.
    Exited(i32),
    /// A signal ended it, not one of ours.
    Signalled(i32),
    /// It ran longer than allowed and was killed.
    TimedOut,
    /// It logged more than allowed and was killed.
    LogLimit,
    /// It put out more than allowed and was killed.
    OutputLimit,
    /// Its files took more room than allowed and it was killed.
    ScratchLimit,
    /// It made more files than allowed and was killed.
    FilesLimit,
    /// It kept files where they cannot be counted and was killed.
    OutOfSight,
    /// Somebody asked to stop and it was killed.
    Cancelled,
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(formatter, "exit code {code}"),
            Self::Signalled(signal) => write!(formatter, "signal {signal}"),
            Self::TimedOut => formatter.write_str("the time limit"),
            Self::LogLimit => formatter.write_str("the limit of the log"),
            Self::OutputLimit => formatter.write_str("the limit of the output"),
            Self::ScratchLimit => formatter.write_str("the limit of disk space"),
            Self::FilesLimit => formatter.write_str("the limit of files"),
            Self::OutOfSight => formatter.write_str("files that cannot be counted"),
            Self::Cancelled => formatter.write_str("a request to stop"),
        }
    }
}

/// What a command did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub elapsed: Duration,
    /// The version of Landlock that kept it in, where one did.
    pub landlock: Option<u32>,
}

/// A process to start, and what it is for.
pub(super) struct Start<'a> {
    pub(super) process: process::Command,
    pub(super) request: &'a Request,
    pub(super) layer: Layer,
    pub(super) limits: &'a Limits,
    pub(super) watch: Watch<'a>,
}

pub(super) fn run(
    start: Start<'_>,
    output: &mut dyn Write,
    log: &mut dyn Write,
    cancel: &Cancel,
) -> Result<Ran, SandboxError> {
    let started = Instant::now();
    let Start {
        process: mut command,
        request,
        layer,
        limits,
        watch,
    } = start;
    let bytes = request.to_bytes()?;
    let start = |reason: String| SandboxError::Start { layer, reason };
    let (voice, theirs) =
        UnixStream::pair().map_err(|error| start(format!("cannot make a socket: {error}")))?;
    command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let spawned = command.spawn();
    let program = command.get_program().display().to_string();
    // It holds the other end of the socket, too.
    drop(command);
    let child = spawned.map_err(|error| start(format!("{program}: {error}")))?;
    let mut running = Running::new(child, voice, layer)?;
    let mut pipes = Pipes {
        request: &bytes,
        output,
        log,
        heard: Vec::new(),
        output_bytes: 0,
        log_bytes: 0,
        start_of_log: Vec::new(),
    };
    let mut patience = Patience {
        started,
        limits,
        watch,
        cancel,
    };
    let ending = match attend(&mut running, &mut pipes, &mut patience) {
        Ok(ended) => ended.ending(layer),
        Err(error) => {
            running.kill();
            return Err(error);
        }
    };
    // What it said before it became the command, or in place of that, has arrived.
    running.hear(&mut pipes.heard);
    let mut confined = None;
    for said in Said::all(&pipes.heard) {
        match said {
            Said::Confined { landlock } => confined = Some(landlock),
            Said::Failed(reason) => return Err(start(reason)),
        }
    }
    match (confined, ending) {
        (None, Ending::Exited(_) | Ending::Signalled(_)) => {
            let said = String::from_utf8_lossy(&pipes.start_of_log);
            Err(start(match said.trim() {
                "" => format!("it ended with {ending} and said nothing"),
                said => said.to_owned(),
            }))
        }
        (confined, ending) => Ok(Ran {
            ending,
            elapsed: started.elapsed(),
            landlock: confined.flatten(),
        }),
    }
}

/// A process and its pipes; dropping it kills everything it started.
struct Running {
    child: Child,
    pid: Option<Pid>,
    pidfd: Option<OwnedFd>,
    /// Where the request goes, and where the stage answers.
    voice: Option<UnixStream>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    reaped: bool,
}

impl Running {
    fn new(mut child: Child, voice: UnixStream, layer: Layer) -> Result<Self, SandboxError> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // Old kernels and old container filters lack it; then the tick does.
        let pidfd = pid.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        let is_set = voice.set_nonblocking(true);
        // From here on it is killed, should anything fail.
        let running = Self {
            child,
            pid,
            pidfd,
            voice: Some(voice),
            stdout,
            stderr,
            reaped: false,
        };
        is_set.map_err(|error| SandboxError::Start {
            layer,
            reason: format!("cannot set up its socket: {error}"),
        })?;
        Ok(running)
    }

    /// Takes what the stage has said since.
    fn hear(&mut self, heard: &mut Vec<u8>) {
        let mut buffer = [0u8; 4096];
        while let Some(voice) = &mut self.voice {
            match voice.read(&mut buffer) {
                Ok(count) if count > 0 && heard.len() < MAX_HEARD => {
                    heard.extend(buffer.iter().take(count));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => self.voice = None,
            }
        }
    }

    /// Gives the stage more of its request, and the end of it.
    fn ask(&mut self, request: &mut &[u8]) {
        let Some(voice) = &mut self.voice else {
            *request = &[];
            return;
        };
        match voice.write(request) {
            Ok(count) => *request = request.get(count..).unwrap_or_default(),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            // It ended without reading; how, is known soon.
            Err(_) => *request = &[],
        }
        if request.is_empty() {
            let _ = voice.shutdown(Shutdown::Write);
        }
    }

    /// Returns whether the process has ended, without forgetting its number: the
    /// group of that number is still to be killed.
    fn has_ended(&self) -> bool {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        let Some(pid) = self.pid else { return true };
        matches!(
            waitid(
                WaitId::Pid(pid),
                WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT,
            ),
            Ok(Some(_)) | Err(_)
        )
    }

    /// Kills the process and its group, and waits for the process. Under
    /// bubblewrap the process namespace dies with its parent, in the weaker layer
    /// nobody can leave the group.
    fn kill(&mut self) -> Option<ExitStatus> {
        if self.reaped {
            return None;
        }
        if let Some(pid) = self.pid {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        self.reaped = true;
        self.child.wait().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Pipes<'a> {
    request: &'a [u8],
    output: &'a mut dyn Write,
    log: &'a mut dyn Write,
    /// What the stage said.
    heard: Vec<u8>,
    output_bytes: u64,
    log_bytes: u64,
    start_of_log: Vec<u8>,
}

/// What it may use, and what it has used.
struct Patience<'a> {
    started: Instant,
    limits: &'a Limits,
    watch: Watch<'a>,
    cancel: &'a Cancel,
}

impl Patience<'_> {
    /// Returns why it is to be killed now.
    fn is_over(&mut self, running: &Running, pipes: &Pipes<'_>) -> Option<Ending> {
        let limits = self.limits;
        let (started, cancel) = (self.started, self.cancel);
        // What it wrote is removed in its time, too.
        let its_time = limits.wall_time - self.watch.clean_up(limits);
        let is_late = || started.elapsed() >= its_time;
        if cancel.is_requested() {
            Some(Ending::Cancelled)
        } else if is_late() {
            Some(Ending::TimedOut)
        } else {
            pipes.is_over(limits).or_else(|| {
                let goes_on = || !cancel.is_requested() && !is_late();
                // Before the stage has spoken, the file systems are not yet its own.
                let process = running.pid.filter(|_| !pipes.heard.is_empty());
                self.watch.look(limits, process, &goes_on)
            })
        }
    }
}

impl Pipes<'_> {
    /// Returns the limit that was passed.
    fn is_over(&self, limits: &Limits) -> Option<Ending> {
        if self.log_bytes > limits.log_bytes {
            Some(Ending::LogLimit)
        } else if self.output_bytes > limits.output_bytes {
            Some(Ending::OutputLimit)
        } else {
            None
        }
    }
}

/// How it came to an end.
enum Ended {
    /// We killed it.
    Forced(Ending),
    /// By itself.
    Status(Option<ExitStatus>),
}

impl Ended {
    fn ending(self, layer: Layer) -> Ending {
        let status = match self {
            Self::Forced(ending) => return ending,
            Self::Status(status) => status,
        };
        match status.map(|status| (status.code(), status.signal())) {
            // bwrap gives the signal that ended its command as shells do.
            Some((Some(code), _)) if layer == Layer::Bubblewrap && code > 128 => {
                Ending::Signalled(code - 128)
            }
            Some((Some(code), _)) => Ending::Exited(code),
            Some((None, signal)) => Ending::Signalled(signal.unwrap_or_default()),
            None => Ending::Signalled(0),
        }
    }
}

fn attend(
    running: &mut Running,
    pipes: &mut Pipes<'_>,
    patience: &mut Patience<'_>,
) -> Result<Ended, SandboxError> {
    let mut buffer = vec![0u8; 64 * 1024];
    let mut forced = None;
    let mut status = None;
    let mut ended_at: Option<Instant> = None;
    loop {
        if ended_at.is_none() {
            forced = patience.is_over(running, pipes);
            if forced.is_some() || running.has_ended() {
                ended_at = Some(Instant::now());
                status = running.kill();
                pipes.request = &[];
            }
        }
        if let Some(ended_at) = ended_at
            && ((running.stdout.is_none() && running.stderr.is_none())
                || ended_at.elapsed() >= GRACE)
        {
            break;
        }
        poll(
            running,
            pipes,
            &mut buffer,
            patience.limits,
            ended_at.is_some(),
        )?;
    }
    // What the pipes held when the process ended counts too.
    Ok(match forced.or_else(|| pipes.is_over(patience.limits)) {
        Some(ending) => Ended::Forced(ending),
        None => Ended::Status(status),
    })
}

/// Waits until something can be read or written, at most one tick, and does it.
fn poll(
    running: &mut Running,
    pipes: &mut Pipes<'_>,
    buffer: &mut [u8],
    limits: &Limits,
    ended: bool,
) -> Result<(), SandboxError> {
    let io = |action: &'static str| move |source: io::Error| SandboxError::Io { action, source };
    // What the stage says is taken before any output: it came before.
    let voice_flags = match pipes.request.is_empty() {
        true => PollFlags::IN,
        false => PollFlags::IN | PollFlags::OUT,
    };
    let (can_read_output, can_read_log, is_voice_ready) = {
        let slots = [
            (running.stdout.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (running.stderr.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (running.voice.as_ref().map(AsFd::as_fd), voice_flags),
            (
                running.pidfd.as_ref().filter(|_| !ended).map(AsFd::as_fd),
                PollFlags::IN,
            ),
        ];
        let present: Vec<(usize, BorrowedFd<'_>, PollFlags)> = slots
            .into_iter()
            .enumerate()
            .filter_map(|(slot, (fd, flags))| Some((slot, fd?, flags)))
            .collect();
        let mut fds: Vec<PollFd<'_>> = present
            .iter()
            .map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags))
            .collect();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: TICK.subsec_nanos().into(),
        };
        match rustix::event::poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io("wait for the sandbox")(error.into())),
        }
        let is_set = |wanted: usize| {
            present
                .iter()
                .zip(&fds)
                .any(|((slot, _, _), fd)| *slot == wanted && !fd.revents().is_empty())
        };
        (is_set(0), is_set(1), is_set(2))
    };
    if is_voice_ready {
        if !pipes.request.is_empty() {
            running.ask(&mut pipes.request);
        }
        running.hear(&mut pipes.heard);
    }
    if can_read_output && let Some(count) = read(&mut running.stdout, buffer) {
        let allowed = limits.output_bytes.saturating_sub(pipes.output_bytes);
        let kept = usize::try_from(allowed).map_or(count, |allowed| allowed.min(count));
        pipes
            .output
            .write_all(buffer.get(..kept).unwrap_or_default())
            .map_err(io("keep the output of the build"))?;
        pipes.output_bytes += count as u64;
    }
    if can_read_log && let Some(count) = read(&mut running.stderr, buffer) {
        let allowed = limits.log_bytes.saturating_sub(pipes.log_bytes);
        let kept = usize::try_from(allowed).map_or(count, |allowed| allowed.min(count));
        let piece = buffer.get(..kept).unwrap_or_default();
        pipes
            .log
            .write_all(piece)
            .map_err(io("keep the log of the build"))?;
        if pipes.heard.is_empty() && pipes.start_of_log.len() < 4096 {
            pipes.start_of_log.extend_from_slice(piece);
        }
        pipes.log_bytes += count as u64;
    }
    Ok(())
}

/// Reads what is there; closes the pipe at its end.
fn read(pipe: &mut Option<OwnedFd>, buffer: &mut [u8]) -> Option<usize> {
    let fd = pipe.as_ref()?;
    match rustix::io::read(fd, buffer) {
        Ok(0) => {
            *pipe = None;
            None
        }
        Ok(count) => Some(count),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => None,
        Err(_) => {
            *pipe = None;
            None
        }
    }
}
