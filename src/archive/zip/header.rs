//! The records of a ZIP archive, field by field, as they are written.

use std::fmt;

use serde::{Serialize, Serializer};

/// Bytes that claim to be text: a name or a comment, exactly as written.
///
/// Displayed as UTF-8 where it is UTF-8 and as `\xNN` elsewhere, so that any
/// value can be shown. Control characters are kept; a report escapes them.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawText(Box<[u8]>);

impl RawText {
    /// Keeps bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the text when it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// Returns the text with everything escaped that is not printable, fit for
    /// a sentence.
    pub fn escaped(&self) -> String {
        let mut text = String::new();
        for chunk in self.0.utf8_chunks() {
            text.extend(chunk.valid().escape_debug());
            push_hexadecimal(&mut text, chunk.invalid());
        }
        text
    }
}

fn push_hexadecimal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push_str(&format!("\\x{byte:02x}"));
    }
}

impl fmt::Display for RawText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for chunk in self.0.utf8_chunks() {
            text.push_str(chunk.valid());
            push_hexadecimal(&mut text, chunk.invalid());
        }
        formatter.write_str(&text)
    }
}

impl fmt::Debug for RawText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawText(\"{}\")", self.escaped())
    }
}

impl Serialize for RawText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A compression method (APPNOTE 4.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(pub u16);

impl Method {
    /// The contents as they are.
    pub const STORED: Self = Self(0);
    /// A deflate stream (RFC 1951).
    pub const DEFLATE: Self = Self(8);
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "stored",
            8 => "deflate",
            9 => "deflate64",
            12 => "bzip2",
            14 => "lzma",
            93 => "zstd",
            95 => "xz",
            98 => "ppmd",
            99 => "aes",
            other => return write!(formatter, "method {other}"),
        };
        formatter.write_str(name)
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A date and time as MS-DOS packs them (APPNOTE 4.4.6): local time of nobody
/// knows where, in steps of two seconds. The parts are as written, even a month
/// 0 or an hour 31.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DosTime {
    /// Year since 1980 in bits 9 to 15, month in 5 to 8, day in 0 to 4.
    pub date: u16,
    /// Hour in bits 11 to 15, minute in 5 to 10, second halved in 0 to 4.
    pub time: u16,
}

impl DosTime {
    /// Returns the year, 1980 to 2107.
    pub fn year(self) -> u16 {
        1980 + (self.date >> 9)
    }

    /// Returns the month; 1 to 12 in a valid date.
    pub fn month(self) -> u16 {
        (self.date >> 5) & 0x0f
    }

    /// Returns the day; 1 to 31 in a valid date.
    pub fn day(self) -> u16 {
        self.date & 0x1f
    }

    /// Returns the hour; 0 to 23 in a valid time.
    pub fn hour(self) -> u16 {
        self.time >> 11
    }

    /// Returns the minute; 0 to 59 in a valid time.
    pub fn minute(self) -> u16 {
        (self.time >> 5) & 0x3f
    }

    /// Returns the second, always even; 0 to 58 in a valid time.
    pub fn second(self) -> u16 {
        (self.time & 0x1f) * 2
    }
}

impl fmt::Display for DosTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            self.year(),
            self.month(),
            self.day(),
            self.hour(),
            self.minute(),
            self.second()
        )
    }
}

impl Serialize for DosTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The header of a member in the central directory (APPNOTE 4.3.12). Sizes and
/// offset are those of the ZIP64 extra field (4.5.3) where the field says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CentralHeader {
    /// Version of the specification the writer knew in the low byte, its system
    /// in the high byte (4.4.2).
    pub version_made_by: u16,
    /// Version needed to extract (4.4.3).
    pub version_needed: u16,
    /// General purpose bit flags (4.4.4).
    pub flags: u16,
    /// Compression method (4.4.5).
    pub method: Method,
    /// Last modification (4.4.6).
    pub time: DosTime,
    /// CRC-32 of the contents (4.4.7).
    pub crc32: u32,
    /// Size of the compressed data in bytes (4.4.8).
    pub compressed_size: u64,
    /// Size of the contents in bytes (4.4.9).
    pub uncompressed_size: u64,
    /// Number of the disk the member starts on (4.4.13).
    pub disk: u16,
    /// Internal file attributes (4.4.14).
    pub internal_attributes: u16,
    /// External file attributes (4.4.15): Unix mode in the high half when a
    /// Unix system wrote it, MS-DOS attributes in the low byte.
    pub external_attributes: u32,
    /// Offset of the local header in bytes from the start of the file (4.4.16),
    /// with the bytes before the archive counted in.
    pub local_header_offset: u64,
    /// The name (4.4.17).
    pub name: RawText,
    /// The extra fields (4.4.28), all bytes of them.
    pub extra: Box<[u8]>,
    /// The comment (4.4.18).
    pub comment: RawText,
    /// How many bytes of a ZIP64 extra field the sizes, the offset and the disk are
    /// left to (4.5.3).
    pub zip64_needed: usize,
}

/// The number for Unix among the systems that wrote a header (APPNOTE 4.4.2.2).
pub const UNIX: u8 = 3;

impl CentralHeader {
    /// The size in bytes of the part before the name.
    pub(super) const FIXED: usize = 46;

    /// Returns the number of the system that wrote the header (APPNOTE 4.4.2.2);
    /// 0 is MS-DOS and Windows, [`UNIX`] is Unix.
    pub fn creator_system(&self) -> u8 {
        self.version_made_by.to_be_bytes()[0]
    }

    /// Returns the version of the specification the writer knew, times ten.
    pub fn creator_version(&self) -> u8 {
        self.version_made_by.to_be_bytes()[1]
    }

    /// Returns the Unix mode with its file type bits, when a Unix system wrote
    /// the header.
    pub fn unix_mode(&self) -> Option<u16> {
        (self.creator_system() == UNIX).then(|| high_half(self.external_attributes))
    }

    /// Returns whether the member is encrypted (APPNOTE 4.4.4, bits 0 and 6). Bit 13
    /// is for local headers that are masked because the directory is encrypted; that
    /// one could not have been read.
    pub fn is_encrypted(&self) -> bool {
        self.flags & (1 | 1 << 6) != 0
    }

    /// Returns whether a data descriptor follows the data (4.4.4, bit 3).
    pub fn has_descriptor(&self) -> bool {
        self.flags & 1 << 3 != 0
    }

    /// Returns whether name and comment are declared as UTF-8 (4.4.4, bit 11).
    pub fn is_declared_utf8(&self) -> bool {
        self.flags & 1 << 11 != 0
    }

    /// Returns whether the name says that the member is a directory.
    pub fn is_directory(&self) -> bool {
        self.name.as_bytes().ends_with(b"/")
    }
}

fn high_half(value: u32) -> u16 {
    let [a, b, _, _] = value.to_be_bytes();
    u16::from_be_bytes([a, b])
}

/// The header in front of a member's data (APPNOTE 4.3.7), as written: nothing
/// in it is compared with the central directory. Sizes are those of the ZIP64
/// extra field where the field says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalHeader {
    /// Version needed to extract (4.4.3).
    pub version_needed: u16,
    /// General purpose bit flags (4.4.4).
    pub flags: u16,
    /// Compression method (4.4.5).
    pub method: Method,
    /// Last modification (4.4.6).
    pub time: DosTime,
    /// CRC-32 of the contents (4.4.7); usually 0 when a data descriptor follows.
    pub crc32: u32,
    /// Size of the compressed data in bytes (4.4.8); usually 0 when a data
    /// descriptor follows.
    pub compressed_size: u64,
    /// Size of the contents in bytes (4.4.9); usually 0 when a data descriptor
    /// follows.
    pub uncompressed_size: u64,
    /// The name (4.4.17).
    pub name: RawText,
    /// The extra fields (4.4.28), all bytes of them.
    pub extra: Box<[u8]>,
    /// Whether one of the sizes is left to the ZIP64 extra field (4.5.3).
    pub refers_to_zip64: bool,
}

/// Returns how many bytes of a ZIP64 extra field a header in the directory refers to:
/// one value for each number that is filled up (APPNOTE 4.5.3).
pub(super) fn zip64_needed(fixed: &[u8; CentralHeader::FIXED]) -> usize {
    let numbers = [20, 24, 42].map(|at| u32_at(fixed, at) == u32::MAX);
    let wide = numbers.iter().filter(|is_left| **is_left).count();
    let disk = if u16_at(fixed, 34) == u16::MAX { 4 } else { 0 };
    wide * 8 + disk
}

impl LocalHeader {
    /// The size in bytes of the part before the name.
    pub(super) const FIXED: usize = 30;
    /// The first four bytes (APPNOTE 4.3.7).
    pub(super) const SIGNATURE: u32 = 0x0403_4b50;

    /// Reads a header whose fixed part, name and extra fields are given.
    pub(super) fn parse(fixed: &[u8; Self::FIXED], name: &[u8], extra: &[u8]) -> Self {
        let (compressed, uncompressed) = (u32_at(fixed, 18), u32_at(fixed, 22));
        let mut zip64 = zip64_values(extra);
        // The order in the ZIP64 field is fixed: contents first (4.5.3).
        let mut resolve = |field: u32| match field {
            u32::MAX => zip64.next().unwrap_or(u64::from(field)),
            field => u64::from(field),
        };
        let uncompressed_size = resolve(uncompressed);
        let compressed_size = resolve(compressed);
        Self {
            version_needed: u16_at(fixed, 4),
            flags: u16_at(fixed, 6),
            method: Method(u16_at(fixed, 8)),
            time: DosTime {
                time: u16_at(fixed, 10),
                date: u16_at(fixed, 12),
            },
            crc32: u32_at(fixed, 14),
            compressed_size,
            uncompressed_size,
            name: RawText::new(name),
            extra: extra.into(),
            refers_to_zip64: compressed == u32::MAX || uncompressed == u32::MAX,
        }
    }
}

/// Returns the extra fields in a block of them (APPNOTE 4.5.1): identifier and
/// data of each. A block that is cut short ends with what is whole.
pub fn extra_fields(block: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = block;
    std::iter::from_fn(move || {
        let (header, after) = rest.split_first_chunk::<4>()?;
        let [a, b, c, d] = *header;
        let size = usize::from(u16::from_le_bytes([c, d]));
        let data = after.get(..size)?;
        rest = after.get(size..)?;
        Some((u16::from_le_bytes([a, b]), data))
    })
}

/// Returns what stands behind the last whole extra field of a block: nothing, or a
/// field that is cut short.
pub(super) fn behind_extra_fields(block: &[u8]) -> &[u8] {
    let whole: usize = extra_fields(block).map(|(_, data)| 4 + data.len()).sum();
    block.get(whole..).unwrap_or_default()
}

/// Returns the 64-bit values of the first ZIP64 extra field (APPNOTE 4.5.3).
fn zip64_values(block: &[u8]) -> impl Iterator<Item = u64> {
    extra_fields(block)
        .find(|(id, _)| *id == 1)
        .map(|(_, data)| data)
        .unwrap_or_default()
        .chunks_exact(8)
        .filter_map(|chunk| chunk.try_into().ok())
        .map(u64::from_le_bytes)
}

/// How a data descriptor (APPNOTE 4.3.9) is written. Its signature is optional
/// and the width of its sizes is not marked, so the form is the first one whose
/// values agree with the central directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DescriptorForm {
    /// Signature and 32-bit sizes: 16 bytes.
    Signed32,
    /// Signature and 64-bit sizes: 24 bytes.
    Signed64,
    /// 32-bit sizes without signature: 12 bytes.
    Bare32,
    /// 64-bit sizes without signature: 20 bytes.
    Bare64,
    /// A descriptor is announced, but no form agrees with the central directory.
    Unrecognised,
}

impl DescriptorForm {
    /// The most bytes a descriptor has.
    pub(super) const LONGEST: usize = 24;
    const SIGNATURE: [u8; 4] = 0x0807_4b50_u32.to_le_bytes();

    /// Returns the size in bytes; 0 when the form was not recognised.
    pub fn size(self) -> u64 {
        match self {
            Self::Signed32 => 16,
            Self::Signed64 => 24,
            Self::Bare32 => 12,
            Self::Bare64 => 20,
            Self::Unrecognised => 0,
        }
    }

    /// Returns the word that reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signed32 => "with signature, 32-bit sizes",
            Self::Signed64 => "with signature, 64-bit sizes",
            Self::Bare32 => "without signature, 32-bit sizes",
            Self::Bare64 => "without signature, 64-bit sizes",
            Self::Unrecognised => "not recognised",
        }
    }

    /// Finds the form of the descriptor at the start of `bytes`.
    pub(super) fn find(bytes: &[u8], header: &CentralHeader) -> Self {
        let crc = header.crc32.to_le_bytes();
        let wide = [
            &crc[..],
            &header.compressed_size.to_le_bytes(),
            &header.uncompressed_size.to_le_bytes(),
        ]
        .concat();
        let narrow = match (
            u32::try_from(header.compressed_size),
            u32::try_from(header.uncompressed_size),
        ) {
            (Ok(compressed), Ok(uncompressed)) => {
                Some([crc, compressed.to_le_bytes(), uncompressed.to_le_bytes()].concat())
            }
            _ => None,
        };
        let after_signature = bytes.strip_prefix(&Self::SIGNATURE);
        let starts = |bytes: Option<&[u8]>, values: Option<&Vec<u8>>| matches!((bytes, values), (Some(bytes), Some(values)) if bytes.starts_with(values));
        // The wide form first: where contents are empty, its start is the narrow
        // form too, and the zeros that follow would belong to nobody.
        if starts(after_signature, Some(&wide)) {
            Self::Signed64
        } else if starts(after_signature, narrow.as_ref()) {
            Self::Signed32
        } else if starts(Some(bytes), Some(&wide)) {
            Self::Bare64
        } else if starts(Some(bytes), narrow.as_ref()) {
            Self::Bare32
        } else {
            Self::Unrecognised
        }
    }
}

/// Reads a little-endian field at a constant offset inside a fixed record.
pub(super) fn u16_at<const N: usize>(record: &[u8; N], offset: usize) -> u16 {
    record
        .get(offset..)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

/// Reads a little-endian field at a constant offset inside a fixed record.
pub(super) fn u32_at<const N: usize>(record: &[u8; N], offset: usize) -> u32 {
    record
        .get(offset..)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// Reads a little-endian field at a constant offset inside a fixed record.
pub(super) fn u64_at<const N: usize>(record: &[u8; N], offset: usize) -> u64 {
    record
        .get(offset..)
        .and_then(|bytes| bytes.first_chunk())
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
