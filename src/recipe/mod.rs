//! Recipes: everything that decides a wheel's bytes.
//!
//! In: what the policy says of a project, or a build record. Out: [`Recipe`],
//! complete, with every tool wheel named by its digest. A recipe is a claim until
//! a rebuild gives the published digest.
//!
//! Each part is one of three things. What is *enforced* is what the build gets, or
//! there is no build. What is *checked* is compared with this machine, and what
//! differs is said in the report. What is *recorded* is for people.

mod machine;
mod policy_text;
mod record;
mod sysconfig;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::digest::Sha256Digest;
use crate::filename::{SdistFilename, WheelFilename};
use crate::policy::{Distutils, Epoch, Platform, RecipePolicy, SourceTimesPolicy};
use crate::sdist::Modes;

pub use crate::policy::SourceModes;
pub use machine::{CLibrary, Headers, InterpreterIdentity, Machine, Mismatch, Program};
pub use record::{
    BuildRecord, ENDING as RECORD_ENDING, MAX_BYTES as MAX_RECORD_BYTES, RecordError,
    recorded_wheel,
};
pub use sysconfig::{Sysconfig, SysconfigError};

/// The path of the source during the build where the policy names none.
const DEFAULT_BUILD_PATH: &str = "/tmp/wheelproof-build/{sdist}";

/// The time zone of a build where nothing is said of it.
const DEFAULT_TIME_ZONE: &str = "UTC";

/// The mode bits that a build takes away from the files it creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Umask(u16);

impl Umask {
    /// The umask that most reproducible builds use, 022.
    pub const DEFAULT: Self = Self(0o022);

    /// Reads octal digits as the shell's `umask` does; `None` above 777.
    pub fn parse(text: &str) -> Option<Self> {
        u16::from_str_radix(text, 8)
            .ok()
            .filter(|bits| *bits <= 0o777)
            .map(Self)
    }

    /// Returns the umask with these bits; higher ones are passed over.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits & 0o777)
    }

    /// Returns the bits as a policy has them.
    pub fn octal(self) -> u16 {
        self.0
    }

    /// Returns the bits.
    pub fn bits(self) -> u32 {
        u32::from(self.0)
    }
}

impl fmt::Display for Umask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:03o}", self.0)
    }
}

impl Serialize for Umask {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Returns the modes that unpacked files have by two parts of a recipe.
pub fn unpacked_modes(source_modes: SourceModes, umask: Umask) -> Modes {
    match source_modes {
        SourceModes::Umask => Modes::LessUmask(umask.bits()),
        SourceModes::Archive => Modes::AsArchived,
        SourceModes::DataFilter => Modes::DataFilter,
    }
}

/// A wheel that the build imports from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolWheel {
    /// The file name.
    #[serde(serialize_with = "as_text")]
    pub filename: WheelFilename,
    /// The digest it was taken in by.
    pub sha256: Sha256Digest,
    /// The file with those bytes; a place on this machine, so not in reports.
    #[serde(skip)]
    pub path: PathBuf,
}

/// Where the times of the unpacked source come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceTimes {
    /// The archive's, as `tar` sets them.
    #[default]
    Archive,
    /// One time for all files, in seconds since 1970: a checkout has no times of
    /// its own.
    At(i64),
}

impl Serialize for SourceTimes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Archive => serializer.serialize_str("archive"),
            Self::At(seconds) => serializer.serialize_i64(*seconds),
        }
    }
}

/// A directory that the build reads besides its source: vendored dependencies, a
/// compiler that no package installs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Input {
    /// Where the build finds it; absolute.
    pub at: PathBuf,
    /// The digest of the list of its files, as `docs/build-record.md` defines it.
    pub sha256: Sha256Digest,
    /// The directory with those files; a place on this machine, so not in reports.
    #[serde(skip)]
    pub path: PathBuf,
}

/// Everything that decides a wheel's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// The Python interpreter that runs the build. Enforced; what it is to be is
    /// checked through [`Recipe::machine`].
    pub interpreter: PathBuf,
    /// The directory that takes the place of `/` during the build, with another
    /// system in it; this machine's own when `None`. Enforced. The interpreter's
    /// path is one inside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// What `sysconfig` says of the interpreter: compiler, flags, names of
    /// extensions. The interpreter's own when `None`. Enforced, through
    /// `_PYTHON_SYSCONFIGDATA_NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sysconfig: Option<Sysconfig>,
    /// The wheels it imports from, sorted by file name. Enforced.
    pub tools: Vec<ToolWheel>,
    /// Directories it reads besides, sorted. Enforced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Input>,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970; unset when `None`. Enforced.
    pub source_date_epoch: Option<i64>,
    /// The time that the build's Python believes it is, in seconds since 1970,
    /// standing still but for the steps; the real clock when `None`. Enforced in the process that
    /// runs the backend, not in programs that it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<i64>,
    /// When that clock goes on, and never back: to which time when a file is begun
    /// whose path ends so. It stands still when empty. Enforced as the clock is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub clock_steps: BTreeMap<String, i64>,
    /// The system that the build's Python writes for. Enforced in the process that
    /// runs the backend, not in programs that it starts.
    #[serde(skip_serializing_if = "Platform::is_native")]
    pub platform: Platform,
    /// The user's configuration of distutils, by command and option
    /// (`~/.pydistutils.cfg`); none when empty. Enforced.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub distutils: Distutils,
    /// The umask of the unpacking and of the build. Enforced.
    pub umask: Umask,
    /// Where the modes of the unpacked source come from. Enforced.
    pub source_modes: SourceModes,
    /// Where the times of the unpacked source come from. Enforced.
    pub source_times: SourceTimes,
    /// The value of `TZ`. Enforced.
    pub time_zone: String,
    /// The absolute path that the source has during the build. Enforced under
    /// bubblewrap; elsewhere the compiler is told to write it.
    pub build_path: PathBuf,
    /// What the compiler writes instead of the build path
    /// (`-ffile-prefix-map`); the path itself when `None`. Enforced for compilers
    /// that Python calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix_map: Option<String>,
    /// Variables added to the clean environment. Enforced.
    pub environment: BTreeMap<String, String>,
    /// The machine that built, as far as it is known. Checked.
    #[serde(skip_serializing_if = "Machine::is_empty")]
    pub machine: Machine,
}

impl Recipe {
    /// Returns a recipe with nothing but an interpreter, no tools, and the
    /// defaults of everything else.
    pub fn new(interpreter: PathBuf, build_path: PathBuf) -> Self {
        Self {
            interpreter,
            root: None,
            sysconfig: None,
            tools: Vec::new(),
            inputs: Vec::new(),
            source_date_epoch: None,
            clock: None,
            clock_steps: BTreeMap::new(),
            platform: Platform::Native,
            distutils: Distutils::new(),
            umask: Umask::DEFAULT,
            source_modes: SourceModes::default(),
            source_times: SourceTimes::default(),
            time_zone: DEFAULT_TIME_ZONE.to_owned(),
            build_path,
            prefix_map: None,
            environment: BTreeMap::new(),
            machine: Machine::default(),
        }
    }

    /// Returns the recipe that a policy gives for an sdist, with the interpreter
    /// and the tools that were found for it. What the policy names by place
    /// (root, inputs, sysconfig data) is for the caller to fill in.
    pub fn from_policy(
        policy: &RecipePolicy,
        sdist: &SdistFilename,
        interpreter: PathBuf,
        tools: Vec<ToolWheel>,
    ) -> Self {
        let build_path = policy.build_path.as_deref().unwrap_or(DEFAULT_BUILD_PATH);
        let at = |epoch: Option<Epoch>| match epoch {
            Some(Epoch::At(seconds)) => Some(seconds),
            Some(Epoch::Unset) | None => None,
        };
        let mut recipe = Self::new(interpreter, PathBuf::from(filled(build_path, sdist)));
        recipe.tools = tools;
        recipe.source_date_epoch = at(policy.source_date_epoch);
        recipe.clock = at(policy.clock);
        if recipe.clock.is_some() {
            recipe.clock_steps = policy.clock_steps.clone().unwrap_or_default();
        }
        recipe.platform = policy.platform.unwrap_or_default();
        recipe.distutils = policy.distutils.clone().unwrap_or_default();
        recipe.umask = policy.umask.map_or(Umask::DEFAULT, Umask::from_bits);
        recipe.source_modes = policy.source_modes.unwrap_or_default();
        recipe.source_times = match policy.source_times {
            Some(SourceTimesPolicy::At(seconds)) => SourceTimes::At(seconds),
            Some(SourceTimesPolicy::Archive) | None => SourceTimes::Archive,
        };
        if let Some(zone) = &policy.time_zone {
            recipe.time_zone.clone_from(zone);
        }
        recipe.prefix_map = policy.prefix_map.as_deref().map(|text| filled(text, sdist));
        recipe.environment = policy.environment.clone().unwrap_or_default();
        recipe
    }
}

/// Returns a text with its placeholders filled in from the name of an sdist.
fn filled(text: &str, sdist: &SdistFilename) -> String {
    let name = sdist.stem().rsplit_once('-').map_or("", |(name, _)| name);
    text.replace("{sdist}", sdist.stem())
        .replace("{name}", name)
        .replace("{version}", &sdist.version().to_string())
}

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_says_nothing_gives_the_defaults() {
        let sdist = SdistFilename::parse("python-dateutil-2.7.5.tar.gz").unwrap();
        let recipe = Recipe::from_policy(
            &RecipePolicy::default(),
            &sdist,
            PathBuf::from("/usr/bin/python3"),
            Vec::new(),
        );
        assert_eq!(recipe.umask.to_string(), "022");
        assert_eq!(recipe.source_date_epoch, None);
        assert_eq!(
            recipe.build_path,
            PathBuf::from("/tmp/wheelproof-build/python-dateutil-2.7.5")
        );
    }

    #[test]
    fn the_build_path_is_filled_in_from_the_name_of_the_sdist() {
        let sdist = SdistFilename::parse("python-dateutil-2.7.5.tar.gz").unwrap();
        let policy = RecipePolicy {
            build_path: Some("/b/{name}/{version}/{sdist}".to_owned()),
            umask: Some(0o077),
            source_date_epoch: Some(Epoch::At(1_309_379_017)),
            ..RecipePolicy::default()
        };
        let recipe = Recipe::from_policy(&policy, &sdist, PathBuf::new(), Vec::new());
        assert_eq!(
            recipe.build_path,
            PathBuf::from("/b/python-dateutil/2.7.5/python-dateutil-2.7.5")
        );
        assert_eq!(recipe.umask.to_string(), "077");
        assert_eq!(recipe.source_date_epoch, Some(1_309_379_017));
    }
}
