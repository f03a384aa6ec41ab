//! `wheelproof run DIR -- CMD…`.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use super::args::RunArgs;
use super::output::Output;
use super::signals::Watched;
use super::{NOT_STARTED, Surroundings, Usage, request};
use crate::cancel::Cancel;
use crate::handoff::{self, HandoffError, Sealed};
use crate::input;
use crate::pipeline;
use crate::requirements::{self, Requirement};
use crate::wheelhouse::VerifiedTree;

/// CMD was found but could not be started.
const CANNOT_START: u8 = 126;
/// CMD was not found.
const NOT_FOUND: u8 = 127;

/// Why CMD was not started, beyond what the report of the verification says.
enum Refusal {
    Usage(Usage),
    Handoff(HandoffError),
}

pub(super) fn run(
    surroundings: &Surroundings,
    args: &RunArgs,
    cancel: &Cancel,
    watched: &Watched,
) -> u8 {
    let output = Output::plain(args.quiet, args.color.choice());
    let request = match request::request(surroundings, &args.common) {
        Ok(request) => request,
        Err(usage) => {
            output.say(&usage.message, &usage.next);
            return NOT_STARTED;
        }
    };
    let progress = output.progress();
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
    if !args.quiet {
        let _ = output.report_aside(&verification.report);
    }
    let sealed = match seal(surroundings, args, &verified, cancel) {
        Ok(sealed) => sealed,
        Err(refusal) => {
            match refusal {
                Refusal::Usage(usage) => output.say(&usage.message, &usage.next),
                Refusal::Handoff(error) => output.say(
                    &error.to_string(),
                    "find out who writes to the directory, or make room in TMPDIR, then run it again",
                ),
            }
            return NOT_STARTED;
        }
    };
    watched.only_note();
    if cancel.is_requested() {
        return NOT_STARTED;
    }
    start(surroundings, args, &output, &sealed, cancel)
}

/// The copy, and the constraints beside it.
struct Ready {
    sealed: Sealed,
    constraints: Option<PathBuf>,
}

fn seal(
    surroundings: &Surroundings,
    args: &RunArgs,
    verified: &VerifiedTree,
    cancel: &Cancel,
) -> Result<Ready, Refusal> {
    let constraints = match args.requirements.is_empty() {
        true => None,
        false => Some(constraints(verified, &args.requirements).map_err(Refusal::Usage)?),
    };
    let sealed =
        Sealed::copy(verified, &surroundings.temporary(), cancel).map_err(Refusal::Handoff)?;
    let constraints = constraints
        .map(|text| sealed.write("requirements.txt", text.as_bytes()))
        .transpose()
        .map_err(Refusal::Handoff)?;
    Ok(Ready {
        sealed,
        constraints,
    })
}

fn constraints(verified: &VerifiedTree, paths: &[PathBuf]) -> Result<String, Usage> {
    let mut all: Vec<Requirement> = Vec::new();
    let next = "pin every requirement to a version that the manifest lists";
    for path in paths {
        let in_file = |error: &dyn std::fmt::Display| {
            Usage::new(format!("{}: {error}", path.display()), next)
        };
        let bytes =
            input::read(path, requirements::MAX_BYTES).map_err(|error| Usage::new(error, next))?;
        let read = requirements::parse(&bytes).map_err(|error| in_file(&error))?;
        handoff::constraints(verified, &read).map_err(|error| in_file(&error))?;
        all.extend(read);
    }
    handoff::constraints(verified, &all).map_err(|error| Usage::new(error, next))
}

fn start(
    surroundings: &Surroundings,
    args: &RunArgs,
    output: &Output,
    ready: &Ready,
    cancel: &Cancel,
) -> u8 {
    let environment = handoff::environment(
        &surroundings.environment,
        &ready.sealed,
        ready.constraints.as_deref(),
    );
    match handoff::run(
        &args.command,
        &ready.sealed,
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
