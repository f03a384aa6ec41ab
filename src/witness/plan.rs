//! An archive as the list of everything that decides its bytes.
//!
//! In: an archive nobody has vouched for. Out: a [`Plan`] from which its bytes can
//! be written again, or why there is none. A plan holds no contents.

use std::collections::HashSet;
use std::io::Read as _;

use serde::{Deserialize, Serialize};

use super::{MAX_PREFIX, Unfit, WitnessError};
use crate::archive::zip::{Archive, DescriptorForm, DosTime, Member, Method};
use crate::deflate::Settings;

/// The largest value of a 32-bit field that does not refer to ZIP64 (APPNOTE 4.4.1.4).
pub(super) const MAX_32: u64 = 0xffff_fffe;

/// The most members that the end record can count without ZIP64.
const MAX_MEMBERS: usize = 0xfffe;

/// How CRC-32 and sizes stand in a local header (APPNOTE 4.4.4 bit 3, 4.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LocalSizes {
    /// As in the central directory.
    Stated,
    /// All three are 0, as a writer leaves them that cannot go back.
    Deferred,
    /// The CRC-32 as in the central directory, both sizes `ffffffff`; an extra field
    /// holds the sizes.
    Zip64,
    /// The CRC-32 is 0, both sizes `ffffffff`.
    Zip64Deferred,
}

impl LocalSizes {
    /// Returns the three fields, given those of the central directory.
    pub(super) fn fields(self, sums: [u32; 3]) -> [u32; 3] {
        let [crc32, _, _] = sums;
        match self {
            Self::Stated => sums,
            Self::Deferred => [0; 3],
            Self::Zip64 => [crc32, u32::MAX, u32::MAX],
            Self::Zip64Deferred => [0, u32::MAX, u32::MAX],
        }
    }
}

/// What stands behind the data of a member (APPNOTE 4.3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Descriptor {
    /// Nothing.
    None,
    /// Signature, CRC-32 and 32-bit sizes.
    Signed32,
    /// Signature, CRC-32 and 64-bit sizes.
    Signed64,
    /// CRC-32 and 32-bit sizes.
    Bare32,
    /// CRC-32 and 64-bit sizes.
    Bare64,
}

/// Where the compressed bytes of a member come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Packing {
    /// As they stand in the archive.
    AsIs,
    /// The contents.
    Store,
    /// The contents through zlib.
    Deflate(Settings),
    /// A stream from elsewhere.
    Stream(Vec<u8>),
}

/// Every field of a member that an edit may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) time: DosTime,
    pub(super) creator: u16,
    pub(super) version_needed: u16,
    pub(super) flags: u16,
    pub(super) internal: u16,
    pub(super) external: u32,
    pub(super) local_sizes: LocalSizes,
    pub(super) descriptor: Descriptor,
    pub(super) local_extra: Vec<u8>,
    pub(super) central_extra: Vec<u8>,
    pub(super) comment: Vec<u8>,
}

/// A member with what no edit sets.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) crc32: u32,
    pub(super) compressed_size: u64,
    pub(super) uncompressed_size: u64,
    pub(super) fields: Fields,
    pub(super) packing: Packing,
}

/// An archive as the list of everything that decides its bytes.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) prefix: Vec<u8>,
    /// The members in the order of the archive's own directory; edits refer to them
    /// by their index here.
    pub(super) members: Vec<Planned>,
    /// The order of the headers in the central directory.
    pub(super) directory: Vec<usize>,
    /// The order of the data.
    pub(super) data: Vec<usize>,
    pub(super) comment: Vec<u8>,
}

impl Planned {
    /// Returns CRC-32 and sizes as the central directory has them when the packed
    /// data has `size` bytes; none when that takes ZIP64.
    pub(super) fn sums(&self, size: u64) -> Option<[u32; 3]> {
        let narrow = |size: u64| u32::try_from(size).ok().filter(|_| size <= MAX_32);
        Some([self.crc32, narrow(size)?, narrow(self.uncompressed_size)?])
    }
}

impl Plan {
    /// Reads the plan of an archive.
    pub(super) fn read(archive: &Archive<'_>) -> Result<Self, WitnessError> {
        let members = archive.members();
        if archive.is_zip64() || members.len() > MAX_MEMBERS || archive.size() > MAX_32 {
            return Err(Unfit::Zip64.into());
        }
        if !archive.trailing().is_empty() {
            return Err(Unfit::Trailing.into());
        }
        if archive.declared_members() != members.len() as u64
            || archive.declared_offset() != archive.directory().start
        {
            return Err(Unfit::EndRecord.into());
        }
        let mut data: Vec<usize> = (0..members.len()).collect();
        data.sort_by_key(|index| members.get(*index).map(|member| member.extent().start));
        let mut reached = archive.prefix().end;
        for member in data.iter().filter_map(|index| members.get(*index)) {
            if member.extent().start < reached {
                return Err(Unfit::Overlap.into());
            }
            reached = member.extent().end;
        }
        if reached > archive.directory().start {
            return Err(Unfit::Overlap.into());
        }
        let mut names = HashSet::new();
        let planned = members
            .iter()
            .map(|member| {
                let planned = plan(member)?;
                match names.insert(planned.name.clone()) {
                    true => Ok(planned),
                    false => Err(Unfit::RepeatedName(member.name().escaped())),
                }
            })
            .collect::<Result<Vec<_>, Unfit>>()?;
        // After the members: what stands behind an unknown descriptor is a gap too.
        if !archive.gaps().is_empty() {
            return Err(Unfit::Gaps.into());
        }
        let before = archive.prefix();
        if before.end > MAX_PREFIX {
            return Err(Unfit::Prefix.into());
        }
        let mut prefix = Vec::new();
        archive
            .raw(before)
            .read_to_end(&mut prefix)
            .map_err(WitnessError::Io)?;
        Ok(Self {
            prefix,
            members: planned,
            directory: (0..members.len()).collect(),
            data,
            comment: archive.comment().as_bytes().to_vec(),
        })
    }
}

fn plan(member: &Member) -> Result<Planned, Unfit> {
    let (central, local) = (member.central(), member.local());
    let escaped = || member.name().escaped();
    let name = member
        .name()
        .as_str()
        .ok_or_else(|| Unfit::NameNotUtf8(escaped()))?;
    for (agrees, what) in [
        (central.name == local.name, "name"),
        (central.method == local.method, "compression method"),
        (central.flags == local.flags, "flags"),
        (central.time == local.time, "time"),
        (
            central.version_needed == local.version_needed,
            "version needed",
        ),
    ] {
        if !agrees {
            return Err(Unfit::HeadersDisagree(escaped(), what));
        }
    }
    if central.is_encrypted() || central.flags & 1 << 5 != 0 {
        return Err(Unfit::Encrypted(escaped()));
    }
    if central.disk != 0 {
        return Err(Unfit::Disk(escaped()));
    }
    if central.compressed_size.max(central.uncompressed_size) > MAX_32
        || central.local_header_offset > MAX_32
    {
        return Err(Unfit::Zip64);
    }
    let sums = (
        local.crc32,
        local.compressed_size,
        local.uncompressed_size,
        local.refers_to_zip64,
    );
    let local_sizes = if local.refers_to_zip64 {
        match local.crc32 {
            0 if central.has_descriptor() && central.crc32 != 0 => LocalSizes::Zip64Deferred,
            crc if crc == central.crc32 => LocalSizes::Zip64,
            _ => return Err(Unfit::LocalSizes(escaped())),
        }
    } else if sums
        == (
            central.crc32,
            central.compressed_size,
            central.uncompressed_size,
            false,
        )
    {
        LocalSizes::Stated
    } else if sums == (0, 0, 0, false) {
        LocalSizes::Deferred
    } else {
        return Err(Unfit::LocalSizes(escaped()));
    };
    let descriptor = match member.descriptor() {
        None => Descriptor::None,
        Some(DescriptorForm::Signed32) => Descriptor::Signed32,
        Some(DescriptorForm::Signed64) => Descriptor::Signed64,
        Some(DescriptorForm::Bare32) => Descriptor::Bare32,
        Some(DescriptorForm::Bare64) => Descriptor::Bare64,
        Some(DescriptorForm::Unrecognised) => return Err(Unfit::Descriptor(escaped())),
    };
    Ok(Planned {
        name: name.to_owned(),
        method: central.method,
        crc32: central.crc32,
        compressed_size: central.compressed_size,
        uncompressed_size: central.uncompressed_size,
        fields: Fields {
            time: central.time,
            creator: central.version_made_by,
            version_needed: central.version_needed,
            flags: central.flags,
            internal: central.internal_attributes,
            external: central.external_attributes,
            local_sizes,
            descriptor,
            local_extra: local.extra.to_vec(),
            central_extra: central.extra.to_vec(),
            comment: central.comment.as_bytes().to_vec(),
        },
        packing: Packing::AsIs,
    })
}
