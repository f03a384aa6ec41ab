//! Causes that lie in how the archive was written: order, compression, headers.

use super::case::{Case, Piece};
use super::derive::{Derivation, Known, Target, Value};
use super::generator::Generator;
use super::{Cause, CauseKind, Family};
use crate::compare::{self, Compressed, HeaderField, Kind, Sides};
use crate::count::{counted, thousands};

pub(super) static RECORD_ORDER: CauseKind = CauseKind {
    name: "record-order",
    title: "RECORD has the same lines in another order, or with other ends",
    advice: "write RECORD with the tool of published",
    family: Family::Archive,
    derivations: &[Derivation::Same(same_things)],
};

pub(super) static MEMBER_ORDER: CauseKind = CauseKind {
    name: "member-order",
    title: "the same members were added in another order",
    advice: "build with the same version of the backend",
    family: Family::Archive,
    derivations: &[Derivation::Same(same_things)],
};

pub(super) static DEFLATE_LEVEL: CauseKind = CauseKind {
    name: "deflate-level",
    title: "equal contents were deflated at another level of zlib",
    advice: "pack at the level of published",
    family: Family::Archive,
    derivations: &[Derivation::Same(same_packed)],
};

pub(super) static DEFLATE_IMPLEMENTATION: CauseKind = CauseKind {
    name: "deflate-implementation",
    title: "equal contents were deflated by something else than zlib",
    advice: "build with an interpreter that is linked to the same library",
    family: Family::Archive,
    derivations: &[],
};

pub(super) static ZIP_WRITER: CauseKind = CauseKind {
    name: "zip-writer",
    title: "another program or version wrote the headers",
    advice: "pack the wheel with the tool of published",
    family: Family::Archive,
    derivations: &[
        Derivation::Yields(as_all_members),
        Derivation::Same(same_permissions),
        Derivation::Same(same_things),
    ],
};

/// An order of the same things: that they are the same, the comparison has seen.
pub(super) fn same_things(_: &Known<'_>, _: &Target<'_>, value: Value) -> Option<Value> {
    (value == Value::Order).then_some(value)
}

/// Equal contents: what zlib was asked to unpack gave them, at a level that gives these
/// bytes where that was tried.
fn same_packed(_: &Known<'_>, _: &Target<'_>, value: Value) -> Option<Value> {
    match value {
        Value::Packed(levels) if levels.as_ref().is_none_or(|levels| !levels.is_empty()) => {
            Some(Value::Order)
        }
        _ => None,
    }
}

/// A field of the headers that all members of the wheel have alike; of extra fields only
/// those whose form is known.
pub(super) fn as_all_members(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    let alike = &target.side.of(known.wheels).alike;
    let value = target.header.and_then(|field| alike.get(&field));
    let is_known = target.header != Some(HeaderField::Extra)
        || value.is_some_and(|value| is_known_extra(value));
    match value {
        Some(value) if is_known => vec![Value::Header(value.clone())],
        _ => Vec::new(),
    }
}

/// Returns whether extra fields, in hexadecimal, are of programs that write archives.
fn is_known_extra(text: &str) -> bool {
    if text == "none" {
        return true;
    }
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    bytes.is_some_and(|bytes| compare::is_known_extra(&bytes))
}

/// The permissions of a mode, whose type says no more than that it is a file.
fn same_permissions(_: &Known<'_>, _: &Target<'_>, value: Value) -> Option<Value> {
    match value {
        Value::Mode(mode) if [0, 0o100_000].contains(&(mode & 0o170_000)) => {
            Some(Value::Mode(mode & 0o7777))
        }
        _ => None,
    }
}

/// Claims what differs in the archive around the members.
pub(super) fn claim(case: &mut Case<'_>) {
    orders(case);
    record_order(case);
    compression(case);
    headers(case);
}

fn orders(case: &mut Case<'_>) {
    let places: Vec<usize> = case
        .find(|item| matches!(item.piece, Piece::Whole(Kind::MemberOrder { .. })))
        .into_iter()
        .filter(|place| !case.is_claimed(*place))
        .collect();
    let Some(evidence) = case.at(&places).find_map(|item| match item.piece {
        Piece::Whole(Kind::MemberOrder {
            position, names, ..
        }) => Some(format!(
            "member {} is {} → {}",
            position + 1,
            names.published,
            names.rebuilt
        )),
        _ => None,
    }) else {
        return;
    };
    let generators = case.wheels.as_ref().map(|wheel| wheel.generator.clone());
    let cause = if generators.published == generators.rebuilt {
        Cause::new(
            &MEMBER_ORDER,
            "the same members were added in another order: the tool follows the order of the directory, or another version of it wrote the archive",
            "build with the same version of the backend, on the same kind of file system",
        )
    } else {
        Cause::new(
            &MEMBER_ORDER,
            format!(
                "the same members were added in another order, as the tools have it: {} → {}",
                named(&generators.published),
                named(&generators.rebuilt)
            ),
            format!("pin the tool: {}", named(&generators.published)),
        )
    };
    case.add(cause.seen(evidence), &places);
}

fn named(generator: &Option<String>) -> &str {
    generator.as_deref().unwrap_or("a tool that gives no name")
}

fn record_order(case: &mut Case<'_>) {
    let places: Vec<usize> = case
        .find(|item| {
            item.is_described()
                && item.file() == "RECORD"
                && matches!(item.piece, Piece::LineOrder | Piece::LineEnds(_))
        })
        .into_iter()
        .filter(|place| !case.is_claimed(*place))
        .collect();
    if places.is_empty() {
        return;
    }
    let ends = case
        .at(&places)
        .any(|item| matches!(item.piece, Piece::LineEnds(_)));
    // Tools write RECORD as they write the archive.
    if !ends && case.extend("member-order", "RECORD follows".to_owned(), &places) {
        return;
    }
    let stated = case
        .wheels
        .published
        .generator
        .as_deref()
        .map(Generator::parse);
    let (why, advice) = match stated.as_ref().and_then(Generator::project) {
        Some("wheel") => (
            "old versions of wheel wrote them as they found the files (0.31.1 did), and tools that pack a wheel anew do".to_owned(),
            "pin the wheel project's version that published was built with".to_owned(),
        ),
        _ => {
            let name = stated.map_or_else(|| "a tool that gives no name".to_owned(), |tool| tool.name);
            (
                format!("the order is that of whoever wrote RECORD, which is {name} or a tool that packed the wheel anew"),
                format!("build with the same version of {name}; where two builds of it differ, it writes files as the directory lists them"),
            )
        }
    };
    case.add(
        Cause::new(
            &RECORD_ORDER,
            format!("RECORD has the same lines, written another way: {why}"),
            advice,
        )
        .seen(match ends {
            true => "RECORD: same lines, with CR LF on one side, as Python's csv writes them",
            false => "RECORD: same lines, other order",
        }),
        &places,
    );
}

fn compression(case: &mut Case<'_>) {
    let places = case.find(|item| matches!(item.piece, Piece::Whole(Kind::Compression(_))));
    let mut methods = Vec::new();
    let mut packed = Vec::new();
    for place in places {
        if let Some(Piece::Whole(Kind::Compression(sides))) =
            case.items.get(place).map(|item| item.piece)
        {
            match sides.published.method == sides.rebuilt.method {
                true => packed.push((place, sides)),
                false => methods.push((place, sides)),
            }
        }
    }
    if let Some((_, sides)) = methods.first() {
        let evidence = format!(
            "{}, such as {} → {}",
            counted(methods.len() as u64, "member", "members"),
            sides.published.method,
            sides.rebuilt.method
        );
        let places: Vec<usize> = methods.iter().map(|(place, _)| *place).collect();
        case.add(
            Cause::new(
                &ZIP_WRITER,
                format!("members are packed by another method: {} → {}", sides.published.method, sides.rebuilt.method),
                "pack the wheel with the tool that published was packed with; `zip` and auditwheel store or deflate as they are told",
            )
            .seen(evidence),
            &places,
        );
    }
    if packed.is_empty() {
        return;
    }
    let totals = packed.iter().fold((0u64, 0u64), |total, (_, sides)| {
        (total.0 + sides.published.size, total.1 + sides.rebuilt.size)
    });
    let mut evidence = format!(
        "{} with equal contents, {} → {} bytes packed",
        counted(packed.len() as u64, "member", "members"),
        thousands(totals.0),
        thousands(totals.1)
    );
    let is_tried = |packed: &Compressed| packed.zlib_levels.is_some();
    let tried = packed
        .iter()
        .filter(|(_, sides)| is_tried(&sides.published) && is_tried(&sides.rebuilt))
        .count();
    // What holds for those that were tried is said of all: one program packed them.
    if (1..packed.len()).contains(&tried) {
        evidence = format!(
            "{evidence}; zlib tried on {} of them",
            thousands(tried as u64)
        );
    }
    let places: Vec<usize> = packed.iter().map(|(place, _)| *place).collect();
    let levels = |of: fn(&Sides<Compressed>) -> &Compressed| {
        common_levels(packed.iter().map(|(_, sides)| of(sides)))
    };
    let sides = Sides {
        published: levels(|sides| &sides.published),
        rebuilt: levels(|sides| &sides.rebuilt),
    };
    let named = |levels: &[u8]| {
        let levels: Vec<String> = levels.iter().map(u8::to_string).collect();
        levels.join(" or ")
    };
    let cause = match (&sides.published, &sides.rebuilt) {
        (Some(published), Some(rebuilt)) if !published.is_empty() && !rebuilt.is_empty() => {
            Cause::new(
                &DEFLATE_LEVEL,
                format!(
                    "published was deflated by zlib at level {}, rebuilt at level {}",
                    named(published),
                    named(rebuilt)
                ),
                format!("pack at level {}", named(published)),
            )
        }
        (Some(published), Some(_)) => {
            let (side, advice) = match published.is_empty() {
                true => (
                    "published",
                    "build with an interpreter that is linked to the same library as the published wheel's (zlib-ng, libdeflate, zopfli)",
                ),
                false => (
                    "rebuilt",
                    "build with an interpreter that is linked to zlib",
                ),
            };
            Cause::new(
                &DEFLATE_IMPLEMENTATION,
                format!("{side} was deflated by something else than zlib: no zlib level matches"),
                advice,
            )
        }
        _ => Cause::new(
            &DEFLATE_IMPLEMENTATION,
            "equal contents were deflated into other bytes; they are too large to try the levels of zlib",
            "use an interpreter that is linked to the same zlib",
        ),
    };
    case.add(cause.seen(evidence), &places);
}

/// Returns the levels that all members that were tried have in common; nothing
/// when none was tried.
fn common_levels<'c>(members: impl Iterator<Item = &'c Compressed>) -> Option<Vec<u8>> {
    let mut tried = members.filter_map(|member| member.zlib_levels.as_ref());
    let mut common = tried.next()?.clone();
    for levels in tried {
        common.retain(|level| levels.contains(level));
    }
    Some(common)
}

fn headers(case: &mut Case<'_>) {
    let is_of_writer = |field: HeaderField, sides: &Sides<String>| {
        use HeaderField as Field;
        match field {
            Field::CreatorSystem
            | Field::CreatorVersion
            | Field::VersionNeeded
            | Field::Flags
            | Field::InternalAttributes
            | Field::ExternalAttributes
            | Field::DataDescriptor
            | Field::LocalVersionNeeded
            | Field::LocalFlags
            | Field::LocalMethod
            | Field::LocalTime
            | Field::LocalCrc32
            | Field::LocalCompressedSize
            | Field::LocalUncompressedSize => true,
            Field::Extra | Field::LocalExtra => [&sides.published, &sides.rebuilt]
                .iter()
                .all(|text| is_known_extra(text)),
            // No writer has a reason to let these differ where contents agree.
            Field::Crc32
            | Field::UncompressedSize
            | Field::Disk
            | Field::Comment
            | Field::LocalName => false,
            // What the clock explains has been claimed before.
            Field::TarTime | Field::GzipHeader => false,
        }
    };
    // Bits 0, 6 and 13 (APPNOTE 4.4.4): encrypted contents depend on a password.
    let is_encryption = |field: HeaderField, sides: &Sides<String>| {
        let bits = |text: &String| {
            text.strip_prefix("0x")
                .map(|text| u16::from_str_radix(text, 16))
        };
        let is_flags = matches!(field, HeaderField::Flags | HeaderField::LocalFlags);
        match (bits(&sides.published), bits(&sides.rebuilt)) {
            (Some(Ok(published)), Some(Ok(rebuilt))) => {
                is_flags && (published ^ rebuilt) & 0x2041 != 0
            }
            _ => false,
        }
    };
    let places: Vec<usize> = case
        .find(|item| matches!(item.piece, Piece::Whole(Kind::Header { field, sides }) if is_of_writer(*field, sides) && !is_encryption(*field, sides)))
        .into_iter()
        .filter(|place| !case.is_claimed(*place))
        .collect();
    let mut seen: Vec<String> = Vec::new();
    for item in case.at(&places) {
        if let Piece::Whole(Kind::Header { field, sides }) = item.piece {
            let text = format!("{}: {} → {}", field.name(), sides.published, sides.rebuilt);
            if !seen.contains(&text) && seen.len() < 4 {
                seen.push(text);
            }
        }
    }
    if seen.is_empty() {
        return;
    }
    let mut cause = Cause::new(
        &ZIP_WRITER,
        "the headers are those of another ZIP writer or version: contents do not depend on them",
        "pack the wheel with the tool and the Python version that published was packed with",
    );
    cause.evidence = seen;
    case.add(cause, &places);
}
