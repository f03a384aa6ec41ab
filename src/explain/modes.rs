//! Causes that lie in permissions: the umask, and how the source was unpacked.

use super::case::{Case, Piece};
use super::container;
use super::derive::{Derivation, Known, Target, Value};
use super::tools;
use super::{Cause, CauseKind, Factor, Family};
use crate::compare::{Kind, Sides, UnixMode};

pub(super) static UMASK: CauseKind = CauseKind {
    name: "umask",
    title: "the builds had other umasks",
    advice: "build with the umask of published",
    family: Family::Permissions,
    derivations: &[Derivation::Yields(less_the_umask)],
};

pub(super) static ARCHIVE_MODES: CauseKind = CauseKind {
    name: "archive-modes",
    title: "one build kept the modes of the sdist",
    advice: "unpack the sdist as published did",
    family: Family::Permissions,
    derivations: &[Derivation::Yields(of_archive)],
};

const PERMISSIONS: u16 = 0o777;

/// What the umask of a side takes away, from the mode of WHEEL, which every build writes
/// anew: 0666 less the umask.
fn umask_of(known: &Known<'_>, target: &Target<'_>) -> Option<u16> {
    let mode = target.side.of(known.wheels).wheel_mode?;
    Some(widened(0o666 & !mode.0))
}

/// A file has 0666, or 0777 where its owner may run it, less the umask of its side.
fn less_the_umask(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let (Value::Mode(given), Some(umask)) = (given, umask_of(known, target)) else {
        return Vec::new();
    };
    let whole = match given & 0o100 {
        0 => 0o666,
        _ => 0o777,
    };
    vec![Value::Mode(given & !PERMISSIONS | whole & !umask)]
}

/// A file has the mode that the sdist states, or that less the umask of its side.
fn of_archive(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let source = known
        .source
        .and_then(|source| source.source_of(target.member));
    let (Value::Mode(given), Some((_, file)), Some(umask)) =
        (given, source, umask_of(known, target))
    else {
        return Vec::new();
    };
    let stated = u16::try_from(file.mode & u32::from(PERMISSIONS)).unwrap_or_default();
    let with = |mode: u16| Value::Mode(given & !PERMISSIONS | mode);
    vec![with(stated), with(stated & !umask)]
}

/// Claims members whose modes differ.
pub(super) fn claim(case: &mut Case<'_>) {
    let places: Vec<usize> = case
        .find(|item| matches!(item.piece, Piece::Whole(Kind::Mode(_))))
        .into_iter()
        .filter(|place| !case.is_claimed(*place))
        .collect();
    let mut permissions = Vec::new();
    let mut types = Vec::new();
    for place in places {
        let Some(modes) = modes_of(case, place) else {
            continue;
        };
        // A link in the place of a file is nobody's habit.
        if modes.is_other_type() {
            continue;
        }
        // Bits above the permissions are nobody's habit either.
        if (modes.published.0 ^ modes.rebuilt.0) & 0o7000 != 0 {
            continue;
        }
        match modes.published.0 & PERMISSIONS == modes.rebuilt.0 & PERMISSIONS {
            true => types.push(place),
            false => permissions.push(place),
        }
    }
    let (own, permissions): (Vec<usize>, Vec<usize>) = permissions.into_iter().partition(|place| {
        case.items
            .get(*place)
            .is_some_and(super::case::Item::is_record)
    });
    // With nothing else it is no umask, and no source has a RECORD.
    match permissions.is_empty() {
        true => of_record(case, &own),
        false => claim_permissions(case, &[permissions, own].concat()),
    }
    if !types.is_empty() {
        let example = modes_of(case, types.first().copied().unwrap_or_default());
        let evidence = example.map_or_else(String::new, |modes| {
            format!("{} → {}", modes.published, modes.rebuilt)
        });
        // Where the tools differ it is one of their ways.
        let of_tool = format!("file type bits of modes: {evidence}");
        if case.extend("backend-version", of_tool, &types) {
            return;
        }
        case.add(
            Cause::new(
                &container::ZIP_WRITER,
                "the file type bits of modes differ, the permissions do not: another tool or version wrote the archive",
                "pin the tool that published was built with",
            )
            .seen(evidence),
            &types,
        );
    }
}

/// RECORD alone has another mode: a tool gives it one of its own.
fn of_record(case: &mut Case<'_>, places: &[usize]) {
    let Some(modes) = places.first().and_then(|place| modes_of(case, *place)) else {
        return;
    };
    let name = case.wheels.published.generator.clone();
    let name = name.unwrap_or_else(|| "a tool that gives no name".to_owned());
    case.add(
        Cause::new(
            &tools::RECORD_MODE,
            format!("RECORD alone has another mode, which the tool that writes it decides: {name} for published"),
            format!("write RECORD with the version of the tool that published was built with: {name}"),
        )
        .seen(format!("mode of RECORD: {} → {}", modes.published, modes.rebuilt)),
        places,
    );
}

fn modes_of(case: &Case<'_>, place: usize) -> Option<Sides<UnixMode>> {
    case.items.get(place).and_then(|item| match item.piece {
        Piece::Whole(Kind::Mode(modes)) => Some(*modes),
        _ => None,
    })
}

fn claim_permissions(case: &mut Case<'_>, places: &[usize]) {
    let pairs: Vec<(usize, Sides<u16>)> = places
        .iter()
        .filter_map(|place| {
            Some((
                *place,
                modes_of(case, *place)?.map(|mode| mode.0 & PERMISSIONS),
            ))
        })
        .collect();
    let Some((first, example)) = pairs.first() else {
        return;
    };
    let name = case
        .items
        .get(*first)
        .map_or_else(String::new, |item| item.member.clone());
    let evidence = match pairs.len() {
        1 => format!(
            "mode of {name}: {:04o} → {:04o}",
            example.published, example.rebuilt
        ),
        count => format!(
            "modes of {count} members, such as {name}: {:04o} → {:04o}",
            example.published, example.rebuilt
        ),
    };
    // WHEEL is written anew by every build, so its mode is 0666 less the umask.
    let umask = case
        .wheels
        .as_ref()
        .map(|wheel| wheel.wheel_mode.map(|mode| 0o666 & !mode.0));
    let fits = |published: u16, rebuilt: u16| {
        pairs.iter().all(|(_, modes)| {
            let before = modes.published | modes.rebuilt;
            before & !published == modes.published & !published
                && before & !published == modes.published
                && before & !rebuilt == modes.rebuilt
        })
    };
    let cause = match (umask.published, umask.rebuilt) {
        // The bit for running is not seen in WHEEL; whoever may not read may not run
        // either in the usual ones.
        (Some(published), Some(rebuilt))
            if published != rebuilt && fits(widened(published), widened(rebuilt)) =>
        {
            let whole = widened(published);
            Cause::new(
                &UMASK,
                format!(
                    "the umask was {whole:03o} for published and {:03o} for rebuilt",
                    widened(rebuilt)
                ),
                format!("build with umask {whole:03o}"),
            )
            .tried_by(Factor::Umask(whole))
        }
        _ if pairs.iter().all(|(place, modes)| {
            let of_source = case
                .items
                .get(*place)
                .is_some_and(|item| !item.member.ends_with(".dist-info/WHEEL"));
            of_source && (modes.published ^ modes.rebuilt) & !0o077 == 0
        }) =>
        {
            let more = |modes: &Sides<u16>| modes.published & 0o022 > modes.rebuilt & 0o022;
            let kept = pairs.iter().any(|(_, modes)| more(modes));
            let (who, advice) = match kept {
                true => (
                    "published keeps the modes of the sdist",
                    "keep the modes of the sdist: source-modes = \"archive\"",
                ),
                false => (
                    "rebuilt keeps the modes of the source, published has them less the umask",
                    "unpack the sdist without its modes: tar --no-same-permissions",
                ),
            };
            Cause::new(
                &ARCHIVE_MODES,
                format!("{who}: only files of the source differ in their mode"),
                advice,
            )
            .tried_by(Factor::ArchiveModes(kept))
        }
        _ => return,
    };
    let places: Vec<usize> = pairs.iter().map(|(place, _)| *place).collect();
    case.add(cause.seen(evidence), &places);
}

/// Returns the usual umask with these bits for reading and writing.
fn widened(umask: u16) -> u16 {
    match umask & 0o666 {
        0o022 => 0o022,
        0o002 => 0o002,
        0o066 => 0o077,
        0o026 => 0o027,
        0o006 => 0o007,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_umask_is_read_from_what_it_takes_away() {
        for (taken, umask) in [(0o022, 0o022), (0o066, 0o077), (0o026, 0o027), (0, 0)] {
            assert_eq!(widened(taken), umask);
        }
    }
}
