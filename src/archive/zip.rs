//! ZIP archives as wheels use them (PKWARE APPNOTE.TXT 6.3.10).
//!
//! In: a file or bytes nobody has vouched for. Out: [`Archive`], every member in
//! the order of the central directory with every field that decides bytes, and
//! the contents as streams that stay within [`Limits`]. Nothing is trusted and
//! nothing is judged: a duplicate name, a local header that disagrees or bytes
//! between the records are facts to look at here and findings elsewhere.
//!
//! Members are those of the central directory, as for pip. An archive in which
//! two careful readers may find two central directories is refused.

mod check;
mod contents;
mod error;
mod header;

#[cfg(test)]
pub(crate) mod build;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use rawzip::{FileReader, RangeReader, ReaderAt, ZipArchive, ZipLocator};
use rustix::io::Errno;

use super::{Clash, Fault, FaultKind, Faults, check_name, clashes};
use super::{Limits, RATIO_FREE_BYTES};
use header::{behind_extra_fields, u16_at, u32_at, u64_at};

pub use check::faults;
pub use contents::MemberReader;
pub use error::ZipError;
pub use header::{
    CentralHeader, DescriptorForm, DosTime, LocalHeader, Method, RawText, UNIX, extra_fields,
};

/// The most bytes that names, extra fields and comments of an archive may take
/// together in memory.
const HEADER_BYTES: u64 = 64 << 20;

/// The size of the end of central directory record without its comment
/// (APPNOTE 4.3.16).
const END_RECORD: usize = 22;

/// The size of the ZIP64 end of central directory locator (APPNOTE 4.3.15).
const ZIP64_LOCATOR: usize = 20;

/// The size of the ZIP64 end of central directory record without its
/// extensible data (APPNOTE 4.3.14).
const ZIP64_END_RECORD: usize = 56;

/// Where the bytes are.
enum Source<'a> {
    Bytes(&'a [u8]),
    File {
        file: FileReader,
        /// The first error of the system, by its number. The library tries a second
        /// reading where the first one fails, and an error is no reason for that:
        /// what could not be read may have been what decides.
        failed: OnceLock<i32>,
    },
}

impl Source<'_> {
    fn file(file: File) -> Self {
        Self::File {
            file: file.into(),
            failed: OnceLock::new(),
        }
    }

    /// Returns an error that the system gave while reading, whoever ignored it.
    fn failed(&self) -> Option<ZipError> {
        match self {
            Self::File { failed, .. } => failed
                .get()
                .map(|number| ZipError::Io(io::Error::from_raw_os_error(*number))),
            Self::Bytes(_) => None,
        }
    }
}

impl ReaderAt for Source<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        // Offsets come from the archive. The operating system refuses those
        // beyond its largest file as if the disk had failed; nothing is there.
        if i64::try_from(offset).is_err() {
            return Ok(0);
        }
        loop {
            let result = match self {
                Self::Bytes(bytes) => bytes.read_at(buffer, offset),
                Self::File { file, .. } => file.read_at(buffer, offset),
            };
            match (result, self) {
                (Err(error), _) if error.kind() == io::ErrorKind::Interrupted => {}
                (Err(error), Self::File { failed, .. }) => {
                    let _ = failed.set(error.raw_os_error().unwrap_or(Errno::IO.raw_os_error()));
                    return Err(error);
                }
                (other, _) => return other,
            }
        }
    }
}

/// A member with both its headers and the place of its data.
#[derive(Debug, Clone)]
pub struct Member {
    central: CentralHeader,
    local: LocalHeader,
    data: Range<u64>,
    descriptor: Option<DescriptorForm>,
}

impl Member {
    /// Returns the header in the central directory, the one that counts.
    pub fn central(&self) -> &CentralHeader {
        &self.central
    }

    /// Returns the header in front of the data, which may say something else.
    pub fn local(&self) -> &LocalHeader {
        &self.local
    }

    /// Returns the name of the central directory.
    pub fn name(&self) -> &RawText {
        &self.central.name
    }

    /// Returns where the compressed data is, in bytes from the start of the
    /// file.
    pub fn data(&self) -> Range<u64> {
        self.data.clone()
    }

    /// Returns how the data descriptor behind the data is written, when the
    /// central directory announces one.
    pub fn descriptor(&self) -> Option<DescriptorForm> {
        self.descriptor
    }

    /// Returns where local header, data and data descriptor are, in bytes from
    /// the start of the file.
    pub fn extent(&self) -> Range<u64> {
        let descriptor = self.descriptor.map_or(0, DescriptorForm::size);
        self.central.local_header_offset..self.data.end.saturating_add(descriptor)
    }
}

/// A ZIP archive whose list of members has been read.
pub struct Archive<'a> {
    source: Source<'a>,
    size: u64,
    members: Vec<Member>,
    comment: RawText,
    directory: Range<u64>,
    end: u64,
    declared_members: u64,
    is_zip64: bool,
    declared_offset: u64,
    is_in_parts: bool,
}

impl Archive<'static> {
    /// Opens the archive at a path, which must be a regular file.
    ///
    /// # Errors
    ///
    /// As [`Archive::from_file`].
    pub fn open(path: &Path, limits: Limits) -> Result<Self, ZipError> {
        Self::from_file(
            super::open_regular_file(path).map_err(ZipError::Io)?,
            limits,
        )
    }

    /// Reads the list of members of an open file. Memory is bounded by the
    /// number of members, whatever the size of the file.
    ///
    /// # Errors
    ///
    /// Everything in [`ZipError`] that concerns the archive as a whole or a
    /// local header.
    pub fn from_file(file: File, limits: Limits) -> Result<Self, ZipError> {
        let size = file.metadata().map_err(ZipError::Io)?.len();
        Self::read(Source::file(file), size, limits)
    }
}

impl<'a> Archive<'a> {
    /// Reads the list of members of an archive in memory.
    ///
    /// # Errors
    ///
    /// As [`Archive::from_file`].
    pub fn from_slice(bytes: &'a [u8], limits: Limits) -> Result<Self, ZipError> {
        Self::read(Source::Bytes(bytes), bytes.len() as u64, limits)
    }

    /// Returns the members in the order of the central directory, those with
    /// equal names too.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Returns the size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the archive comment (APPNOTE 4.4.26).
    pub fn comment(&self) -> &RawText {
        &self.comment
    }

    /// Returns where the central directory is, in bytes from the start of the
    /// file.
    pub fn directory(&self) -> Range<u64> {
        self.directory.clone()
    }

    /// Returns the number of members that the end record states (APPNOTE
    /// 4.4.22). Members are counted in the directory, not here.
    pub fn declared_members(&self) -> u64 {
        self.declared_members
    }

    /// Returns whether the archive ends with the records of ZIP64 (4.3.14).
    pub fn is_zip64(&self) -> bool {
        self.is_zip64
    }

    /// Returns where the end record places the central directory (4.4.24), in bytes
    /// from the first record or from the start of the file.
    pub fn declared_offset(&self) -> u64 {
        self.declared_offset
    }

    /// Returns whether the end record is that of one part of several (4.4.19 to
    /// 4.4.22). They are read as if there were one.
    pub fn is_in_parts(&self) -> bool {
        self.is_in_parts
    }

    /// Returns the bytes before the first record.
    pub fn prefix(&self) -> Range<u64> {
        let first = self
            .members
            .iter()
            .map(|member| member.central.local_header_offset)
            .min()
            .unwrap_or(self.directory.start);
        0..first.min(self.directory.start)
    }

    /// Returns the bytes behind the end record and its comment.
    pub fn trailing(&self) -> Range<u64> {
        self.end..self.size
    }

    /// Returns the bytes between the records that belong to no record, in
    /// ascending order.
    pub fn gaps(&self) -> Vec<Range<u64>> {
        let mut extents: Vec<_> = self.members.iter().map(Member::extent).collect();
        extents.sort_by_key(|extent| (extent.start, extent.end));
        let mut gaps = Vec::new();
        let mut reached = self.prefix().end;
        for extent in extents
            .into_iter()
            .chain([self.directory_and_zip64_record(), self.end_records()])
        {
            if extent.start > reached {
                gaps.push(reached..extent.start);
            }
            reached = reached.max(extent.end);
        }
        gaps
    }

    /// Returns where the central directory is with the end record of ZIP64, which
    /// has to follow it.
    fn directory_and_zip64_record(&self) -> Range<u64> {
        let record = if self.is_zip64 { ZIP64_END_RECORD } else { 0 };
        self.directory.start..self.directory.end.saturating_add(record as u64)
    }

    /// Returns where the end record is with its comment, and with the locator of
    /// ZIP64 before it.
    fn end_records(&self) -> Range<u64> {
        let locator = if self.is_zip64 { ZIP64_LOCATOR } else { 0 };
        let length = END_RECORD + self.comment.as_bytes().len() + locator;
        self.end.saturating_sub(length as u64)..self.end
    }

    /// Returns the contents of a member of this archive as a stream.
    ///
    /// # Errors
    ///
    /// [`ZipError::Encrypted`] or [`ZipError::UnsupportedMethod`].
    pub fn reader<'r>(&'r self, member: &'r Member) -> Result<MemberReader<'r>, ZipError> {
        MemberReader::new(&self.source, member)
    }

    /// Returns the contents of a member that has at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`ZipError::LargerThanAsked`], and everything a [`MemberReader`] gives.
    pub fn contents(&self, member: &Member, limit: u64) -> Result<Vec<u8>, ZipError> {
        let size = member.central.uncompressed_size;
        if size > limit {
            return Err(ZipError::LargerThanAsked {
                name: member.name().clone(),
                size,
                limit,
            });
        }
        let mut reader = self.reader(member)?;
        let mut contents = Vec::new();
        // Grows with what arrives, never by what is declared.
        let mut piece = [0; 16 * 1024];
        loop {
            match reader.read_piece(&mut piece)? {
                0 => return Ok(contents),
                count => contents.extend_from_slice(piece.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Returns bytes of the file as they are, from a range of offsets.
    pub fn raw(&self, range: Range<u64>) -> impl Read + '_ {
        RangeReader::new(&self.source, range)
    }

    fn read(source: Source<'a>, size: u64, limits: Limits) -> Result<Self, ZipError> {
        let mut buffer = vec![0; rawzip::MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        // The last end record counts, no further back than a comment can reach,
        // as in Python's zipfile and so in pip.
        let reach = (END_RECORD + usize::from(u16::MAX)) as u64;
        let archive = ZipLocator::new()
            .max_search_space(reach)
            .locate_in_reader(source, &mut buffer, size)
            .map_err(|(source, error)| {
                let other = || ZipError::from_rawzip("the end record", error);
                source.failed().unwrap_or_else(other)
            })?;
        let source = archive.get_ref();
        let end_record: [u8; END_RECORD] = read_array(source, archive.eocd_offset())
            .map_err(|error| ZipError::from_io("the end record", error))?;
        let comment_start = archive.eocd_offset().saturating_add(END_RECORD as u64);
        let mut comment = vec![0; usize::from(u16_at(&end_record, 20))];
        source
            .read_exact_at(&mut comment, comment_start)
            .map_err(|error| ZipError::from_io("the archive comment", error))?;
        let (members, directory) = read_directory(&archive, &mut buffer, size, limits)?;
        let end = archive.end_offset();
        let declared_members = archive.entries_hint();
        let zip64 = zip64_end_record(source, archive.eocd_offset(), &directory);
        // ZIP64 may fill the numbers up.
        let is_first = |at| {
            let disk = u16_at(&end_record, at);
            disk == 0 || (disk == u16::MAX && zip64.is_some())
        };
        let is_whole = u16_at(&end_record, 8) == u16_at(&end_record, 10);
        let is_in_parts = !(is_first(4) && is_first(6) && is_whole);
        let declared = match &zip64 {
            Some(record) => u64_at(record, 40),
            None => u64::from(u32_at(&end_record, 12)),
        };
        let declared_offset = match &zip64 {
            Some(record) => u64_at(record, 48),
            None => u64::from(u32_at(&end_record, 16)),
        };
        let found = directory.end.saturating_sub(directory.start);
        if declared != found {
            return Err(ZipError::MisplacedDirectory {
                offset: directory.start,
                declared,
                found,
            });
        }
        if let Some(error) = source.failed() {
            return Err(error);
        }
        Ok(Self {
            source: archive.into_inner(),
            size,
            members,
            comment: RawText::new(&comment),
            directory,
            end,
            declared_members,
            is_zip64: zip64.is_some(),
            declared_offset,
            is_in_parts,
        })
    }
}

impl std::fmt::Debug for Archive<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Archive")
            .field("size", &self.size)
            .field("members", &self.members)
            .field("comment", &self.comment)
            .finish_non_exhaustive()
    }
}

/// Returns the ZIP64 end record when it stands where it must: behind the
/// directory, with its locator before the end record.
fn zip64_end_record(
    source: &Source<'_>,
    end_record: u64,
    directory: &Range<u64>,
) -> Option<[u8; ZIP64_END_RECORD]> {
    let locator_offset = end_record.checked_sub(ZIP64_LOCATOR as u64)?;
    let locator: [u8; ZIP64_LOCATOR] = read_array(source, locator_offset).ok()?;
    let record: [u8; ZIP64_END_RECORD] = read_array(source, directory.end).ok()?;
    (directory.end < locator_offset
        && u32_at(&locator, 0) == 0x0706_4b50
        && u32_at(&record, 0) == 0x0606_4b50)
        .then_some(record)
}

/// Reads all members and finds where the central directory ends.
fn read_directory(
    archive: &ZipArchive<Source<'_>>,
    buffer: &mut [u8],
    size: u64,
    limits: Limits,
) -> Result<(Vec<Member>, Range<u64>), ZipError> {
    const WHAT: &str = "the central directory";
    let source = archive.get_ref();
    let start = archive.directory_offset();
    let mut end = start;
    let mut members = Vec::new();
    let mut header_bytes = 0u64;
    let mut total_bytes = 0u64;
    let mut entries = archive.entries(buffer);
    while let Some(entry) = entries
        .next_entry()
        .map_err(|error| ZipError::from_rawzip(WHAT, error))?
    {
        if members.len() as u64 >= limits.members {
            return Err(ZipError::TooManyMembers {
                limit: limits.members,
            });
        }
        // The library resolves ZIP64 and keeps some fields to itself, so the
        // fixed part is read once more.
        let fixed: [u8; CentralHeader::FIXED] =
            read_array(source, entry.central_directory_offset())
                .map_err(|error| ZipError::from_io(WHAT, error))?;
        let central = CentralHeader {
            version_made_by: u16_at(&fixed, 4),
            version_needed: u16_at(&fixed, 6),
            flags: u16_at(&fixed, 8),
            method: Method(u16_at(&fixed, 10)),
            time: DosTime {
                time: u16_at(&fixed, 12),
                date: u16_at(&fixed, 14),
            },
            crc32: u32_at(&fixed, 16),
            compressed_size: entry.compressed_size_hint(),
            uncompressed_size: entry.uncompressed_size_hint(),
            disk: u16_at(&fixed, 34),
            internal_attributes: u16_at(&fixed, 36),
            external_attributes: u32_at(&fixed, 38),
            local_header_offset: entry.local_header_offset(),
            name: RawText::new(entry.file_path().as_bytes()),
            extra: entry.extra_fields().remaining_bytes().into(),
            comment: RawText::new(entry.comment().as_bytes()),
            zip64_needed: header::zip64_needed(&fixed),
        };
        let variable = (central.name.as_bytes().len()
            + central.extra.len()
            + central.comment.as_bytes().len()) as u64;
        end = entry
            .central_directory_offset()
            .saturating_add(fixed.len() as u64)
            .saturating_add(variable);
        if central.uncompressed_size > limits.member_bytes {
            return Err(ZipError::MemberTooLarge {
                name: central.name,
                declared: central.uncompressed_size,
                limit: limits.member_bytes,
            });
        }
        // Reading never yields more than is declared, so this bounds what all
        // members together can yield, those that share their data too.
        total_bytes = total_bytes.saturating_add(central.uncompressed_size);
        if total_bytes > limits.total_bytes {
            return Err(ZipError::TotalTooLarge {
                limit: limits.total_bytes,
            });
        }
        let member = read_local(source, central, size)?;
        header_bytes = header_bytes
            .saturating_add(variable)
            .saturating_add(member.local.name.as_bytes().len() as u64)
            .saturating_add(member.local.extra.len() as u64);
        if header_bytes > HEADER_BYTES {
            return Err(ZipError::HeadersTooLarge {
                limit: HEADER_BYTES,
            });
        }
        members.push(member);
    }
    if total_bytes > RATIO_FREE_BYTES && total_bytes > size.saturating_mul(limits.ratio) {
        return Err(ZipError::Ratio {
            declared: total_bytes,
            size,
            ratio: limits.ratio,
        });
    }
    Ok((members, start..end))
}

/// Reads the local header of a member and finds its data.
fn read_local(source: &Source<'_>, central: CentralHeader, size: u64) -> Result<Member, ZipError> {
    let offset = central.local_header_offset;
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => ZipError::NoLocalHeader {
            name: central.name.clone(),
            offset,
        },
        _ => ZipError::Io(error),
    };
    if offset >= size {
        return Err(missing(io::ErrorKind::UnexpectedEof.into()));
    }
    let fixed: [u8; LocalHeader::FIXED] = read_array(source, offset).map_err(missing)?;
    if u32_at(&fixed, 0) != LocalHeader::SIGNATURE {
        return Err(missing(io::ErrorKind::UnexpectedEof.into()));
    }
    let name_size = usize::from(u16_at(&fixed, 26));
    let extra_size = usize::from(u16_at(&fixed, 28));
    let mut variable = vec![0; name_size + extra_size];
    // No overflow: the offset is inside the file, and no file has that size.
    let variable_start = offset.saturating_add(fixed.len() as u64);
    source
        .read_exact_at(&mut variable, variable_start)
        .map_err(missing)?;
    let (name, extra) = variable.split_at_checked(name_size).unwrap_or_default();
    let local = LocalHeader::parse(&fixed, name, extra);
    let start = variable_start.saturating_add(variable.len() as u64);
    let end = start
        .checked_add(central.compressed_size)
        .filter(|end| *end <= size)
        .ok_or_else(|| ZipError::DataOutside {
            name: central.name.clone(),
        })?;
    let descriptor = if central.has_descriptor() {
        let mut bytes = [0; DescriptorForm::LONGEST];
        let length = size.saturating_sub(end).min(bytes.len() as u64);
        let part = bytes
            .get_mut(..usize::try_from(length).unwrap_or(0))
            .unwrap_or_default();
        source.read_exact_at(part, end).map_err(ZipError::Io)?;
        Some(DescriptorForm::find(part, &central))
    } else {
        None
    };
    Ok(Member {
        central,
        local,
        data: start..end,
        descriptor,
    })
}

/// Reads exactly as many bytes as the array has.
fn read_array<const N: usize>(source: &Source<'_>, offset: u64) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    source.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}
