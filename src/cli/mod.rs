//! The program: arguments, environment, clock, streams, signals, exit code.
//!
//! In: what the operating system hands a process. Out: an exit code. Everything
//! below gets its clock, paths and streams from here.

mod args;
mod build;
mod certs;
mod environment;
mod explain;
mod fold;
mod history;
mod init;
mod inspect;
mod manifest;
mod merge;
mod output;
mod pages;
mod progress;
mod rebuild;
mod rebuilt;
mod request;
mod requirements;
mod rule;
mod run;
mod seal;
mod shard;
mod sign;
mod signals;
mod terminal;
mod update;
mod values;
mod version;
mod voice;
mod witness;
mod wrong;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Parser, Subcommand};

use crate::cancel::Cancel;
use crate::pipeline;
use crate::report::{Report, Verdict};
use crate::threads;
use crate::time::UtcTime;

use args::{AuditArgs, OutputArgs, RebuildArgs, RunArgs, VerifyArgs};
pub use pages::write_pages;

use output::Output;
use voice::{GlobalArgs, Voice};

/// Checks a directory of Python wheels against a signed manifest, and rebuilds
/// them to prove it.
#[derive(Debug, Parser)]
#[command(name = "wheelproof", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 everything asked for holds, 1 findings, 2 usage, \
    3 could not do the work, 4 nothing to check.\n\
    'run' exits with 125 when CMD was not started, 126 or 127 when it could not be, \
    else with CMD's own code."
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify, then rebuild what is selected and compare: the main job
    Audit(AuditArgs),
    /// Check signature, manifest and directory; runs no foreign code
    Verify(VerifyArgs),
    /// Verify, then rebuild what is selected and compare
    Rebuild(RebuildArgs),
    /// Build wheels from sdists by recipe, with a record of each build
    Build(build::BuildArgs),
    /// Verify, then run a command that sees only a sealed copy of what was verified
    Run(RunArgs),
    /// Verify, then keep a sealed copy of what was verified, for the commands that follow
    Seal(seal::SealArgs),
    /// Name the causes of what differs between two wheels
    Explain(explain::ExplainArgs),
    /// Write a policy for what lies in a directory
    Init(init::InitArgs),
    /// Write the manifest, as sha256sum would, or say whether it is current
    Manifest(manifest::ManifestArgs),
    /// List the trusted certificates; fails when one is about to lapse
    Certs(certs::CertsArgs),
    /// Make one HTML page of many nights: which wheel broke when, and why
    History(history::HistoryArgs),
    /// Make one report from the results of many machines
    Merge(merge::MergeArgs),
    /// Write requirements with the hashes of the verified wheels
    Requirements(requirements::RequirementsArgs),
    /// Sign the manifest, or add a signature to those of others
    Sign(sign::SignArgs),
    /// From lock files to a wheelhouse: build what is new, drop what nothing needs
    Update(update::UpdateArgs),
    /// Say what a certificate or a signature file holds; trusts nobody and checks nothing
    Inspect(inspect::InspectArgs),
    /// Say what a rule means and what to do about its findings
    Rule(rule::RuleArgs),
    /// Print completions for a shell
    Completions(pages::CompletionsArgs),
    /// Print a page of the manual, for man
    Man(pages::ManArgs),
    /// Check the edits that turn a rebuilt wheel into the published one, or find them
    Witness(witness::WitnessArgs),
}

/// Returns the command line as it is defined, for pages of the manual and for
/// completions.
pub fn command() -> clap::Command {
    use clap::CommandFactory;
    Cli::command()
}

/// What the process was given by its surroundings.
#[derive(Debug)]
pub struct Surroundings {
    /// The arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The clock when the program started.
    pub now: SystemTime,
    /// The file this program runs from, to start its own stages.
    pub executable: Option<PathBuf>,
}

impl Surroundings {
    /// Returns the value of a variable of the environment, when it is not empty.
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        self.environment
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value)
    }
}

impl Surroundings {
    /// Returns the directory for temporary files.
    fn temporary(&self) -> Result<PathBuf, Usage> {
        let (place, is_named) = match self.variable("TMPDIR") {
            Some(place) => (PathBuf::from(place), true),
            None => (PathBuf::from("/tmp"), false),
        };
        match (place.is_dir(), is_named) {
            (true, _) => Ok(place),
            (false, true) => Err(Usage::new(
                format!("TMPDIR is {}, and no directory is there", place.display()),
                "make that directory, or set TMPDIR to one that is there",
            )),
            (false, false) => Err(Usage::new(
                "there is no /tmp, and TMPDIR is not set",
                "set TMPDIR to a directory for temporary files",
            )),
        }
    }
}

/// A command line or policy that is wrong; exit code 2.
#[derive(Debug)]
struct Usage {
    message: String,
    next: String,
    /// The lines of a file that are wrong, as people see them.
    excerpt: Vec<String>,
}

impl Usage {
    fn new(message: impl ToString, next: impl Into<String>) -> Self {
        Self {
            message: message.to_string(),
            next: next.into(),
            excerpt: Vec::new(),
        }
    }
}

/// The exit code of a wrong command line or policy.
const USAGE: u8 = 2;

/// The exit code of `run` when verification did not pass and CMD was not started.
const NOT_STARTED: u8 = 125;

/// Runs the program.
pub fn main(surroundings: &Surroundings) -> ExitCode {
    let cli = match Cli::try_parse_from(&surroundings.arguments) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(wrong::say(&error, surroundings)),
    };
    let voice = match cli.global.voice(surroundings) {
        Ok(voice) => voice,
        Err(usage) => return ExitCode::from(wrong::environment(&usage, surroundings)),
    };
    threads::start();
    let cancel = Cancel::new();
    let watched = signals::watch(&cancel);
    let code = match cli.command {
        Command::Inspect(args) => inspect::run(surroundings, voice, &args),
        Command::Rule(args) => rule::run(voice, &args),
        Command::Completions(args) => pages::completions(voice, &args),
        Command::Man(args) => pages::man(voice, &args),
        Command::Verify(args) => verify(surroundings, voice, &args, &cancel),
        Command::Run(args) => run::run(surroundings, voice, &args, &cancel, &watched),
        Command::Seal(args) => seal::run(surroundings, voice, &args, &cancel),
        Command::Build(args) => build::run(surroundings, voice, &args, &cancel),
        Command::Audit(args) => rebuild::audit(surroundings, voice, &args, &cancel),
        Command::Explain(args) => explain::run(surroundings, voice, &args, &cancel),
        Command::Manifest(args) => manifest::run(surroundings, voice, &args, &cancel),
        Command::Certs(args) => certs::run(surroundings, voice, &args, &cancel),
        Command::Requirements(args) => requirements::run(surroundings, voice, &args, &cancel),
        Command::Init(args) => init::run(surroundings, voice, &args, &cancel),
        Command::Sign(args) => sign::run(surroundings, voice, &args, &cancel),
        Command::Update(args) => update::run(surroundings, voice, &args, &cancel),
        Command::History(args) => history::run(voice, &args, &cancel),
        Command::Merge(args) => merge::run(voice, &args, &cancel),
        Command::Witness(args) => witness::run(voice, &args, &cancel),
        Command::Rebuild(args) => rebuild::rebuild(surroundings, voice, &args, &cancel),
    };
    if let Some(signal) = cancel.signal() {
        signals::die_of(signal);
    }
    ExitCode::from(code)
}

fn verify(surroundings: &Surroundings, voice: Voice, args: &VerifyArgs, cancel: &Cancel) -> u8 {
    let output = Output::new(voice, args.output.format);
    if let Some(code) = output.unready("verify", &args.output.report) {
        return code;
    }
    let request = match request::request(surroundings, &args.common, Some(&args.requirements)) {
        Ok(request) => request,
        Err(usage) => return output.usage("verify", &usage),
    };
    let progress = output.progress(&request);
    let mut report = pipeline::verify("verify", &request, cancel, &progress).report;
    progress.clear();
    finish(&mut report, &args.output, &output, cancel)
}

/// Concludes a report and writes it everywhere it was asked for.
fn finish(report: &mut Report, args: &OutputArgs, output: &Output, cancel: &Cancel) -> u8 {
    if cancel.is_requested() {
        // What was seen so far proves nothing.
        return Verdict::Error.exit_code();
    }
    report.conclude();
    let troubles = output::write_report_files(&args.report, &|form, file| report.write(form, file));
    report.errors.extend(troubles);
    report.conclude();
    match output.report(report) {
        Ok(()) => report.exit_code,
        Err(error) => output.trouble(&format!("cannot write the report: {error}")),
    }
}

/// Returns the clock's reading as the time to judge at.
fn now(surroundings: &Surroundings) -> Result<UtcTime, Usage> {
    UtcTime::from_system(surroundings.now).ok_or_else(|| {
        Usage::new(
            "the clock of this machine shows no time between the years 1 and 9999",
            "set the clock, or say the time with --time",
        )
    })
}
