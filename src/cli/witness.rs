//! `wheelproof witness check` and `wheelproof witness find`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::Voice;
use super::args::Format;
use super::output::Output;
use crate::archive::Limits;
use crate::cancel::Cancel;
use crate::digest::Sha256Digest;
use crate::replace;
use crate::report::escape;
use crate::report::escape_json;
use crate::witness::{self, NoWitness, Search, Witness, WitnessError};

/// The name and version of what `--format json` writes.
const SCHEMA: &str = "wheelproof.witness-check/1";

#[derive(Debug, Args)]
pub(super) struct WitnessArgs {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Apply a witness to a rebuilt wheel, and say whether the published one comes out
    Check(CheckArgs),
    /// Search for the edits that turn a rebuilt wheel into the published one
    Find(FindArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof witness check six-1.16.0-py2.py3-none-any.whl six-1.16.0-py2.py3-none-any.whl.witness.json \
    --published 8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n\n\
    Nothing of the builder is trusted: the edits are made to REBUILT, and the digest of what comes out \
    is compared. Exit codes: 0 it holds, 1 it does not, 2 usage, 3 the work could not be done.")]
struct CheckArgs {
    /// The rebuilt wheel
    rebuilt: PathBuf,
    /// The witness
    witness: PathBuf,
    /// The digest that the signed manifest lists; without it, the one in the witness counts
    #[arg(long, value_name = "SHA256")]
    published: Option<Sha256Digest>,
    #[command(flatten)]
    output: WitnessOutput,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof witness find dists/six-1.16.0-py2.py3-none-any.whl rebuilt/six-1.16.0-py2.py3-none-any.whl \
    --out six.witness.json\n\n\
    Exit codes: 0 there is one, and it was applied before it was written; 1 there is none; 2 usage; \
    3 the work could not be done.")]
struct FindArgs {
    /// The published wheel
    published: PathBuf,
    /// The rebuilt wheel
    rebuilt: PathBuf,
    /// Write the witness to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: WitnessOutput,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
struct WitnessOutput {
    /// The form of what is said on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What either command has to say, for programs.
#[derive(Debug, Serialize)]
struct Answer {
    schema: &'static str,
    command: &'static str,
    verdict: Verdict,
    exit_code: u8,
    rebuilt_sha256: Option<Sha256Digest>,
    published_sha256: Option<Sha256Digest>,
    /// Whether the published digest is the one that was asked for, and not only the
    /// witness's own word.
    published_is_asked_for: bool,
    witness: Vec<serde_json::Value>,
    taken_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<Sha256Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'static str>,
    #[serde(skip)]
    title: &'static str,
    #[serde(skip)]
    sentences: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Pass,
    Fail,
    Error,
}

impl Verdict {
    fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Error => 3,
        }
    }
}

impl Answer {
    fn new(command: &'static str, verdict: Verdict) -> Self {
        Self {
            schema: SCHEMA,
            command,
            verdict,
            exit_code: verdict.exit_code(),
            rebuilt_sha256: None,
            published_sha256: None,
            published_is_asked_for: false,
            witness: Vec::new(),
            taken_bytes: 0,
            reason: None,
            expected: None,
            found: None,
            next: None,
            title: "",
            sentences: Vec::new(),
        }
    }

    fn of_error(command: &'static str, error: &WitnessError) -> Self {
        let verdict = match error.refutes() {
            true => Verdict::Fail,
            false => Verdict::Error,
        };
        let digests = error.digests();
        Self {
            reason: Some(error.to_string()),
            expected: digests.map(|(expected, _)| expected),
            found: digests.map(|(_, found)| found),
            next: Some(error.advice()),
            ..Self::new(command, verdict)
        }
    }

    fn about(mut self, witness: &Witness) -> Self {
        self.rebuilt_sha256 = Some(witness.rebuilt.sha256);
        self.published_sha256 = Some(witness.published.sha256);
        self.witness = witness.reported().unwrap_or_default();
        self.taken_bytes = witness.taken_bytes();
        self.sentences = witness.sentences();
        self
    }
}

pub(super) fn run(voice: Voice, args: &WitnessArgs, cancel: &Cancel) -> u8 {
    let (answer, how) = match &args.command {
        Task::Check(args) => (check(args, cancel), &args.output),
        Task::Find(args) => (find(args, cancel), &args.output),
    };
    say(voice, &answer, how)
}

fn check(args: &CheckArgs, cancel: &Cancel) -> Answer {
    const COMMAND: &str = "witness check";
    let witness = match Witness::read(&args.witness) {
        Ok(witness) => witness,
        Err(error) => return Answer::of_error(COMMAND, &error),
    };
    let limits = Limits::default();
    match witness::check(&args.rebuilt, &witness, args.published, limits, cancel) {
        Ok(()) => Answer {
            published_is_asked_for: args.published.is_some(),
            title: "the witness holds",
            ..Answer::new(COMMAND, Verdict::Pass)
        },
        Err(error) => Answer::of_error(COMMAND, &error),
    }
    .about(&witness)
}

fn find(args: &FindArgs, cancel: &Cancel) -> Answer {
    const COMMAND: &str = "witness find";
    match witness::find(&args.published, &args.rebuilt, Limits::default(), cancel) {
        Ok(Search::Found(witness)) => {
            let answer = Answer {
                published_is_asked_for: true,
                title: "there is a witness",
                ..Answer::new(COMMAND, Verdict::Pass)
            };
            match write(args.out.as_deref(), &witness) {
                Ok(()) => answer.about(&witness),
                Err(reason) => Answer {
                    reason: Some(reason),
                    next: Some("name a file in a directory that can be written to"),
                    ..Answer::new(COMMAND, Verdict::Error)
                },
            }
        }
        Ok(Search::None(reason)) => Answer {
            reason: Some(format!("there is no witness: {reason}")),
            next: Some(match reason {
                NoWitness::Contents(_) => {
                    "compare the members; edits of the container cannot make up for contents"
                }
                _ => "rebuild with the tools that wrote the published wheel",
            }),
            ..Answer::new(COMMAND, Verdict::Fail)
        },
        Err(error) => Answer::of_error(COMMAND, &error),
    }
}

fn write(path: Option<&Path>, witness: &Witness) -> Result<(), String> {
    let Some(path) = path else {
        return Ok(());
    };
    let text = witness.canonical().map_err(|error| error.to_string())?;
    replace::file(path, text.as_bytes()).map_err(|error| error.to_string())
}

fn say(voice: Voice, answer: &Answer, how: &WitnessOutput) -> u8 {
    let output = Output::plain(voice);
    let written = match how.format {
        Format::Json => match serde_json::to_string_pretty(answer) {
            Ok(text) => output.plainly(&format!("{}\n", escape_json(&text))),
            Err(error) => Err(error.into()),
        },
        Format::Text if answer.verdict == Verdict::Pass => match voice.quiet {
            true => Ok(()),
            false => output.plainly(&text(answer)),
        },
        Format::Text => {
            let mut message = answer.reason.clone().unwrap_or_default();
            // Digests are not from the input's hand, so nothing in them is escaped.
            if let (Some(expected), Some(found)) = (answer.expected, answer.found) {
                message.push_str(&format!(": expected {expected}, found {found}"));
            }
            output.say(&message, answer.next.unwrap_or_default());
            Ok(())
        }
    };
    match written {
        Ok(()) => answer.exit_code,
        Err(error) => output.trouble(&format!("cannot write the answer: {error}")),
    }
}

fn text(answer: &Answer) -> String {
    let mut text = format!("{}\n", answer.title);
    if let (Some(rebuilt), Some(published)) = (answer.rebuilt_sha256, answer.published_sha256) {
        text.push_str(&format!("  rebuilt:   {rebuilt}\n"));
        text.push_str(&format!("  published: {published}\n"));
    }
    for sentence in &answer.sentences {
        text.push_str(&format!("  edit:      {}\n", escape(sentence)));
    }
    if answer.sentences.is_empty() {
        text.push_str("  no edits: the wheels are the same\n");
    }
    text.push_str("  the contents of all members are the same in both\n");
    if !answer.published_is_asked_for {
        text.push_str(
            "  the published digest is the witness's own word; give the signed one with --published\n",
        );
    }
    text
}
