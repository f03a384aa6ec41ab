//! What was accepted before, so that nobody can go back behind it.
//!
//! In: a file that only this program writes, and what was just accepted. Out:
//! whether that is older than what the file remembers. A good signature stays good
//! for ever; only somebody who remembers the newer manifest can refuse the older.
//!
//! The file is trusted like the policy: whoever can write it can make us forget.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::digest::Sha256Digest;
use crate::input::{self, InputError};
use crate::replace::{self, ReplaceError};
use crate::time::UtcTime;

/// The name and version of the file's format.
pub const SCHEMA: &str = "wheelproof.state/1";

/// The most bytes a state file may have; some ten thousand wheelhouses fit.
const MAX_BYTES: u64 = 4 << 20;

/// How long another process may hold the lock, which it does for one write.
const PATIENCE: Duration = Duration::from_secs(10);

/// A manifest as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Accepted {
    /// When it was signed by as many signers as were asked for.
    pub signed: UtcTime,
    /// The digest of what they signed.
    pub manifest_sha256: Sha256Digest,
}

impl Accepted {
    /// Returns whether this is another manifest than one seen before, and signed
    /// earlier. The same manifest is never behind itself, whoever signed it.
    pub fn is_behind(&self, seen: &Self) -> bool {
        self.manifest_sha256 != seen.manifest_sha256 && self.signed < seen.signed
    }
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read.
    #[error("no state: {0}")]
    Read(#[source] InputError),
    /// It is none, or one of a later version.
    #[error("{} is no state file: {reason}", .path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Another process does not let go of it.
    #[error("{} has been locked for {} seconds by another process", .path.display(), PATIENCE.as_secs())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// It cannot be replaced.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// It cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// The file that remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFile {
    path: PathBuf,
}

#[derive(Serialize)]
struct Contents {
    schema: &'static str,
    wheelhouses: BTreeMap<String, Accepted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawContents {
    schema: String,
    wheelhouses: BTreeMap<String, RawAccepted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAccepted {
    signed: String,
    manifest_sha256: String,
}

impl StateFile {
    /// Returns the state file at a path. It need not be there yet.
    pub fn new(path: &Path) -> Self {
        // A link stays a link: what it leads to is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Self { path }
    }

    /// Returns what was last accepted for a wheelhouse.
    ///
    /// # Errors
    ///
    /// The file is there and cannot be read, or is no state file.
    pub fn seen(&self, wheelhouse: &str) -> Result<Option<Accepted>, StateError> {
        Ok(self.read()?.get(wheelhouse).copied())
    }

    /// Remembers a manifest, unless it is behind what another process has accepted
    /// meanwhile; then returns that, and nothing is written. The file is replaced
    /// whole or not at all.
    ///
    /// # Errors
    ///
    /// The file cannot be locked, read or written. It stays as it was.
    pub fn remember(
        &self,
        wheelhouse: &str,
        accepted: Accepted,
    ) -> Result<Option<Accepted>, StateError> {
        if let Some(seen) = self.seen(wheelhouse)?
            && seen.manifest_sha256 == accepted.manifest_sha256
            && seen.signed >= accepted.signed
        {
            // Nothing is new, so a state that cannot be written does no harm.
            return Ok(None);
        }
        let _lock = self.lock()?;
        let mut wheelhouses = self.read()?;
        let mut newest = accepted;
        if let Some(seen) = wheelhouses.get(wheelhouse) {
            if accepted.is_behind(seen) {
                return Ok(Some(*seen));
            }
            newest.signed = newest.signed.max(seen.signed);
            if newest == *seen {
                return Ok(None);
            }
        }
        wheelhouses.insert(wheelhouse.to_owned(), newest);
        self.write(wheelhouses)?;
        Ok(None)
    }

    fn unwritable(&self, source: io::Error) -> StateError {
        StateError::Write {
            path: self.path.clone(),
            source,
        }
    }

    fn read(&self) -> Result<BTreeMap<String, Accepted>, StateError> {
        let bytes = match input::read(&self.path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(InputError::NotFound { .. }) => return Ok(BTreeMap::new()),
            Err(error) => return Err(StateError::Read(error)),
        };
        parse(&bytes).map_err(|reason| StateError::Corrupt {
            path: self.path.clone(),
            reason,
        })
    }

    /// Waits for the lock. A file of its own, because the state is replaced, and a
    /// lock on what was replaced keeps nobody out.
    fn lock(&self) -> Result<File, StateError> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let failed = |error: rustix::io::Errno| StateError::Write {
            path: path.clone(),
            source: error.into(),
        };
        let file = File::from(rustix::fs::open(&path, flags, Mode::from(0o600)).map_err(failed)?);
        let begun = Instant::now();
        loop {
            match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(rustix::io::Errno::WOULDBLOCK) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(StateError::Locked { path }),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn write(&self, wheelhouses: BTreeMap<String, Accepted>) -> Result<(), StateError> {
        let contents = Contents {
            schema: SCHEMA,
            wheelhouses,
        };
        let mut text =
            serde_json::to_vec_pretty(&contents).map_err(|error| self.unwritable(error.into()))?;
        text.push(b'\n');
        if text.len() as u64 > MAX_BYTES {
            return Err(self.unwritable(io::Error::other("it would be larger than is read back")));
        }
        // After a crash there is the old file or the new one, and never an empty one.
        Ok(replace::file(&self.path, &text)?)
    }
}

fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Accepted>, String> {
    let raw: RawContents = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if raw.schema != SCHEMA {
        return Err(format!("its schema is not \"{SCHEMA}\""));
    }
    raw.wheelhouses
        .into_iter()
        .map(|(wheelhouse, raw)| {
            let signed = raw.signed.parse::<UtcTime>();
            let manifest_sha256 = raw.manifest_sha256.parse::<Sha256Digest>();
            let accepted = Accepted {
                signed: signed.map_err(|error| error.to_string())?,
                manifest_sha256: manifest_sha256.map_err(|error| error.to_string())?,
            };
            Ok((wheelhouse, accepted))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(signed: &str, contents: &str) -> Accepted {
        Accepted {
            signed: signed.parse().unwrap(),
            manifest_sha256: Sha256Digest::of(contents.as_bytes()),
        }
    }

    #[test]
    fn only_another_manifest_signed_earlier_is_behind() {
        let seen = accepted("2024-06-02T00:00:00Z", "b");
        for (signed, contents, is_behind) in [
            ("2024-06-01T00:00:00Z", "a", true),
            ("2024-06-01T23:59:59Z", "a", true),
            ("2024-06-02T00:00:00Z", "a", false),
            ("2024-06-03T00:00:00Z", "a", false),
            ("2024-06-01T00:00:00Z", "b", false),
        ] {
            let now = accepted(signed, contents);
            assert_eq!(now.is_behind(&seen), is_behind, "{signed} {contents}");
        }
    }

    #[test]
    fn the_newest_is_remembered_for_each_wheelhouse_and_never_an_older_time() {
        let root = tempfile::tempdir().unwrap();
        let state = StateFile::new(&root.path().join("state.json"));
        let (old, new) = (
            accepted("2024-06-01T00:00:00Z", "a"),
            accepted("2024-06-02T00:00:00Z", "b"),
        );
        assert_eq!(state.seen("x").unwrap(), None);
        assert_eq!(state.remember("x", old).unwrap(), None);
        assert_eq!(state.remember("x", new).unwrap(), None);
        assert_eq!(state.seen("x").unwrap(), Some(new));
        assert_eq!(state.remember("x", old).unwrap(), Some(new));
        // The same manifest with an older signature moves nothing back.
        let again = accepted("2024-05-01T00:00:00Z", "b");
        assert_eq!(state.remember("x", again).unwrap(), None);
        assert_eq!(state.seen("x").unwrap(), Some(new));
        assert_eq!(state.remember("y", old).unwrap(), None);
        assert_eq!(state.seen("y").unwrap(), Some(old));
        assert_eq!(state.seen("x").unwrap(), Some(new));
    }

    #[test]
    fn what_is_no_state_file_is_told_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state.json");
        let state = StateFile::new(&path);
        let now = accepted("2024-06-01T00:00:00Z", "a");
        state.remember("x", now).unwrap();
        let good = std::fs::read_to_string(&path).unwrap();
        for text in [
            String::new(),
            "{}".to_owned(),
            good[..good.len() - 3].to_owned(),
            good.replace("state/1", "state/2"),
            good.replace("2024-06-01T00:00:00Z", "yesterday"),
            good.replace("\"signed\"", "\"more\": 1, \"signed\""),
            good.replace(&now.manifest_sha256.to_string(), "00"),
        ] {
            std::fs::write(&path, &text).unwrap();
            assert!(
                matches!(state.seen("x"), Err(StateError::Corrupt { .. })),
                "{text}"
            );
            assert!(state.remember("x", now).is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let root = tempfile::tempdir().unwrap();
        let state = StateFile::new(&root.path().join("state.json"));
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let state = &state;
                scope.spawn(move || {
                    for round in 0..5 {
                        let now = accepted("2024-06-01T00:00:00Z", "a");
                        state.remember(&format!("{thread}-{round}"), now).unwrap();
                    }
                });
            }
        });
        assert_eq!(state.read().unwrap().len(), 40);
    }
}
