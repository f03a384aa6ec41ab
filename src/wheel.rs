//! Wheels: a ZIP archive with a name that says what is in it.
//!
//! In: a path. Out: [`Wheel`], its name in parts, its members and where its
//! METADATA, WHEEL and RECORD are (binary distribution format, "The .dist-info
//! directory"). Nothing in it has been checked against anything else.

mod check;
mod dependency;
mod entry_points;
mod fault;
mod installed;
mod record;

use std::ffi::OsStr;
use std::path::Path;

use crate::archive::Limits;
use crate::archive::zip::{Archive, Member, RawText, ZipError};
use crate::filename::{FilenameError, WheelFilename, is_version};

pub use check::check;
pub use fault::FaultKind;

/// How the directory with a wheel's own description ends.
const DIST_INFO: &str = ".dist-info";

/// Why a file is not a wheel.
#[derive(Debug, thiserror::Error)]
pub enum WheelError {
    /// The file name is not that of a wheel.
    #[error("this is not the name of a wheel: {0}")]
    Filename(#[from] FilenameError),
    /// The file is not a ZIP archive we read.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// The name of a member is not UTF-8, as the format requires.
    #[error("the name of member '{}' is not UTF-8", .name.escaped())]
    MemberName {
        /// The name.
        name: RawText,
    },
    /// There is no `.dist-info` directory.
    #[error("the wheel has no .dist-info directory")]
    NoDistInfo,
    /// There is more than one `.dist-info` directory.
    #[error(
        "the wheel has two .dist-info directories, '{}' and '{}'",
        .first.escape_debug(), .second.escape_debug()
    )]
    SeveralDistInfo {
        /// The first one, in the order of the members.
        first: String,
        /// The next one.
        second: String,
    },
}

impl WheelError {
    /// Returns what to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Filename(_) => "name the file as its author published it",
            Self::Zip(error) => error.advice(),
            Self::MemberName { .. } | Self::NoDistInfo | Self::SeveralDistInfo { .. } => {
                "do not use this wheel; report it to its author"
            }
        }
    }
}

/// A wheel that was opened.
#[derive(Debug)]
pub struct Wheel {
    filename: WheelFilename,
    archive: Archive<'static>,
    dist_info: String,
}

impl Wheel {
    /// Opens a wheel.
    ///
    /// # Errors
    ///
    /// The first reason in [`WheelError`] why it is none.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, WheelError> {
        let name = path.file_name().map(OsStr::to_string_lossy);
        let filename = WheelFilename::parse(&name.unwrap_or_default())?;
        let archive = Archive::open(path, limits)?;
        let dist_info = find_dist_info(&archive)?;
        Ok(Self {
            filename,
            archive,
            dist_info,
        })
    }

    /// Returns the parts of the file name.
    pub fn filename(&self) -> &WheelFilename {
        &self.filename
    }

    /// Returns the archive; the names of its members are UTF-8.
    pub fn archive(&self) -> &Archive<'static> {
        &self.archive
    }

    /// Returns the name of the `.dist-info` directory, without a slash.
    pub fn dist_info(&self) -> &str {
        &self.dist_info
    }

    /// Returns the member with the core metadata.
    pub fn metadata(&self) -> Option<&Member> {
        self.described_in("METADATA")
    }

    /// Returns the member with the tags and the name of the builder.
    pub fn wheel(&self) -> Option<&Member> {
        self.described_in("WHEEL")
    }

    /// Returns the member with the digests of all others.
    pub fn record(&self) -> Option<&Member> {
        self.described_in("RECORD")
    }

    /// Returns the member of that name in the `.dist-info` directory.
    pub fn described_in(&self, file: &str) -> Option<&Member> {
        // Of several members with one name the last counts, as for zipfile: pip
        // reads that one, and unpacks it over the others.
        let path = format!("{}/{file}", self.dist_info);
        self.archive
            .members()
            .iter()
            .rev()
            .find(|member| member.name().as_bytes() == path.as_bytes())
    }
}

/// Returns whether a member's name is that of a wheel's RECORD.
pub fn is_record(name: &str) -> bool {
    dist_info_of(name).is_some_and(|directory| name.get(directory.len()..) == Some("/RECORD"))
}

/// Returns whether a directory is called `NAME-VERSION` and this ending, for the
/// project and version of the file name in any spelling.
fn is_named_for(directory: &str, ending: &str, filename: &WheelFilename) -> bool {
    directory
        .strip_suffix(ending)
        .and_then(|stem| stem.rsplit_once('-'))
        .is_some_and(|(name, version)| {
            filename.project().is_spelled(name)
                && is_version(&version.replace('_', "-"), filename.version())
        })
}

/// Returns the top directory of a name when it is a `.dist-info` directory.
fn dist_info_of(name: &str) -> Option<&str> {
    let (directory, _) = name.split_once('/')?;
    directory.ends_with(DIST_INFO).then_some(directory)
}

fn find_dist_info(archive: &Archive<'_>) -> Result<String, WheelError> {
    let mut found: Option<&str> = None;
    for member in archive.members() {
        let name = member
            .name()
            .as_str()
            .ok_or_else(|| WheelError::MemberName {
                name: member.name().clone(),
            })?;
        match (found, dist_info_of(name)) {
            (None, directory) => found = directory,
            (Some(first), Some(second)) if first != second => {
                return Err(WheelError::SeveralDistInfo {
                    first: first.to_owned(),
                    second: second.to_owned(),
                });
            }
            (Some(_), _) => {}
        }
    }
    found.map(str::to_owned).ok_or(WheelError::NoDistInfo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::zip::build::{self, Entry};

    const NAME: &str = "six-1.0-py3-none-any.whl";

    fn open(name: &str, entries: &[Entry]) -> Result<Wheel, WheelError> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(name);
        std::fs::write(&path, build::archive(entries)).expect("written");
        Wheel::open(&path, Limits::default())
    }

    #[test]
    fn the_three_files_of_a_wheel_are_found() {
        let wheel = open(
            NAME,
            &[
                Entry::stored("six.py", b""),
                Entry::stored("six-1.0.dist-info/METADATA", b"old"),
                Entry::stored("vendored/x-1.dist-info/METADATA", b""),
                Entry::stored("six-1.0.dist-info/METADATA", b"new"),
                Entry::stored("six-1.0.dist-info/WHEEL", b""),
            ],
        )
        .expect("a wheel");
        assert_eq!(wheel.dist_info(), "six-1.0.dist-info");
        assert_eq!(wheel.filename().project().as_str(), "six");
        let metadata = wheel.metadata().expect("METADATA");
        assert_eq!(wheel.archive().contents(metadata, 9).expect("read"), b"new");
        assert!(wheel.wheel().is_some() && wheel.record().is_none());
    }

    #[test]
    fn what_is_not_a_wheel_says_why() {
        let entry = Entry::stored("six-1.0.dist-info/WHEEL", b"");
        let mut binary = entry.clone();
        binary.name = b"\xff".to_vec();
        for (name, entries, sentence) in [
            (
                "six.zip",
                vec![],
                "this is not the name of a wheel: the name does not end in .whl",
            ),
            (NAME, vec![], "the wheel has no .dist-info directory"),
            (
                NAME,
                vec![entry.clone(), binary],
                "the name of member '\\xff' is not UTF-8",
            ),
            (
                NAME,
                vec![entry, Entry::stored("b\n.dist-info/x", b"")],
                "the wheel has two .dist-info directories, 'six-1.0.dist-info' and 'b\\n.dist-info'",
            ),
        ] {
            let error = open(name, &entries).expect_err("no wheel");
            assert_eq!(error.to_string(), sentence);
            assert!(!error.advice().is_empty());
        }
    }

    #[test]
    fn only_the_record_at_the_top_is_the_record() {
        assert!(is_record("six-1.0.dist-info/RECORD"));
        for name in [
            "RECORD",
            "a/six-1.0.dist-info/RECORD",
            "six-1.0.dist-info/RECORD.jws",
        ] {
            assert!(!is_record(name), "{name}");
        }
    }
}
