//! The releases of build tools, with their days and the bytes they write.
//!
//! Written by `scripts/tool-classes` from an index and from builds; two releases of
//! one class write the same wheels.

use std::collections::BTreeMap;
use std::str::FromStr as _;
use std::sync::OnceLock;

use pep440_rs::Version;

use crate::digest::Sha256Digest;
use crate::filename::ProjectName;
use crate::time::UtcTime;

const TABLE: &str = include_str!("releases.txt");

/// A release of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The tool.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// The end of the day on which it was released.
    pub released: UtcTime,
    /// The number of its class; two releases of a tool with one number write the
    /// same bytes.
    pub class: u32,
    /// The digest of its wheel.
    pub sha256: Sha256Digest,
}

/// Returns the releases of each tool in the table, the oldest first.
pub fn table() -> &'static BTreeMap<ProjectName, Vec<Release>> {
    static PARSED: OnceLock<BTreeMap<ProjectName, Vec<Release>>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut tools: BTreeMap<ProjectName, Vec<Release>> = BTreeMap::new();
        for release in TABLE.lines().filter_map(parse) {
            tools
                .entry(release.project.clone())
                .or_default()
                .push(release);
        }
        tools
    })
}

/// Returns the releases of a tool, the oldest first; none for one that the table
/// does not have.
pub fn releases(project: &ProjectName) -> &'static [Release] {
    table().get(project).map_or(&[], Vec::as_slice)
}

/// Reads `setuptools 54.0.0 2021-03-01 7 DIGEST`; `None` for a comment.
fn parse(line: &str) -> Option<Release> {
    let mut words = line.split(' ');
    Some(Release {
        project: ProjectName::parse(words.next()?).ok()?,
        version: Version::from_str(words.next()?).ok()?,
        released: format!("{}T23:59:59Z", words.next()?).parse().ok()?,
        class: words.next()?.parse().ok()?,
        sha256: words.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_comment_or_a_release_in_order() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let releases: Vec<Release> = lines
            .map(|line| parse(line).unwrap_or_else(|| unreachable!("{line}")))
            .collect();
        assert!(releases.len() > 300, "{}", releases.len());
        for pair in releases.windows(2) {
            let [one, next] = pair else { unreachable!() };
            assert!(
                one.project < next.project || one.version < next.version && one.class <= next.class,
                "{next:?}"
            );
        }
    }

    #[test]
    fn setuptools_changed_its_bytes_where_its_history_says_so() {
        // License-File came with 57.0.0 (setuptools' changelog); 57.0.0 and 57.1.0
        // write the same.
        let class = |version: &str| {
            let name = ProjectName::parse("setuptools").expect("a name");
            let version = Version::from_str(version).expect("a version");
            let found = releases(&name).iter().find(|one| one.version == version);
            found.map(|release| release.class)
        };
        assert!(class("56.2.0").is_some() && class("56.2.0") != class("57.0.0"));
        assert_eq!(class("57.0.0"), class("57.1.0"));
        assert_ne!(class("75.1.0"), class("75.2.0"));
    }
}
