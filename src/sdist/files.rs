//! What an sdist holds, by name and digest, without unpacking it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;

use super::SdistError;
use super::members::members;
use crate::archive::Limits;
use crate::archive::tar::Kind;
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, Sha256Hasher};
use crate::filename::SdistFilename;

/// The files of an sdist, for telling where a member of a wheel came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFiles {
    files: BTreeMap<String, SourceFile>,
    digests: BTreeSet<Sha256Digest>,
}

/// One file of an sdist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceFile {
    /// The digest of its contents.
    pub sha256: Sha256Digest,
    /// Its mode bits as the archive has them.
    pub mode: u32,
    /// When it was last modified, in seconds since 1970.
    pub mtime: i64,
}

impl SourceFiles {
    /// Reads the files of an sdist; links are left out.
    ///
    /// # Errors
    ///
    /// The first [`SdistError`].
    pub fn read(
        sdist: &Path,
        name: &SdistFilename,
        limits: &Limits,
        cancel: &Cancel,
    ) -> Result<Self, SdistError> {
        let mut found = Self::default();
        let mut buffer = vec![0; READ_SIZE];
        members(sdist, name, limits, |member, contents| {
            if cancel.is_requested() {
                return Err(SdistError::Interrupted);
            }
            if member.kind != Kind::File {
                return Ok(());
            }
            let sha256 = digest(contents, &mut buffer).map_err(|source| SdistError::Io {
                action: "read",
                path: member.path.to_string(),
                source,
            })?;
            // Names in a wheel do not have the top directory of the sdist.
            let path = member.path.as_str();
            let path = path.split_once('/').map_or(path, |(_, below)| below);
            let file = SourceFile {
                sha256,
                mode: member.mode,
                mtime: member.mtime,
            };
            found.files.insert(path.to_owned(), file);
            found.digests.insert(sha256);
            Ok(())
        })?;
        Ok(found)
    }

    /// Returns whether some file has these contents.
    pub fn has_contents(&self, sha256: &Sha256Digest) -> bool {
        self.digests.contains(sha256)
    }

    /// Returns the files that a member of a wheel may come from by its path, or by the
    /// last part of it alone: each with its path.
    pub fn candidates<'a>(
        &'a self,
        member: &'a str,
    ) -> impl Iterator<Item = (&'a str, SourceFile)> {
        let file = member.rsplit('/').next().unwrap_or(member);
        let is_named = move |path: &str| path.rsplit('/').next() == Some(file);
        let named = self.files.iter().filter(move |(path, _)| is_named(path));
        named.map(|(path, file)| (path.as_str(), *file))
    }

    /// Returns the file that a member of a wheel most likely comes from: the one
    /// whose path is the member's, or ends with it (`src/` layouts); the shortest
    /// path of several.
    pub fn source_of(&self, member: &str) -> Option<(&str, SourceFile)> {
        let below = |path: &str| {
            path.strip_suffix(member)
                .is_some_and(|start| start.is_empty() || start.ends_with('/'))
        };
        self.files
            .iter()
            .filter(|(path, _)| below(path))
            .min_by_key(|(path, _)| path.len())
            .map(|(path, file)| (path.as_str(), *file))
    }
}

fn digest(contents: &mut dyn Read, buffer: &mut [u8]) -> io::Result<Sha256Digest> {
    let mut hasher = Sha256Hasher::new();
    loop {
        match contents.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
