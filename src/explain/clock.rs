//! Causes that lie in the clock: the times of members.

use std::collections::BTreeMap;

use super::case::{Case, Piece};
use super::{Cause, Factor};
use crate::archive::zip::DosTime;
use crate::compare::{HeaderField, Kind, Sides};
use crate::time::UtcTime;

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

/// The times that build tools write when no epoch is set.
fn constant(time: DosTime) -> Option<&'static str> {
    Some(match time.to_string().as_str() {
        "1980-01-01 00:00:00" => "1980-01-01, which several tools write",
        "2016-01-01 00:00:00" => "2016-01-01, which flit writes",
        "2020-02-02 00:00:00" => "2020-02-02, which hatchling writes",
        "1985-10-26 08:15:00" => "1985-10-26, which npm and maturin write",
        _ => return None,
    })
}

/// Claims members whose times differ.
pub(super) fn claim(case: &mut Case<'_>) {
    packed(case);
    let places = case.find(|item| matches!(item.piece, Piece::Whole(Kind::Time(_))));
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
            match (constant(published), seconds(published)) {
                (None, Some(epoch)) => Cause::new(
                    "epoch",
                    format!("SOURCE_DATE_EPOCH was {epoch} for published: all its members have {published}, {rebuilt}"),
                    format!("build with SOURCE_DATE_EPOCH={epoch}"),
                )
                .tried_by(Factor::Epoch(Some(epoch))),
                (name, _) => Cause::new(
                    "epoch",
                    format!(
                        "SOURCE_DATE_EPOCH was not set for published: all its members have {}, {rebuilt}",
                        name.map_or_else(|| published.to_string(), str::to_owned)
                    ),
                    "build with SOURCE_DATE_EPOCH unset",
                )
                .tried_by(Factor::Epoch(None)),
            }
        }
        (None, Some(rebuilt)) => Cause::new(
            "epoch",
            format!("SOURCE_DATE_EPOCH was not set for published: its members have several times, all of the rebuilt one {rebuilt}"),
            "build with SOURCE_DATE_EPOCH unset, from files with the times of the sdist",
        )
        .tried_by(Factor::Epoch(None)),
        (None, None) => several(case, &places, &pairs),
    };
    case.add(cause.seen(evidence), &all);
}

/// Both wheels have several times.
fn several(case: &Case<'_>, places: &[usize], pairs: &[Sides<DosTime>]) -> Cause {
    if let Some(shift) = zone_shift(pairs) {
        let hours = shift as f64 / 3600.0;
        return Cause::new(
            "time-zone",
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
            "build-clock",
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
        "build-clock",
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
        "build-clock",
        "a file inside the wheel was packed by the build, and its headers carry the time of that",
        "have the build pack without it, as `gzip -n` and `tar --mtime` do, or freeze the clock on both sides",
    );
    cause.evidence = evidence;
    case.add(cause, &places);
}

/// Returns the time that all members have. RECORD alone may have another: old
/// tools write it by the clock.
fn only_time(times: &BTreeMap<DosTime, u64>) -> Option<DosTime> {
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
