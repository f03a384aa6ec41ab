//! The terminal that a person sits at.

use std::ffi::OsString;
use std::io::BufRead as _;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::Surroundings;
use crate::cancel::Cancel;

/// Returns the environment for a program that asks for a passphrase: with `GPG_TTY`.
///
/// gpg-agent runs without a terminal and is told by `GPG_TTY` where pinentry may ask
/// (gpg-agent(1)). Where nobody has set it, gpg takes the terminal of its standard input,
/// which is a pipe here.
pub(super) fn environment(surroundings: &Surroundings) -> Vec<(OsString, OsString)> {
    const NAME: &str = "GPG_TTY";
    let mut environment = surroundings.environment.clone();
    let named = surroundings.variable(NAME).map(PathBuf::from);
    // A value of another login is as good as none.
    if named.is_some_and(|path| path.exists()) {
        return environment;
    }
    if let Some(path) = path() {
        environment.retain(|(name, _)| name != NAME);
        environment.push((NAME.into(), path.into_os_string()));
    }
    environment
}

/// Returns the file of the terminal on one of the standard streams.
fn path() -> Option<PathBuf> {
    let of = |stream: std::os::fd::BorrowedFd<'_>| {
        let name = rustix::termios::ttyname(stream, Vec::new()).ok()?;
        Some(PathBuf::from(name.into_string().ok()?))
    };
    of(std::io::stdin().as_fd())
        .or_else(|| of(std::io::stderr().as_fd()))
        .or_else(|| of(std::io::stdout().as_fd()))
}

/// How long nobody looks whether the user has asked to stop.
const GLANCE: Duration = Duration::from_millis(50);

/// Waits for a line from the terminal; `None` when somebody asked to stop instead. A signal
/// does not end a read that has begun, so none is begun before there is something to read.
pub(super) fn answer(cancel: &Cancel) -> Option<String> {
    let stdin = std::io::stdin();
    let glance = Timespec::try_from(GLANCE).ok()?;
    while !cancel.is_requested() {
        let mut ready = [PollFd::new(&stdin, PollFlags::IN)];
        match rustix::event::poll(&mut ready, Some(&glance)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => {
                let mut answer = String::new();
                return stdin.lock().read_line(&mut answer).ok().map(|_| answer);
            }
            Err(_) => return None,
        }
    }
    None
}

/// Returns how many columns a stream shows, when it is a terminal.
pub(super) fn width(stream: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(stream).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}
