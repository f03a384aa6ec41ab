//! Whether an sdist is what its name says and can be unpacked safely.
//!
//! In: an open file with the name of an sdist. Out: every [`Fault`], or that the
//! file could not be read. Members are read once and thrown away but for
//! PKG-INFO.

use std::fs::File;
use std::io::{self, Read};

use super::layout::Layout;
use super::{SdistError, zip};
use crate::archive::tar::{self, Member, TarError};
use crate::archive::zip::{self as zip_archive, Archive, ZipError, faults};
use crate::archive::{self, Clash, Fault, Faults, Limits, clashes};
use crate::cancel::Cancel;
use crate::count::counted;
use crate::digest::READ_SIZE;
use crate::filename::{SdistFilename, SdistFormat, is_version};
use crate::metadata::{self, Fields};
use crate::relpath::spelled_out;

/// What is wrong with an sdist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// Something is wrong with the archive.
    Archive(archive::FaultKind),
    /// It does not hold exactly one directory.
    Layout,
    /// Its directory has another name than the file.
    DirectoryName,
    /// PKG-INFO is not there.
    MetadataMissing,
    /// PKG-INFO names another project or version than the file name.
    MetadataMismatch,
}

impl From<archive::FaultKind> for FaultKind {
    fn from(kind: archive::FaultKind) -> Self {
        Self::Archive(kind)
    }
}

/// Returns what is wrong with an sdist. `read` is told how many bytes of contents
/// were read.
///
/// # Errors
///
/// The file could not be read, or somebody asked to stop.
pub fn check(
    file: File,
    filename: &SdistFilename,
    limits: Limits,
    cancel: &Cancel,
    read: &(dyn Fn(u64) + Sync),
) -> io::Result<Vec<Fault<FaultKind>>> {
    let mut seen = Seen {
        layout: Layout::default(),
        faults: Faults::default(),
        names: Vec::new(),
        metadata: None,
        is_cut_short: false,
        limits,
        cancel,
        read,
        buffer: vec![0; READ_SIZE],
    };
    match filename.format() {
        SdistFormat::TarGz => seen.tar(file)?,
        SdistFormat::Zip => seen.zip(file)?,
    }
    seen.conclude(filename);
    Ok(seen.faults.finish())
}

/// Why looking into an sdist stopped.
enum Stop {
    /// Nothing can be read behind this fault.
    Fault(TarError),
    /// The file could not be read, or somebody asked to stop.
    Io(io::Error),
}

impl From<TarError> for Stop {
    fn from(error: TarError) -> Self {
        match error {
            TarError::Read(error) if error.raw_os_error().is_some() => Self::Io(error),
            other => Self::Fault(other),
        }
    }
}

/// What was seen of an sdist so far.
struct Seen<'a> {
    layout: Layout,
    faults: Faults<FaultKind>,
    /// The names of the members of a tar archive.
    names: Vec<String>,
    /// PKG-INFO in the top directory, when it was there and small enough.
    metadata: Option<Vec<u8>>,
    /// Whether reading ended at a fault before the last member.
    is_cut_short: bool,
    limits: Limits,
    cancel: &'a Cancel,
    read: &'a (dyn Fn(u64) + Sync),
    buffer: Vec<u8>,
}

impl Seen<'_> {
    fn tar(&mut self, file: File) -> io::Result<()> {
        let (limits, cancel) = (self.limits, self.cancel);
        let mut refused: Faults<FaultKind> = Faults::default();
        let result = tar::inspect_gzip(
            Watched { file, cancel },
            &limits,
            |member, contents| self.member(member, contents),
            |fault| {
                refused.extend(fault_of(&fault.into()));
                Ok(())
            },
        );
        self.faults.absorb(refused);
        match result {
            Ok(()) => Ok(()),
            Err(Stop::Io(error)) => Err(error),
            Err(Stop::Fault(_)) if cancel.is_requested() => cancel.check(),
            Err(Stop::Fault(fault)) => {
                self.faults.extend(fault_of(&fault.into()));
                self.is_cut_short = true;
                Ok(())
            }
        }
    }

    fn zip(&mut self, file: File) -> io::Result<()> {
        let archive = match Archive::from_file(file, self.limits) {
            Ok(archive) => archive,
            Err(error) => return self.zip_error(error),
        };
        self.faults.absorb(faults(&archive));
        for member in archive.members() {
            // Names that are none were told with the headers.
            let Ok(plain) = zip::member(member) else {
                continue;
            };
            // So were names that stand twice or differ in case only.
            let is_placed = match self.layout.place(&plain) {
                Ok(()) => true,
                Err(SdistError::Archive(error)) => {
                    self.faults.extend(fault_of(&error.into()));
                    self.is_cut_short = true;
                    return Ok(());
                }
                Err(error @ (SdistError::SecondTop { .. } | SdistError::TopNotDirectory(_))) => {
                    self.faults.extend(fault_of(&error));
                    false
                }
                Err(_) => false,
            };
            let is_metadata = is_placed && is_metadata(&plain);
            if let Err(error) = self.zip_contents(&archive, member, is_metadata) {
                self.zip_error(error)?;
            }
        }
        Ok(())
    }

    fn zip_contents(
        &mut self,
        archive: &Archive<'_>,
        member: &zip_archive::Member,
        is_metadata: bool,
    ) -> Result<(), ZipError> {
        let mut reader = archive.reader(member)?;
        let mut kept = is_metadata.then(Vec::new);
        loop {
            self.cancel.check().map_err(ZipError::Io)?;
            let count = reader.read_piece(&mut self.buffer)?;
            if count == 0 {
                break;
            }
            (self.read)(count as u64);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            }
        }
        if reader.excess() > 0 {
            let fault = Fault::new(archive::FaultKind::HiddenData.into()).member(member.name());
            let bytes = counted(reader.excess(), "byte", "bytes");
            self.faults
                .push(fault.found(format!("{bytes} behind the end of the compressed data")));
        }
        self.metadata = kept.or(self.metadata.take());
        Ok(())
    }

    /// Tells a fault of the archive from a file that cannot be read.
    fn zip_error(&mut self, error: ZipError) -> io::Result<()> {
        match error {
            ZipError::Io(error) => Err(error),
            error => {
                self.faults.extend(fault_of(&error.into()));
                Ok(())
            }
        }
    }

    /// Places a member, and keeps its name.
    fn place(&mut self, member: &Member) -> Result<(), SdistError> {
        self.layout.place(member)?;
        match &member.kind {
            tar::Kind::Directory => self.names.push(format!("{}/", member.path)),
            _ => self.names.push(member.path.to_string()),
        }
        Ok(())
    }

    fn member(&mut self, member: &Member, contents: &mut dyn Read) -> Result<(), Stop> {
        if self.names.len() as u64 >= self.limits.members {
            return Err(TarError::TooManyMembers(self.limits.members).into());
        }
        let is_placed = match self.place(member) {
            Ok(()) => true,
            Err(SdistError::Archive(error)) => return Err(error.into()),
            Err(error) => {
                self.faults.extend(fault_of(&error));
                false
            }
        };
        let mut kept = (is_placed && is_metadata(member)).then(Vec::new);
        loop {
            self.cancel.check().map_err(Stop::Io)?;
            let count = match contents.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(TarError::Read(error).into()),
            };
            (self.read)(count as u64);
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(self.buffer.get(..count).unwrap_or_default());
            }
        }
        if kept.is_some() {
            self.metadata = kept;
        }
        Ok(())
    }

    /// Says what can be said only of the whole.
    fn conclude(&mut self, filename: &SdistFilename) {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        for (clash, name, other) in clashes(&names) {
            // Equal names were told where they stand.
            if clash == Clash::Twin {
                let [name, other] =
                    [name, other].map(|place| names.get(place).copied().unwrap_or_default());
                self.faults.push(
                    Fault::new(archive::FaultKind::MemberTwin.into())
                        .member(name)
                        .found(format!("there is '{}' too", spelled_out(other))),
                );
            }
        }
        let Some(top) = self.layout.top() else {
            // An archive that cannot be read has nothing either; that is told.
            if self.faults.is_empty() {
                self.faults.push(
                    Fault::new(FaultKind::Layout)
                        .expected("one directory")
                        .found("an empty archive"),
                );
            }
            return;
        };
        let names_file = SdistFilename::parse(&format!("{top}.tar.gz")).is_ok_and(|name| {
            name.project() == filename.project() && name.version() == filename.version()
        });
        if !names_file {
            self.faults.push(
                Fault::new(FaultKind::DirectoryName)
                    .member(format!("{top}/"))
                    .expected(format!(
                        "{}, or the same in another spelling",
                        filename.stem()
                    ))
                    .found(top),
            );
        }
        let member = format!("{top}/PKG-INFO");
        let Some(metadata) = &self.metadata else {
            if !self.is_cut_short {
                let fault = Fault::new(FaultKind::MetadataMissing);
                self.faults.push(fault.member(member));
            }
            return;
        };
        let fields = Fields::parse(metadata);
        let (project, version) = (filename.project(), filename.version());
        let found_name = metadata::mismatch(&fields, "Name", |name| project.is_spelled(name));
        let found_version =
            metadata::mismatch(&fields, "Version", |text| is_version(text, version));
        for (expected, found) in [
            (format!("Name: {project}"), found_name),
            (format!("Version: {version}"), found_version),
        ] {
            if let Some(found) = found {
                let fault = Fault::new(FaultKind::MetadataMismatch).member(&member);
                self.faults.push(fault.expected(expected).found(found));
            }
        }
    }
}

/// Returns whether a member is the PKG-INFO of its sdist, and small enough to be
/// kept.
fn is_metadata(member: &Member) -> bool {
    let below = member.path.as_str().split_once('/');
    below.is_some_and(|(_, name)| name == "PKG-INFO")
        && member.kind == tar::Kind::File
        && member.size <= metadata::MAX_BYTES
}

/// Returns what is wrong; `None` when nothing is wrong with the sdist itself.
fn fault_of(error: &SdistError) -> Option<Fault<FaultKind>> {
    let fault = Fault::new(error.fault_kind()?).found(error);
    Some(match error.member() {
        Some(member) => fault.member(member),
        None => fault,
    })
}

/// A file whose reading ends when somebody asks to stop, members that are passed
/// over too.
struct Watched<'a> {
    file: File,
    cancel: &'a Cancel,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cancel.check()?;
        self.file.read(buffer)
    }
}

#[cfg(test)]
mod tests;
