//! What a shared object says of itself and of how it was made.
//!
//! In: the bytes of a member nobody has vouched for. Out: [`Facts`], which hold no
//! contents but digests, names and short texts, so that two large files never
//! have to be in memory together. Nothing in them is trusted; a damaged table is
//! left out and noted, never an end to the work.
//!
//! The formats are those of the System V ABI ("Object Files", "Dynamic Linking")
//! and of DWARF 5.

mod dwarf;
mod texts;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{
    Dyn as _, ElfFile, FileHeader, ProgramHeader as _, SectionHeader as _, Sym as _,
};
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};
use serde::Serialize;

use crate::digest::Sha256Digest;

pub use dwarf::Producer;

/// The first bytes of every ELF file (System V ABI, "ELF Identification").
pub const MAGIC: [u8; 4] = *b"\x7fELF";

/// The most sections that are looked at.
const SECTIONS: usize = 10_000;

/// The most dynamic symbols that are looked at.
const SYMBOLS: usize = 200_000;

/// The longest name or text that is kept, in bytes.
const TEXT_BYTES: usize = 1_000;

/// What a section is for; it decides what a difference in it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionClass {
    /// Instructions.
    Code,
    /// Constants and variables.
    Data,
    /// Tables that follow from code, data and symbols: relocations, unwinding,
    /// hashes, the dynamic section.
    Layout,
    /// What the program never loads: debug information and the full symbol table.
    Debug,
    /// The name of the compiler.
    Comment,
    /// Notes, such as the build-id.
    Note,
}

impl SectionClass {
    /// Returns the words that sentences use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Data => "data",
            Self::Layout => "tables",
            Self::Debug => "debug information",
            Self::Comment => "compiler comment",
            Self::Note => "notes",
        }
    }
}

/// A section by its size and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is for.
    pub class: SectionClass,
    /// Its size in bytes.
    pub size: u64,
    /// The digest of what it holds in the file.
    pub sha256: Sha256Digest,
}

/// How much of the linkage tables is made read-only after start
/// (`-z relro`, `-z now`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relro {
    /// Nothing.
    #[default]
    None,
    /// All but the table that is filled in lazily.
    Partial,
    /// Everything.
    Full,
}

impl fmt::Display for Relro {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Partial => "partial",
            Self::Full => "full",
        })
    }
}

/// What a shared object says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Class, byte order, machine and type, as one text.
    pub identity: String,
    /// The sections by name; a second one of a name has a number behind it.
    pub sections: BTreeMap<String, Section>,
    /// Entries of the dynamic section that are texts or flags, by name: `NEEDED`,
    /// `SONAME`, `RUNPATH`, `RPATH`, `FLAGS`, `FLAGS_1`.
    pub dynamic: BTreeMap<&'static str, BTreeSet<String>>,
    /// Symbols that others have to provide.
    pub imports: BTreeSet<String>,
    /// Symbols it provides.
    pub exports: BTreeSet<String>,
    /// The names of temporary object files in the symbol table, which compilers give what
    /// they assemble on the way to the linker.
    pub temporary: BTreeSet<String>,
    /// The lines of `.comment`: who compiled and linked it.
    pub comments: BTreeSet<String>,
    /// The build-id note, in hexadecimal.
    pub build_id: Option<String>,
    /// What is made read-only after start.
    pub relro: Relro,
    /// Whether the stack may be executed.
    pub executable_stack: bool,
    /// Who compiled the units and with which flags, from DWARF.
    pub producers: BTreeSet<Producer>,
    /// The directories of the compilations, from DWARF.
    pub directories: BTreeSet<String>,
    /// The directories that headers and sources came from, from DWARF's line
    /// tables.
    pub source_directories: BTreeSet<String>,
    /// Texts among constants and variables; nothing when there are too many.
    pub texts: Option<BTreeSet<String>>,
    /// The version of Cython whose runtime names are in it.
    pub cython: Option<String>,
    /// What could not be read, each in a few words.
    pub damage: BTreeSet<&'static str>,
}

/// Why a file is not an ELF file we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an ELF file that can be read: {0}")]
pub struct ElfError(String);

impl Facts {
    /// Reads a shared object.
    ///
    /// Time and memory grow with the size of the file, whatever its tables claim.
    ///
    /// # Errors
    ///
    /// [`ElfError`] when the header or the table of sections cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, ElfError> {
        // The fifth byte is the class: 1 is 32 bits, 2 is 64.
        match bytes.get(4) {
            Some(1) => read::<FileHeader32<Endianness>>(bytes),
            _ => read::<FileHeader64<Endianness>>(bytes),
        }
    }

    /// Returns whether there is debug information.
    pub fn has_debug(&self) -> bool {
        self.sections
            .keys()
            .any(|name| name.starts_with(".debug_") || name.starts_with(".zdebug_"))
    }
}

fn read<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Facts, ElfError> {
    let file = ElfFile::<'_, Elf>::parse(bytes).map_err(|error| ElfError(error.to_string()))?;
    let endian = file.endian();
    let header = file.elf_header();
    let mut facts = Facts {
        identity: format!(
            "{} bits, {}, {:?}, type {:?}",
            if file.is_64() { 64 } else { 32 },
            if file.is_little_endian() {
                "little-endian"
            } else {
                "big-endian"
            },
            file.architecture(),
            header.e_type(endian).0,
        ),
        ..Facts::default()
    };
    sections(&file, &mut facts);
    dynamic(&file, &mut facts);
    segments(&file, &mut facts);
    symbols(&file, &mut facts);
    facts.build_id = file
        .build_id()
        .ok()
        .flatten()
        .map(|id| id.iter().map(|byte| format!("{byte:02x}")).collect());
    if facts.has_debug() && dwarf::read(&file, &mut facts).is_none() {
        facts.damage.insert("debug information");
    }
    Ok(facts)
}

fn sections<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>, facts: &mut Facts) {
    let endian = file.endian();
    let mut texts = texts::Texts::new();
    // Sections of a hostile file may overlap, each as large as the file. What is
    // hashed in all is bounded by a few times the file.
    let mut left = (file.data().len() as u64).saturating_mul(3);
    for section in file.sections().take(SECTIONS) {
        let header = section.elf_section_header();
        let name = kept(section.name_bytes().unwrap_or_default());
        let data = section.data().unwrap_or_default();
        if (data.len() as u64) > left {
            facts.damage.insert("overlapping sections");
            break;
        }
        left -= data.len() as u64;
        let flags = header.sh_flags(endian);
        let class = class_of(
            &name,
            header.sh_type(endian),
            flags.contains(elf::SHF_ALLOC),
            flags.contains(elf::SHF_EXECINSTR),
        );
        match class {
            SectionClass::Comment => {
                facts.comments = data
                    .split(|byte| *byte == 0)
                    .filter(|line| !line.is_empty())
                    .take(100)
                    .map(kept)
                    .collect();
            }
            SectionClass::Data => texts.collect(data),
            _ => {}
        }
        let mut key = name;
        let mut number = 2;
        while facts.sections.contains_key(&key) {
            let base = key.split(" (").next().unwrap_or_default().to_owned();
            key = format!("{base} ({number})");
            number += 1;
            if number > 100 {
                break;
            }
        }
        facts.sections.insert(
            key,
            Section {
                class,
                size: section.size(),
                sha256: Sha256Digest::of(data),
            },
        );
    }
    facts.cython = texts.cython();
    facts.texts = texts.finish();
}

fn class_of(name: &str, kind: elf::SectionType, is_loaded: bool, is_code: bool) -> SectionClass {
    const LAYOUT: [&str; 9] = [
        ".eh_frame",
        ".gcc_except_table",
        ".got",
        ".plt",
        ".init_array",
        ".fini_array",
        ".dynamic",
        ".interp",
        ".rel",
    ];
    if name == ".comment" {
        return SectionClass::Comment;
    }
    if kind == elf::SHT_NOTE {
        return SectionClass::Note;
    }
    if !is_loaded {
        return SectionClass::Debug;
    }
    let is_plain = [
        elf::SHT_PROGBITS,
        elf::SHT_NOBITS,
        elf::SHT_INIT_ARRAY,
        elf::SHT_FINI_ARRAY,
    ]
    .contains(&kind);
    if !is_plain || LAYOUT.iter().any(|start| name.starts_with(start)) {
        return SectionClass::Layout;
    }
    if is_code {
        SectionClass::Code
    } else {
        SectionClass::Data
    }
}

fn dynamic<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>, facts: &mut Facts) {
    let Ok(table) = file.elf_dynamic_table() else {
        facts.damage.insert("dynamic section");
        return;
    };
    let endian = file.endian();
    for entry in table.dynamics().iter().take(SECTIONS) {
        let value: u64 = entry.d_val(endian).into();
        let (name, text) = match entry.d_tag(endian) {
            elf::DT_NULL => break,
            elf::DT_NEEDED => ("NEEDED", None),
            elf::DT_SONAME => ("SONAME", None),
            elf::DT_RUNPATH => ("RUNPATH", None),
            elf::DT_RPATH => ("RPATH", None),
            elf::DT_FLAGS => ("FLAGS", Some(format!("{value:#x}"))),
            elf::DT_FLAGS_1 => ("FLAGS_1", Some(format!("{value:#x}"))),
            _ => continue,
        };
        let text = match text {
            Some(text) => text,
            None => match entry.string(endian, *table.strings()) {
                Ok(text) => kept(text),
                Err(_) => {
                    facts.damage.insert("dynamic section");
                    continue;
                }
            },
        };
        facts.dynamic.entry(name).or_default().insert(text);
    }
}

fn segments<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>, facts: &mut Facts) {
    let endian = file.endian();
    // Bits of DT_FLAGS and DT_FLAGS_1 that ask for binding at the start.
    const BIND_NOW: u64 = 0x8;
    const NOW: u64 = 0x1;
    let binds_now = [("FLAGS", BIND_NOW), ("FLAGS_1", NOW)]
        .iter()
        .any(|(name, bit)| {
            facts.dynamic.get(name).is_some_and(|values| {
                values.iter().any(|value| {
                    let digits = value.trim_start_matches("0x");
                    u64::from_str_radix(digits, 16).is_ok_and(|flags| flags & bit != 0)
                })
            })
        });
    for segment in file.elf_program_headers() {
        match segment.p_type(endian) {
            elf::PT_GNU_RELRO => {
                facts.relro = if binds_now {
                    Relro::Full
                } else {
                    Relro::Partial
                };
            }
            elf::PT_GNU_STACK => {
                facts.executable_stack = segment.p_flags(endian).contains(elf::PF_X);
            }
            _ => {}
        }
    }
}

fn symbols<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>, facts: &mut Facts) {
    let endian = file.endian();
    for symbol in file.dynamic_symbols().take(SYMBOLS) {
        let Ok(name) = symbol.name_bytes() else {
            facts.damage.insert("dynamic symbols");
            continue;
        };
        if name.is_empty() {
            continue;
        }
        if symbol.elf_symbol().is_undefined(endian) {
            facts.imports.insert(kept(name));
        } else {
            facts.exports.insert(kept(name));
        }
    }
    for symbol in file.symbols().take(SYMBOLS) {
        if symbol.kind() != SymbolKind::File {
            continue;
        }
        if let Ok(name) = symbol.name_bytes()
            && is_temporary(name)
        {
            facts.temporary.insert(kept(name));
        }
    }
}

/// Returns whether a name is one that GCC makes up for an object on its way to the linker:
/// `cc`, six signs by chance, `.o` (libiberty, `make_temp_file`).
fn is_temporary(name: &[u8]) -> bool {
    let middle = name
        .strip_prefix(b"cc")
        .and_then(|rest| rest.strip_suffix(b".o"));
    middle.is_some_and(|middle| middle.len() == 6 && middle.iter().all(u8::is_ascii_alphanumeric))
}

/// Returns bytes as text, cut where they are too long to be kept.
fn kept(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..TEXT_BYTES).unwrap_or(bytes)).into_owned()
}

#[cfg(test)]
mod tests;
