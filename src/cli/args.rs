//! Arguments that several commands share, and those of the commands that check.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shard::ShardArgs;
use crate::fingerprint::Fingerprint;
use crate::policy::{
    self, KeyValidity, Platform, RecordsPolicy, SandboxPolicy, SourceModes, SourceTimesPolicy,
    Tolerance, WheelhouseName,
};
use crate::relpath::RelPath;
use crate::report::Form;
use crate::time::UtcTime;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof verify dists --certs keys/\n  \
    wheelproof verify dists --certs keys/ --signer 0BC135125EB2FF9A0F88EE1CC65FF007C75766ED --format json")]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    #[command(flatten)]
    pub(super) requirements: RequirementsFlag,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof audit dists\n  \
    wheelproof audit dists --time 2021-04-14T00:00:00Z 'six==1.11.0' 'securedrop*'")]
pub(super) struct AuditArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    #[command(flatten)]
    pub(super) requirements: RequirementsFlag,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(super) shard: ShardArgs,
    #[command(flatten)]
    pub(super) keep: KeepArgs,
    #[command(flatten)]
    pub(super) recipe: RecipeArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof rebuild dists six\n  \
    wheelproof rebuild dists --sample 5 --seed 2026-11-23")]
pub(super) struct RebuildArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    #[command(flatten)]
    pub(super) requirements: RequirementsFlag,
    #[command(flatten)]
    pub(super) selection: SelectionArgs,
    #[command(flatten)]
    pub(super) shard: ShardArgs,
    #[command(flatten)]
    pub(super) keep: KeepArgs,
    #[command(flatten)]
    pub(super) recipe: RecipeArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    wheelproof run dists -- pip install six==1.16.0\n  \
    wheelproof run dists --requirements requirements.txt -- sh -c 'pip install -r \"$WHEELPROOF_REQUIREMENTS\"'\n\n\
    CMD finds the sealed copy in WHEELPROOF_WHEELHOUSE; pip and uv are pointed at it and at nothing else. \
    With --requirements, the copy holds what these files admit and nothing else, and \
    WHEELPROOF_REQUIREMENTS is the same list with the signed hashes: older pip takes hashes from a \
    list only, and refuses one without them.")]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    #[command(flatten)]
    pub(super) requirements: RequirementsFlag,
    /// Say nothing unless something is wrong
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorWhen,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(super) command: Vec<std::ffi::OsString>,
}

/// The requirements that the wheelhouse has to meet.
#[derive(Debug, Args)]
pub(super) struct RequirementsFlag {
    /// Requirements that the files have to meet: a requirements file with hashes, poetry.lock, uv.lock or pylock.toml
    #[arg(long = "requirements", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

/// Where things are, and how far to look.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// The directory: with wheelproof.toml, or with sha256sums.txt and wheels/, or with the files themselves
    pub(super) dir: PathBuf,
    /// The policy file [default: DIR/wheelproof.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// The manifest
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: Option<PathBuf>,
    /// The directory with the files
    #[arg(long, value_name = "PATH")]
    pub(super) directory: Option<PathBuf>,
    /// A name that may lie in the directory unsigned
    #[arg(long, value_name = "NAME", value_parser = rel_path)]
    pub(super) allow_unlisted: Vec<RelPath>,
    /// Do not look inside the files, whatever the policy says: digests only
    #[arg(long)]
    pub(super) shallow: bool,
    /// Look inside the files, whatever the policy says, which is the default: RECORD, the headers of the archives, names and metadata
    #[arg(long, conflicts_with = "shallow")]
    pub(super) deep: bool,
}

#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// Trusted certificates: files, or directories of files
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(super) certs: Vec<PathBuf>,
    /// The fingerprint of a certificate that may sign [default: any trusted one]
    #[arg(long, value_name = "FINGERPRINT")]
    pub(super) signer: Vec<Fingerprint>,
    /// How many distinct signers have to have signed [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) threshold: Option<NonZeroU32>,
    /// When a signer's key has to be valid [default: both]
    #[arg(long, value_name = "WHEN", value_parser = key_validity)]
    pub(super) key_validity: Option<KeyValidity>,
    /// Judge keys and signatures as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    pub(super) time: Option<UtcTime>,
    /// Accept no signature that is older
    #[arg(long, value_name = "RFC3339")]
    pub(super) not_before: Option<UtcTime>,
    /// Whether a signature that does not match is let through beside enough that do [default: refuse]
    #[arg(long, value_name = "refuse|accept", value_parser = tolerance)]
    pub(super) bad_signatures: Option<Tolerance>,
    /// A signature over the manifest
    #[arg(long, value_name = "FILE")]
    pub(super) signature: Vec<PathBuf>,
    /// The project that the manifest has to state in a signed comment
    #[arg(long, value_name = "NAME")]
    pub(super) project: Option<WheelhouseName>,
    /// The file that remembers the newest accepted manifest; an older one is refused
    #[arg(long, value_name = "FILE")]
    pub(super) state: Option<PathBuf>,
    /// Whether lines of the manifest may end in CR LF [default: refuse]
    #[arg(long, value_name = "refuse|accept", value_parser = tolerance)]
    pub(super) crlf: Option<Tolerance>,
    /// Whether the manifest may list a name twice with the same digest [default: refuse]
    #[arg(long, value_name = "refuse|accept", value_parser = tolerance)]
    pub(super) repeated_names: Option<Tolerance>,
    /// Count warnings as errors
    #[arg(long)]
    pub(super) strict: bool,
}

#[derive(Debug, Args)]
pub(super) struct SelectionArgs {
    /// Wheels to rebuild: a project, project==version, or a pattern of the file name
    pub(super) select: Vec<String>,
    /// Rebuild every wheel
    #[arg(long, conflicts_with_all = ["select", "sample"])]
    pub(super) all: bool,
    /// Rebuild N wheels, chosen by the seed
    #[arg(long, value_name = "N", conflicts_with = "select", requires = "seed")]
    pub(super) sample: Option<NonZeroUsize>,
    /// The text that decides the sample: the same seed, the same choice
    #[arg(long, value_name = "TEXT", requires = "sample")]
    pub(super) seed: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rebuild")]
pub(super) struct KeepArgs {
    /// Whether signed build records decide how wheels are rebuilt [default: use]
    #[arg(long, value_name = "use|ignore", value_parser = records)]
    pub(super) records: Option<RecordsPolicy>,
    /// Keep rebuilt wheels that have the signed digest in this directory
    #[arg(long, value_name = "PATH")]
    pub(super) keep: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Recipe")]
pub(super) struct RecipeArgs {
    /// The interpreter for a Python tag, such as py3=/usr/bin/python3
    #[arg(long, value_name = "TAG=PATH", value_parser = interpreter)]
    pub(super) python: Vec<(String, PathBuf)>,
    /// SOURCE_DATE_EPOCH of every build
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(315_532_800..))]
    pub(super) source_date_epoch: Option<i64>,
    /// The time, in seconds since 1970, at which the clock of every build stands still
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(315_532_800..))]
    pub(super) clock: Option<i64>,
    /// The system that every build writes for: native, or windows, which is simulated [default: native]
    #[arg(long, value_name = "SYSTEM", value_parser = platform)]
    pub(super) platform: Option<Platform>,
    /// The umask of every build, in octal
    #[arg(long, value_name = "MASK", value_parser = umask)]
    pub(super) umask: Option<u16>,
    /// The path of the source during the build, with {sdist}, {name}, {version}
    #[arg(long, value_name = "PATH", value_parser = build_path)]
    pub(super) build_path: Option<String>,
    /// Where the modes of unpacked files come from: umask (the archive's less the umask), archive, or data-filter [default: umask]
    #[arg(long, value_name = "FROM", value_parser = source_modes)]
    pub(super) source_modes: Option<SourceModes>,
    /// Where the times of unpacked files come from: archive, or one time in seconds since 1970 [default: archive]
    #[arg(long, value_name = "TIMES", value_parser = source_times)]
    pub(super) source_times: Option<SourceTimesPolicy>,
    /// The value of TZ in every build [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = policy::check_time_zone)]
    pub(super) time_zone: Option<String>,
    /// A variable added to the environment of every build
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(super) build_env: Vec<(String, String)>,
    /// A list of tool wheels by hash, in the form of requirements
    #[arg(long, value_name = "FILE")]
    pub(super) tools: Vec<PathBuf>,
    /// A directory that holds tool wheels
    #[arg(long, value_name = "PATH")]
    pub(super) tool_directory: Vec<PathBuf>,
    /// A signed wheelhouse that holds tool wheels
    #[arg(long, value_name = "DIR")]
    pub(super) tool_wheelhouse: Vec<PathBuf>,
    /// Fetch no tool wheels
    #[arg(long)]
    pub(super) offline: bool,
    /// require: in bubblewrap or not at all; off: in no sandbox even where there is one [default: auto]
    #[arg(long, value_name = "HOW", value_parser = sandbox)]
    pub(super) sandbox: Option<SandboxPolicy>,
    /// How many builds run at once [default: one a core]
    #[arg(long, value_name = "N")]
    pub(super) jobs: Option<NonZeroUsize>,
    /// How long one build may take [default: 600]
    #[arg(long, value_name = "SECONDS")]
    pub(super) timeout: Option<NonZeroU32>,
    /// How much memory each process of a build may use [default: 4096]
    #[arg(long, value_name = "MIB")]
    pub(super) memory_mib: Option<NonZeroU32>,
    /// How much a build may write [default: 4096]
    #[arg(long, value_name = "MIB")]
    pub(super) disk_mib: Option<NonZeroU32>,
    /// How many processes a build may have [default: 512]
    #[arg(long, value_name = "N")]
    pub(super) processes: Option<NonZeroU32>,
    /// Keep witnesses in this directory: NAME.whl.witness.json, with the wheel as rebuilt in NAME.whl.rebuilt
    #[arg(long, value_name = "PATH")]
    pub(super) witness: Option<PathBuf>,
    /// Count a wheel as different unless it has the signed digest, even with a witness
    #[arg(long)]
    pub(super) exact: bool,
    /// Keep the log of each build in this directory
    #[arg(long, value_name = "PATH")]
    pub(super) logs: Option<PathBuf>,
    /// For each cause of a difference, rebuild with only that changed, and say whether the difference is gone
    #[arg(long)]
    pub(super) prove: bool,
    /// Say how long each build took; equal input then no longer gives equal reports
    #[arg(long)]
    pub(super) durations: bool,
    /// Take wheels that an earlier run built of the same sdist by the same recipe; the
    /// report marks them
    #[arg(long)]
    pub(super) reuse_results: bool,
    /// Search a recipe for each wheel that does not come back: try tools and epochs until
    /// the signed digest comes out
    #[arg(long)]
    pub(super) search: bool,
    /// How long all searches together may take [default: 60]
    #[arg(long, value_name = "SECONDS", requires = "search")]
    pub(super) search_time: Option<NonZeroU32>,
    /// Where tool wheels are kept between runs [default: the user's cache directory]
    #[arg(long, value_name = "PATH")]
    pub(super) cache: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// The form of the report on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
    /// Write the report to a file too, in the form that its ending says: .json, .html, .xml (JUnit) or .md (Markdown)
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    pub(super) report: Vec<ReportFile>,
    /// Say nothing unless something is wrong
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorWhen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorWhen {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColorWhen {
    pub(super) fn choice(self) -> anstream::ColorChoice {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
    }
}

fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("it has to be one of: {}", known.join(", "))
    })
}

fn key_validity(text: &str) -> Result<KeyValidity, String> {
    word(text, KeyValidity::WORDS)
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    word(text, Tolerance::WORDS)
}

fn records(text: &str) -> Result<RecordsPolicy, String> {
    word(text, RecordsPolicy::WORDS)
}

fn platform(text: &str) -> Result<Platform, String> {
    word(text, Platform::WORDS)
}

fn source_modes(text: &str) -> Result<SourceModes, String> {
    word(text, SourceModes::WORDS)
}

fn source_times(text: &str) -> Result<SourceTimesPolicy, String> {
    match text.parse() {
        Ok(seconds) if seconds >= policy::EARLIEST_EPOCH => Ok(SourceTimesPolicy::At(seconds)),
        _ if text == "archive" => Ok(SourceTimesPolicy::Archive),
        _ => Err("it has to be archive, or seconds since 1970, not before 1980".to_owned()),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}

fn sandbox(text: &str) -> Result<SandboxPolicy, String> {
    word(text, SandboxPolicy::WORDS)
}

/// A file to write the report to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportFile {
    pub(super) path: PathBuf,
    pub(super) form: Form,
}

pub(super) fn report_file(text: &str) -> Result<ReportFile, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.and_then(Form::of_ending) {
        Some(form) => Ok(ReportFile { path, form }),
        None => {
            let known: Vec<String> = Form::ENDINGS
                .iter()
                .map(|(ending, _)| format!(".{ending}"))
                .collect();
            Err(format!(
                "the ending says the form, and has to be one of: {}",
                known.join(", ")
            ))
        }
    }
}

pub(super) fn rel_path(text: &str) -> Result<RelPath, String> {
    RelPath::parse(text).map_err(|error| error.to_string())
}

fn umask(text: &str) -> Result<u16, String> {
    u16::from_str_radix(text, 8)
        .ok()
        .filter(|bits| *bits <= 0o777)
        .ok_or_else(|| "it has to be octal, such as 022".to_owned())
}

fn build_path(text: &str) -> Result<String, String> {
    policy::check_build_path(text)
}

fn interpreter(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((tag, path)) if !tag.is_empty() && !path.is_empty() => {
            Ok((tag.to_owned(), PathBuf::from(path)))
        }
        _ => Err("write it as py3=/usr/bin/python3".to_owned()),
    }
}
