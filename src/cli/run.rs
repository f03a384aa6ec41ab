//! `wheelproof run DIR -- CMD…`.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use super::args::RunArgs;
use super::output::Output;
use super::signals::Watched;
use super::{NOT_STARTED, Surroundings, Voice, request};
use crate::audit::Use;
use crate::cancel::Cancel;
use crate::handoff::{self, HandoffError, Sealed};
use crate::pinned::Packages;
use crate::pipeline::{self, Request, Verification};
use crate::wheelhouse::VerifiedTree;

/// CMD was found but could not be started.
const CANNOT_START: u8 = 126;
/// CMD was not found.
const NOT_FOUND: u8 = 127;

pub(super) fn run(
    surroundings: &Surroundings,
    voice: Voice,
    args: &RunArgs,
    cancel: &Cancel,
    watched: &Watched,
) -> u8 {
    let output = Output::plain(voice);
    let request = match request::request(surroundings, &args.common, Some(&args.requirements)) {
        Ok(request) => Request {
            requirements: Use::HandedOn,
            ..request
        },
        Err(usage) => {
            output.say(&usage.message, &usage.next);
            return NOT_STARTED;
        }
    };
    let progress = output.progress(&request);
    let mut verification = pipeline::verify("run", &request, cancel, &progress);
    progress.clear();
    if cancel.is_requested() {
        return NOT_STARTED;
    }
    let verified = verification.complete();
    verification.report.conclude();
    let Some(verified) = verified else {
        let _ = output.report_aside(&verification.report);
        return NOT_STARTED;
    };
    if !voice.quiet {
        let _ = output.report_aside(&verification.report);
    }
    let sealed = match seal(
        &surroundings.temporary(),
        &request,
        &verification,
        &verified,
        cancel,
    ) {
        Ok(sealed) => sealed,
        Err(error) => {
            output.say(
                &error.to_string(),
                "find out who writes to the directory, or make room in TMPDIR, then run it again",
            );
            return NOT_STARTED;
        }
    };
    watched.only_note();
    if cancel.is_requested() {
        return NOT_STARTED;
    }
    start(surroundings, args, &output, &sealed, cancel)
}

/// Copies what was verified, or what the requirements admit of it, into a private
/// directory below `parent`.
pub(super) fn seal(
    parent: &Path,
    request: &Request,
    verification: &Verification,
    verified: &VerifiedTree,
    cancel: &Cancel,
) -> Result<Sealed, HandoffError> {
    let with_requirements = !request.policy.wheelhouse.requirements.is_empty();
    let packages = match &verification.manifest {
        Some(manifest) if with_requirements => Packages::of(manifest),
        _ => return Sealed::copy(verified, None, parent, cancel),
    };
    let held = packages.hold(&verification.requirements);
    let mut sealed = Sealed::copy(verified, Some(&handoff::admitted(&held)), parent, cancel)?;
    sealed.constrain(&handoff::constraints(&held))?;
    Ok(sealed)
}

fn start(
    surroundings: &Surroundings,
    args: &RunArgs,
    output: &Output,
    sealed: &Sealed,
    cancel: &Cancel,
) -> u8 {
    let environment = handoff::environment(&surroundings.environment, sealed.place());
    match handoff::run(
        &args.command,
        sealed,
        &environment,
        cancel,
        shares_terminal(),
    ) {
        Ok(status) => {
            let code = status.code().or(status.signal().map(|signal| 128 + signal));
            code.and_then(|code| u8::try_from(code).ok())
                .unwrap_or(NOT_STARTED)
        }
        Err(error) => {
            let program = args.command.first().map(Path::new).unwrap_or(Path::new(""));
            output.say(
                &format!("cannot start {}: {error}", program.display()),
                "name a program on the path, or its file",
            );
            match error.kind() {
                io::ErrorKind::NotFound => NOT_FOUND,
                _ => CANNOT_START,
            }
        }
    }
}

/// Returns whether a terminal sends what its interrupt key says to this program
/// and to CMD alike: both run in the foreground of one.
fn shares_terminal() -> bool {
    std::fs::File::open("/dev/tty").is_ok_and(|terminal| {
        rustix::termios::tcgetpgrp(&terminal)
            .is_ok_and(|foreground| foreground == rustix::process::getpgrp())
    })
}
