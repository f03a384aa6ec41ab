//! What a published wheel shows: who built it, and the headers of its members.

use std::path::Path;

use jiff::civil;

use super::MAX_TEXT;
use crate::archive::Limits;
use crate::archive::zip::DosTime;
use crate::metadata::Fields;
use crate::wheel::{Wheel, WheelError};

/// What `Generator:` of WHEEL names (binary distribution format, "The .dist-info
/// directory").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Builder {
    /// The tool, as it spells itself: `setuptools`, `bdist_wheel`, `flit`.
    pub name: String,
    /// Its version as written.
    pub version: String,
}

/// A member's header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEvidence {
    /// The name.
    pub name: String,
    /// The time, which is in nobody knows what zone.
    pub time: DosTime,
    /// The Unix mode, when a Unix system wrote the header.
    pub mode: Option<u16>,
    /// The number of the system that wrote it; 0 is Windows.
    pub creator_system: u8,
}

/// What a wheel shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelEvidence {
    /// Who built it.
    pub builder: Option<Builder>,
    /// The tags that WHEEL has, each as `py3-none-any`.
    pub tags: Vec<String>,
    /// The version of its metadata, `2.1`.
    pub metadata_version: Option<String>,
    /// Whether METADATA has `License-File`.
    pub has_license_file: bool,
    /// Whether METADATA has `Dynamic`.
    pub has_dynamic: bool,
    /// Whether METADATA says `Platform: UNKNOWN`.
    pub has_unknown_platform: bool,
    /// With how many line feeds METADATA ends.
    pub final_line_feeds: u64,
    /// Whether `entry_points.txt` begins or ends with an empty line.
    pub has_loose_entry_points: bool,
    /// The name of its `.dist-info` directory.
    pub dist_info: String,
    /// Its members, in their order.
    pub members: Vec<MemberEvidence>,
    /// Build tools that an embedded SBOM lists, as `name==version`.
    pub sbom_tools: Vec<String>,
}

impl WheelEvidence {
    /// Reads a wheel.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub fn read(path: &Path, limits: Limits) -> Result<Self, WheelError> {
        let wheel = Wheel::open(path, limits)?;
        let text = |member| {
            wheel
                .archive()
                .contents(member, MAX_TEXT)
                .unwrap_or_default()
        };
        let described = wheel.wheel().map(text).unwrap_or_default();
        let metadata = wheel.metadata().map(text).unwrap_or_default();
        let final_line_feeds = metadata.iter().rev().take_while(|byte| **byte == b'\n');
        let final_line_feeds = final_line_feeds.count() as u64;
        let metadata = Fields::parse(&metadata);
        let entry_points = wheel.described_in("entry_points.txt").map(text);
        let first = |name| metadata.all(name).next().map(str::to_owned);
        let is_sbom = |name: &str| {
            name.strip_prefix(wheel.dist_info())
                .is_some_and(|rest| rest.starts_with("/sboms/") && rest.ends_with(".json"))
        };
        let sbom_tools = wheel
            .archive()
            .members()
            .iter()
            .filter(|member| member.name().as_str().is_some_and(is_sbom))
            .flat_map(|member| components(&text(member)))
            .collect();
        let about = Fields::parse(&described);
        Ok(Self {
            tags: about.all("Tag").map(str::to_owned).collect(),
            builder: about.all("Generator").next().and_then(builder),
            metadata_version: first("Metadata-Version"),
            has_license_file: first("License-File").is_some(),
            has_dynamic: first("Dynamic").is_some(),
            has_unknown_platform: metadata.all("Platform").any(|value| value == "UNKNOWN"),
            final_line_feeds,
            has_loose_entry_points: entry_points
                .is_some_and(|text| text.starts_with(b"\n") || text.ends_with(b"\n\n")),
            dist_info: wheel.dist_info().to_owned(),
            members: wheel
                .archive()
                .members()
                .iter()
                .map(|member| {
                    let header = member.central();
                    MemberEvidence {
                        name: member.name().to_string(),
                        time: header.time,
                        mode: header.unix_mode(),
                        creator_system: header.creator_system(),
                    }
                })
                .collect(),
            sbom_tools,
        })
    }

    /// Returns a member of the `.dist-info` directory.
    pub fn described_in(&self, file: &str) -> Option<&MemberEvidence> {
        let name = format!("{}/{file}", self.dist_info);
        self.members.iter().find(|member| member.name == name)
    }

    /// Returns whether a member belongs to the `.dist-info` directory.
    pub fn is_described(&self, member: &MemberEvidence) -> bool {
        member
            .name
            .strip_prefix(&self.dist_info)
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

/// Reads `setuptools (75.1.0)`, `flit 3.12.0` and `poetry-core 2.0.1`.
fn builder(text: &str) -> Option<Builder> {
    let (name, version) = text.trim().split_once(' ')?;
    let version = version.trim().trim_matches(['(', ')']);
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-+!".contains(&byte))
    };
    (plain(name) && plain(version)).then(|| Builder {
        name: name.to_ascii_lowercase(),
        version: version.to_owned(),
    })
}

/// Returns the Python packages that a CycloneDX document lists among its build
/// tools or components (package URLs of type `pypi`).
fn components(bytes: &[u8]) -> Vec<String> {
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let places = [
        document.pointer("/metadata/tools/components"),
        document.pointer("/components"),
    ];
    for component in places
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_array)
        .flatten()
    {
        let url = component.get("purl").and_then(serde_json::Value::as_str);
        let Some((name, version)) = url
            .and_then(|url| url.strip_prefix("pkg:pypi/"))
            .and_then(|rest| rest.split(['?', '#']).next())
            .and_then(|rest| rest.split_once('@'))
        else {
            continue;
        };
        found.push(format!("{name}=={version}"));
    }
    found
}

/// Returns the seconds since 1970 when a time of MS-DOS is taken for UTC; `None`
/// when it is no time.
pub fn dos_seconds(time: DosTime) -> Option<i64> {
    let part = |value: u16| i8::try_from(value).ok();
    let time = civil::DateTime::new(
        i16::try_from(time.year()).ok()?,
        part(time.month())?,
        part(time.day())?,
        part(time.hour())?,
        part(time.minute())?,
        part(time.second())?,
        0,
    )
    .ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_backend_names_itself_in_its_own_way() {
        for (text, name, version) in [
            ("setuptools (75.1.0)", "setuptools", "75.1.0"),
            ("bdist_wheel (0.36.2)", "bdist_wheel", "0.36.2"),
            ("flit 3.12.0", "flit", "3.12.0"),
            ("poetry-core 2.0.1", "poetry-core", "2.0.1"),
        ] {
            let found = builder(text).expect(text);
            assert_eq!(
                (found.name.as_str(), found.version.as_str()),
                (name, version)
            );
        }
        for text in ["setuptools", "x (1; touch y)", "x @ file:///etc", ""] {
            assert_eq!(builder(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_of_dos_is_taken_for_utc() {
        // 2024-05-29 15:37:12; the seconds are those of `date -u -d … +%s`.
        let time = DosTime {
            date: (2024 - 1980) << 9 | 5 << 5 | 29,
            time: 15 << 11 | 37 << 5 | 6,
        };
        assert_eq!(dos_seconds(time), Some(1_716_997_032));
        assert_eq!(dos_seconds(DosTime { date: 0, time: 0 }), None);
    }

    #[test]
    fn an_sbom_lists_python_packages_only() {
        let text =
            br#"{"components": [{"purl": "pkg:pypi/wheel@0.45.1"}, {"purl": "pkg:cargo/x@1"}, {}],
            "metadata": {"tools": {"components": [{"purl": "pkg:pypi/setuptools@75.1.0?x=y"}]}}}"#;
        assert_eq!(components(text), ["setuptools==75.1.0", "wheel==0.45.1"]);
        assert!(components(b"[").is_empty());
    }
}
