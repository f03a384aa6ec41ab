//! Dates in texts that follow from the times of the wheels.

use super::clock::{only_time, seconds};
use super::derive::{Known, Side, Target, Value};
use crate::time::UtcTime;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The text of the other side, with each date that its build had replaced by that of this
/// side's: the epoch that all members have, else the time of RECORD. Before 1980 an archive
/// has 1980, so an epoch of 0 is tried there, too.
pub(super) fn derive(known: &Known<'_>, target: &Target<'_>, given: &Value) -> Vec<Value> {
    let Value::Lines(lines) = given else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for from in moments(known, target.side.other()) {
        for to in moments(known, target.side) {
            if from != to {
                let (from, to) = (written(from), written(to));
                let lines = lines.iter().map(|line| replace(line, &from, &to));
                found.push(Value::Lines(lines.collect()));
            }
        }
    }
    found
}

/// The first second of an archive, 1980-01-01.
pub(super) const FLOOR: i64 = 315_532_800;

/// Returns the times that a side's build may have taken for now.
fn moments(known: &Known<'_>, side: Side) -> Vec<i64> {
    let wheel = side.of(known.wheels);
    let one = only_time(&wheel.times).and_then(seconds);
    let record = wheel.record_time.and_then(seconds);
    let epoch = match side {
        Side::Rebuilt => known.epoch(),
        Side::Published => None,
    };
    let mut moments: Vec<i64> = epoch.into_iter().chain(one.or(record)).collect();
    if one == Some(FLOOR) {
        moments.push(0);
    }
    moments.dedup();
    moments
}

/// Returns a time in the ways that programs write it, the longest first.
fn written(at: i64) -> Vec<String> {
    let Some(time) = UtcTime::from_unix_seconds(at) else {
        return Vec::new();
    };
    let text = time.to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let (date, clock, year) = (part(0..10), part(11..19), part(0..4));
    let month = part(5..7)
        .parse()
        .ok()
        .and_then(|month: usize| MONTHS.get(month.checked_sub(1)?));
    let month = month.copied().unwrap_or_default();
    let short = month.get(..3).unwrap_or_default();
    let day = part(8..10);
    let plain = day.trim_start_matches('0');
    vec![
        format!("{date}T{clock}"),
        format!("{date} {clock}"),
        format!("{day} {month} {year}"),
        format!("{plain} {month} {year}"),
        format!("{month} {plain}, {year}"),
        format!("{short} {plain:>2} {year}"),
        format!("{short} {day} {year}"),
        format!("{day} {short} {year}"),
        format!("{month} {year}"),
        date.to_owned(),
        clock.to_owned(),
        date.replace('-', ""),
        at.to_string(),
        year.to_owned(),
    ]
}

/// Replaces each way of writing one time by the same way of writing another; numbers that
/// go on are others.
fn replace(text: &str, from: &[String], to: &[String]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let inside = out.ends_with(|c: char| c.is_ascii_digit());
        let goes_on = |after: &str| after.starts_with(|c: char| c.is_ascii_digit());
        let hit = from.iter().zip(to).find_map(|(from, to)| {
            let after = rest.strip_prefix(from.as_str())?;
            (!from.is_empty() && !inside && !goes_on(after)).then_some((to, after))
        });
        match hit {
            Some((to, after)) => {
                out.push_str(to);
                rest = after;
            }
            None => {
                out.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_replaced_in_every_way_it_is_written_and_nowhere_else() {
        // date -u -d @1309379017, and of 1700000000.
        let (from, to) = (written(1_309_379_017), written(1_700_000_000));
        for (text, expected) in [
            ("built 2011-06-29T20:23:37Z", "built 2023-11-14T22:13:20Z"),
            ("'Jun 29 2011'", "'Nov 14 2023'"),
            ("29 June 2011, 20:23:37", "14 November 2023, 22:13:20"),
            ("(c) 2011 A", "(c) 2023 A"),
            ("T = 1309379017", "T = 1700000000"),
            ("12011 20110 2012", "12011 20110 2012"),
        ] {
            assert_eq!(replace(text, &from, &to), expected, "{text}");
        }
    }
}
