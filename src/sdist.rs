//! Unpacking a source distribution without letting it out.
//!
//! In: an sdist nobody has vouched for (its digest may be signed; its contents
//! were written by whoever made it) and an empty private directory. Out: the one
//! directory it holds, unpacked below, with the modes and times a recipe asks
//! for.
//!
//! What is accepted: files, directories, and symbolic links that lead to a place
//! inside. Hard links are refused, as is everything else (`adversarial.md`, row
//! 78, and the source distribution format allow neither). Two members whose
//! names differ in case only are two files: the build happens on a file system
//! that tells them apart.

mod check;
mod files;
mod layout;
mod members;
mod requires;
mod zip;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps};

use crate::archive::tar::{self, Kind, Member, TarError};
use crate::archive::zip::{Archive, ZipError, faults};
use crate::archive::{self, Limits};
use crate::cancel::Cancel;
use crate::filename::{SdistFilename, SdistFormat};

use layout::Layout;

pub use check::{FaultKind, check};
pub use files::{SourceFile, SourceFiles};
pub use members::members;
pub use requires::build_requirements;

/// Where the modes of unpacked files come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modes {
    /// The archive's modes less these bits, as `tar --no-same-permissions`.
    LessUmask(u32),
    /// The archive's modes as they are, less set-user-id, set-group-id and
    /// sticky.
    AsArchived,
    /// As Python's tarfile unpacks with the filter "data" (PEP 706): nobody but the
    /// owner may write, and only what the owner may run can be run.
    DataFilter,
}

impl Modes {
    /// Returns the permissions of an unpacked file whose archived mode is this one.
    pub fn of_file(self, archived: u32) -> u32 {
        match self {
            Self::LessUmask(umask) => archived & 0o777 & !umask,
            Self::AsArchived => archived & 0o777,
            Self::DataFilter => {
                let kept = match archived & 0o100 {
                    0 => archived & 0o644,
                    _ => archived & 0o755,
                };
                kept | 0o600
            }
        }
    }
}

/// An unpacked sdist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The directory that the archive held.
    pub source: PathBuf,
    /// How many members were unpacked.
    pub members: u64,
    /// How many bytes all files have together.
    pub bytes: u64,
}

/// Why an sdist was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum SdistError {
    /// The archive is damaged, breaks a limit or holds a forbidden member.
    #[error(transparent)]
    Archive(#[from] TarError),
    /// The ZIP archive cannot be read, or a member of it.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// Careful readers may disagree about what the ZIP archive holds.
    #[error("the archive is refused: {0}")]
    ZipRefused(String),
    /// The archive is empty.
    #[error("the archive holds nothing")]
    Empty,
    /// Something lies beside the one top directory.
    #[error("member '{second}' lies outside '{first}', the one directory an sdist has")]
    SecondTop {
        /// The first top directory.
        first: String,
        /// The member beside it.
        second: String,
    },
    /// The top of the archive is a file or a link.
    #[error("'{0}' at the top of the archive is not a directory, which an sdist has there")]
    TopNotDirectory(String),
    /// Two members have the same name.
    #[error("member '{0}' appears twice, and programs differ in which one they keep")]
    Duplicate(String),
    /// A member lies below something that is not a directory.
    #[error("member '{member}' lies below '{parent}', which is not a directory of this archive")]
    ParentNotDirectory {
        /// The member.
        member: String,
        /// What is not a directory.
        parent: String,
    },
    /// A symbolic link leads out, or might.
    #[error("symbolic link '{member}' leads to '{}': {reason}", .target.escape_default())]
    Link {
        /// The link.
        member: String,
        /// Where it points, as written.
        target: String,
        /// Which rule that breaks.
        reason: &'static str,
    },
    /// Reading the sdist's file or writing below the directory failed.
    #[error("cannot {action} '{path}': {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("interrupted while unpacking")]
    Interrupted,
}

/// Unpacks an sdist into an existing empty directory that nobody else can
/// write to.
///
/// Nothing is written outside `into`, whatever the archive holds: every step
/// into a directory refuses links, files are only ever created, and links are
/// made when everything else has been written. When it fails, what has been
/// written so far stays for the caller to remove together with the directory.
///
/// # Errors
///
/// The first [`SdistError`].
pub fn unpack(
    sdist: &Path,
    name: &SdistFilename,
    into: &Path,
    modes: Modes,
    limits: &Limits,
    cancel: &Cancel,
) -> Result<Unpacked, SdistError> {
    let file = File::open(sdist).map_err(|source| SdistError::Io {
        action: "open",
        path: sdist.display().to_string(),
        source,
    })?;
    let root = rustix::fs::openat(CWD, into, DIRECTORY, Mode::empty()).map_err(|error| {
        SdistError::Io {
            action: "open",
            path: into.display().to_string(),
            source: error.into(),
        }
    })?;
    let mut unpacker = Unpacker {
        root,
        modes,
        limits: *limits,
        cancel,
        layout: Layout::default(),
        directories: BTreeMap::new(),
        links: Vec::new(),
        members: 0,
        bytes: 0,
        last_parent: None,
        buffer: vec![0; 64 * 1024],
    };
    match name.format() {
        SdistFormat::TarGz => tar::read_gzip(file, limits, |member, contents| {
            unpacker.add(member, contents)
        })?,
        SdistFormat::Zip => unpacker.add_zip(&Archive::from_file(file, *limits)?)?,
    }
    let top = unpacker.finish()?;
    Ok(Unpacked {
        source: into.join(top),
        members: unpacker.members,
        bytes: unpacker.bytes,
    })
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// What a directory is to look like in the end.
#[derive(Clone, Copy)]
struct Finish {
    mode: u32,
    mtime: Option<i64>,
}

struct Unpacker<'a> {
    root: OwnedFd,
    modes: Modes,
    limits: Limits,
    cancel: &'a Cancel,
    layout: Layout,
    /// Every directory that was made.
    directories: BTreeMap<String, Finish>,
    links: Vec<(Member, String)>,
    members: u64,
    bytes: u64,
    /// The directory of the member before: members come in order, mostly.
    last_parent: Option<(String, OwnedFd)>,
    buffer: Vec<u8>,
}

impl SdistError {
    /// Returns what is wrong with the sdist; `None` when it could not be read or
    /// unpacked.
    fn fault_kind(&self) -> Option<FaultKind> {
        use crate::archive::FaultKind as Archive;
        match self {
            Self::Archive(error) => error.fault_kind().map(FaultKind::Archive),
            Self::Zip(error) => error.fault_kind().map(FaultKind::Archive),
            Self::ZipRefused(_) => Some(FaultKind::Archive(Archive::Unreadable)),
            Self::Io { .. } | Self::Interrupted => None,
            Self::Empty | Self::SecondTop { .. } | Self::TopNotDirectory(_) => {
                Some(FaultKind::Layout)
            }
            Self::Duplicate(_) | Self::ParentNotDirectory { .. } => {
                Some(FaultKind::Archive(Archive::MemberRepeated))
            }
            Self::Link { .. } => Some(FaultKind::Archive(Archive::LinkEscapes)),
        }
    }

    /// Returns the name of the member it concerns.
    fn member(&self) -> Option<&str> {
        match self {
            Self::Archive(error) => error.member(),
            Self::SecondTop { second: member, .. }
            | Self::TopNotDirectory(member)
            | Self::Duplicate(member)
            | Self::ParentNotDirectory { member, .. }
            | Self::Link { member, .. } => Some(member),
            Self::Zip(_)
            | Self::ZipRefused(_)
            | Self::Empty
            | Self::Io { .. }
            | Self::Interrupted => None,
        }
    }
}

impl Unpacker<'_> {
    /// Adds the members of a ZIP archive, when all readers see the same ones.
    fn add_zip(&mut self, archive: &Archive<'_>) -> Result<(), SdistError> {
        let faults = faults(archive).finish();
        // These change nothing about what is read, and builds happen where case
        // counts.
        let harmless = [
            archive::FaultKind::Zip64WriterFault,
            archive::FaultKind::MemberTwin,
        ];
        if let Some(fault) = faults
            .into_iter()
            .find(|fault| !harmless.contains(&fault.kind))
        {
            let member = fault.member.unwrap_or_default();
            let found = fault.found.unwrap_or_default();
            return Err(SdistError::ZipRefused(format!(
                "{} ({found})",
                member.escape_debug()
            )));
        }
        for member in archive.members() {
            let plain = zip::member(member).map_err(|reason| TarError::Name {
                name: member.name().to_string(),
                reason,
            })?;
            self.add(&plain, &mut archive.reader(member)?)?;
        }
        Ok(())
    }

    fn add(&mut self, member: &Member, contents: &mut dyn Read) -> Result<(), SdistError> {
        if self.cancel.is_requested() {
            return Err(SdistError::Interrupted);
        }
        self.members += 1;
        if self.members > self.limits.members {
            return Err(TarError::TooManyMembers(self.limits.members).into());
        }
        self.layout.place(member)?;
        let path = member.path.as_str();
        let (parent, base) = path.rsplit_once('/').unwrap_or(("", path));
        let mode = self.mode_of(member);
        match &member.kind {
            Kind::Directory => {
                self.directory(path, path)?;
                let mtime = Some(member.mtime);
                self.directories
                    .insert(path.to_owned(), Finish { mode, mtime });
            }
            Kind::File => {
                self.directory(parent, path)?;
                self.file(member, base, mode, contents)?;
            }
            Kind::Symlink(target) => {
                self.directory(parent, path)?;
                self.links.push((member.clone(), target.clone()));
            }
        }
        Ok(())
    }

    fn mode_of(&self, member: &Member) -> u32 {
        let mode = self.modes.of_file(member.mode);
        // Who owns a file must be able to read it, or the build cannot. No
        // archive that anybody has built from lacks these bits.
        match member.kind {
            Kind::Directory => mode | 0o700,
            _ => mode | 0o400,
        }
    }

    /// Makes sure a directory exists, steps into it and keeps it open.
    fn directory(&mut self, path: &str, member: &str) -> Result<(), SdistError> {
        if self
            .last_parent
            .as_ref()
            .is_some_and(|(last, _)| last == path)
        {
            return Ok(());
        }
        let io = |error: rustix::io::Errno| SdistError::Io {
            action: "create the directory of",
            path: member.to_owned(),
            source: error.into(),
        };
        let mut at = rustix::io::fcntl_dupfd_cloexec(&self.root, 0).map_err(io)?;
        let mut so_far = String::new();
        for component in path.split('/').filter(|component| !component.is_empty()) {
            if !so_far.is_empty() {
                so_far.push('/');
            }
            so_far.push_str(component);
            if !self.directories.contains_key(&so_far) {
                rustix::fs::mkdirat(&at, component, Mode::RWXU).map_err(io)?;
                let umask = match self.modes {
                    Modes::LessUmask(umask) => umask,
                    Modes::AsArchived | Modes::DataFilter => 0o022,
                };
                let finish = Finish {
                    mode: 0o777 & !umask | 0o700,
                    mtime: None,
                };
                self.directories.insert(so_far.clone(), finish);
            }
            at = rustix::fs::openat(&at, component, DIRECTORY, Mode::empty()).map_err(io)?;
        }
        self.last_parent = Some((path.to_owned(), at));
        Ok(())
    }

    fn parent(&self) -> &OwnedFd {
        self.last_parent
            .as_ref()
            .map_or(&self.root, |(_, directory)| directory)
    }

    fn file(
        &mut self,
        member: &Member,
        base: &str,
        mode: u32,
        contents: &mut dyn Read,
    ) -> Result<(), SdistError> {
        let io = |action: &'static str| {
            let path = member.path.to_string();
            move |source: io::Error| SdistError::Io {
                action,
                path,
                source,
            }
        };
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.parent(), base, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| io("create")(error.into()))?;
        let mut file = File::from(file);
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            if self.cancel.is_requested() {
                return Err(SdistError::Interrupted);
            }
            let count = match contents.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(TarError::Read(error).into()),
            };
            file.write_all(buffer.get(..count).unwrap_or_default())
                .map_err(io("write"))?;
            self.bytes += count as u64;
        }
        self.buffer = buffer;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))
            .map_err(|error| io("set the mode of")(error.into()))?;
        rustix::fs::futimens(&file, &times(member.mtime))
            .map_err(|error| io("set the time of")(error.into()))?;
        Ok(())
    }

    /// Makes the links, then gives the directories their modes and times: making
    /// anything in a directory touches its time.
    fn finish(&mut self) -> Result<String, SdistError> {
        for (member, target) in std::mem::take(&mut self.links) {
            let path = member.path.as_str();
            let (parent, base) = path.rsplit_once('/').unwrap_or(("", path));
            self.directory(parent, path)?;
            let io = |error: rustix::io::Errno| SdistError::Io {
                action: "create the link",
                path: path.to_owned(),
                source: error.into(),
            };
            rustix::fs::symlinkat(target.as_str(), self.parent(), base).map_err(io)?;
            rustix::fs::utimensat(
                self.parent(),
                base,
                &times(member.mtime),
                AtFlags::SYMLINK_NOFOLLOW,
            )
            .map_err(io)?;
        }
        let directories: Vec<(String, Finish)> = std::mem::take(&mut self.directories)
            .into_iter()
            .rev()
            .collect();
        self.directories = directories.iter().cloned().collect();
        for (path, Finish { mode, mtime }) in directories {
            self.directory(&path, &path)?;
            let io = |error: rustix::io::Errno| SdistError::Io {
                action: "set mode and time of",
                path: path.clone(),
                source: error.into(),
            };
            rustix::fs::fchmod(self.parent(), Mode::from_raw_mode(mode)).map_err(io)?;
            if let Some(mtime) = mtime {
                rustix::fs::futimens(self.parent(), &times(mtime)).map_err(io)?;
            }
        }
        self.last_parent = None;
        self.layout
            .top()
            .map(str::to_owned)
            .ok_or(SdistError::Empty)
    }
}

fn times(mtime: i64) -> Timestamps {
    let time = Timespec {
        tv_sec: mtime,
        tv_nsec: 0,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}
