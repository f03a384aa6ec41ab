//! Waiting for a confined process, within limits.
//!
//! In: a process to start and the request of its stage. Out: how it ended. When
//! this returns, nothing that the process started is running any more (except in
//! the layer `none`, which cannot promise it).

use std::fmt;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{self, Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use super::stage::{FAILED, READY, Request};
use super::{Layer, Limits, SandboxError};
use crate::cancel::Cancel;

/// How often the clock and the request to stop are looked at.
const TICK: Duration = Duration::from_millis(25);
/// How often the size of a scratch directory is looked at.
const WATCH_INTERVAL: Duration = Duration::from_millis(250);
/// How long killed processes may take to disappear.
const GRACE: Duration = Duration::from_secs(10);

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
}

/// What to watch besides the process.
pub(super) struct Watch<'a> {
    pub(super) layer: Layer,
    /// A directory whose size is limited by looking at it.
    pub(super) scratch: Option<&'a Path>,
}

pub(super) fn run(
    mut command: process::Command,
    request: &Request,
    limits: &Limits,
    watch: Watch<'_>,
    output: &mut dyn Write,
    log: &mut dyn Write,
    cancel: &Cancel,
) -> Result<Ran, SandboxError> {
    let started = Instant::now();
    let bytes = request.to_bytes()?;
    command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| SandboxError::Start {
        layer: watch.layer,
        reason: format!("{}: {error}", command.get_program().display()),
    })?;
    let mut running = Running::new(child, watch.layer)?;
    let mut pipes = Pipes {
        request: &bytes,
        output: Stage::new(output),
        log,
        output_bytes: 0,
        log_bytes: 0,
        start_of_log: Vec::new(),
    };
    let ending = match attend(&mut running, &mut pipes, limits, &watch, started, cancel) {
        Ok(ending) => ending,
        Err(error) => {
            running.kill();
            return Err(error);
        }
    };
    if let Some(reason) = pipes.output.failure() {
        return Err(SandboxError::Start {
            layer: watch.layer,
            reason,
        });
    }
    if !pipes.output.is_ready() && matches!(ending, Ending::Exited(_) | Ending::Signalled(_)) {
        let said = String::from_utf8_lossy(&pipes.start_of_log);
        return Err(SandboxError::Start {
            layer: watch.layer,
            reason: match said.trim() {
                "" => format!("it ended with {ending} and said nothing"),
                said => said.to_owned(),
            },
        });
    }
    Ok(Ran {
        ending,
        elapsed: started.elapsed(),
    })
}

/// A process and its pipes; dropping it kills everything it started.
struct Running {
    child: Child,
    pid: Option<Pid>,
    pidfd: Option<OwnedFd>,
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    reaped: bool,
}

impl Running {
    fn new(mut child: Child, layer: Layer) -> Result<Self, SandboxError> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // Old kernels and old container filters lack it; then the tick does.
        let pidfd = pid.and_then(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok());
        let stdin = child.stdin.take().map(OwnedFd::from);
        let stdout = child.stdout.take().map(OwnedFd::from);
        let stderr = child.stderr.take().map(OwnedFd::from);
        let running = Self {
            child,
            pid,
            pidfd,
            stdin,
            stdout,
            stderr,
            reaped: false,
        };
        if let Some(stdin) = &running.stdin {
            rustix::fs::fcntl_setfl(stdin, rustix::fs::OFlags::NONBLOCK).map_err(|error| {
                SandboxError::Start {
                    layer,
                    reason: format!("cannot set up its pipe: {error}"),
                }
            })?;
        }
        Ok(running)
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
    output: Stage<'a>,
    log: &'a mut dyn Write,
    output_bytes: u64,
    log_bytes: u64,
    start_of_log: Vec<u8>,
}

fn attend(
    running: &mut Running,
    pipes: &mut Pipes<'_>,
    limits: &Limits,
    watch: &Watch<'_>,
    started: Instant,
    cancel: &Cancel,
) -> Result<Ending, SandboxError> {
    let mut buffer = vec![0u8; 64 * 1024];
    let mut forced = None;
    let mut status = None;
    let mut ended_at: Option<Instant> = None;
    let mut watched_at = started;
    loop {
        let now = Instant::now();
        if forced.is_none() && ended_at.is_none() {
            if cancel.is_requested() {
                forced = Some(Ending::Cancelled);
            } else if now.duration_since(started) >= limits.wall_time {
                forced = Some(Ending::TimedOut);
            } else if pipes.log_bytes > limits.log_bytes {
                forced = Some(Ending::LogLimit);
            } else if pipes.output_bytes > limits.output_bytes {
                forced = Some(Ending::OutputLimit);
            } else if let Some(scratch) = watch.scratch
                && now.duration_since(watched_at) >= WATCH_INTERVAL
            {
                watched_at = now;
                if size_of(scratch) > limits.scratch_bytes {
                    forced = Some(Ending::ScratchLimit);
                }
            }
        }
        if ended_at.is_none() && (forced.is_some() || running.has_ended()) {
            ended_at = Some(now);
            status = running.kill();
            running.stdin = None;
        }
        if let Some(ended_at) = ended_at
            && ((running.stdout.is_none() && running.stderr.is_none())
                || now.duration_since(ended_at) >= GRACE)
        {
            break;
        }
        poll(running, pipes, &mut buffer, limits, ended_at.is_some())?;
    }
    // What the pipes held when the process ended counts too.
    if forced.is_none() && pipes.log_bytes > limits.log_bytes {
        forced = Some(Ending::LogLimit);
    }
    if forced.is_none() && pipes.output_bytes > limits.output_bytes {
        forced = Some(Ending::OutputLimit);
    }
    Ok(forced.unwrap_or_else(|| match status {
        Some(status) => match (status.code(), status.signal()) {
            // bwrap gives the signal that ended its command as shells do.
            (Some(code), _) if watch.layer == Layer::Bubblewrap && code > 128 => {
                Ending::Signalled(code - 128)
            }
            (Some(code), _) => Ending::Exited(code),
            (None, signal) => Ending::Signalled(signal.unwrap_or_default()),
        },
        None => Ending::Signalled(0),
    }))
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
    let (can_read_output, can_read_log, can_write) = {
        let slots = [
            (running.stdout.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (running.stderr.as_ref().map(AsFd::as_fd), PollFlags::IN),
            (running.stdin.as_ref().map(AsFd::as_fd), PollFlags::OUT),
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
    if can_write && let Some(stdin) = &running.stdin {
        match rustix::io::write(stdin, pipes.request) {
            Ok(count) => pipes.request = pipes.request.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            // It ended without reading; how, is known soon.
            Err(_) => pipes.request = &[],
        }
        if pipes.request.is_empty() {
            running.stdin = None;
        }
    }
    if can_read_output && let Some(count) = read(&mut running.stdout, buffer) {
        let piece = buffer.get(..count).unwrap_or_default();
        let passed = pipes
            .output
            .write(
                piece,
                limits.output_bytes.saturating_sub(pipes.output_bytes),
            )
            .map_err(io("keep the output of the build"))?;
        pipes.output_bytes += passed;
    }
    if can_read_log && let Some(count) = read(&mut running.stderr, buffer) {
        let allowed = limits.log_bytes.saturating_sub(pipes.log_bytes);
        let kept = usize::try_from(allowed).map_or(count, |allowed| allowed.min(count));
        let piece = buffer.get(..kept).unwrap_or_default();
        pipes
            .log
            .write_all(piece)
            .map_err(io("keep the log of the build"))?;
        if !pipes.output.is_ready() && pipes.start_of_log.len() < 4096 {
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

/// The output, of which the first line is the stage's.
struct Stage<'a> {
    first_line: Vec<u8>,
    ready: bool,
    /// What came right after the first line: the stage speaks there when the
    /// program cannot be started.
    next: Vec<u8>,
    output: &'a mut dyn Write,
}

impl<'a> Stage<'a> {
    fn new(output: &'a mut dyn Write) -> Self {
        Self {
            first_line: Vec::new(),
            ready: false,
            next: Vec::new(),
            output,
        }
    }

    fn is_ready(&self) -> bool {
        self.ready
    }

    /// Takes a piece; passes on what belongs to the command, up to a limit.
    /// Returns how much belonged to it.
    fn write(&mut self, mut piece: &[u8], limit: u64) -> io::Result<u64> {
        if !self.ready {
            let missing = READY.len().saturating_sub(self.first_line.len());
            // A failure has another text and may be longer; nothing else comes.
            let failing = !READY.as_bytes().starts_with(&self.first_line);
            let take = if failing {
                piece.len()
            } else {
                missing.min(piece.len())
            };
            let (head, rest) = piece.split_at(take);
            if self.first_line.len() < 4096 {
                self.first_line.extend_from_slice(head);
            }
            piece = rest;
            if self.first_line == READY.as_bytes() {
                self.ready = true;
            } else {
                if self.first_line.len() < 4096 {
                    self.first_line.extend_from_slice(piece);
                }
                return Ok(0);
            }
        }
        if self.next.len() < 1024 {
            self.next.extend(piece.iter().take(1024));
        }
        let allowed = usize::try_from(limit).map_or(piece.len(), |limit| limit.min(piece.len()));
        self.output
            .write_all(piece.get(..allowed).unwrap_or_default())?;
        Ok(piece.len() as u64)
    }

    /// Returns what the stage gave as a reason for not becoming the command.
    fn failure(&self) -> Option<String> {
        let said = if self.ready {
            &self.next
        } else {
            &self.first_line
        };
        let said = said.strip_prefix(FAILED.as_bytes())?;
        Some(String::from_utf8_lossy(said).trim_end().to_owned())
    }
}

/// Returns the bytes that a directory takes up, as far as they can be seen. The
/// tree is foreign: its depth costs us neither stack nor descriptors.
fn size_of(directory: &Path) -> u64 {
    walkdir::WalkDir::new(directory)
        .max_open(16)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.metadata().ok())
        .map(|data| data.blocks() * 512)
        .sum()
}
