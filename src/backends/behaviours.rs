//! What each version of a build tool writes into a wheel, from real builds.
//!
//! The table is `behaviours.toml`, which `scripts/make-backend-table` writes.

use std::sync::OnceLock;

use serde::Deserialize;

const TEXT: &str = include_str!("behaviours.toml");

#[derive(Debug, Deserialize)]
struct Table {
    behaviour: Vec<Behaviour>,
}

#[derive(Debug, Deserialize)]
struct Behaviour {
    tool: String,
    feature: String,
    ranges: Vec<Range>,
}

/// Versions that were tried and gave the same value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "(String, String, String)")]
pub struct Range {
    /// The oldest of them.
    pub first: String,
    /// The newest of them.
    pub last: String,
    /// What they write.
    pub value: String,
}

impl From<(String, String, String)> for Range {
    fn from((first, last, value): (String, String, String)) -> Self {
        Self { first, last, value }
    }
}

/// Returns the ranges of a feature, the oldest versions first.
pub fn ranges(tool: &str, feature: &str) -> &'static [Range] {
    static TABLE: OnceLock<Table> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        toml::from_str(TEXT).unwrap_or(Table {
            behaviour: Vec::new(),
        })
    });
    table
        .behaviour
        .iter()
        .find(|behaviour| behaviour.tool == tool && behaviour.feature == feature)
        .map_or(&[], |behaviour| behaviour.ranges.as_slice())
}

/// Returns the oldest version of a tool that builds on a Python of today, as far as is
/// known.
pub fn oldest(tool: &str) -> Option<&'static str> {
    let range = ranges(tool, "generator").first()?;
    Some(range.first.as_str())
}

/// Returns the versions that write a value; several ranges when the value went and
/// came back.
pub fn that_write<'t>(
    tool: &'t str,
    feature: &'t str,
    value: &'t str,
) -> impl Iterator<Item = &'static Range> + 't {
    ranges(tool, feature)
        .iter()
        .filter(move |range| range.value == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_and_its_ranges_ascend() {
        let table: Table = toml::from_str(TEXT).expect("the table is TOML");
        assert!(table.behaviour.len() > 50);
        for behaviour in &table.behaviour {
            let version = |text: &str| text.parse::<pep440_rs::Version>().expect("a version");
            let mut before = None;
            for range in &behaviour.ranges {
                assert!(version(&range.first) <= version(&range.last), "{range:?}");
                assert!(before < Some(version(&range.first)), "{range:?}");
                before = Some(version(&range.last));
            }
        }
    }

    /// The boundaries that were seen before there was a table.
    #[test]
    fn the_boundaries_are_where_they_were_seen_by_hand() {
        let boundary = |tool, feature, value| {
            that_write(tool, feature, value)
                .next()
                .map(|range| range.first.as_str())
        };
        for (tool, feature, value, first) in [
            ("setuptools", "license-file-field", "written", "57.0.0"),
            ("setuptools", "dynamic-field", "written", "75.8.0"),
            (
                "setuptools",
                "generator",
                "setuptools ({version})",
                "70.1.0",
            ),
        ] {
            assert_eq!(boundary(tool, feature, value), Some(first), "{feature}");
        }
        let moved = boundary("setuptools", "license-files-at", "licenses/");
        assert!(
            moved.is_some_and(|version| version.starts_with("77.")),
            "{moved:?}"
        );
    }
}
