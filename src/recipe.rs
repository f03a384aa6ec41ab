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
use crate::filename::WheelFilename;

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
#[serde(rename_all = "kebab-case")]
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

fn as_text<S: Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}
