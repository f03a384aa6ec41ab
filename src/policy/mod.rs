//! What the user asks for: `wheelproof.toml`, checked.
//!
//! In: TOML text from a file the user named. Out: [`Policy`], whose every value
//! is usable as it stands. The parts are handed on one by one; no module below
//! gets to see all of it.

mod draft;
mod file;
mod handoff;
mod keys;
mod place;
mod raw;
mod rebuild;
mod source;
mod standing;
mod words;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::archive::Limits;
use crate::filename::{SdistFilename, WheelFilename};
use crate::fingerprint::Fingerprint;
use crate::input::{self, InputError};
use crate::relpath::RelPath;
use crate::time::UtcTime;

pub use draft::{Draft, SuggestedSigner};
pub use file::PolicyFile;
pub use handoff::{HandoffPolicy, LONGEST_AGE_DAYS, REPORT_MAX_AGE_DAYS};
pub use keys::Class;
pub use rebuild::{
    Distutils, Epoch, InterpreterPolicy, Platform, RebuildPolicy, RecipePolicy, RecordsPolicy,
    SandboxPolicy, SourceModes, SourceTimesPolicy, check_clock_steps, check_distutils,
    check_input_path, check_prefix_map, check_time_zone,
};
pub use standing::{Circumstances, Errand, Refusal, classes};

/// The name of the policy file in a directory.
pub const FILE_NAME: &str = "wheelproof.toml";

/// The earliest `SOURCE_DATE_EPOCH` of a build: the first day of 1980.
pub const EARLIEST_EPOCH: i64 = 315_532_800;

/// The latest `SOURCE_DATE_EPOCH` of a build: the last second of 2107, where the dates
/// of a ZIP end (APPNOTE 4.4.6, the date of MS-DOS).
pub const LATEST_EPOCH: i64 = 4_354_819_199;

/// The most bytes a policy file may have.
const MAX_BYTES: u64 = 1 << 20;

/// Names of manifests that are looked for where the policy names none.
pub const MANIFEST_NAMES: &[&str] = &[
    "sha256sums.txt",
    "sha256sums",
    "sha256sum.txt",
    "SHA256SUMS",
    "SHA256SUMS.txt",
    "SHASUMS256.txt",
    "checksums.txt",
    "hashes.txt",
];

/// Endings of signature files that are looked for beside the manifest.
pub const SIGNATURE_ENDINGS: &[&str] = &["asc", "sig", "gpg", "sign"];

/// A checked policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Policy {
    /// Whom to trust.
    pub trust: Trust,
    /// Where things are.
    pub wheelhouse: WheelhousePolicy,
    /// How to rebuild.
    pub rebuild: RebuildPolicy,
    /// What has to hold before anything is handed on.
    pub handoff: HandoffPolicy,
}

/// Which signatures count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// Files and directories with the trusted certificates.
    pub certificates: Vec<PathBuf>,
    /// The certificates that may sign; all trusted ones when empty.
    pub signers: BTreeSet<Fingerprint>,
    /// How many distinct certificates must have signed.
    pub threshold: NonZeroU32,
    /// When a signer's key has to be valid.
    pub key_validity: KeyValidity,
    /// The earliest time that a signature may claim.
    pub not_before: Option<UtcTime>,
    /// How many days before a certificate lapses a warning is due; never when 0.
    pub lapse_warning_days: u32,
    /// Whether a signature that does not match the manifest is let through beside
    /// enough that do.
    pub bad_signatures: Tolerance,
}

/// How many days before a certificate lapses a warning is due.
pub const LAPSE_WARNING_DAYS: u32 = 60;

impl Default for Trust {
    fn default() -> Self {
        Self {
            certificates: Vec::new(),
            signers: BTreeSet::new(),
            threshold: NonZeroU32::MIN,
            key_validity: KeyValidity::default(),
            not_before: None,
            lapse_warning_days: LAPSE_WARNING_DAYS,
            bad_signatures: Tolerance::default(),
        }
    }
}

/// When a signer's key has to be valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyValidity {
    /// When it signed, by the time that the signature claims.
    AtSigning,
    /// At the reference time.
    Now,
    /// At both times.
    #[default]
    Both,
}

impl KeyValidity {
    /// Every value with the word for it.
    pub const WORDS: &[(&str, Self)] = &[
        ("at-signing", Self::AtSigning),
        ("now", Self::Now),
        ("both", Self::Both),
    ];
}

/// Where manifest, signatures and files are, and what else may lie there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct WheelhousePolicy {
    /// The manifest; looked for when not named.
    pub manifest: Option<PathBuf>,
    /// The signature files; looked for beside the manifest when none is named.
    pub signatures: Vec<PathBuf>,
    /// The directory with the files; looked for when not named.
    pub directory: Option<PathBuf>,
    /// Exact names that may lie there without being signed.
    pub allow_unlisted: BTreeSet<RelPath>,
    /// Whether to look inside the files.
    pub depth: Depth,
    /// How much an archive may hold.
    pub limits: Limits,
    /// Which oddities its lines may have.
    pub lines: Lines,
    /// The project that the manifest has to state.
    pub project: Option<WheelhouseName>,
    /// The file that remembers which manifest was accepted last.
    pub state: Option<PathBuf>,
    /// Files of requirements that the wheelhouse has to meet.
    pub requirements: Vec<PathBuf>,
}

/// How far the check of a file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// Its digest, and what is in it: headers, RECORD, metadata.
    #[default]
    Deep,
    /// Its digest only.
    Shallow,
}

impl Depth {
    /// Every value with the word for it.
    pub const WORDS: &[(&str, Self)] = &[("deep", Self::Deep), ("shallow", Self::Shallow)];
}

/// The name of the project that a manifest belongs to. Compared letter by letter:
/// it is no name of a Python project, which have several spellings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct WheelhouseName(String);

/// Why a text is no [`WheelhouseName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 100 ASCII letters, digits, '.', '_' and '-', a letter or digit first")]
pub struct WheelhouseNameError;

impl std::str::FromStr for WheelhouseName {
    type Err = WheelhouseNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = text.len() <= 100
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        match is_name {
            true => Ok(Self(text.to_owned())),
            false => Err(WheelhouseNameError),
        }
    }
}

impl std::fmt::Display for WheelhouseName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Which oddities the lines of a manifest may have: harmless ones, but signs that
/// some other tool than the expected one wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Lines {
    /// Line ends of CR LF.
    pub crlf: Tolerance,
    /// A name that stands twice with the same digest.
    pub repeated_names: Tolerance,
}

/// Whether something doubtful is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerance {
    /// It is not.
    #[default]
    Refuse,
    /// It is.
    Accept,
}

impl Tolerance {
    /// Every value with the word for it.
    pub const WORDS: &[(&str, Self)] = &[("refuse", Self::Refuse), ("accept", Self::Accept)];
}

/// Where everything was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locations {
    /// The manifest; `None` when no name was given and none was found.
    pub manifest: Option<PathBuf>,
    /// The signature files that are there, or that were named.
    pub signatures: Vec<PathBuf>,
    /// The directory with the files.
    pub directory: PathBuf,
}

impl Locations {
    /// Returns the directories that are checked: the one that was named, that with the
    /// files, and that with the manifest.
    pub fn checked<'a>(&'a self, root: &'a Path) -> Vec<&'a Path> {
        let manifest = self.manifest.as_deref().and_then(|manifest| {
            let parent = manifest.parent()?;
            Some(match parent.as_os_str().is_empty() {
                true => Path::new("."),
                false => parent,
            })
        });
        [root, self.directory.as_path()]
            .into_iter()
            .chain(manifest)
            .collect()
    }
}

/// Several files in one directory could be the manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("each of these could be the manifest: {}", listed(.candidates))]
pub struct AmbiguousManifest {
    /// The files, in the order of [`MANIFEST_NAMES`].
    pub candidates: Vec<PathBuf>,
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}

impl WheelhousePolicy {
    /// Returns where things are: as the policy says, else in one of the layouts
    /// that people use. The manifest lies in `root`, or among the files in
    /// `root/wheels`, or above `root` when `root` holds packages, the first of the
    /// three that has one. The files lie in `root/wheels` when that is there, else
    /// in `root`.
    ///
    /// # Errors
    ///
    /// The first of these directories that has a manifest has several. Which one
    /// was meant decides what passes, so it is not guessed.
    pub fn locate(&self, root: &Path) -> Result<Locations, AmbiguousManifest> {
        let manifest = match &self.manifest {
            Some(manifest) => Some(manifest.clone()),
            None => {
                let wheels = root.join("wheels");
                let mut found = manifest_in(root)?;
                if found.is_none() && wheels.symlink_metadata().is_ok() {
                    found = manifest_in(&wheels)?;
                }
                // Any directory lies below others; only one with packages is the
                // directory of the files that a manifest above it may list.
                if found.is_none() && holds_packages(root) {
                    found = manifest_in(&root.join(".."))?;
                }
                found
            }
        };
        Ok(self.locate_around(root, manifest))
    }

    /// Returns where everything else is when the manifest is known.
    pub fn locate_around(&self, root: &Path, manifest: Option<PathBuf>) -> Locations {
        let wheels = root.join("wheels");
        let has_wheels = wheels.symlink_metadata().is_ok();
        let signatures = match (&manifest, self.signatures.is_empty()) {
            (Some(manifest), true) => SIGNATURE_ENDINGS
                .iter()
                .map(|ending| with_ending(manifest, ending))
                .filter(|path| path.symlink_metadata().is_ok())
                .collect(),
            _ => self.signatures.clone(),
        };
        let directory = match (&self.directory, has_wheels) {
            (Some(directory), _) => directory.clone(),
            (None, true) => wheels,
            (None, false) => root.to_owned(),
        };
        Locations {
            manifest,
            signatures,
            directory,
        }
    }
}

/// Returns whether a file claims, near its beginning, to be a clearsigned document
/// (RFC 9580, section 7).
fn is_clearsigned(path: &Path) -> bool {
    const MARK: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
    input::read_start(path, 64 << 10)
        .is_ok_and(|start| start.windows(MARK.len()).any(|window| window == MARK))
}

/// Returns the only file in a directory that has the name of a manifest, or that
/// name with `.asc` after it and is a clearsigned document.
fn manifest_in(directory: &Path) -> Result<Option<PathBuf>, AmbiguousManifest> {
    let mut found: Vec<(PathBuf, (u64, u64))> = Vec::new();
    for name in MANIFEST_NAMES {
        let plain = directory.join(name);
        let clearsigned = with_ending(&plain, "asc");
        let (path, metadata) = match (plain.symlink_metadata(), clearsigned.symlink_metadata()) {
            (Ok(metadata), _) => (plain, metadata),
            // A detached signature alone is no manifest.
            (Err(_), Ok(metadata)) if is_clearsigned(&clearsigned) => (clearsigned, metadata),
            _ => continue,
        };
        // Where names are folded, one file answers to two of them.
        let identity = (metadata.dev(), metadata.ino());
        if !found.iter().any(|(_, other)| *other == identity) {
            found.push((path, identity));
        }
    }
    let mut candidates: Vec<PathBuf> = found.into_iter().map(|(path, _)| path).collect();
    match candidates.len() {
        0 | 1 => Ok(candidates.pop()),
        _ => Err(AmbiguousManifest { candidates }),
    }
}

/// Returns whether a directory holds anything with the name of a wheel or sdist.
pub fn holds_packages(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| {
        entries.any(|entry| {
            entry.is_ok_and(|entry| {
                entry.file_name().to_str().is_some_and(|name| {
                    WheelFilename::parse(name).is_ok() || SdistFilename::parse(name).is_ok()
                })
            })
        })
    })
}

/// Returns a path with a dot and an ending after it.
fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.to_owned().into_os_string();
    path.push(".");
    path.push(ending);
    PathBuf::from(path)
}

/// Returns a build path when it is absolute, does not climb, and has only the
/// placeholders `{sdist}`, `{name}` and `{version}`.
///
/// # Errors
///
/// What is wrong with it, in one sentence.
pub fn check_build_path(text: &str) -> Result<String, String> {
    rebuild::check_build_path(text)
}

/// Returns seconds since 1970 when a member of a wheel can have that time.
///
/// # Errors
///
/// What the range is, in one sentence.
pub fn check_epoch(seconds: i64) -> Result<i64, String> {
    if (EARLIEST_EPOCH..=LATEST_EPOCH).contains(&seconds) {
        return Ok(seconds);
    }
    let range = format!(
        "the times of a wheel go from {EARLIEST_EPOCH} (1980-01-01) to {LATEST_EPOCH} (2107-12-31), in \
         seconds since 1970"
    );
    // JavaScript and Java count so, and so do people who copy from them.
    let hint = match (EARLIEST_EPOCH..=LATEST_EPOCH).contains(&(seconds / 1000)) {
        true => format!("; if these are milliseconds, it is {}", seconds / 1000),
        false => String::new(),
    };
    Err(format!("{seconds} is out of range: {range}{hint}"))
}

/// Returns the seconds since 1970 that a text names, when a member of a wheel can have
/// that time.
///
/// # Errors
///
/// What would be right, in one sentence.
pub fn parse_epoch(text: &str) -> Result<i64, String> {
    match text.parse() {
        Ok(seconds) => check_epoch(seconds),
        Err(_) => Err(format!(
            "it has to be seconds since 1970, from {EARLIEST_EPOCH} (1980-01-01) to {LATEST_EPOCH} (2107-12-31)"
        )),
    }
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("no policy: {0}")]
    Read(#[from] InputError),
    /// The file says something that is no policy.
    #[error("{}:{line}:{column}: {message}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
        /// What is wrong and what would be right.
        message: String,
        /// The line, and what of it is wrong below it.
        excerpt: Vec<String>,
    },
}

impl PolicyError {
    /// Returns the line that is wrong, with marks below what of it is.
    pub fn excerpt(&self) -> Vec<String> {
        match self {
            Self::Read(_) => Vec::new(),
            Self::Invalid { excerpt, .. } => excerpt.clone(),
        }
    }
}

impl Policy {
    /// Reads and checks a policy file. Paths in it are relative to the directory
    /// it lies in.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or it says something that is no policy.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        let (policy, _) = Self::decode(path, input::read(path, MAX_BYTES)?)?;
        Ok(policy)
    }

    fn decode(path: &Path, bytes: Vec<u8>) -> Result<(Self, Vec<keys::Stated>), PolicyError> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
            let before = before.unwrap_or_default();
            PolicyError::Invalid {
                path: path.to_owned(),
                line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
                column: 1,
                message: "the line is not UTF-8".to_owned(),
                excerpt: Vec::new(),
            }
        })?;
        raw::parse(path, &text)
    }

    /// Checks the text of a policy file that lies at `path`.
    ///
    /// # Errors
    ///
    /// The first thing in the text that is no policy, with line and column.
    pub fn parse(path: &Path, text: &str) -> Result<Self, PolicyError> {
        let (policy, _) = raw::parse(path, text)?;
        Ok(policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filename::ProjectName;

    fn parse(text: &str) -> Result<Policy, String> {
        Policy::parse(Path::new("dir/wheelproof.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn settings_as_json_are_what_the_file_says() {
        let policy = parse(
            "[trust]\nsigners = [\"542ef4903f642052c64286d76f2dd998e3ee7998\"]\n\
             [wheelhouse]\nallow-unlisted = [\"a/b\"]\n\
             [rebuild.interpreters]\npy3 = \"python3\"\n\
             [rebuild.recipe]\nsource-date-epoch = 1704067200\numask = \"022\"\n\
             [rebuild.projects.six]\nsource-date-epoch = \"unset\"\n",
        );
        let json = serde_json::to_value(policy.unwrap()).unwrap();
        let said = |pointer: &str| json.pointer(pointer).unwrap().to_string();
        for (pointer, expected) in [
            (
                "/trust/signers",
                "[\"542EF4903F642052C64286D76F2DD998E3EE7998\"]",
            ),
            ("/trust/key_validity", "\"both\""),
            ("/wheelhouse/allow_unlisted", "[\"a/b\"]"),
            (
                "/rebuild/interpreters",
                "{\"py3\":[{\"python\":\"python3\",\"root\":null}]}",
            ),
            ("/rebuild/recipe/source_date_epoch", "{\"at\":1704067200}"),
            ("/rebuild/recipe/umask", "18"),
            ("/rebuild/projects/six/source_date_epoch", "\"unset\""),
            ("/rebuild/timeout", "{\"nanos\":0,\"secs\":600}"),
        ] {
            assert_eq!(said(pointer), expected, "{pointer}");
        }
    }

    #[test]
    fn an_empty_policy_names_nobody_and_asks_for_one_signer() {
        let policy = parse("").unwrap();
        assert!(policy.trust.certificates.is_empty());
        assert_eq!(policy.trust.threshold.get(), 1);
        assert_eq!(policy.trust.key_validity, KeyValidity::Both);
        assert_eq!(policy.rebuild.sandbox, SandboxPolicy::Auto);
    }

    #[test]
    fn limits_that_are_not_named_keep_their_defaults() {
        let policy = parse(
            "[wheelhouse]\ndepth = \"shallow\"\n[wheelhouse.limits]\nmembers = 7\nmember-mib = 2\nratio = 9",
        )
        .unwrap();
        assert_eq!(policy.wheelhouse.depth, Depth::Shallow);
        let expected = Limits {
            members: 7,
            member_bytes: 2 << 20,
            ratio: 9,
            ..Limits::default()
        };
        assert_eq!(policy.wheelhouse.limits, expected);
        assert_eq!(parse("").unwrap().wheelhouse.depth, Depth::Deep);
    }

    #[test]
    fn paths_are_relative_to_the_policy_file() {
        let policy = parse("[trust]\ncertificates = [\"keys\", \"/etc/keys\"]").unwrap();
        assert_eq!(
            policy.trust.certificates,
            [PathBuf::from("dir/keys"), PathBuf::from("/etc/keys")]
        );
    }

    #[test]
    fn an_unknown_key_is_refused_with_line_and_column() {
        let error = parse("[trust]\nthreshold = 1\ncertificate = \"keys\"\n").unwrap_err();
        assert!(error.starts_with("dir/wheelproof.toml:3:1: "), "{error}");
        assert!(error.contains("certificate"), "{error}");
    }

    #[test]
    fn each_value_out_of_range_is_refused_where_it_stands() {
        for (text, at, says) in [
            ("[trust]\nthreshold = 0", "2:13", "at least 1"),
            (
                "[trust]\nsigners = [\"C65FF007C75766ED\"]",
                "2:12",
                "key ID",
            ),
            ("[trust]\nlapse-warning-days = -1", "2:22", "0 to 36500"),
            ("[trust]\nkey-validity = \"always\"", "2:16", "at-signing"),
            ("[trust]\nnot-before = \"yesterday\"", "2:14", "RFC 3339"),
            (
                "[wheelhouse]\nallow-unlisted = [\"../x\"]",
                "2:19",
                "climbs",
            ),
            ("[wheelhouse]\ncrlf = \"yes\"", "2:8", "accept"),
            ("[wheelhouse]\nproject = \"a b\"", "2:11", "letters"),
            ("[wheelhouse]\nproject = \"\"", "2:11", "letters"),
            ("[rebuild.recipe]\numask = \"999\"", "2:9", "octal"),
            (
                "[rebuild.recipe]\nbuild-path = \"relative\"",
                "2:14",
                "absolute",
            ),
            (
                "[rebuild.recipe]\nbuild-path = \"/tmp/../x\"",
                "2:14",
                "'..'",
            ),
            (
                "[rebuild.recipe]\nbuild-path = \"/tmp/{nme}\"",
                "2:14",
                "{nme}",
            ),
            (
                "[rebuild.recipe]\nsource-date-epoch = \"now\"",
                "2:21",
                "unset",
            ),
            ("[rebuild.recipe]\nsource-date-epoch = -1", "2:21", "1980"),
            ("[rebuild]\ntimeout = 0", "2:11", "at least 1"),
            ("[rebuild]\nsandbox = \"none\"", "2:11", "require"),
            (
                "[rebuild.interpreters]\n\"py 3\" = \"python3\"",
                "2:1",
                "Python tag",
            ),
            (
                "[rebuild.projects.\"-x\"]\numask = \"022\"",
                "1:19",
                "project name",
            ),
            ("[wheelhouse]\ndepth = \"middle\"", "2:9", "shallow"),
            ("[wheelhouse.limits]\nratio = 0", "2:9", "at least 1"),
            ("[wheelhouse.limits]\nmember-mib = -1", "2:14", "at least 1"),
            ("[trust]\nthreshold = ", "2:13", ""),
        ] {
            let error = parse(text).expect_err(text);
            assert!(
                error.starts_with(&format!("dir/wheelproof.toml:{at}: ")),
                "{text}: {error}"
            );
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_tag_has_one_interpreter_or_several_here_or_in_another_root() {
        let policy = parse(
            "[rebuild.interpreters]\npy3 = \"python3\"\ncp311 = [\"/a/python\", \"b/python\"]\n\
             cp39 = { root = \"r\", python = \"/usr/bin/python3\" }\n\
             cp310 = [\"python3.10\", { root = \"/r\", python = \"/p\" }]",
        )
        .unwrap();
        let named = |tag: &str| -> Vec<(Option<&str>, &str)> {
            policy.rebuild.interpreters[tag]
                .iter()
                .map(|it| {
                    let root = it.root.as_ref().map(|root| root.to_str().unwrap());
                    (root, it.python.to_str().unwrap())
                })
                .collect()
        };
        assert_eq!(named("py3"), [(None, "python3")]);
        assert_eq!(
            named("cp311"),
            [(None, "/a/python"), (None, "dir/b/python")]
        );
        assert_eq!(named("cp39"), [(Some("dir/r"), "/usr/bin/python3")]);
        assert_eq!(named("cp310"), [(None, "python3.10"), (Some("/r"), "/p")]);
        for text in [
            "cp39 = []",
            "cp39 = { root = \"/r\" }",
            "cp39 = { root = \"/r\", python = \"python3\" }",
            "cp39 = 3",
        ] {
            assert!(
                parse(&format!("[rebuild.interpreters]\n{text}")).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_project_can_take_back_what_all_share() {
        let policy = parse(
            "[rebuild.recipe]\nsource-date-epoch = 1309379017\numask = \"022\"\n\
             [rebuild.projects.Flask_Thing]\nsource-date-epoch = \"unset\"\n",
        )
        .unwrap();
        let name = ProjectName::parse("flask-thing").unwrap();
        let recipe = policy.rebuild.projects[&name].or(&policy.rebuild.recipe);
        assert_eq!(recipe.source_date_epoch, Some(Epoch::Unset));
        assert_eq!(recipe.umask, Some(0o022));
    }
}
