//! Who compiled a shared object, with which flags and where, from DWARF.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read as _;

use flate2::read::ZlibDecoder;
use gimli::{AttributeValue, Dwarf, EndianSlice, RunTimeEndian, SectionId};
use object::read::elf::{ElfFile, FileHeader};
use object::{CompressionFormat, Endianness, Object as _, ObjectSection as _};
use serde::Serialize;

use super::{Facts, kept};

/// The most units that are looked at.
const UNITS: usize = 20_000;

/// The most directories that are kept.
const DIRECTORIES: usize = 2_000;

/// The most bytes that compressed debug information may unpack to.
const UNPACKED_BYTES: u64 = 256 << 20;

/// What compiled a unit, as DWARF has it (DWARF 5, section 3.1.1,
/// `DW_AT_producer`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Producer {
    /// The compiler with its version, such as `GNU C17 12.2.0`.
    pub tool: String,
    /// The flags it was given, in their order.
    pub flags: Vec<String>,
}

impl Producer {
    /// Splits a producer into the compiler and its flags: GCC writes both into
    /// one text.
    pub fn parse(text: &str) -> Self {
        let mut tool = Vec::new();
        let mut flags: Vec<String> = Vec::new();
        for word in text.split_ascii_whitespace() {
            match flags.last_mut() {
                _ if word.starts_with('-') => flags.push(word.to_owned()),
                None => tool.push(word),
                // The argument of the flag before.
                Some(flag) => {
                    flag.push(' ');
                    flag.push_str(word);
                }
            }
        }
        Self {
            tool: tool.join(" "),
            flags,
        }
    }
}

/// Fills in what DWARF says; nothing when it cannot be read to its end. What was
/// read until then stays.
pub(super) fn read<Elf: FileHeader<Endian = Endianness>>(
    file: &ElfFile<'_, Elf>,
    facts: &mut Facts,
) -> Option<()> {
    let endian = if file.is_little_endian() {
        RunTimeEndian::Little
    } else {
        RunTimeEndian::Big
    };
    let mut left = UNPACKED_BYTES;
    let mut is_whole = true;
    let mut load = |id: SectionId| -> Result<Cow<'_, [u8]>, gimli::Error> {
        // Only what leads to units and their directories; locations and ranges
        // of addresses say nothing about who compiled.
        let is_needed = matches!(
            id,
            SectionId::DebugInfo
                | SectionId::DebugAbbrev
                | SectionId::DebugStr
                | SectionId::DebugLineStr
                | SectionId::DebugLine
                | SectionId::DebugStrOffsets
                | SectionId::DebugAddr
        );
        let section = file.section_by_name(id.name()).filter(|_| is_needed);
        let Some(data) = section.and_then(|section| section.compressed_data().ok()) else {
            return Ok(Cow::Borrowed(&[]));
        };
        Ok(match data.format {
            CompressionFormat::None => Cow::Borrowed(data.data),
            CompressionFormat::Zlib => {
                let mut unpacked = Vec::new();
                let result = ZlibDecoder::new(data.data)
                    .take(left)
                    .read_to_end(&mut unpacked);
                left = left.saturating_sub(unpacked.len() as u64);
                is_whole &= result.is_ok() && left > 0;
                Cow::Owned(unpacked)
            }
            _ => {
                is_whole = false;
                Cow::Borrowed(&[])
            }
        })
    };
    let sections = gimli::DwarfSections::load(&mut load).ok()?;
    let dwarf = sections.borrow(|section| EndianSlice::new(section, endian));
    let mut units = dwarf.units();
    for _ in 0..UNITS {
        match units.next().ok()? {
            Some(header) => unit(&dwarf, header, facts)?,
            None => return is_whole.then_some(()),
        }
    }
    None
}

type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

fn unit(
    dwarf: &Dwarf<Slice<'_>>,
    header: gimli::UnitHeader<Slice<'_>>,
    facts: &mut Facts,
) -> Option<()> {
    let unit = dwarf.unit(header).ok()?;
    let mut entries = unit.entries();
    let root = entries.next_dfs().ok()??;
    if let Some(value) = root.attr_value(gimli::DW_AT_producer)
        && let Ok(text) = dwarf.attr_string(&unit, value)
    {
        let producer = Producer::parse(&kept(text.slice()));
        facts.producers.insert(producer);
    }
    if let Some(directory) = &unit.comp_dir {
        add(&mut facts.directories, kept(directory.slice()));
    }
    if let Some(program) = &unit.line_program {
        for directory in program.header().include_directories().iter().take(1_000) {
            if let AttributeValue::String(_)
            | AttributeValue::DebugStrRef(_)
            | AttributeValue::DebugLineStrRef(_) = directory
                && let Ok(text) = dwarf.attr_string(&unit, *directory)
            {
                add(&mut facts.source_directories, kept(text.slice()));
            }
        }
    }
    Some(())
}

fn add(set: &mut BTreeSet<String>, text: String) {
    if set.len() < DIRECTORIES {
        set.insert(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producer_is_a_compiler_and_its_flags() {
        let producer = Producer::parse("GNU C17 12.2.0 -mtune=generic -g -O2 --param x=1 -fPIC");
        assert_eq!(producer.tool, "GNU C17 12.2.0");
        assert_eq!(
            producer.flags,
            ["-mtune=generic", "-g", "-O2", "--param x=1", "-fPIC"]
        );
        let clang = Producer::parse("Debian clang version 14.0.6");
        assert_eq!(clang.tool, "Debian clang version 14.0.6");
        assert!(clang.flags.is_empty());
    }
}
