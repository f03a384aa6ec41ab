//! What earlier searches found.
//!
//! ```text
//! CACHE/searched/KEY.json      tools and times that gave a signed digest
//! ```
//!
//! KEY is the digest of what was searched for: the wheel, its sdist, the
//! interpreter. What stands there is only tried first: a build has to give the
//! signed digest again, so a changed entry costs time and no more.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::filename::ProjectName;
use crate::infer::checked_requirement;
use crate::input;
use crate::rebuild::Interpreter;
use crate::recipe::{SourceModes, Umask};
use crate::search::{ToolSet, Variation};

/// The most bytes an entry may have.
const MAX_BYTES: u64 = 1 << 20;

/// Tools, and times and modes where those were searched too.
pub(super) type Found = (ToolSet, Option<Variation>);

#[derive(Serialize, Deserialize)]
struct Entry {
    pins: Vec<(String, String)>,
    others: Vec<String>,
    epoch: Option<i64>,
    umask: u16,
    keep_source_modes: bool,
}

/// Where the entry of one wheel is.
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn of(
        cache: &Path,
        wheel: Sha256Digest,
        sdist: Sha256Digest,
        interpreter: &Interpreter,
    ) -> Self {
        let searched_for = format!("{wheel} {sdist} {}\n", interpreter.name());
        let key = Sha256Digest::of(searched_for.as_bytes());
        Self(cache.join("searched").join(format!("{key}.json")))
    }

    /// Returns what an earlier search found; `None` when there was none, or what
    /// stands there is not what this program writes.
    pub(super) fn read(&self) -> Option<Found> {
        let bytes = input::read(&self.0, MAX_BYTES).ok()?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        let pins = entry.pins.iter().map(|(project, version)| {
            let project = ProjectName::parse(project).ok()?;
            Some((project, Version::from_str(version).ok()?))
        });
        let others = entry.others.iter().map(|text| checked_requirement(text));
        let set = ToolSet {
            pins: pins.collect::<Option<_>>()?,
            others: others.collect::<Option<_>>()?,
        };
        let variation = entry.epoch.map(|epoch| Variation {
            epoch,
            umask: Umask::from_bits(entry.umask),
            source_modes: match entry.keep_source_modes {
                true => SourceModes::Archive,
                false => SourceModes::Umask,
            },
        });
        Some((set, variation))
    }

    /// Keeps what a search found. That it cannot be kept only costs time later.
    pub(super) fn keep(&self, (set, variation): &Found) {
        let shown = variation.unwrap_or_default();
        let entry = Entry {
            pins: set
                .pins
                .iter()
                .map(|(project, version)| (project.to_string(), version.to_string()))
                .collect(),
            others: set.others.clone(),
            epoch: variation.map(|variation| variation.epoch),
            umask: shown.umask.octal(),
            keep_source_modes: shown.source_modes == SourceModes::Archive,
        };
        let keep = || -> std::io::Result<()> {
            let directory = self.0.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(directory)?;
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            file.write_all(&serde_json::to_vec(&entry)?)?;
            file.persist(&self.0).map_err(|error| error.error)?;
            Ok(())
        };
        let _ = keep();
    }
}
