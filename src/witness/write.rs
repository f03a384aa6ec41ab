//! A plan written as bytes.

use std::io::{self, Read, Write};

use flate2::{Decompress, FlushDecompress, Status};

use super::plan::{Descriptor, MAX_32, Packing, Plan, Planned};
use super::{EditError, Identity, WitnessError};
use crate::archive::zip::{Archive, Member, MemberReader, ZipError};
use crate::cancel::Cancel;
use crate::deflate::deflate;
use crate::digest::{READ_SIZE, Sha256Hasher};

/// Writes the bytes that a plan describes; the contents come from the archive that
/// the plan was read from.
pub(super) fn write(
    plan: &Plan,
    archive: &Archive<'_>,
    out: &mut dyn Write,
    cancel: &Cancel,
) -> Result<Identity, WitnessError> {
    let mut writer = Writer {
        out,
        hasher: Sha256Hasher::new(),
        size: 0,
        cancel,
    };
    // Where each member is and how large it became, by its index.
    let mut places = vec![(0, 0); plan.members.len()];
    writer.write(&plan.prefix)?;
    for index in &plan.data {
        let (Some(planned), Some(member), Some(place)) = (
            plan.members.get(*index),
            archive.members().get(*index),
            places.get_mut(*index),
        ) else {
            continue;
        };
        let size = writer.packed_size(archive, member, planned)?;
        *place = (writer.size, size);
        writer.member(archive, member, planned, size)?;
    }
    let directory = writer.size;
    for index in &plan.directory {
        if let (Some(planned), Some((offset, size))) =
            (plan.members.get(*index), places.get(*index))
        {
            writer.central(planned, *offset, *size)?;
        }
    }
    let length = writer.size - directory;
    let count = short(plan.members.len())?;
    writer.write(b"PK\x05\x06\0\0\0\0")?;
    writer.write(&count)?;
    writer.write(&count)?;
    writer.write(&number(length)?)?;
    writer.write(&number(directory)?)?;
    writer.write(&short(plan.comment.len())?)?;
    writer.write(&plan.comment)?;
    Ok(Identity {
        size: writer.size,
        sha256: writer.hasher.finish(),
    })
}

struct Writer<'a> {
    out: &'a mut dyn Write,
    hasher: Sha256Hasher,
    size: u64,
    cancel: &'a Cancel,
}

impl Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), WitnessError> {
        self.cancel.check().map_err(WitnessError::Io)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.out.write_all(bytes).map_err(WitnessError::Io)
    }

    /// Returns how large the data of a member becomes; its header says so before.
    fn packed_size(
        &self,
        archive: &Archive<'_>,
        member: &Member,
        planned: &Planned,
    ) -> Result<u64, WitnessError> {
        match &planned.packing {
            Packing::AsIs => Ok(planned.compressed_size),
            Packing::Store => Ok(planned.uncompressed_size),
            Packing::Stream(stream) => {
                match unpacks_to(stream, contents(archive, member)?, self.cancel)? {
                    true => Ok(stream.len() as u64),
                    false => Err(
                        EditError::OtherContents(planned.name.escape_debug().to_string()).into(),
                    ),
                }
            }
            Packing::Deflate(settings) => {
                let mut size = 0;
                deflate(contents(archive, member)?, *settings, |piece| {
                    size += piece.len() as u64;
                    self.cancel.check().map(|()| true)
                })?;
                Ok(size)
            }
        }
    }

    fn member(
        &mut self,
        archive: &Archive<'_>,
        member: &Member,
        planned: &Planned,
        size: u64,
    ) -> Result<(), WitnessError> {
        let fields = &planned.fields;
        let sums = planned.sums(size).ok_or(EditError::TooLarge)?;
        self.write(b"PK\x03\x04")?;
        self.common(planned)?;
        self.write(bytes(fields.local_sizes.fields(sums)).as_flattened())?;
        self.write(&short(planned.name.len())?)?;
        self.write(&short(fields.local_extra.len())?)?;
        self.write(planned.name.as_bytes())?;
        self.write(&fields.local_extra)?;
        match &planned.packing {
            Packing::AsIs => self.copy(archive.raw(member.data()))?,
            Packing::Store => self.copy(contents(archive, member)?)?,
            Packing::Stream(stream) => self.write(stream)?,
            Packing::Deflate(settings) => {
                let mut failed = None;
                deflate(contents(archive, member)?, *settings, |piece| {
                    failed = self.write(piece).err();
                    Ok(failed.is_none())
                })?;
                failed.map_or(Ok(()), Err)?;
            }
        }
        match fields.descriptor {
            Descriptor::None => return Ok(()),
            Descriptor::Signed32 | Descriptor::Signed64 => self.write(b"PK\x07\x08")?,
            Descriptor::Bare32 | Descriptor::Bare64 => {}
        }
        match fields.descriptor {
            Descriptor::Signed64 | Descriptor::Bare64 => {
                self.write(&planned.crc32.to_le_bytes())?;
                self.write(&size.to_le_bytes())?;
                self.write(&planned.uncompressed_size.to_le_bytes())
            }
            _ => self.write(bytes(sums).as_flattened()),
        }
    }

    /// Writes what both headers have in front of the CRC-32.
    fn common(&mut self, planned: &Planned) -> Result<(), WitnessError> {
        let fields = &planned.fields;
        for value in [
            fields.version_needed,
            fields.flags,
            planned.method.0,
            fields.time.time,
            fields.time.date,
        ] {
            self.write(&value.to_le_bytes())?;
        }
        Ok(())
    }

    fn central(&mut self, planned: &Planned, offset: u64, size: u64) -> Result<(), WitnessError> {
        let fields = &planned.fields;
        self.write(b"PK\x01\x02")?;
        self.write(&fields.creator.to_le_bytes())?;
        self.common(planned)?;
        let sums = planned.sums(size).ok_or(EditError::TooLarge)?;
        self.write(bytes(sums).as_flattened())?;
        self.write(&short(planned.name.len())?)?;
        self.write(&short(fields.central_extra.len())?)?;
        self.write(&short(fields.comment.len())?)?;
        self.write(&[0; 2])?;
        self.write(&fields.internal.to_le_bytes())?;
        self.write(&fields.external.to_le_bytes())?;
        self.write(&number(offset)?)?;
        self.write(planned.name.as_bytes())?;
        self.write(&fields.central_extra)?;
        self.write(&fields.comment)
    }

    fn copy(&mut self, mut from: impl Read) -> Result<(), WitnessError> {
        let mut buffer = vec![0; READ_SIZE];
        loop {
            match from.read(&mut buffer).map_err(broken)? {
                0 => return Ok(()),
                count => self.write(buffer.get(..count).unwrap_or_default())?,
            }
        }
    }
}

/// Returns what a member holds, checked at its end against size and CRC-32.
pub(super) fn contents<'a>(
    archive: &'a Archive<'_>,
    member: &'a Member,
) -> Result<MemberReader<'a>, WitnessError> {
    archive.reader(member).map_err(WitnessError::Zip)
}

/// Tells a damaged member from a disk that fails.
pub(super) fn broken(error: io::Error) -> WitnessError {
    match error.downcast::<ZipError>() {
        Ok(error) => WitnessError::Zip(error),
        Err(error) => WitnessError::Io(error),
    }
}

/// Returns whether a deflate stream is whole, has nothing behind its end and unpacks
/// to what a reader gives.
pub(super) fn unpacks_to(
    stream: &[u8],
    mut contents: MemberReader<'_>,
    cancel: &Cancel,
) -> Result<bool, WitnessError> {
    let mut inflate = Decompress::new(false);
    let mut rest = stream;
    let mut unpacked = vec![0; READ_SIZE];
    let mut wanted = vec![0; READ_SIZE];
    loop {
        cancel.check().map_err(WitnessError::Io)?;
        let before = (inflate.total_in(), inflate.total_out());
        let Ok(status) = inflate.decompress(rest, &mut unpacked, FlushDecompress::None) else {
            return Ok(false);
        };
        let taken = usize::try_from(inflate.total_in() - before.0).unwrap_or(usize::MAX);
        let given = usize::try_from(inflate.total_out() - before.1).unwrap_or(usize::MAX);
        rest = rest.get(taken..).unwrap_or_default();
        let mut piece = unpacked.get(..given).unwrap_or_default();
        while !piece.is_empty() {
            let room = wanted.get_mut(..piece.len()).unwrap_or_default();
            let count = contents.read_piece(room).map_err(WitnessError::Zip)?;
            let (now, later) = piece.split_at(count);
            if count == 0 || wanted.get(..count) != Some(now) {
                return Ok(false);
            }
            piece = later;
        }
        if status == Status::StreamEnd {
            let ended = contents
                .read_piece(&mut wanted)
                .map_err(WitnessError::Zip)?
                == 0;
            return Ok(ended && rest.is_empty());
        }
        if taken == 0 && given == 0 {
            return Ok(false);
        }
    }
}

fn bytes(fields: [u32; 3]) -> [[u8; 4]; 3] {
    fields.map(u32::to_le_bytes)
}

/// Returns a 32-bit field, unless it would refer to ZIP64.
fn number(value: u64) -> Result<[u8; 4], EditError> {
    match u32::try_from(value) {
        Ok(narrow) if value <= MAX_32 => Ok(narrow.to_le_bytes()),
        _ => Err(EditError::TooLarge),
    }
}

fn short(length: usize) -> Result<[u8; 2], EditError> {
    let length = u16::try_from(length).map_err(|_| EditError::TooLarge)?;
    Ok(length.to_le_bytes())
}
