//! Causes that lie in how the archive was written: order, compression, headers.

use super::Cause;
use super::case::{Case, Piece};
use crate::compare::{Compressed, HeaderField, Kind, Sides};
use crate::count::{counted, thousands};

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
            "member-order",
            "the same members were added in another order: the tool follows the order of the directory, or another version of it wrote the archive",
            "build with the same version of the backend, on the same kind of file system",
        )
    } else {
        Cause::new(
            "member-order",
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
    case.add(
        Cause::new(
            "record-order",
            "RECORD has the same lines, written another way: old versions of wheel wrote them as they found the files (0.31.1 did), and tools that pack a wheel anew do",
            "pin the wheel project's version that published was built with",
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
                "zip-writer",
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
                "deflate-level",
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
                "deflate-implementation",
                format!("{side} was deflated by something else than zlib: no zlib level matches"),
                advice,
            )
        }
        _ => Cause::new(
            "deflate-implementation",
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
    let is_of_writer = |field: HeaderField| {
        use HeaderField as Field;
        match field {
            Field::CreatorSystem
            | Field::CreatorVersion
            | Field::VersionNeeded
            | Field::Flags
            | Field::InternalAttributes
            | Field::ExternalAttributes
            | Field::Extra
            | Field::DataDescriptor
            | Field::LocalVersionNeeded
            | Field::LocalFlags
            | Field::LocalMethod
            | Field::LocalTime
            | Field::LocalCrc32
            | Field::LocalCompressedSize
            | Field::LocalUncompressedSize
            | Field::LocalExtra => true,
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
        .find(|item| matches!(item.piece, Piece::Whole(Kind::Header { field, sides }) if is_of_writer(*field) && !is_encryption(*field, sides)))
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
        "zip-writer",
        "the headers are those of another ZIP writer or version: contents do not depend on them",
        "pack the wheel with the tool and the Python version that published was packed with",
    );
    cause.evidence = seen;
    case.add(cause, &places);
}
