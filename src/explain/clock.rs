//! Causes that lie in the clock: the times of members.

use std::collections::BTreeMap;

use super::case::{Case, Piece};
use super::dates;
use super::derive::{Derivation, Known, Side, Target, Value};
use super::{Cause, CauseKind, Factor, Family};
use crate::archive::zip::DosTime;
use crate::compare::{HeaderField, Kind, LineSide, Sides};
use crate::time::UtcTime;

pub(super) static EPOCH: CauseKind = CauseKind {
    name: "epoch",
    title: "SOURCE_DATE_EPOCH was another one, or set on one side only",
    advice: "build with the SOURCE_DATE_EPOCH of published",
    family: Family::Time,
    derivations: &[
        Derivation::Yields(member_time),
        Derivation::Yields(dates::derive),
    ],
};

pub(super) static TIME_ZONE: CauseKind = CauseKind {
    name: "time-zone",
    title: "members have local times of another zone",
    advice: "build with TZ=UTC, and set SOURCE_DATE_EPOCH",
    family: Family::Time,
    derivations: &[Derivation::Yields(shifted_time)],
};

pub(super) static BUILD_CLOCK: CauseKind = CauseKind {
    name: "build-clock",
    title: "members carry the clock of the build",
    advice: "set SOURCE_DATE_EPOCH on both sides",
    family: Family::Time,
    derivations: &[Derivation::Yields(member_time)],
};

/// A member has the one time that all members have, else that of its source in the sdist,
/// in steps of two seconds.
fn member_time(known: &Known<'_>, target: &Target<'_>, _: &Value) -> Vec<Value> {
    let wheel = target.side.of(known.wheels);
    if let Some(time) = only_time(&wheel.times) {
        return seconds(time).map(Value::Time).into_iter().collect();
    }
    let source = known
        .source
        .and_then(|source| source.source_of(target.member));
    let of_source = source.map(|(_, file)| file.mtime - file.mtime.rem_euclid(2));
    of_source.map(Value::Time).into_iter().collect()
}

/// A member has the time that it has in the other wheel, as many hours later as RECORD is.
fn shifted_time(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let record = |side: Side| side.of(known.wheels).record_time.and_then(seconds);
    let (Some(own), Some(other)) = (record(target.side), record(target.side.other())) else {
        return Vec::new();
    };
    let shift = own - other;
    match given {
        Value::Time(given) if shift % 900 == 0 => vec![Value::Time(given + shift)],
        _ => Vec::new(),
    }
}

/// Returns a time as seconds since 1970, taken for UTC.
pub(super) fn seconds(time: DosTime) -> Option<i64> {
    let text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    );
    text.parse().ok().map(UtcTime::unix_seconds)
}

/// The tools that write a time of their own when no epoch is set, and that time. Others
/// write the times of the files: a wheel of theirs in which all members have one of these
/// times had it from an epoch.
const CONSTANTS: [(&str, &[&str]); 4] = [
    ("1980-01-01 00:00:00", &["uv", "maturin"]),
    (
        "2016-01-01 00:00:00",
        &["flit", "flit_core", "poetry-core", "poetry", "pdm-backend"],
    ),
    ("2020-02-02 00:00:00", &["hatchling"]),
    ("1985-10-26 08:15:00", &["maturin"]),
];

/// Returns who writes a time when no epoch is set, when that may be the tool that a wheel
/// names; a tool that is not known may be any.
fn constant(time: DosTime, generator: Option<&str>) -> Option<String> {
    let text = time.to_string();
    let name = generator.and_then(|text| text.split(' ').next());
    let of_time = || CONSTANTS.iter().filter(|(known, _)| *known == text);
    let is_known = name.is_some_and(|name| {
        ["setuptools", "bdist_wheel"].contains(&name)
            || CONSTANTS.iter().any(|(_, tools)| tools.contains(&name))
    });
    let writes = of_time().any(|(_, tools)| name.is_some_and(|name| tools.contains(&name)));
    match (of_time().next(), is_known, writes) {
        (None, ..) | (Some(_), true, false) => None,
        (Some(_), true, true) => Some(format!("{text}, which {} writes", name.unwrap_or_default())),
        (Some(_), false, _) => Some(format!("{text}, which several tools write")),
    }
}

/// Claims members whose times differ.
pub(super) fn claim(case: &mut Case<'_>) {
    packed(case);
    let places: Vec<usize> = case
        .find(|item| matches!(item.piece, Piece::Whole(Kind::Time(_))))
        .into_iter()
        .filter(|place| !case.is_claimed(*place))
        .collect();
    if places.is_empty() {
        return;
    }
    let pairs: Vec<Sides<DosTime>> = case
        .at(&places)
        .filter_map(|item| match item.piece {
            Piece::Whole(Kind::Time(times)) => Some(*times),
            _ => None,
        })
        .collect();
    let all = [places.clone(), local_times(case)].concat();
    let single = case.wheels.as_ref().map(|wheel| only_time(&wheel.times));
    let members = match pairs.len() {
        1 => "the time of 1 member differs".to_owned(),
        count => format!("the times of {count} members differ"),
    };
    let example = case.at(&places).next().map(|item| item.member.clone());
    let evidence = match (pairs.first(), example) {
        (Some(pair), Some(member)) => {
            format!(
                "{members}, such as {member}: {} → {}",
                pair.published, pair.rebuilt
            )
        }
        _ => members,
    };
    let cause = match (single.published, single.rebuilt) {
        (Some(published), _) => {
            let rebuilt = match single.rebuilt {
                Some(time) => format!("all of the rebuilt one {time}"),
                None => "those of the rebuilt one are several".to_owned(),
            };
            let generator = case.wheels.published.generator.as_deref();
            match (constant(published, generator), seconds(published)) {
                (None, Some(epoch)) => Cause::new(
                    &EPOCH,
                    format!("SOURCE_DATE_EPOCH was {epoch} for published: all its members have {published}, {rebuilt}"),
                    format!("build with SOURCE_DATE_EPOCH={epoch}"),
                )
                .tried_by(Factor::Epoch(Some(epoch))),
                (name, _) => Cause::new(
                    &EPOCH,
                    format!(
                        "SOURCE_DATE_EPOCH was not set for published: all its members have {}, {rebuilt}",
                        name.unwrap_or_else(|| published.to_string())
                    ),
                    "build with SOURCE_DATE_EPOCH unset",
                )
                .tried_by(Factor::Epoch(None)),
            }
        }
        (None, Some(rebuilt)) => Cause::new(
            &EPOCH,
            format!("SOURCE_DATE_EPOCH was not set for published: its members have several times, all of the rebuilt one {rebuilt}"),
            "build with SOURCE_DATE_EPOCH unset, from files with the times of the sdist",
        )
        .tried_by(Factor::Epoch(None)),
        (None, None) => several(case, &places, &pairs),
    };
    case.add(cause.seen(evidence), &all);
}

/// Texts with a date of 1970 in a wheel whose members are all of 1980: an archive has no
/// time before that, and what reads SOURCE_DATE_EPOCH itself has.
pub(super) fn before_archives(case: &mut Case<'_>) {
    let floor = |times| only_time(times).and_then(seconds) == Some(dates::FLOOR);
    if !floor(&case.wheels.published.times) {
        return;
    }
    let places = case.find(|item| match item.piece {
        Piece::Lines(hunk) => {
            super::texts::same_but_for(hunk, super::patterns::without_dates)
                && hunk
                    .lines
                    .iter()
                    .any(|line| line.side == LineSide::Published && line.text.contains("1970"))
        }
        _ => false,
    });
    let Some(evidence) = case.at(&places).find_map(|item| match item.piece {
        Piece::Lines(hunk) => Some(format!(
            "{}: {}",
            item.member,
            super::texts::first_change(hunk)
        )),
        _ => None,
    }) else {
        return;
    };
    case.add(
        Cause::new(
            &EPOCH,
            "SOURCE_DATE_EPOCH was 0 for published: a text has the first day of 1970, and members have 1980, before which no archive has a time",
            "build with environment = { SOURCE_DATE_EPOCH = \"0\" } in the recipe",
        )
        .seen(evidence)
        .tried_by(Factor::Variable("SOURCE_DATE_EPOCH", "0".to_owned())),
        &places,
    );
}

/// Both wheels have several times.
fn several(case: &Case<'_>, places: &[usize], pairs: &[Sides<DosTime>]) -> Cause {
    if let Some(shift) = zone_shift(pairs) {
        let hours = shift as f64 / 3600.0;
        return Cause::new(
            &TIME_ZONE,
            format!("the clocks stood {hours:+} h apart on every member that differs: local time of another zone"),
            "build with TZ=UTC, and set SOURCE_DATE_EPOCH",
        )
        .tried_by(Factor::Variable("TZ", "UTC".to_owned()));
    }
    let generated = |name: &str| name.contains(".dist-info/");
    let clock = case.wheels.published.record_time;
    let of_clock = clock.map_or_else(String::new, |time| format!(", {time} for published"));
    if case.at(places).all(|item| generated(&item.member)) {
        return Cause::new(
            &BUILD_CLOCK,
            format!(
                "files that the build writes carry its clock{of_clock}; the others carry the times of the source"
            ),
            match clock.and_then(seconds) {
                Some(epoch) => format!(
                    "freeze the clock at that time, or set SOURCE_DATE_EPOCH={epoch} on both sides"
                ),
                None => "set SOURCE_DATE_EPOCH on both sides".to_owned(),
            },
        );
    }
    Cause::new(
        &BUILD_CLOCK,
        format!(
            "SOURCE_DATE_EPOCH was set on neither side: members carry the times of the source and of the build{of_clock}"
        ),
        "unpack the sdist with its times, and set SOURCE_DATE_EPOCH on both sides",
    )
}

/// Claims the headers of gzip and tar in files that the build packed.
fn packed(case: &mut Case<'_>) {
    let places = case.find(|item| match item.piece {
        Piece::Whole(Kind::Header { field, sides }) => match field {
            HeaderField::TarTime => true,
            // The time stands first; name and system have other reasons.
            HeaderField::GzipHeader => {
                let times = sides.as_ref().map(|text| text.split_once(',').unzip());
                times.published.0 != times.rebuilt.0 && times.published.1 == times.rebuilt.1
            }
            _ => false,
        },
        _ => false,
    });
    let evidence: Vec<String> = case
        .at(&places)
        .filter_map(|item| match item.piece {
            Piece::Whole(Kind::Header { field, sides }) => Some(format!(
                "{}: {}: {} → {}",
                item.member,
                field.name(),
                sides.published,
                sides.rebuilt
            )),
            _ => None,
        })
        .take(4)
        .collect();
    if evidence.is_empty() {
        return;
    }
    let mut cause = Cause::new(
        &BUILD_CLOCK,
        "a file inside the wheel was packed by the build, and its headers carry the time of that",
        "have the build pack without it, as `gzip -n` and `tar --mtime` do, or freeze the clock on both sides",
    );
    cause.evidence = evidence;
    case.add(cause, &places);
}

/// Returns the time that all members have. RECORD alone may have another: old
/// tools write it by the clock.
pub(super) fn only_time(times: &BTreeMap<DosTime, u64>) -> Option<DosTime> {
    let mut distinct = times.keys();
    match (distinct.next(), distinct.next()) {
        (Some(time), None) => Some(*time),
        _ => None,
    }
}

/// Returns by how many seconds all times differ, when that is the distance of two
/// zones: a multiple of a quarter of an hour, at most 26 hours.
fn zone_shift(pairs: &[Sides<DosTime>]) -> Option<i64> {
    let mut shift = None;
    for pair in pairs {
        let own = seconds(pair.rebuilt)? - seconds(pair.published)?;
        if *shift.get_or_insert(own) != own {
            return None;
        }
    }
    shift.filter(|shift| shift % 900 == 0 && shift.abs() <= 26 * 3600)
}

fn local_times(case: &Case<'_>) -> Vec<usize> {
    case.find(|item| {
        matches!(
            item.piece,
            Piece::Whole(Kind::Header {
                field: HeaderField::LocalTime,
                ..
            })
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(day: u16, hour: u16) -> DosTime {
        DosTime {
            date: (2021 - 1980) << 9 | 4 << 5 | day,
            time: hour << 11,
        }
    }

    #[test]
    fn a_distance_of_zones_is_told_from_any_other() {
        let pair = |published, rebuilt| Sides { published, rebuilt };
        assert_eq!(
            zone_shift(&[pair(time(1, 2), time(1, 4)), pair(time(2, 23), time(3, 1))]),
            Some(7200)
        );
        assert_eq!(
            zone_shift(&[pair(time(1, 2), time(1, 4)), pair(time(1, 2), time(1, 5))]),
            None
        );
        assert_eq!(zone_shift(&[pair(time(1, 2), time(20, 2))]), None);
        // date -u -d '2021-04-14 02:00' +%s
        assert_eq!(seconds(time(14, 2)), Some(1_618_365_600));
    }
}
