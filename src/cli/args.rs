//! Arguments that several commands share, and those of the commands that check.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::rebuilt::RebuiltArgs;
use super::shard::ShardArgs;
use super::values::{self, ReportFile};
use crate::fingerprint::Fingerprint;
use crate::policy::{
    self, KeyValidity, Platform, RecordsPolicy, SandboxPolicy, SourceModes, SourceTimesPolicy,
    Tolerance, WheelhouseName,
};
use crate::relpath::RelPath;
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
    wheelproof run dists --requirements requirements.txt -- sh -c 'pip install -r \"$WHEELPROOF_REQUIREMENTS\"'\n  \
    wheelproof run dists --rebuilt six -- pip install six==1.16.0\n\n\
    CMD finds the sealed copy in WHEELPROOF_WHEELHOUSE; pip and uv are pointed at it and at nothing else. \
    With --requirements, the copy holds what these files admit and nothing else, and \
    WHEELPROOF_REQUIREMENTS is the same list with the signed hashes: older pip takes hashes from a \
    list only, and refuses one without them.")]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    #[command(flatten)]
    pub(super) requirements: RequirementsFlag,
    #[command(flatten)]
    pub(super) rebuilt: RebuiltArgs,
    #[command(flatten)]
    pub(super) recipe: RecipeArgs,
    /// Write the report to a file, in the form that its ending says: .json, .html, .xml (JUnit) or .md (Markdown)
    #[arg(long, value_name = "FILE", value_parser = values::report_file, help_heading = "Output")]
    pub(super) report: Vec<ReportFile>,
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
#[derive(Debug, Clone, Args)]
pub(super) struct PlaceArgs {
    /// The directory: with wheelproof.toml, or with sha256sums.txt and wheels/, or with the files themselves
    #[arg(default_value = ".")]
    pub(super) dir: PathBuf,
    /// The policy file, heeded in full [default: DIR/wheelproof.toml, if it is there, which may not widen, run or write by itself]
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// The manifest
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: Option<PathBuf>,
    /// The directory with the files
    #[arg(long, value_name = "PATH")]
    pub(super) directory: Option<PathBuf>,
    /// A name that may lie in the directory unsigned
    #[arg(long, value_name = "NAME", value_parser = values::rel_path)]
    pub(super) allow_unlisted: Vec<RelPath>,
    /// Do not look inside the files, whatever the policy says: digests only
    #[arg(long)]
    pub(super) shallow: bool,
    /// Look inside the files, whatever the policy says, which is the default: RECORD, the headers of the archives, names and metadata
    #[arg(long, conflicts_with = "shallow")]
    pub(super) deep: bool,
}

#[derive(Debug, Clone, Args)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    pub(super) place: PlaceArgs,
    /// Trusted certificates: a file, or a directory of files; once for each [env: WHEELPROOF_CERTS, divided as PATH is]
    #[arg(long, value_name = "PATH")]
    pub(super) certs: Vec<PathBuf>,
    /// The fingerprint of a certificate that may sign [default: any trusted one]
    #[arg(long, value_name = "FINGERPRINT")]
    pub(super) signer: Vec<Fingerprint>,
    /// How many distinct signers have to have signed [default: 1]
    #[arg(long, value_name = "N", value_parser = values::threshold)]
    pub(super) threshold: Option<NonZeroU32>,
    /// When a signer's key has to be valid [default: both]
    #[arg(long, value_name = "WHEN", value_parser = values::key_validity)]
    pub(super) key_validity: Option<KeyValidity>,
    /// Judge keys and signatures as of this time [default: now]
    #[arg(long, value_name = "RFC3339")]
    pub(super) time: Option<UtcTime>,
    /// Accept no signature that is older
    #[arg(long, value_name = "RFC3339")]
    pub(super) not_before: Option<UtcTime>,
    /// Whether a signature that does not match is let through beside enough that do [default: refuse]
    #[arg(long, value_name = "refuse|accept", value_parser = values::tolerance)]
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
    #[arg(long, value_name = "refuse|accept", value_parser = values::tolerance)]
    pub(super) crlf: Option<Tolerance>,
    /// Whether the manifest may list a name twice with the same digest [default: refuse]
    #[arg(long, value_name = "refuse|accept", value_parser = values::tolerance)]
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
    #[arg(long, value_name = "N", conflicts_with = "select", requires = "seed", value_parser = values::wheels)]
    pub(super) sample: Option<NonZeroUsize>,
    /// The text that decides the sample: the same seed, the same choice
    #[arg(long, value_name = "TEXT", requires = "sample")]
    pub(super) seed: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rebuild")]
pub(super) struct KeepArgs {
    /// Whether signed build records decide how wheels are rebuilt [default: use]
    #[arg(long, value_name = "use|ignore", value_parser = values::records)]
    pub(super) records: Option<RecordsPolicy>,
    /// Keep rebuilt wheels that have the signed digest in this directory
    #[arg(long, value_name = "PATH")]
    pub(super) keep: Option<PathBuf>,
    /// Keep rebuilt wheels that have another digest in this directory, for 'explain' and diffoscope
    #[arg(long, value_name = "PATH")]
    pub(super) keep_different: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Recipe")]
pub(super) struct RecipeArgs {
    /// The interpreter for a Python tag, such as py3=/usr/bin/python3
    #[arg(long, value_name = "TAG=PATH", value_parser = values::interpreter)]
    pub(super) python: Vec<(String, PathBuf)>,
    /// SOURCE_DATE_EPOCH of every build
    #[arg(long, value_name = "SECONDS", value_parser = policy::parse_epoch)]
    pub(super) source_date_epoch: Option<i64>,
    /// The time, in seconds since 1970, at which the clock of every build stands still
    #[arg(long, value_name = "SECONDS", value_parser = policy::parse_epoch)]
    pub(super) clock: Option<i64>,
    /// The system that every build writes for: native, or windows, which is simulated [default: native]
    #[arg(long, value_name = "SYSTEM", value_parser = values::platform)]
    pub(super) platform: Option<Platform>,
    /// The umask of every build, in octal
    #[arg(long, value_name = "MASK", value_parser = values::umask)]
    pub(super) umask: Option<u16>,
    /// The path of the source during the build, with {sdist}, {name}, {version}
    #[arg(long, value_name = "PATH", value_parser = values::build_path)]
    pub(super) build_path: Option<String>,
    /// Where the modes of unpacked files come from: umask (the archive's less the umask), archive, or data-filter [default: umask]
    #[arg(long, value_name = "FROM", value_parser = values::source_modes)]
    pub(super) source_modes: Option<SourceModes>,
    /// Where the times of unpacked files come from: archive, or one time in seconds since 1970 [default: archive]
    #[arg(long, value_name = "TIMES", value_parser = values::source_times)]
    pub(super) source_times: Option<SourceTimesPolicy>,
    /// The value of TZ in every build [default: UTC]
    #[arg(long, value_name = "ZONE", value_parser = policy::check_time_zone)]
    pub(super) time_zone: Option<String>,
    /// A variable added to the environment of every build
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::variable)]
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
    /// Fetch no tool wheels [env: WHEELPROOF_OFFLINE]
    #[arg(long)]
    pub(super) offline: bool,
    /// auto: in bubblewrap, else in the weaker landlock-seccomp, else not at all; require: in bubblewrap or not at all; off: in no sandbox even where there is one [default: auto]
    #[arg(long, value_name = "HOW", value_parser = values::sandbox)]
    pub(super) sandbox: Option<SandboxPolicy>,
    /// How many builds run at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = values::builds)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// How long one build may take [default: 600]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    pub(super) timeout: Option<NonZeroU32>,
    /// How much memory each process of a build may use [default: 4096]
    #[arg(long, value_name = "MIB", value_parser = values::mebibytes)]
    pub(super) memory_mib: Option<NonZeroU32>,
    /// How much a build may write [default: 4096]
    #[arg(long, value_name = "MIB", value_parser = values::mebibytes)]
    pub(super) disk_mib: Option<NonZeroU32>,
    /// How many processes a build may have [default: 512]
    #[arg(long, value_name = "N", value_parser = values::processes)]
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
    #[arg(long, value_name = "SECONDS", requires = "search", value_parser = values::seconds)]
    pub(super) search_time: Option<NonZeroU32>,
    /// Where tool wheels are kept between runs [env: WHEELPROOF_CACHE] [default: the user's cache directory]
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
    #[arg(long, value_name = "FILE", value_parser = values::report_file)]
    pub(super) report: Vec<ReportFile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}
