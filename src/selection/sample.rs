//! A sample of the wheels, decided by a text.
//!
//! In: the signed wheels, how many, and a seed. Out: the chosen ones. The same seed
//! gives the same choice. A seed that ends in a number or a day is the night of a
//! series: all wheels stand in a circle, in an order that the rest of the seed decides,
//! and each night takes the next ones. So of M wheels, N a night, any M/N successive
//! nights (rounded up) take every wheel, as long as the wheels stay the same.

use jiff::civil::Date;

use super::Signed;
use crate::digest::{Sha256Digest, Sha256Hasher};
use crate::filename::WheelFilename;

/// The most digits of a number at the end of a seed; a longer one is only text.
const MAX_DIGITS: usize = 18;

/// Returns the chosen wheels in the order of their names.
pub(super) fn sample(
    wheels: Vec<Signed<WheelFilename>>,
    count: usize,
    seed: &str,
) -> Vec<Signed<WheelFilename>> {
    let (series, night) = night(seed);
    let mut circle: Vec<(Sha256Digest, Signed<WheelFilename>)> = wheels
        .into_iter()
        .map(|wheel| {
            // A digest of seed and name, so that a wheel's place does not depend on
            // its neighbours.
            let mut hasher = Sha256Hasher::new();
            hasher.update(series.as_bytes());
            hasher.update(&[0]);
            hasher.update(wheel.path.as_str().as_bytes());
            (hasher.finish(), wheel)
        })
        .collect();
    circle.sort_by_key(|(place, _)| *place);
    let begin = (i128::from(night) * count as i128).checked_rem_euclid(circle.len() as i128);
    let begin = begin.and_then(|begin| usize::try_from(begin).ok());
    circle.rotate_left(begin.unwrap_or(0));
    circle.truncate(count);
    let mut chosen: Vec<_> = circle.into_iter().map(|(_, wheel)| wheel).collect();
    chosen.sort_by(|one, other| one.path.cmp(&other.path));
    chosen
}

/// Returns the series that a seed is of and which night of it; the first one when it
/// names none.
fn night(seed: &str) -> (&str, i64) {
    if let Some((series, day)) = seed.split_at_checked(seed.len().saturating_sub(10))
        && let Some(day) = days(day)
    {
        return (series, day);
    }
    let series = seed.trim_end_matches(|character: char| character.is_ascii_digit());
    let digits = seed.get(series.len()..).unwrap_or_default();
    match digits.parse() {
        Ok(number) if digits.len() <= MAX_DIGITS => (series, number),
        _ => (seed, 0),
    }
}

/// Returns the days from 1970-01-01 to a day such as 2026-11-23.
fn days(text: &str) -> Option<i64> {
    let is_day = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let date: Date = text.parse().ok().filter(|_| is_day)?;
    let since = date.since(Date::constant(1970, 1, 1)).ok()?;
    Some(i64::from(since.get_days()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::relpath::RelPath;

    fn wheels(count: usize) -> Vec<Signed<WheelFilename>> {
        (0..count)
            .map(|number| {
                let name = format!("p{number:05}-1.0-py3-none-any.whl");
                Signed {
                    path: RelPath::parse(&name).unwrap(),
                    filename: WheelFilename::parse(&name).unwrap(),
                    sha256: Sha256Digest::of(name.as_bytes()),
                }
            })
            .collect()
    }

    fn drawn(of: usize, count: usize, seed: &str) -> BTreeSet<String> {
        let drawn = sample(wheels(of), count, seed);
        assert!(drawn.is_sorted_by(|one, other| one.path < other.path));
        drawn.iter().map(|wheel| wheel.path.to_string()).collect()
    }

    #[test]
    fn a_seed_is_a_series_and_a_night() {
        // date -u -d 2026-11-23 +%s, divided by 86400
        for (seed, series, number) in [
            ("2026-11-23", "", 20_780),
            ("nightly 1970-01-02", "nightly ", 1),
            ("1969-12-31", "", -1),
            ("2024-02-29", "", 19_782),
            ("2023-02-29", "2023-02-", 29),
            ("run-17", "run-", 17),
            ("007", "", 7),
            ("text", "text", 0),
            ("", "", 0),
            ("é2026-11-23", "é", 20_780),
            ("éééééé", "éééééé", 0),
            ("1234567890123456789", "1234567890123456789", 0),
        ] {
            assert_eq!(night(seed), (series, number), "{seed}");
        }
    }

    #[test]
    fn the_days_of_two_months_take_every_wheel_again_and_again() {
        let nights: Vec<String> = (15..=30)
            .map(|day| format!("2026-11-{day}"))
            .chain((1..=15).map(|day| format!("2026-12-{day:02}")))
            .collect();
        // 46 wheels, 5 a night: ten nights.
        for ten in nights.windows(10) {
            let all: BTreeSet<String> = ten.iter().flat_map(|seed| drawn(46, 5, seed)).collect();
            assert_eq!(all.len(), 46, "{ten:?}");
        }
        // Nine are too few.
        let nine: BTreeSet<String> = nights[..9]
            .iter()
            .flat_map(|seed| drawn(46, 5, seed))
            .collect();
        assert_eq!(nine.len(), 45);
    }

    #[test]
    fn another_series_has_another_order() {
        let differ = (0..20).filter(|number| {
            drawn(46, 5, &format!("a{number}")) != drawn(46, 5, &format!("b{number}"))
        });
        assert!(differ.count() > 15);
    }

    proptest! {
        #[test]
        fn successive_nights_take_every_wheel(
            of in 1usize..60,
            count in 1usize..70,
            first in 0u64..1_000_000_000_000,
            series in "[a-z -]{0,6}",
        ) {
            let nights = of.div_ceil(count) as u64;
            let mut all = BTreeSet::new();
            for night in first..first + nights {
                let seed = format!("{series}{night}");
                let one = drawn(of, count, &seed);
                prop_assert_eq!(one.len(), count.min(of));
                prop_assert_eq!(&one, &drawn(of, count, &seed));
                all.extend(one);
            }
            prop_assert_eq!(all.len(), of);
        }

        #[test]
        fn any_text_is_a_seed(seed in any::<String>(), of in 0usize..9, count in 1usize..9) {
            prop_assert_eq!(drawn(of, count, &seed).len(), count.min(of));
        }
    }
}
