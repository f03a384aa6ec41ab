//! The file a policy came from.
//!
//! In: a path, and whether the user named it. Out: [`PolicyFile`], which a report can
//! name and which knows whether it lies where the files lie that it decides about.

use std::path::{Path, PathBuf};

use super::keys::Stated;
use super::{MAX_BYTES, Policy, PolicyError, place};
use crate::digest::Sha256Digest;
use crate::input;

/// The file that a policy was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// The file, as the user would name it.
    pub path: PathBuf,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
    /// Whether the user named it; else it was found in the directory.
    pub is_named: bool,
    /// What it states, with its effects.
    pub(super) stated: Vec<Stated>,
}

impl PolicyFile {
    /// Reads and checks a policy file, as [`Policy::load`] does.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or it says something that is no policy.
    pub fn load(path: &Path, is_named: bool) -> Result<(Policy, Self), PolicyError> {
        let bytes = input::read(path, MAX_BYTES)?;
        let sha256 = Sha256Digest::of(&bytes);
        let (policy, stated) = Policy::decode(path, bytes)?;
        let file = Self {
            path: path.to_owned(),
            sha256,
            is_named,
            stated,
        };
        Ok((policy, file))
    }

    /// Returns whether one who may write in one of these directories may decide what
    /// the policy says: the file, or a link that leads to it, lies there.
    pub fn lies_in(&self, directories: &[&Path]) -> bool {
        place::passes(&self.path, directories)
    }
}
