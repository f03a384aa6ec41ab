//! Witnesses: typed edits that turn a rebuilt wheel into the published one, byte
//! for byte, and never touch what its members hold.
//!
//! In: two wheels with equal contents, neither of them trusted, for [`find()`]; the
//! rebuilt wheel and a [`Witness`] that anybody may have written, for [`apply`].
//! Out: a witness that was applied once and gave the published digest; or the
//! bytes that a witness gives, with their digest. Whoever checks a witness needs to
//! trust neither the builder nor whoever found it.
//!
//! There is no edit for names, contents, sizes of contents or CRC-32, none that adds
//! or drops a member, and none that makes a reader see something else in a member.
//! RECORD is a member like any other: the order of its rows and its line ends are
//! contents, and no witness makes up for them. The format is in `docs/witness.md`.

mod edits;
mod error;
mod find;
mod plan;
mod sentences;
mod values;
mod write;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::archive::Limits;
use crate::archive::open_regular_file;
use crate::archive::zip::Archive;
use crate::cancel::Cancel;
use crate::digest::{READ_SIZE, Sha256Digest, hash_reader};
use crate::input;
use plan::Plan;

pub use crate::deflate::{MEMORY_LEVELS, Settings, Strategy};
pub use error::{EditError, Unfit, WitnessError};
pub use find::{NoWitness, Search, find};
pub use plan::{Descriptor, LocalSizes};
pub use values::{Base64, Hex, Mode, Time};

/// The name and version of the format.
pub const SCHEMA: &str = "wheelproof.witness/1";

/// The most bytes that a witness may have as a file.
pub const MAX_BYTES: u64 = 32 << 20;

/// The most values that a witness may hold: each may take a hundred bytes of memory.
const MAX_VALUES: usize = 2_000_000;

/// The most compressed bytes that a witness may take from the published wheel.
pub const MAX_TAKEN: u64 = 16 << 20;

/// The most bytes before the first record.
const MAX_PREFIX: u64 = 1 << 20;

/// A wheel by its size and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// How many bytes.
    pub size: u64,
    /// Their digest.
    #[serde(deserialize_with = "digest")]
    pub sha256: Sha256Digest,
}

fn digest<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Sha256Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// One edit. `members` are names of members of the rebuilt wheel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Edit {
    /// The order of the members (APPNOTE 4.3.6), all of them.
    SetOrder {
        /// The order of the central directory.
        directory: Vec<String>,
        /// The order of the data, where it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Vec<String>>,
    },
    /// The time of last modification (4.4.6), in both headers.
    SetTime {
        /// The time.
        time: Time,
        /// Of which members.
        members: Vec<String>,
    },
    /// The high half of the external attributes (4.4.15), which is the Unix mode.
    SetMode {
        /// The mode.
        mode: Mode,
        /// Of which members.
        members: Vec<String>,
    },
    /// The low half of the external attributes (4.4.15).
    SetDosAttributes {
        /// The attributes.
        value: u16,
        /// Of which members.
        members: Vec<String>,
    },
    /// The internal attributes (4.4.14).
    SetInternalAttributes {
        /// The attributes.
        value: u16,
        /// Of which members.
        members: Vec<String>,
    },
    /// The system and version of the writer (4.4.2).
    SetCreator {
        /// The system: 0 is Windows, 3 is Unix.
        system: u8,
        /// The version of the specification times ten.
        version: u8,
        /// Of which members.
        members: Vec<String>,
    },
    /// The version needed to extract (4.4.3), in both headers.
    SetVersionNeeded {
        /// The version times ten.
        value: u16,
        /// Of which members.
        members: Vec<String>,
    },
    /// The general purpose bit flags (4.4.4), in both headers.
    SetFlags {
        /// All sixteen bits.
        value: u16,
        /// Of which members.
        members: Vec<String>,
    },
    /// How sizes and CRC-32 stand in the local header.
    SetLocalSizes {
        /// How.
        form: LocalSizes,
        /// Of which members.
        members: Vec<String>,
    },
    /// The data descriptor behind the data (4.3.9).
    SetDescriptor {
        /// Its form.
        form: Descriptor,
        /// Of which members.
        members: Vec<String>,
    },
    /// The extra fields of the local header (4.4.28).
    SetLocalExtra {
        /// All of them.
        bytes: Hex,
        /// Of which members.
        members: Vec<String>,
    },
    /// The extra fields of the central directory (4.4.28).
    SetCentralExtra {
        /// All of them.
        bytes: Hex,
        /// Of which members.
        members: Vec<String>,
    },
    /// The comment of a member (4.4.18).
    SetComment {
        /// The comment.
        bytes: Hex,
        /// Of which members.
        members: Vec<String>,
    },
    /// The contents as they are, without compression.
    Store {
        /// Of which members.
        members: Vec<String>,
    },
    /// The contents compressed by zlib, in one go.
    Deflate {
        /// zlib's `level`, 1 to 9.
        level: u8,
        /// zlib's `strategy`.
        strategy: Strategy,
        /// zlib's `memLevel`, 8 or 9.
        memory_level: u8,
        /// Of which members.
        members: Vec<String>,
    },
    /// The deflate stream of the published wheel, which unpacks to the same
    /// contents: for compressors that cannot be run here.
    SetCompressedStream {
        /// The member.
        member: String,
        /// The stream.
        stream: Base64,
    },
    /// The bytes before the first record.
    SetPrefix {
        /// All of them.
        bytes: Hex,
    },
    /// The comment of the archive (4.3.16).
    SetArchiveComment {
        /// The comment.
        bytes: Hex,
    },
}

/// What turns one wheel into another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// [`SCHEMA`].
    schema: String,
    /// The wheel that the edits apply to.
    pub rebuilt: Identity,
    /// The wheel that they give.
    pub published: Identity,
    /// The edits. No two of them set the same thing, so their order means nothing.
    pub edits: Vec<Edit>,
}

impl Witness {
    /// Reads a witness from a regular file.
    ///
    /// # Errors
    ///
    /// [`WitnessError::Input`], and everything of [`Witness::parse`].
    pub fn read(path: &Path) -> Result<Self, WitnessError> {
        Self::parse(&input::read(path, MAX_BYTES)?)
    }

    /// Reads a witness.
    ///
    /// # Errors
    ///
    /// [`WitnessError::NotAWitness`] for what is none in this version of the format.
    pub fn parse(bytes: &[u8]) -> Result<Self, WitnessError> {
        // Every value but the last of its list or object has a comma behind it.
        let values = bytes.iter().filter(|byte| **byte == b',').count();
        if values > MAX_VALUES {
            return Err(WitnessError::NotAWitness(format!(
                "it holds more than {MAX_VALUES} values"
            )));
        }
        #[derive(Deserialize)]
        struct Head {
            schema: String,
        }
        let malformed = |error: serde_json::Error| WitnessError::NotAWitness(error.to_string());
        let head: Head = serde_json::from_slice(bytes).map_err(malformed)?;
        if head.schema != SCHEMA {
            return Err(WitnessError::NotAWitness(format!(
                "its schema is '{}', and {SCHEMA} is the one that is read",
                head.schema.escape_debug()
            )));
        }
        serde_json::from_slice(bytes).map_err(malformed)
    }

    /// Returns the witness in its canonical form: JSON with sorted keys and without
    /// spaces, and a line feed at the end. Equal witnesses have equal bytes.
    ///
    /// # Errors
    ///
    /// None in practice: every value has a form in JSON.
    pub fn canonical(&self) -> Result<String, WitnessError> {
        let value = serde_json::to_value(self);
        let text = value.map_err(|error| WitnessError::NotAWitness(error.to_string()))?;
        Ok(format!("{text}\n"))
    }

    /// Returns how many bytes of compressed streams are taken from the published
    /// wheel.
    pub fn taken_bytes(&self) -> u64 {
        self.edits
            .iter()
            .map(|edit| match edit {
                Edit::SetCompressedStream { stream, .. } => stream.0.len() as u64,
                _ => 0,
            })
            .sum()
    }
}

/// Applies a witness to a rebuilt wheel and writes the bytes that come out. Returns
/// their size and digest, which need not be those that the witness promises.
///
/// Memory is bounded by the limits, the number of members and the size of the
/// witness; contents are streamed, and compressed twice where they are compressed.
///
/// # Errors
///
/// [`WitnessError`] when a file cannot be read or written, when the wheel is not the
/// one that the witness is about, or when an edit does not hold.
pub fn apply(
    rebuilt: &Path,
    witness: &Witness,
    limits: Limits,
    out: &mut dyn Write,
    cancel: &Cancel,
) -> Result<Identity, WitnessError> {
    let (file, found) = open(rebuilt, cancel)?;
    if found != witness.rebuilt {
        return Err(WitnessError::OtherRebuilt {
            expected: witness.rebuilt.sha256,
            found: found.sha256,
        });
    }
    let archive = Archive::from_file(file, limits).map_err(WitnessError::Zip)?;
    let mut plan = Plan::read(&archive)?;
    edits::make(&mut plan, &witness.edits)?;
    write::write(&plan, &archive, out, cancel)
}

/// Checks that a witness applied to a rebuilt wheel gives the wheel it promises, and
/// that this is the one with the digest `published`, where one is given.
///
/// # Errors
///
/// As [`apply`], and [`WitnessError::OtherPublished`] or [`WitnessError::OtherResult`].
pub fn check(
    rebuilt: &Path,
    witness: &Witness,
    published: Option<Sha256Digest>,
    limits: Limits,
    cancel: &Cancel,
) -> Result<(), WitnessError> {
    if let Some(expected) = published.filter(|digest| *digest != witness.published.sha256) {
        return Err(WitnessError::OtherPublished {
            expected,
            found: witness.published.sha256,
        });
    }
    let found = apply(rebuilt, witness, limits, &mut std::io::sink(), cancel)?;
    if found != witness.published {
        return Err(WitnessError::OtherResult {
            expected: witness.published,
            found,
        });
    }
    Ok(())
}

/// Opens a wheel and tells which it is.
fn open(path: &Path, cancel: &Cancel) -> Result<(File, Identity), WitnessError> {
    let failed = |source| WitnessError::Open {
        path: path.to_owned(),
        source,
    };
    let file = open_regular_file(path).map_err(failed)?;
    let mut buffer = vec![0; READ_SIZE];
    let (sha256, size) =
        hash_reader(&file, &mut buffer, |_| cancel.check()).map_err(WitnessError::Io)?;
    Ok((file, Identity { size, sha256 }))
}
