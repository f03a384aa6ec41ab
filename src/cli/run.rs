//! `wheelproof run DIR -- CMD…`.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use super::args::RunArgs;
use super::output::{self, Output};
use super::rebuilt;
use super::signals::Watched;
use super::{NOT_STARTED, Surroundings, Usage, Voice};
use crate::cancel::Cancel;
use crate::gnupg;
use crate::handoff::{self, HandoffError, Sealed};
use crate::pipeline::{self, RebuiltWish, Request, Verification};
use crate::report::{HandedOnSummary, Trouble};
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
    let Asked {
        request,
        rebuilt,
        parent,
    } = match asked(surroundings, args) {
        Ok(asked) => asked,
        Err(usage) => {
            output.usage("run", &usage);
            return NOT_STARTED;
        }
    };
    let progress = output.progress(&request);
    let mut verification = pipeline::verify("run", &request, cancel, &progress);
    let confirmed = rebuilt
        .map(|wish| verification.confirm(&request, &wish, cancel, &progress))
        .unwrap_or_default();
    progress.clear();
    if cancel.is_requested() {
        return NOT_STARTED;
    }
    let prepared = verification
        .complete()
        .map(|verified| prepare(&verification, &request, args, &verified, &parent, cancel));
    let sealed = match prepared {
        Some(Ok(mut prepared)) => {
            prepared.summary.confirm(&confirmed);
            verification.report.handed_on = Some(prepared.summary.clone());
            Some(prepared)
        }
        Some(Err(trouble)) => {
            verification.report.errors.push(trouble);
            None
        }
        None => None,
    };
    let report = &mut verification.report;
    report.conclude();
    let unwritten =
        output::write_report_files(&args.report, &|form, file| report.write(form, file));
    report.errors.extend(unwritten);
    report.conclude();
    if !voice.quiet || report.exit_code != 0 {
        let _ = output.report_aside(report);
    }
    let Some(prepared) = sealed.filter(|_| report.exit_code == 0) else {
        return NOT_STARTED;
    };
    warn(args, &request.root, &output);
    watched.only_note();
    if cancel.is_requested() {
        return NOT_STARTED;
    }
    start(surroundings, &prepared, &output, cancel)
}

/// What is asked for.
struct Asked {
    request: Request,
    rebuilt: Option<RebuiltWish>,
    /// Where the copy is made.
    parent: PathBuf,
}

fn asked(surroundings: &Surroundings, args: &RunArgs) -> Result<Asked, Usage> {
    let (common, recipe) = (&args.common, &args.recipe);
    let mut request = rebuilt::request(
        surroundings,
        common,
        &args.requirements,
        &args.rebuilt,
        recipe,
    )?;
    Ok(Asked {
        rebuilt: rebuilt::wish(surroundings, &args.rebuilt, &args.recipe, &mut request)?,
        parent: surroundings.temporary()?,
        request,
    })
}

/// Says what CMD will not find, where it is known before it is started.
fn warn(args: &RunArgs, root: &Path, output: &Output) {
    let Some(lock) = handoff::locked_project(&args.command) else {
        return;
    };
    let list = gnupg::quoted(&lock.display().to_string());
    let dir = gnupg::quoted(&root.display().to_string());
    output.warn(
        &format!(
            "uv takes what is in {} from the addresses that it states, which are not those of the \
             sealed copy; without a network that fails, unless everything is installed already",
            lock.display()
        ),
        &format!(
            "wheelproof run {dir} --requirements {list} -- uv pip sync {list}, then uv run \
             --no-sync"
        ),
    );
}

/// What CMD is started with.
struct Prepared {
    sealed: Sealed,
    command: Vec<OsString>,
    summary: HandedOnSummary,
}

/// Copies what CMD may use, and gives it lists that it can use.
fn prepare(
    verification: &Verification,
    request: &Request,
    args: &RunArgs,
    verified: &VerifiedTree,
    parent: &Path,
    cancel: &Cancel,
) -> Result<Prepared, Trouble> {
    let not_copied = |error: HandoffError| Trouble {
        message: error.to_string(),
        next: "find out who writes to the directory, or make room in TMPDIR, then run it again"
            .to_owned(),
    };
    let mut hand_on = verification.hand_on(request, verified)?;
    let sealed = hand_on.seal(verified, parent, cancel).map_err(not_copied)?;
    let command = hand_on
        .command(&args.command, &sealed)
        .map_err(not_copied)?;
    Ok(Prepared {
        sealed,
        command,
        summary: hand_on.summary,
    })
}

fn start(surroundings: &Surroundings, prepared: &Prepared, output: &Output, cancel: &Cancel) -> u8 {
    let Prepared {
        sealed, command, ..
    } = prepared;
    let environment = handoff::environment(&surroundings.environment, sealed.place());
    match handoff::run(command, sealed, &environment, cancel, shares_terminal()) {
        Ok(status) => {
            let code = status.code().or(status.signal().map(|signal| 128 + signal));
            code.and_then(|code| u8::try_from(code).ok())
                .unwrap_or(NOT_STARTED)
        }
        Err(error) => {
            let program = command.first().map(Path::new).unwrap_or(Path::new(""));
            let (code, advice) = match error.kind() {
                // No process for CMD, whatever CMD is; as timeout(1) does.
                io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => (
                    NOT_STARTED,
                    "let this user have more processes (ulimit -u, a pids cgroup) or more memory",
                ),
                io::ErrorKind::NotFound => (NOT_FOUND, "name a program on the path, or its file"),
                _ => (CANNOT_START, "name a program on the path, or its file"),
            };
            output.say(
                &format!("cannot start {}: {error}", program.display()),
                advice,
            );
            code
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
