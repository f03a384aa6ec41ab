//! Reading files of requirements, with the files they include.
//!
//! In: paths that the user named. Out: a [`Listing`]. Only files below the
//! directory of a named file are read along: what an untrusted list may name is
//! otherwise shown to whoever reads the report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::Document;
use super::fault::{FaultKind, clip};
use super::listing::{Format, Gathered, ListFile, Listing, Pin, Place};
use super::lock::Lock;
use super::{MAX_BYTES, lines, pip, poetry, pylock, uv};
use crate::digest::Sha256Digest;
use crate::input::{self, InputError};

/// The most bytes a lock file may have. Parsed, one takes eighty times as much where
/// somebody means it; the largest real ones have three million.
const MAX_LOCK_BYTES: usize = 6 << 20;
/// How many files may include one another.
const MAX_DEPTH: usize = 8;
/// How many files are read in all.
const MAX_FILES: usize = 200;

/// Reads files of requirements by the names they have, and the files they include.
///
/// # Errors
///
/// A named file is not there, or a file could not be read. What is wrong with what
/// they say stands in the listing.
pub fn read(paths: &[PathBuf]) -> Result<Listing, InputError> {
    let mut reader = Reader::default();
    for path in paths {
        reader.named(path)?;
    }
    let said_nothing =
        reader.gathered.listing.pins.is_empty() && reader.gathered.listing.faults.is_empty();
    if let Some(file) = reader
        .gathered
        .listing
        .files
        .first()
        .filter(|_| said_nothing)
    {
        let place = Place {
            path: Arc::clone(&file.path),
            line: 1,
        };
        reader.gathered.fault(&place, FaultKind::Nothing);
    }
    Ok(reader.gathered.listing)
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    gathered: Gathered,
    bytes: u64,
}

/// Where a file stands among those that include it.
struct Inclusion<'a> {
    /// The directory that included files lie below.
    root: &'a Path,
    /// This file and those that include it.
    chain: Vec<PathBuf>,
    /// Whether it was named with `-c`, so that it asks for nothing.
    is_constraints: bool,
}

impl Reader {
    fn named(&mut self, path: &Path) -> Result<(), InputError> {
        let shown: Arc<Path> = path.into();
        let at = Place {
            path: Arc::clone(&shown),
            line: 1,
        };
        let Some(bytes) = self.bytes_of(path, &at)? else {
            return Ok(());
        };
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let root = parent.unwrap_or(Path::new("."));
        let failed = |source| InputError::Io {
            path: path.to_owned(),
            source,
        };
        let inclusion = Inclusion {
            root: &root.canonicalize().map_err(failed)?,
            chain: vec![path.canonicalize().map_err(failed)?],
            is_constraints: false,
        };
        self.file(&shown, &bytes, &inclusion)
    }

    /// Returns the bytes of a file; `None`, with a fault at `asked`, when it is
    /// nothing to read.
    fn bytes_of(&mut self, path: &Path, asked: &Place) -> Result<Option<Vec<u8>>, InputError> {
        if self.gathered.listing.files.len() >= MAX_FILES {
            self.gathered
                .fault(asked, FaultKind::TooMany(MAX_FILES, "files"));
            self.gathered.is_full = true;
            return Ok(None);
        }
        match input::read(path, MAX_BYTES.saturating_sub(self.bytes)) {
            Ok(bytes) => {
                self.bytes = self.bytes.saturating_add(bytes.len() as u64);
                Ok(Some(bytes))
            }
            Err(error @ InputError::NotRegular { .. }) => {
                self.gathered
                    .fault(asked, FaultKind::NotTaken(error.to_string()));
                Ok(None)
            }
            Err(InputError::TooLarge { .. }) => {
                let says = format!("the files have more than {MAX_BYTES} bytes together");
                self.gathered.fault(asked, FaultKind::NotTaken(says));
                self.gathered.is_full = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn file(
        &mut self,
        path: &Arc<Path>,
        bytes: &[u8],
        inclusion: &Inclusion<'_>,
    ) -> Result<(), InputError> {
        let at = |line| Place {
            path: Arc::clone(path),
            line,
        };
        let Some(format) = Format::of(path) else {
            self.gathered.fault(&at(1), FaultKind::Format);
            return Ok(());
        };
        self.gathered.listing.files.push(ListFile {
            path: Arc::clone(path),
            format,
            sha256: Sha256Digest::of(bytes),
        });
        if format != Format::Requirements && bytes.len() > MAX_LOCK_BYTES {
            let says = format!("a lock file of more than {MAX_LOCK_BYTES} bytes");
            self.gathered.fault(&at(1), FaultKind::NotTaken(says));
            return Ok(());
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = before.split(|byte| *byte == b'\n').count() as u64;
                self.gathered.fault(&at(line), FaultKind::NotUtf8);
                return Ok(());
            }
        };
        let lock = match format {
            Format::Requirements => {
                self.lines(path, text, inclusion)?;
                None
            }
            Format::PoetryLock => Some(poetry::read as ReadLock),
            Format::UvLock => Some(uv::read as ReadLock),
            Format::Pylock => Some(pylock::read as ReadLock),
        };
        if let Some(read) = lock {
            match Document::parse(text) {
                Ok(document) => {
                    let mut lock = Lock {
                        path,
                        document: &document,
                        gathered: &mut self.gathered,
                    };
                    read(&mut lock);
                }
                Err((line, kind)) => self.gathered.fault(&at(line), kind),
            }
        }
        Ok(())
    }

    fn lines(
        &mut self,
        path: &Arc<Path>,
        text: &str,
        inclusion: &Inclusion<'_>,
    ) -> Result<(), InputError> {
        for logical in lines::logical(text) {
            if self.gathered.is_full {
                break;
            }
            let (line, said) = match logical {
                Ok(logical) => (logical.line, pip::line(&logical.text, logical.line)),
                Err((line, fault)) => (line, Err(vec![fault])),
            };
            let place = Place {
                path: Arc::clone(path),
                line,
            };
            match said {
                Ok(said) => {
                    for line in said {
                        self.line(&place, line, inclusion)?;
                    }
                }
                Err(faults) => {
                    for fault in faults {
                        let is_range = inclusion.is_constraints
                            && matches!(fault, FaultKind::NotPinned(_) | FaultKind::Version(_));
                        // A constraint asks for nothing, so it may leave a choice.
                        if !is_range {
                            self.gathered.fault(&place, fault);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn line(
        &mut self,
        place: &Place,
        line: pip::Line,
        inclusion: &Inclusion<'_>,
    ) -> Result<(), InputError> {
        match line {
            pip::Line::Requirement(_) if inclusion.is_constraints => {}
            pip::Line::Requirement(requirement) => self.gathered.pin(Pin {
                place: place.clone(),
                is_conditional: requirement.marker.is_some(),
                requirement: *requirement,
            }),
            pip::Line::OnlyWheels(only) => self.gathered.listing.only_wheels = only,
            pip::Line::Include(name) => {
                self.include(place, &name, inclusion, inclusion.is_constraints)?;
            }
            pip::Line::Constraints(name) => self.include(place, &name, inclusion, true)?,
        }
        Ok(())
    }

    fn include(
        &mut self,
        place: &Place,
        name: &str,
        inclusion: &Inclusion<'_>,
        is_constraints: bool,
    ) -> Result<(), InputError> {
        if name.contains(':') {
            self.gathered.fault(place, FaultKind::Link(clip(name)));
            return Ok(());
        }
        if inclusion.chain.len() >= MAX_DEPTH {
            self.gathered
                .fault(place, FaultKind::IncludeDepth(clip(name)));
            return Ok(());
        }
        let parent = place
            .path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let path = match parent {
            Some(parent) => parent.join(name),
            None => PathBuf::from(name),
        };
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(_) => {
                self.gathered
                    .fault(place, FaultKind::IncludeMissing(clip(name)));
                return Ok(());
            }
        };
        if !real.starts_with(inclusion.root) {
            self.gathered
                .fault(place, FaultKind::IncludeOutside(clip(name)));
            return Ok(());
        }
        if inclusion.chain.contains(&real) {
            self.gathered
                .fault(place, FaultKind::IncludeLoop(clip(name)));
            return Ok(());
        }
        let Some(bytes) = self.bytes_of(&path, place)? else {
            return Ok(());
        };
        let mut chain = inclusion.chain.clone();
        chain.push(real);
        let inclusion = Inclusion {
            root: inclusion.root,
            chain,
            is_constraints,
        };
        self.file(&path.into(), &bytes, &inclusion)
    }
}

/// Reads a lock file of one format.
type ReadLock = fn(&mut Lock<'_, '_>);
