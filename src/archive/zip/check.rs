//! Whether all careful readers see the same archive.
//!
//! In: an [`Archive`]. Out: every place where two readers may disagree about what
//! is in it, or where bytes hide that none of them shows. The contents of members
//! are not read here.

use std::collections::BTreeSet;

use super::{Archive, Clash, DescriptorForm, Fault, FaultKind, Faults, Member, RawText};
use super::{behind_extra_fields, check_name, clashes, extra_fields};
use crate::count::counted;
use crate::relpath::spelled_out;

/// The identifier of the ZIP64 extra field (APPNOTE 4.5.3).
const ZIP64_FIELD: u16 = 0x0001;

/// The identifier of Info-ZIP's field with the name in UTF-8 (APPNOTE 4.6.9),
/// which some readers prefer to the name in the header.
const UNICODE_PATH_FIELD: u16 = 0x7075;

/// The flags that change how a member is read: encryption, data descriptor,
/// patched data, strong encryption, UTF-8 (APPNOTE 4.4.4).
const FLAGS_THAT_COUNT: u16 = 1 | 1 << 3 | PATCHED_FLAG | 1 << 6 | UTF8_FLAG;

/// The flag for data that is a patch of a file one has.
const PATCHED_FLAG: u16 = 1 << 5;

/// The flags that tell how hard the writer compressed.
const LEVEL_FLAGS: u16 = 1 << 1 | 1 << 2;

/// The latest version of the format (APPNOTE 4.4.3.2), times ten.
const LATEST_VERSION: u16 = 63;

/// What records of an archive begin with (APPNOTE 4.3.7 to 4.3.16): local header,
/// descriptor, extra data, directory, signature, the end record, and those of ZIP64.
const RECORD_SIGNATURES: &[&[u8]] = &[
    b"PK\x03\x04",
    b"PK\x07\x08",
    b"PK\x06\x08",
    b"PK\x01\x02",
    b"PK\x05\x05",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
];

/// The flag for a name in UTF-8.
const UTF8_FLAG: u16 = 1 << 11;

/// Returns what is wrong with an archive and the headers of its members.
pub fn faults(archive: &Archive<'_>) -> Faults<FaultKind> {
    let mut faults = Faults::default();
    for (what, range) in [
        ("before the first", archive.prefix()),
        ("after the last", archive.trailing()),
    ] {
        if !range.is_empty() {
            let bytes = counted(range.end - range.start, "byte", "bytes");
            faults.push(
                Fault::new(FaultKind::HiddenData)
                    .found(format!("{bytes} {what} record, at offset {}", range.start)),
            );
        }
    }
    for gap in archive.gaps() {
        faults.push(Fault::new(FaultKind::HiddenData).found(format!(
            "{} between the records, at offset {}",
            counted(gap.end - gap.start, "byte", "bytes"),
            gap.start
        )));
    }
    end_records(archive, &mut faults);
    if let Some(found) = record_in(archive.comment()) {
        faults.push(Fault::new(FaultKind::CommentRecord).found(found));
    }
    overlaps(archive, &mut faults);
    for member in archive.members() {
        headers(member, &mut faults);
        features(member, &mut faults);
        name_and_type(member, &mut faults);
    }
    let names: Vec<&str> = archive
        .members()
        .iter()
        // Those that are refused anyway may be too long to be compared in time.
        .filter(|member| check_name(member.name().as_bytes()).is_ok())
        .filter_map(|member| member.name().as_str())
        .collect();
    for (clash, name, other) in clashes(&names) {
        let [name, other] =
            [name, other].map(|place| names.get(place).copied().unwrap_or_default());
        let (kind, found) = match clash {
            // Nothing is in either, so it matters to nobody which one counts.
            Clash::Same if name.ends_with('/') && other.ends_with('/') => continue,
            Clash::Same => (
                FaultKind::MemberRepeated,
                "two members have this name".to_owned(),
            ),
            Clash::Twin => (
                FaultKind::MemberTwin,
                format!("there is '{}' too", spelled_out(other)),
            ),
            Clash::BelowFile => (
                FaultKind::MemberRepeated,
                format!("it lies below '{other}', which is a file"),
            ),
        };
        faults.push(Fault::new(kind).member(name).found(found));
    }
    faults
}

fn end_records(archive: &Archive<'_>, faults: &mut Faults<FaultKind>) {
    // Bytes before the archive are counted in the offset or not.
    let (start, declared) = (archive.directory().start, archive.declared_offset());
    if declared != start && declared.checked_add(archive.prefix().end) != Some(start) {
        faults.push(
            Fault::new(FaultKind::ZipHeaderMismatch)
                .expected(format!(
                    "the central directory at offset {start}, where it is"
                ))
                .found(format!("offset {declared}, as the end record says")),
        );
    }
    let (declared, counted) = (archive.declared_members(), archive.members().len() as u64);
    if declared == counted {
        if archive.is_in_parts() {
            faults.push(
                Fault::new(FaultKind::ZipHeaderMismatch)
                    .expected("one archive in one part")
                    .found("a part of several, as the end record says; some readers refuse it"),
            );
        }
        return;
    }
    // Writers without ZIP64 keep the low sixteen bits of a larger number.
    let kind = if !archive.is_zip64() && declared == counted & u64::from(u16::MAX) {
        FaultKind::Zip64WriterFault
    } else {
        FaultKind::ZipHeaderMismatch
    };
    faults.push(
        Fault::new(kind)
            .expected(format!("{counted} members, as in the central directory"))
            .found(format!("{declared} members, as the end record says")),
    );
}

fn overlaps(archive: &Archive<'_>, faults: &mut Faults<FaultKind>) {
    let mut members: Vec<&Member> = archive.members().iter().collect();
    members.sort_by_key(|member| (member.extent().start, member.extent().end));
    let mut reached = 0;
    let mut owner: Option<&RawText> = None;
    for member in members {
        let extent = member.extent();
        if let Some(owner) = owner
            && extent.start < reached
        {
            faults.push(
                Fault::new(FaultKind::ZipOverlap)
                    .member(member.name())
                    .found(format!(
                        "it begins inside '{owner}', at offset {}",
                        extent.start
                    )),
            );
        }
        if extent.end > archive.directory().start {
            faults.push(
                Fault::new(FaultKind::ZipOverlap)
                    .member(member.name())
                    .found("it reaches into the central directory"),
            );
        }
        if extent.end > reached {
            reached = extent.end;
            owner = Some(member.name());
        }
    }
}

/// Compares the header in front of a member with the one in the directory.
fn headers(member: &Member, faults: &mut Faults<FaultKind>) {
    let (central, local) = (member.central(), member.local());
    let mut mismatch = |what: &str, expected: String, found: String| {
        faults.push(
            Fault::new(FaultKind::ZipHeaderMismatch)
                .member(&central.name)
                .expected(format!("{what} {expected}, as in the central directory"))
                .found(format!("{what} {found}, as in the local header")),
        );
    };
    if central.name != local.name {
        let shown = |name: &RawText| format!("'{}'", name.escaped());
        mismatch("name", shown(&central.name), shown(&local.name));
    }
    let mut different = (central.flags ^ local.flags) & FLAGS_THAT_COUNT;
    if central.name.as_bytes().is_ascii() {
        // It says how to read bytes that are the same in every way of reading.
        different &= !UTF8_FLAG;
    }
    if different != 0 {
        mismatch(
            "flags",
            format!("{:#06x}", central.flags),
            format!("{:#06x}", local.flags),
        );
    }
    if central.method != local.method {
        mismatch(
            "method",
            central.method.to_string(),
            local.method.to_string(),
        );
    }
    // With a data descriptor the writer did not know the values yet.
    let unknown = central.has_descriptor();
    if central.crc32 != local.crc32 && !(unknown && local.crc32 == 0) {
        mismatch(
            "CRC-32",
            format!("{:08x}", central.crc32),
            format!("{:08x}", local.crc32),
        );
    }
    let mut cut_short = false;
    for (what, size, told) in [
        (
            "compressed size",
            central.compressed_size,
            local.compressed_size,
        ),
        ("size", central.uncompressed_size, local.uncompressed_size),
    ] {
        if size == told || (unknown && told == 0) {
            continue;
        }
        if size >= u64::from(u32::MAX)
            && (told == size & u64::from(u32::MAX) || told == u64::from(u32::MAX))
        {
            cut_short = true;
        } else {
            mismatch(what, size.to_string(), told.to_string());
        }
    }
    if let Some(DescriptorForm::Unrecognised) = member.descriptor() {
        faults.push(
            Fault::new(FaultKind::ZipHeaderMismatch)
                .member(&central.name)
                .expected("a data descriptor with the values of the central directory")
                .found("none behind the data"),
        );
    }
    if cut_short {
        faults.push(
            Fault::new(FaultKind::Zip64WriterFault)
                .member(&central.name)
                .found("a size beyond 4 GiB is cut to 32 bits in the local header"),
        );
    }
    extra_fields_of(member, faults);
}

/// Returns what a comment holds that a reader could take for a record.
fn record_in(comment: &RawText) -> Option<String> {
    let bytes = comment.as_bytes();
    let at = bytes
        .windows(4)
        .position(|window| RECORD_SIGNATURES.contains(&window))?;
    let signature = RawText::new(bytes.get(at..at + 4)?);
    Some(format!(
        "'{}' at byte {at} of a comment",
        signature.escaped()
    ))
}

/// Says what a member asks for that installers do not have, or do not look at.
fn features(member: &Member, faults: &mut Faults<FaultKind>) {
    let (central, local) = (member.central(), member.local());
    let mut push = |kind, found: String| {
        faults.push(Fault::new(kind).member(&central.name).found(found));
    };
    for (header, version) in [
        ("central", central.version_needed),
        ("local", local.version_needed),
    ] {
        // The high byte names a system in other fields, and nothing here.
        let [version, _] = version.to_le_bytes();
        if u16::from(version) > LATEST_VERSION {
            push(
                FaultKind::FeatureUnsupported,
                format!(
                    "version {}.{} of the format in the {header} header; the latest is 6.3",
                    version / 10,
                    version % 10
                ),
            );
        }
    }
    let flags = central.flags | local.flags;
    if flags & PATCHED_FLAG != 0 {
        push(
            FaultKind::FeatureUnsupported,
            "patched data, by flag bit 5".to_owned(),
        );
    }
    let unread = flags & !(FLAGS_THAT_COUNT | LEVEL_FLAGS);
    if unread != 0 {
        let bits = (0..u16::BITS).filter(|bit| unread & (1 << bit) != 0);
        let bits: Vec<String> = bits.map(|bit| bit.to_string()).collect();
        push(
            FaultKind::FlagsUnread,
            format!("flag bit {}", bits.join(", ")),
        );
    }
    if let Some(found) = record_in(&central.comment) {
        push(FaultKind::CommentRecord, found);
    }
}

fn extra_fields_of(member: &Member, faults: &mut Faults<FaultKind>) {
    let (central, local) = (member.central(), member.local());
    let mut push = |kind, found: String| {
        faults.push(Fault::new(kind).member(&central.name).found(found));
    };
    for (header, extra) in [("central", &central.extra), ("local", &local.extra)] {
        let zip64 = extra_fields(extra)
            .filter(|(id, _)| *id == ZIP64_FIELD)
            .count();
        if zip64 > 1 {
            push(
                FaultKind::ZipHeaderMismatch,
                format!("{zip64} ZIP64 fields in the {header} header"),
            );
        }
        for (_, data) in extra_fields(extra).filter(|(id, _)| *id == UNICODE_PATH_FIELD) {
            // Version, CRC-32 of the name in the header, name.
            let name = RawText::new(data.get(5..).unwrap_or_default());
            if name != central.name {
                push(
                    FaultKind::ZipHeaderMismatch,
                    format!(
                        "a field of the {header} header gives the name '{}'",
                        name.escaped()
                    ),
                );
            }
        }
    }
    for (header, extra) in [("central", &central.extra), ("local", &local.extra)] {
        form_of_extra_fields(header, extra, &mut push);
    }
    let needed = central.zip64_needed;
    if let Some(size) = zip64_size(&central.extra).filter(|size| *size > needed) {
        push(
            FaultKind::Zip64Unneeded,
            format!(
                "a ZIP64 field of {size} bytes in the central header, which refers to {needed}"
            ),
        );
    }
    // The sizes in a local header are both in its ZIP64 field or not in it
    // (APPNOTE 4.5.3). `wheel` up to 0.47 copies the field of the directory there,
    // which holds an offset (pypa/wheel issue 692). uv refuses such a wheel, pip
    // does not look.
    match zip64_size(&local.extra) {
        Some(size) if size < SIZES && !local.refers_to_zip64 => push(
            FaultKind::Zip64WriterFault,
            "a ZIP64 field in the local header, which nothing in the header refers to".to_owned(),
        ),
        Some(size) if size > SIZES => push(
            FaultKind::Zip64Unneeded,
            format!("a ZIP64 field of {size} bytes in the local header, which has two sizes"),
        ),
        _ => {}
    }
}

/// The bytes of the two sizes in the ZIP64 field of a local header.
const SIZES: usize = 16;

/// Returns the size of the first ZIP64 field.
fn zip64_size(extra: &[u8]) -> Option<usize> {
    extra_fields(extra)
        .find(|(id, _)| *id == ZIP64_FIELD)
        .map(|(_, data)| data.len())
}

/// Says where the extra fields of a header end, when that is not where the header
/// does, and which of them stand there twice.
fn form_of_extra_fields(header: &str, extra: &[u8], push: &mut impl FnMut(FaultKind, String)) {
    let behind = behind_extra_fields(extra);
    let bytes = counted(behind.len() as u64, "byte", "bytes");
    match behind.len() {
        0 => {}
        1..4 => push(
            FaultKind::ExtraFieldRemainder,
            format!("{bytes} behind the extra fields of the {header} header"),
        ),
        _ => push(
            FaultKind::ExtraFieldCut,
            format!("a field in the last {bytes} of the {header} header runs past its end"),
        ),
    }
    let mut seen = BTreeSet::new();
    for (id, _) in extra_fields(extra) {
        // Two ZIP64 fields are told as what they are.
        if !seen.insert(id) && id != ZIP64_FIELD {
            push(
                FaultKind::ExtraFieldRepeated,
                format!("field {id:#06x} stands in the {header} header more than once"),
            );
        }
    }
}

/// The bits of a Unix mode that say what a file is, and their values (POSIX
/// sys/stat.h).
const TYPE_BITS: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

fn name_and_type(member: &Member, faults: &mut Faults<FaultKind>) {
    let central = member.central();
    if let Err(fault) = check_name(central.name.as_bytes()) {
        faults.push(
            Fault::new(FaultKind::MemberUnsafe)
                .member(&central.name)
                .found(fault),
        );
    } else if !central.name.as_bytes().is_ascii() && !central.is_declared_utf8() {
        faults.push(
            Fault::new(FaultKind::MemberUnsafe)
                .member(&central.name)
                .found("the name is not ASCII and not declared as UTF-8, so programs read it differently"),
        );
    }
    // Some writers on Windows set a Unix mode and name MS-DOS as their system,
    // and not every reader looks at that.
    let kind = (central.external_attributes >> 16) & TYPE_BITS;
    let found = match kind {
        0 | REGULAR if central.is_directory() && central.uncompressed_size > 0 => {
            "a directory with contents"
        }
        DIRECTORY if !central.is_directory() => "a directory by its mode and a file by its name",
        DIRECTORY if central.uncompressed_size > 0 => "a directory with contents",
        0 | REGULAR | DIRECTORY => return,
        0o120_000 => "a symbolic link",
        0o020_000 => "a character device",
        0o060_000 => "a block device",
        0o010_000 => "a named pipe",
        0o140_000 => "a socket",
        _ => "a member of an unknown type",
    };
    faults.push(
        Fault::new(FaultKind::MemberSpecial)
            .member(&central.name)
            .found(found),
    );
}
