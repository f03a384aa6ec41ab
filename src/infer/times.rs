//! When: the epoch, the clock, the time zone, and how new the tools can be.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::tools::{allows, asked_for, named_tool};
use super::{Inference, steps, told};
use crate::archive::zip::DosTime;
use crate::backends;
use crate::evidence::SdistEvidence;
use crate::evidence::WheelEvidence;
use crate::evidence::dos_seconds;
use crate::time::UtcTime;

/// The times that builders write when nobody tells them one: 1980-01-01,
/// 2016-01-01 (flit, poetry-core, pdm-backend) and 2020-02-02 (hatchling), each at
/// midnight, in seconds since 1970.
const CONSTANTS: &[i64] = &[315_532_800, 1_451_606_400, 1_580_601_600];

/// Builders that have no constant: a time in their wheels is the epoch or a clock.
const WITHOUT_CONSTANT: &[&str] = &["setuptools", "bdist_wheel"];

/// Returns whether seconds since 1970 are a time that builders write when nobody
/// tells them one.
pub fn is_constant(seconds: i64) -> bool {
    CONSTANTS.contains(&seconds)
}

/// The time in which the tool that WHEEL names was the newest of those that the sdist
/// asks for.
struct Reign {
    /// The tool and its version.
    tool: String,
    /// When the day began on which it was released.
    from: i64,
    /// When the day began on which the next one was; `None` for the newest that is known.
    until: Option<i64>,
}

/// Returns it for a tool whose releases are known.
fn reign(wheel: &WheelEvidence, sdist: &SdistEvidence) -> Option<Reign> {
    const DAY: i64 = 86_400;
    let (project, builder) = named_tool(wheel)?;
    let asked = asked_for(&project, sdist)?;
    let version = builder.version.parse().ok()?;
    let releases = backends::releases(&project);
    let own = releases.iter().find(|release| release.version == version)?;
    let next = releases
        .iter()
        .find(|release| release.version > version && allows(&asked, &release.version));
    let began = |release: &backends::Release| release.released.unix_seconds() + 1 - DAY;
    let from = began(own);
    Some(Reign {
        tool: format!("{project} {}", builder.version),
        from,
        // Two of one day: the older one was not yet replaced in the morning.
        until: next.map(|next| began(next).max(from + DAY)),
    })
}

/// Infers how new the tools can be.
pub(super) fn cutoff(
    inference: &mut Inference,
    wheel: Option<&WheelEvidence>,
    sdist: &SdistEvidence,
    signed: Option<UtcTime>,
) {
    let is_real = |seconds: &i64| {
        *seconds > 315_532_800
            && !is_constant(*seconds)
            && signed.is_none_or(|signed| *seconds <= signed.unix_seconds())
    };
    let in_wheel = wheel
        .into_iter()
        .flat_map(|wheel| &wheel.members)
        .filter_map(|member| dos_seconds(member.time))
        .filter(is_real)
        .max();
    let in_sdist = sdist
        .files
        .values()
        .map(|file| file.mtime)
        .filter(is_real)
        .max();
    let newest = in_wheel.max(in_sdist);
    let reign = wheel.and_then(|wheel| reign(wheel, sdist));
    // A date before the tool came is that of a commit, or somebody's choice.
    if let Some(reign) = reign.filter(|reign| newest.is_none_or(|newest| newest < reign.from))
        && let Some(until) = reign.until
        && let Some(last) = UtcTime::from_unix_seconds(until - 1)
        && signed.is_none_or(|signed| last <= signed)
    {
        let tool = reign.tool;
        inference.because(
            "tools",
            format!("none newer than {last}"),
            match newest {
                None => format!("wheel and sdist have no date, and {tool} was the newest until then"),
                Some(_) => format!(
                    "the dates in wheel and sdist are older than {tool}, which was the newest until then"
                ),
            },
        );
        inference.cutoff = Some(last);
        return;
    }
    let newest = newest.and_then(UtcTime::from_unix_seconds);
    inference.cutoff = match (newest, wheel, signed) {
        // An sdist alone says when the wheel was not yet built.
        (Some(newest), Some(_), _) => {
            inference.because(
                "tools",
                format!("none newer than {newest}"),
                "that is the newest date in wheel and sdist",
            );
            Some(newest)
        }
        (_, _, Some(signed)) => {
            inference.because(
                "tools",
                format!("none newer than {signed}"),
                "the manifest was signed then, and no earlier date is known",
            );
            Some(signed)
        }
        (newest, _, None) => newest,
    };
}

/// Infers epoch, clock and time zone from the times of the members.
pub(super) fn infer(inference: &mut Inference, wheel: &WheelEvidence, sdist: &SdistEvidence) {
    let times: BTreeSet<DosTime> = wheel.members.iter().map(|member| member.time).collect();
    let builder = wheel.builder.as_ref().map_or("", |builder| &builder.name);
    let setuptools = WITHOUT_CONSTANT.contains(&builder);
    let one = match times.len() {
        1 => times.first().copied().and_then(dos_seconds),
        _ => None,
    };
    if let Some(one) = one {
        if is_constant(one) && !setuptools {
            inference.because(
                "source-date-epoch",
                "unset",
                "all members share a time that builders write when they are told none",
            );
        } else {
            inference.source_date_epoch = Some(one);
            inference.because(
                "source-date-epoch",
                told(one),
                "all members share this time",
            );
        }
        return;
    }
    if setuptools {
        let record = wheel.described_in("RECORD").map(|member| member.time);
        if let Some(clock) = record.and_then(dos_seconds) {
            inference.because(
                "source-date-epoch",
                "unset",
                format!("the members have {} different times", times.len()),
            );
            inference.because(
                "clock",
                told(clock),
                "RECORD, which is written last, has this time; the other files keep the sdist's",
            );
            inference.clock = Some(clock);
            steps::infer(inference, wheel, sdist, clock);
        }
        return;
    }
    let described_constant = wheel
        .described_in("WHEEL")
        .and_then(|member| dos_seconds(member.time))
        .is_some_and(is_constant);
    if described_constant {
        inference.because(
            "source-date-epoch",
            "unset",
            format!("WHEEL has the time that {builder} writes when told none, other members have real ones"),
        );
    }
    zone(inference, wheel, sdist);
    generated(inference, wheel, sdist);
}

/// Infers the clock from members that the build made: those with a real time that
/// is not the one of a file of the sdist.
fn generated(inference: &mut Inference, wheel: &WheelEvidence, sdist: &SdistEvidence) {
    if inference.time_zone.is_some() {
        return;
    }
    let made: Vec<(&str, i64)> = wheel
        .members
        .iter()
        .filter_map(|member| Some((&*member.name, dos_seconds(member.time)?)))
        .filter(|(_, seconds)| !is_constant(*seconds))
        .filter(|(name, seconds)| {
            sdist
                .source_of(name)
                .is_none_or(|source| source.mtime - source.mtime.rem_euclid(2) != *seconds)
        })
        .collect();
    // Files that the sdist has under another name look the same, and for them a
    // clock does no harm.
    let (Some((name, clock)), true) = (
        made.first().copied(),
        made.iter()
            .all(|(_, seconds)| Some(*seconds) == made.first().map(|made| made.1)),
    ) else {
        return;
    };
    inference.because(
        "clock",
        told(clock),
        format!(
            "'{}' has this time, and the sdist has no such file with it",
            name.escape_debug()
        ),
    );
    inference.clock = Some(clock);
}

/// When summer time begins and ends, as POSIX writes it, for a zone whose winter is so
/// many hours ahead of UTC: the European Union, Great Britain; the United States, Canada;
/// Australia; New Zealand. All as they have been since 2008 (the time zone database).
fn summers(hours: i64) -> Vec<String> {
    let mut rules = Vec::new();
    if (-1..=3).contains(&hours) {
        // At one o'clock UTC in all of Europe.
        rules.push(format!("M3.5.0/{},M10.5.0/{}", 1 + hours, 2 + hours));
    }
    let others = [
        "M3.2.0/2,M11.1.0/2",
        "M10.1.0/2,M4.1.0/3",
        "M9.5.0/2,M4.1.0/3",
    ];
    rules.extend(others.map(str::to_owned));
    rules
}

/// Returns a zone as POSIX writes it, which counts west of Greenwich.
fn posix(name: &str, ahead: i64) -> String {
    let sign = if ahead > 0 { "-" } else { "+" };
    let (hours, minutes) = (ahead.abs() / 3600, ahead.abs() % 3600 / 60);
    format!("<{name}>{sign}{hours:02}:{minutes:02}")
}

/// Returns the zone with a summer time that has each time as far ahead of UTC as it was
/// seen.
fn with_summer(ahead: &BTreeMap<i64, i64>) -> Option<String> {
    let winter = *ahead.values().min()?;
    if ahead
        .values()
        .any(|it| ![winter, winter + 3600].contains(it))
        || winter % 3600 != 0
    {
        return None;
    }
    let names = format!(
        "{}{}",
        posix("winter", winter),
        posix("summer", winter + 3600)
    );
    summers(winter / 3600)
        .into_iter()
        .map(|rule| format!("{names},{rule}"))
        .find(|text| {
            TimeZone::posix(text).is_ok_and(|zone| {
                ahead.iter().all(|(time, seen)| {
                    Timestamp::from_second(*time)
                        .is_ok_and(|time| i64::from(zone.to_offset(time).seconds()) == *seen)
                })
            })
        })
}

/// Infers the time zone: flit without an epoch writes local times, the sdist has
/// seconds since 1970.
fn zone(inference: &mut Inference, wheel: &WheelEvidence, sdist: &SdistEvidence) {
    let mut ahead = BTreeMap::new();
    let mut compared = 0u32;
    for member in &wheel.members {
        let (Some(local), Some(source)) = (dos_seconds(member.time), sdist.source_of(&member.name))
        else {
            continue;
        };
        if is_constant(local) {
            continue;
        }
        let offset = local - (source.mtime - source.mtime.rem_euclid(2));
        // Zones lie on quarters of an hour, between -12 and +14 hours.
        if offset % 900 == 0 && (-12 * 3600..=14 * 3600).contains(&offset) {
            ahead.insert(source.mtime, offset);
            compared += 1;
        }
    }
    let offsets: BTreeSet<i64> = ahead.values().copied().collect();
    let mut found = offsets.iter();
    let zone = match (found.next(), found.next()) {
        (Some(0) | None, None) => None,
        (Some(offset), None) => Some(posix("local", *offset)),
        _ => with_summer(&ahead),
    };
    if let Some(zone) = zone {
        inference.because(
            "time-zone",
            &zone,
            format!("{compared} members have the sdist's times in this zone"),
        );
        inference.time_zone = Some(zone);
    }
}
