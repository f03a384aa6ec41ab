//! Causes that lie in how the archive was written: order, compression, headers.

use super::Cause;
use super::case::{Case, Piece};
use crate::compare::{HeaderField, Kind};

/// Claims what differs in the archive around the members.
pub(super) fn claim(case: &mut Case<'_>) {
    orders(case);
    record_order(case);
    compression(case);
    headers(case);
}

fn orders(case: &mut Case<'_>) {
    let places = case.find(|item| matches!(item.piece, Piece::Whole(Kind::MemberOrder { .. })));
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
    let places = case.find(|item| {
        item.is_described() && item.file() == "RECORD" && matches!(item.piece, Piece::LineOrder)
    });
    if places.is_empty() {
        return;
    }
    case.add(
        Cause::new(
            "record-order",
            "RECORD has the same lines in another order: wheel before 0.36 wrote them as it found the files",
            "pin the wheel project's version that published was built with; newer ones sort",
        )
        .seen("RECORD: same lines, other order"),
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
            "{} members, such as {} → {}",
            methods.len(),
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
    let Some((_, first)) = packed.first() else {
        return;
    };
    let totals = packed.iter().fold((0u64, 0u64), |total, (_, sides)| {
        (total.0 + sides.published.size, total.1 + sides.rebuilt.size)
    });
    let evidence = format!(
        "{} members with equal contents, {} → {} bytes packed",
        packed.len(),
        totals.0,
        totals.1
    );
    let _ = first;
    let places: Vec<usize> = packed.iter().map(|(place, _)| *place).collect();
    case.add(
        Cause::new(
            "deflate-implementation",
            "equal contents were deflated into other bytes: another level, or another library than zlib",
            "use an interpreter that is linked to the same zlib",
        )
        .seen(evidence),
        &places,
    );
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
        }
    };
    let places: Vec<usize> = case
        .find(|item| matches!(item.piece, Piece::Whole(Kind::Header { field, .. }) if is_of_writer(*field)))
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
