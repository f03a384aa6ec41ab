//! Recipes: everything that decides a wheel's bytes.
//!
//! In: what the policy says of a project. Out: [`Recipe`], complete, with every
//! tool wheel named by its digest. A recipe is a claim until a rebuild gives the
//! published digest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::digest::Sha256Digest;
use crate::filename::{SdistFilename, WheelFilename};
use crate::policy::{Epoch, RecipePolicy};

/// The path of the source during the build where the policy names none.
const DEFAULT_BUILD_PATH: &str = "/tmp/wheelproof-build/{sdist}";

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

/// Where the modes of the unpacked source come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceModes {
    /// The archive's modes less the umask, as `tar --no-same-permissions`.
    #[default]
    Umask,
    /// The archive's modes as they are, as `tar` does for root.
    Archive,
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

/// Everything that decides a wheel's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// The Python interpreter that runs the build.
    pub interpreter: PathBuf,
    /// The wheels it imports from, sorted by file name.
    pub tools: Vec<ToolWheel>,
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970; unset when `None`.
    pub source_date_epoch: Option<i64>,
    /// The umask of the unpacking and of the build.
    pub umask: Umask,
    /// Where the modes of the unpacked source come from.
    pub source_modes: SourceModes,
    /// The absolute path that the source has during the build.
    pub build_path: PathBuf,
    /// Variables added to the clean environment.
    pub environment: BTreeMap<String, String>,
}

impl Recipe {
    /// Returns the recipe that a policy gives for an sdist, with the interpreter
    /// and the tools that were found for it.
    pub fn from_policy(
        policy: &RecipePolicy,
        sdist: &SdistFilename,
        interpreter: PathBuf,
        tools: Vec<ToolWheel>,
    ) -> Self {
        let build_path = policy.build_path.as_deref().unwrap_or(DEFAULT_BUILD_PATH);
        let name = sdist.stem().rsplit_once('-').map_or("", |(name, _)| name);
        Self {
            interpreter,
            tools,
            source_date_epoch: match policy.source_date_epoch {
                Some(Epoch::At(seconds)) => Some(seconds),
                Some(Epoch::Unset) | None => None,
            },
            umask: policy.umask.map_or(Umask::DEFAULT, Umask::from_bits),
            source_modes: match policy.keep_source_modes {
                Some(true) => SourceModes::Archive,
                Some(false) | None => SourceModes::Umask,
            },
            build_path: PathBuf::from(
                build_path
                    .replace("{sdist}", sdist.stem())
                    .replace("{name}", name)
                    .replace("{version}", &sdist.version().to_string()),
            ),
            environment: policy.environment.clone().unwrap_or_default(),
        }
    }
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
